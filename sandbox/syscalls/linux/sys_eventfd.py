"""eventfd, eventfd2 (fs/eventfd.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_CLOEXEC, O_NONBLOCK
from sandbox.kernel.control import Result
from sandbox.syscalls.row import FULL, Arg, Row
from sandbox.vfs.eventfd import EventFile

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

EFD_SEMAPHORE: Final = 1


def sys_eventfd(t: Task, a: SyscallArgs) -> Result:
    """eventfd(2) of old, without flags."""
    return t.fds.install(EventFile(a.uint(0), 0, False))


def sys_eventfd2(t: Task, a: SyscallArgs) -> Result:
    """eventfd(2)."""
    flags = a.int(1)
    if flags & ~(O_CLOEXEC | O_NONBLOCK | EFD_SEMAPHORE):
        return -errno.EINVAL
    file = EventFile(a.uint(0), flags & O_NONBLOCK, flags & EFD_SEMAPHORE != 0)
    return t.fds.install(file, 0, flags & O_CLOEXEC != 0)


ROWS: Final[tuple[Row, ...]] = (
    Row(284, "eventfd", sys_eventfd, FULL, (Arg.UINT,)),
    Row(290, "eventfd2", sys_eventfd2, FULL, (Arg.UINT, Arg.HEX)),
)
