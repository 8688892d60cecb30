"""`make test`, `unit-tests`, `tests`, `soak`: choose tests, run pytest, hand on its exit status."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from tools.labels import ROOT, UnknownLabel, find_tests

QUICK: Final = "not slow and not soak"
SUITES: Final = {
    "test": (("tests",), QUICK),
    "unit-tests": (("tests/unit",), QUICK),
    "tests": (("tests",), "not soak"),
    "soak": (("tests",), "soak"),
}


def command(suite: str, labels: list[str], extra: list[str]) -> list[str]:
    """The command line of pytest. Named tests run whole, slow ones included."""
    paths, marks = SUITES[suite]
    chosen = [path for label in labels for path in find_tests(label)]
    words = [sys.executable, "-m", "pytest", *(chosen or paths)]
    if not chosen or suite == "soak":
        words += ["-m", marks]
    return words + extra


def main(argv: list[str]) -> int:
    """`SUITE [LABEL…] [-- PYTEST_ARGS…]`."""
    words, extra = (argv[: argv.index("--")], argv[argv.index("--") + 1 :]) if "--" in argv else (argv, [])
    try:
        line = command(words[0], words[1:], extra)
    except UnknownLabel as error:
        print(f"make {words[0]}: {error}", file=sys.stderr)
        return 2
    return subprocess.run(line, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
