"""One row of the system-call table: everything there is to know about a call.

The dispatcher, strace output, `runsc syscalls` and the documentation are all made from the rows.
"""

from __future__ import annotations

from typing import Final

from sandbox.kernel.control import Handler, Result
from sandbox.kernel.task import Task
from sandbox.platform.base import COPY_IN, COPY_OUT, Copy
from sandbox.syscalls.args import SyscallArgs


class Support:
    """How much of the call there is."""

    FULL: Final = "full"
    PARTIAL: Final = "partial"  # the note says what is missing
    REFUSED: Final = "refused"  # answers an errno that Linux gives too, without privilege or configuration


class Arg:
    """How strace prints an argument, and how a platform may copy it ahead of the handler."""

    FD: Final = "fd"
    INT: Final = "int"
    UINT: Final = "uint"
    LONG: Final = "long"
    SIZE: Final = "size"
    HEX: Final = "hex"
    OCT: Final = "oct"
    ADDR: Final = "addr"  # an address that is only printed
    PATH: Final = "path"  # NUL-terminated, in
    STR: Final = "str"  # NUL-terminated, not a path, in
    IN_BUF: Final = "in_buf"  # in; its length is the argument after it
    OUT_BUF: Final = "out_buf"  # out; its room is the argument after it, the result is what is valid
    IN_IOVEC: Final = "in_iovec"
    OUT_IOVEC: Final = "out_iovec"
    STRUCT_IN: Final = "struct_in"
    STRUCT_OUT: Final = "struct_out"
    SOCKADDR_IN: Final = "sockaddr_in"
    SOCKADDR_OUT: Final = "sockaddr_out"
    SIGNAL: Final = "signal"
    PID: Final = "pid"


class Row:
    """`number`, `name`, `handler`, `support`, `args` (formats, in order) and a `note` for what is partial or refused.

    `trap`: why it must not be made without a trap (see Platform.patch_calls), empty if it may.
    `copies`: what it reads and writes beside the strings and buffers that `args` tells of (see copy_ahead.py)."""

    __slots__ = ("number", "name", "handler", "support", "args", "note", "copies", "trap")

    def __init__(
        self,
        number: int,
        name: str,
        handler: Handler,
        support: str,
        args: tuple[str, ...] = (),
        note: str = "",
        copies: tuple[Copy, ...] = (),
        trap: str = "",
    ) -> None:
        self.number = number
        self.name = name
        self.handler = handler
        self.support = support
        self.args = args
        self.note = note
        self.copies = copies
        self.trap = trap


def reads(argument: int, size: int, length: int | None = None) -> Copy:
    """`size` bytes, times argument `length`, where `argument` points."""
    return Copy(COPY_IN, argument, size, length)


def writes(argument: int, size: int, length: int | None = None) -> Copy:
    """As `reads`, the other way. What it writes there in one piece, or nothing."""
    return Copy(COPY_OUT, argument, size, length)


# Reasons for `Row.trap`.
WHOLE: Final = "needs all of the thread's registers"
COPIES_THREAD: Final = "makes a thread or process with this one's registers"
ENDS: Final = "does not come back"
ORDERS: Final = "is executed in the guest with somebody's permission, for which the platform needs a frame anyway"


def refuse(number: int) -> Handler:
    """A handler that answers the errno `number` whatever the arguments."""

    def handler(t: Task, a: SyscallArgs) -> Result:
        return -number

    return handler


FULL: Final = Support.FULL
PARTIAL: Final = Support.PARTIAL
REFUSED: Final = Support.REFUSED
