"""`make build` and `make copy`: the netstack's wheel, and runsc as one self-contained executable.

`python -m tools.build [--compiled] [--destination DIR] [LABEL…]`; without a label both. `--compiled`: with the hot
modules compiled. The label `compiled` is the tree in build/compiled, to run the repository itself compiled.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import Final

from tools.build_compiled import EVERYTHING, CompileError, build_compiled
from tools.build_executable import build_executable
from tools.build_wheel import build_wheel
from tools.labels import BUILD_TARGETS, DEFAULT_TARGETS, ROOT, UnknownLabel, build_target

OUTPUT: Final = ROOT / "build"


def build(target: str, compiled: bool) -> str:
    """Build one target; the path of what was made. CompileError."""
    OUTPUT.mkdir(exist_ok=True)
    if target == "compiled":
        return str(build_compiled(EVERYTHING))
    return str(build_wheel(OUTPUT, compiled) if target == "tcpip" else build_executable(OUTPUT / "runsc", compiled))


def main(argv: list[str]) -> int:
    """0 when everything was built."""
    destination = ""
    compiled = argv[:1] == ["--compiled"]
    argv = argv[compiled:]
    if argv[:1] == ["--destination"]:
        destination, argv = argv[1], argv[2:]
        if not argv:
            print(f"make copy: TARGETS is missing; known: {', '.join(BUILD_TARGETS)}", file=sys.stderr)
            return 2
    try:
        targets = [build_target(label) for label in argv] or list(DEFAULT_TARGETS)
    except UnknownLabel as error:
        print(f"make: {error}", file=sys.stderr)
        return 2
    if destination and "compiled" in targets:
        print("make copy: build/compiled is for running the repository, it is not copied", file=sys.stderr)
        return 2
    for target in dict.fromkeys(targets):
        try:
            made = build(target, compiled)
        except CompileError as error:
            print(f"make build: {error}", file=sys.stderr)
            return 1
        if destination:
            os.makedirs(destination, exist_ok=True)
            made = shutil.copy(made, destination)
        print(os.path.relpath(made))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
