"""`make build` and `make copy`: the netstack's wheel, and runsc as one self-contained executable.

`python -m tools.build [--destination DIR] [LABEL…]`; without a label both.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import Final

from tools.build_executable import build_executable
from tools.build_wheel import build_wheel
from tools.labels import BUILD_TARGETS, ROOT, UnknownLabel, build_target

OUTPUT: Final = ROOT / "build"


def build(target: str) -> str:
    """Build one target; the path of what was made."""
    OUTPUT.mkdir(exist_ok=True)
    return str(build_wheel(OUTPUT) if target == "tcpip" else build_executable(OUTPUT / "runsc"))


def main(argv: list[str]) -> int:
    """0 when everything was built."""
    destination = ""
    if argv[:1] == ["--destination"]:
        destination, argv = argv[1], argv[2:]
        if not argv:
            print(f"make copy: TARGETS is missing; known: {', '.join(BUILD_TARGETS)}", file=sys.stderr)
            return 2
    try:
        targets = [build_target(label) for label in argv] or list(BUILD_TARGETS)
    except UnknownLabel as error:
        print(f"make: {error}", file=sys.stderr)
        return 2
    for target in dict.fromkeys(targets):
        made = build(target)
        if destination:
            os.makedirs(destination, exist_ok=True)
            made = shutil.copy(made, destination)
        print(os.path.relpath(made))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
