"""`make test`, `unit-tests`, `tests`, `soak`: choose tests, run pytest, hand on its exit status.

With `--compiled` on the modules in build/compiled, which are built first; tests marked `interpreted` are left out.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Final

from tools.build_compiled import EVERYTHING, CompileError, build_compiled, compiled_environ
from tools.labels import ROOT, UnknownLabel, find_tests

QUICK: Final = "not slow and not soak"
SUITES: Final = {
    "test": (("tests",), QUICK),
    "unit-tests": (("tests/unit",), QUICK),
    "tests": (("tests",), "not soak"),
    "soak": (("tests",), "soak"),
}


def command(suite: str, labels: list[str], extra: list[str], compiled: bool = False) -> list[str]:
    """The command line of pytest. Named tests run whole, slow ones included."""
    paths, marks = SUITES[suite]
    chosen = [path for label in labels for path in find_tests(label)]
    words = [sys.executable, "-m", "pytest", *(chosen or paths)]
    conditions = [marks] if not chosen or suite == "soak" else []
    if compiled:
        words += ["-o", f"pythonpath={EVERYTHING.folder}"]
        conditions.append("not interpreted")
    if conditions:
        words += ["-m", " and ".join(conditions)]
    return words + extra


def main(argv: list[str]) -> int:
    """`[--compiled] SUITE [LABEL…] [-- PYTEST_ARGS…]`."""
    compiled = argv[:1] == ["--compiled"]
    argv = argv[compiled:]
    words, extra = (argv[: argv.index("--")], argv[argv.index("--") + 1 :]) if "--" in argv else (argv, [])
    try:
        line = command(words[0], words[1:], extra, compiled)
        environ = compiled_environ(build_compiled(EVERYTHING)) if compiled else None
    except (UnknownLabel, CompileError) as error:
        print(f"make {words[0]}: {error}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGINT, lambda *_: None)  # pytest gets it too, and says what has failed until then
    return subprocess.run(line, cwd=ROOT, env=environ, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
