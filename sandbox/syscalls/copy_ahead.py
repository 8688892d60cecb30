"""What a platform may copy ahead of each call, from the rows of the table.

Not in it: futex words, whose value counts at the moment when the call is served, and memory that is found only by
reading other memory first.
"""

from __future__ import annotations

from typing import Iterable

from sandbox.platform.base import COPY_STRING, Copy
from sandbox.syscalls.row import Arg, Row, reads, writes


def copies_of(row: Row) -> tuple[Copy, ...]:
    """What the call reads and writes, by its arguments and `row.copies`."""
    found: list[Copy] = []
    for n, arg in enumerate(row.args):
        if arg == Arg.PATH or arg == Arg.STR:
            found.append(Copy(COPY_STRING, n))
        elif arg == Arg.IN_BUF or arg == Arg.SOCKADDR_IN:
            found.append(reads(n, 1, n + 1))
        elif arg == Arg.OUT_BUF:
            found.append(writes(n, 1, n + 1))
        elif arg == Arg.IN_IOVEC or arg == Arg.OUT_IOVEC:
            found.append(reads(n, 16, n + 1))
    return (*found, *row.copies)


def copy_table(rows: Iterable[Row]) -> dict[int, tuple[Copy, ...]]:
    """By number, the calls for which there is something to copy."""
    return {row.number: copies for row in rows if (copies := copies_of(row))}
