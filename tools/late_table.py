"""What a start has to know of the system-call table: `python -m tools.late_table` prints sandbox/syscalls/linux/late_table.py.

A test holds that the file is what this prints.
"""

from __future__ import annotations

import sys
from typing import Final, Iterable

from sandbox.syscalls.copy_ahead import copy_table
from sandbox.syscalls.linux import table_amd64
from sandbox.syscalls.row import REFUSED, Row

WIDTH: Final = 116
HEAD: Final = '''"""The table of x86-64 as far as a start needs it, without a module of its families: late.py makes handlers of it.

Printed by `python -m tools.late_table`; change the rows in `sys_*.py`, not this file.
"""

# fmt: off

from __future__ import annotations

from typing import Final

COUNT: Final = {count}
# Module → the calls that it answers.
FAMILIES: Final[dict[str, tuple[int, ...]]] = {{
{families}
}}
# Errno → the calls that are answered with it, whatever their arguments.
REFUSED: Final[dict[int, tuple[int, ...]]] = {{
{refused}
}}
# Calls that must not be made without a trap.
TRAPPED: Final[frozenset[int]] = frozenset(
    (
{trapped}
    )
)
# Call → what a platform may copy ahead of it: kind, argument of the address, size, argument that the size is multiplied with.
COPIES: Final[dict[int, tuple[tuple[int, int, int, int | None], ...]]] = {{
{copies}
}}
'''


def numbers(values: Iterable[int], indent: int) -> str:
    """Lines of numbers, each followed by a comma."""
    lines, line = [], ""
    for word in (f"{value}," for value in values):
        if line and indent + len(line) + 1 + len(word) > WIDTH:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return "\n".join(" " * indent + line for line in [*lines, line] if line)


def groups(table: dict[str, list[int]]) -> str:
    """Entries of a dict of tuples of numbers."""
    lines = []
    for key, values in table.items():
        line = f"    {key}: ({', '.join(map(str, values))},),"
        lines.append(line if len(line) <= WIDTH else f"    {key}: (\n{numbers(values, 8)}\n    ),")
    return "\n".join(lines)


def page() -> str:
    """The file."""
    families: dict[str, list[int]] = {}
    for family in table_amd64.MODULES:
        families[f'"{family.__name__.rpartition(".")[2]}"'] = sorted(row.number for row in family.ROWS)
    answered = {number for family in families.values() for number in family}
    refused: dict[str, list[int]] = {}
    for row in table_amd64.ROWS:
        if row.number not in answered:
            refused.setdefault(str(answer(row)), []).append(row.number)
    copies = copy_table(table_amd64.ROWS)
    entries = {
        number: ", ".join(f"({piece.kind}, {piece.address}, {piece.size}, {piece.length})" for piece in pieces)
        for number, pieces in copies.items()
    }
    return HEAD.format(
        count=len(table_amd64.ROWS),
        families=groups(families),
        refused=groups(refused),
        trapped=numbers((row.number for row in table_amd64.ROWS if row.trap), 8),
        copies="\n".join(f"    {number}: ({entry},)," for number, entry in entries.items()),
    )


def answer(row: Row) -> int:
    """The errno of a call that no family has."""
    assert row.support == REFUSED
    result = row.handler(None, None)  # type: ignore[arg-type]
    assert isinstance(result, int)
    return -result


if __name__ == "__main__":
    sys.stdout.write(page())
