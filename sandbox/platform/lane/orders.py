"""Calls that the stub executes: what the sentry expects to be notified of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.platform.lane import layout
from sandbox.platform.lane.layout import LENT_FD

if TYPE_CHECKING:
    from sandbox.platform.base import Order

SYS_CLOSE: Final = 3
EXIT: Final = (60, 0, 0, 0, 0, 0, 0)  # exit(2): of the thread
_SYS_MMAP: Final = 9
_SYS_MADVISE: Final = 28
_MADV_DONTFORK: Final = 10
# mmap (private, of a file, at a fixed address), mprotect, munmap: what the stub parks with as it is, and how many
# arguments they have.
OWN_CALLS: Final = {9: 6, 10: 3, 11: 2}

NOT_ASKED: Final = [False]  # of one order: there is no notification of it

Expected = tuple[int, tuple[int, ...], int]  # number, arguments, descriptor to lend or -1


def chunk_calls(number: int, fd: int) -> list[Expected]:
    """What maps chunk `number` of the lanes, from `fd`, in a guest's process."""
    chunk = layout.LANES_BASE + number * layout.CHUNK_SIZE
    return [
        (_SYS_MMAP, (chunk, layout.CHUNK_SIZE, 3, 0x11, LENT_FD, 0), fd),  # read and write; MAP_SHARED | MAP_FIXED
        (SYS_CLOSE, (LENT_FD, 0, 0, 0, 0, 0), -1),
        (_SYS_MADVISE, (chunk, layout.CHUNK_SIZE, _MADV_DONTFORK, 0, 0, 0), -1),
    ]


def lent(order: Order, args: tuple[int, ...]) -> tuple[int, ...]:
    """Its arguments, with the number that the descriptor has in the guest's process."""
    return args[: order.fd_arg] + (LENT_FD,) + args[order.fd_arg + 1 :]


def assumed() -> None:
    """`on_return` of a thread with an order that was taken for done."""
