"""No file above 600 lines, no function above 60: `python -m tools.check_sizes`.

Tables of constants (sandbox/abi, table_*.py) may be longer.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGES: Final = ("tcpip", "sandbox", "runsc", "stackbox", "tools")
FILE_LIMIT: Final = 600
FUNCTION_LIMIT: Final = 60


def is_table(path: Path) -> bool:
    """Pure constants, or the table of system calls."""
    return "abi" in path.parts or path.name.startswith("table_")


def problems_of(path: Path) -> list[str]:
    """One line per file or function that is too long."""
    text = path.read_text()
    lines = text.count("\n")
    found = []
    name = path.relative_to(ROOT)
    if lines > FILE_LIMIT and not is_table(path):
        found.append(f"{name}: {lines} lines, the limit is {FILE_LIMIT}")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LIMIT:
                found.append(f"{name}:{node.lineno}: {node.name} has {length} lines, the limit is {FUNCTION_LIMIT}")
    return found


def main() -> int:
    """Every problem, one per line."""
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            found += problems_of(path)
    for stub in sorted((ROOT / "sandbox").rglob("*.[chS]")):
        lines = stub.read_text().count("\n")
        if lines > FILE_LIMIT:
            found.append(f"{stub.relative_to(ROOT)}: {lines} lines, the limit is {FILE_LIMIT}")
    print("\n".join(found) or "sizes: all within bounds")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
