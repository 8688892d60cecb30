"""truncate, ftruncate, fallocate (fs/open.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import AT_FDCWD
from sandbox.kernel.control import Result
from sandbox.syscalls.row import FULL, PARTIAL, Arg, Row
from sandbox.vfs import attr
from sandbox.vfs.attr import FALLOC_FL_KEEP_SIZE, FALLOC_FL_KNOWN, FALLOC_FL_PUNCH_HOLE
from sandbox.vfs.file_flags import check_not_append
from sandbox.vfs.walk import lookup

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs


def sys_truncate(t: Task, a: SyscallArgs) -> Result:
    """truncate(2)."""
    size = a.long(1)
    if size < 0:
        return -errno.EINVAL
    return attr.truncate(t, lookup(t, AT_FDCWD, t.copy_in_path(a.addr(0))), size)


def sys_ftruncate(t: Task, a: SyscallArgs) -> int:
    """ftruncate(2)."""
    size = a.long(1)
    if size < 0:
        return -errno.EINVAL
    file = t.fds.get_io(a.int(0))
    path = file.path
    if not (file.flags + 1) & 2 or (path is not None and not path.inode.is_regular()):
        return -errno.EINVAL
    if path is None:
        file.truncate(size)
        return 0
    check_not_append(path.inode)
    if not file.truncatable:
        return -errno.EACCES
    return attr.do_truncate(t, path, path.inode, size)


def sys_fallocate(t: Task, a: SyscallArgs) -> int:
    """fallocate(2)."""
    file = a.held or t.fds.get_io(a.int(0))
    offset, length = a.long(2), a.long(3)
    if offset < 0 or length <= 0:
        return -errno.EINVAL
    mode = a.int(1)
    if mode & ~FALLOC_FL_KNOWN or mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) == FALLOC_FL_PUNCH_HOLE:
        return -errno.EOPNOTSUPP
    if not (file.flags + 1) & 2:
        return -errno.EBADF
    path = file.path
    if path is None:
        return -errno.ESPIPE if file.stat().mode & 0o170000 == 0o010000 else -errno.ENODEV
    return attr.fallocate(t, path, mode, offset, length)


ROWS: Final[tuple[Row, ...]] = (
    Row(76, "truncate", sys_truncate, FULL, (Arg.PATH, Arg.LONG)),
    Row(77, "ftruncate", sys_ftruncate, FULL, (Arg.FD, Arg.LONG)),
    Row(
        285,
        "fallocate",
        sys_fallocate,
        PARTIAL,
        (Arg.FD, Arg.HEX, Arg.LONG, Arg.LONG),
        note="allocation, KEEP_SIZE and PUNCH_HOLE, as tmpfs has them; the other modes are EOPNOTSUPP",
    ),
)
