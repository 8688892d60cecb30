"""flock (fs/locks.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_ACCMODE
from sandbox.kernel.control import Block, Result
from sandbox.syscalls.row import FULL, Arg, Row
from sandbox.vfs.locks import LOCK_EX, LOCK_MAND, LOCK_NB, LOCK_SH, LOCK_UN
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs


def sys_flock(t: Task, a: SyscallArgs) -> Result:
    """flock(2)."""
    operation = a.uint(1)
    if operation & LOCK_MAND:
        return 0  # once a share mode; accepted, and nothing comes of it
    kind = operation & ~LOCK_NB
    if kind not in (LOCK_SH, LOCK_EX, LOCK_UN):
        return -errno.EINVAL
    file = a.held or t.fds.get_io(a.int(0))
    if kind != LOCK_UN and file.flags & O_ACCMODE == O_ACCMODE:
        return -errno.EBADF
    locks, outside = file.locks(), file.outside_locks()
    granted = locks.flock(file, kind)
    if granted and (outside is None or outside.flock(locks)):
        return 0
    if granted:
        locks.take_back(file)
    if operation & LOCK_NB:
        return -errno.EAGAIN
    if granted and outside is not None:
        outside.try_later(t, locks)
    a.hold(file)
    return Block(((locks.queue, EVENT_IN),))


ROWS: Final[tuple[Row, ...]] = (Row(73, "flock", sys_flock, FULL, (Arg.FD, Arg.HEX)),)
