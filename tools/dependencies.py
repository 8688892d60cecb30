"""The requirements in pyproject.toml, one per line: `run` or `dev`. Needs nothing but the standard library."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def requirements(group: str) -> list[str]:
    """Requirement strings without spaces."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
    found: list[str] = project["dependencies"] if group == "run" else project["optional-dependencies"][group]
    return [requirement.replace(" ", "") for requirement in found]


if __name__ == "__main__":
    print("\n".join(requirements(sys.argv[1])))
