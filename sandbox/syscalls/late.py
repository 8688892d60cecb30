"""System call handlers that are imported when somebody makes the call.

Most programs make a few dozen of the calls that there are, and the modules of the others are a quarter of what a start would
import. What has to be known of a call before it is made is in late_table.py. The first call of a family puts the family's
handlers into the kernel's table, where every other finds them: nothing is in between then.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from sandbox.platform.base import Copy
from sandbox.syscalls.linux import late_table

if TYPE_CHECKING:
    from sandbox.kernel.control import Handler, Result
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.syscalls.row import Row

PACKAGE: Final = "sandbox.syscalls.linux"


def handlers() -> list[Handler]:
    """The handlers by number."""
    table: list[Handler] = [_missing] * late_table.COUNT
    for family, numbers in late_table.FAMILIES.items():
        for number in numbers:
            table[number] = late(family, number)
    for answer, numbers in late_table.REFUSED.items():
        handler = refuse(answer)
        for number in numbers:
            table[number] = handler
    return table


def copies() -> dict[int, tuple[Copy, ...]]:
    """What a platform may copy ahead, by number (see copy_ahead.py)."""
    return {number: tuple(Copy(*piece) for piece in pieces) for number, pieces in late_table.COPIES.items()}


def patched() -> list[int]:
    """Calls that may be made without a trap (see Platform.patch_calls)."""
    trapped = late_table.TRAPPED
    return [number for number in range(late_table.COUNT) if number not in trapped]


def bring(table: list[Handler], family: str) -> None:
    """Import a module of PACKAGE if need be, and put its handlers into the table."""
    name = f"{PACKAGE}.{family}"
    __import__(name)
    rows: tuple[Row, ...] = sys.modules[name].ROWS
    for row in rows:
        table[row.number] = row.handler


def late(family: str, number: int) -> Handler:
    """What answers the first call of a family."""

    def handler(t: Task, a: SyscallArgs) -> Result:
        table = t.kernel.handlers
        bring(table, family)
        return table[number](t, a)

    return handler


def refuse(number: int) -> Handler:
    """A handler that answers the errno `number` whatever the arguments."""

    def handler(t: Task, a: SyscallArgs) -> Result:
        return -number

    return handler


def _missing(t: Task, a: SyscallArgs) -> Result:
    """In no table: handlers() has put another in its place."""
    raise LookupError(t.nr)
