"""close, dup, dup2, dup3, close_range (fs/file.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_CLOEXEC
from sandbox.kernel.control import Result
from sandbox.syscalls.row import FULL, Arg, Row

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

CLOSE_RANGE_UNSHARE: Final = 2
CLOSE_RANGE_CLOEXEC: Final = 4


def sys_close(t: Task, a: SyscallArgs) -> Result:
    """close(2)."""
    t.fds.close(a.raw[0] & 0xFFFFFFFF, t)
    return 0


def sys_dup(t: Task, a: SyscallArgs) -> Result:
    """dup(2)."""
    return t.fds.install(t.fds.get(a.uint(0)))


def _dup(t: Task, old: int, new: int, cloexec: bool) -> Result:
    fds = t.fds
    if new >= fds.limit:
        return -errno.EBADF
    fds.set(new, fds.get(old), cloexec, t)
    return new


def sys_dup2(t: Task, a: SyscallArgs) -> Result:
    """dup2(2)."""
    old, new = a.uint(0), a.uint(1)
    if old == new:
        t.fds.get(old)
        return new
    return _dup(t, old, new, False)


def sys_dup3(t: Task, a: SyscallArgs) -> Result:
    """dup3(2)."""
    old, new, flags = a.uint(0), a.uint(1), a.int(2)
    if flags & ~O_CLOEXEC or old == new:
        return -errno.EINVAL
    return _dup(t, old, new, flags != 0)


def sys_close_range(t: Task, a: SyscallArgs) -> Result:
    """close_range(2)."""
    first, last, flags = a.uint(0), a.uint(1), a.uint(2)
    if flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) or first > last:
        return -errno.EINVAL
    fds = t.fds
    if flags & CLOSE_RANGE_UNSHARE and fds.users > 1:
        own = fds.copy()
        fds.release(t)
        t.fds = fds = own
    if flags & CLOSE_RANGE_CLOEXEC:
        fds.mark_range(first, last)
    else:
        fds.close_range(first, last, t)
    return 0


ROWS: Final[tuple[Row, ...]] = (
    Row(3, "close", sys_close, FULL, (Arg.FD,)),
    Row(32, "dup", sys_dup, FULL, (Arg.FD,)),
    Row(33, "dup2", sys_dup2, FULL, (Arg.FD, Arg.FD)),
    Row(292, "dup3", sys_dup3, FULL, (Arg.FD, Arg.FD, Arg.HEX)),
    Row(436, "close_range", sys_close_range, FULL, (Arg.UINT, Arg.UINT, Arg.HEX)),
)
