"""`make lint`: every static check; all of them run, and the exit status says whether all passed."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from tools.labels import ROOT

CHECKS: Final = (
    ("ruff check", ("-m", "ruff", "check", ".")),
    ("ruff format", ("-m", "ruff", "format", "--check", ".")),
    ("mypy --strict", ("-m", "mypy")),
    ("mypy --strict examples", ("-m", "mypy", "examples")),
    ("sizes", ("-m", "tools.check_sizes")),
    ("import directions", ("-m", "pytest", "tests/unit/layering")),
)


def main() -> int:
    """0 when all passed."""
    failed = []
    for name, words in CHECKS:
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, *words], cwd=ROOT, check=False).returncode:
            failed.append(name)
    print(f"lint: failed: {', '.join(failed)}" if failed else "lint: all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
