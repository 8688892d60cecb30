"""sync, fsync, fdatasync, syncfs, sync_file_range (fs/sync.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.stat import S_IFBLK, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG
from sandbox.errors import SyscallError
from sandbox.host_sync import sync_now
from sandbox.kernel.control import PENDING, Result
from sandbox.syscalls.row import FULL, Arg, Row

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.vfs.file_description import FileDescription

SYNC_FILE_RANGE_VALID: Final = 7


def to_sync(file: FileDescription) -> int:
    """The host's descriptor of what fsync(2) has to bring to disk; -1: nothing. EINVAL for files that have no such operation
    (pipes, sockets, devices)."""
    path = file.path
    if path is None:
        return file.to_sync()
    if path.inode.mode & S_IFMT not in (S_IFREG, S_IFDIR):
        raise SyscallError(errno.EINVAL)
    return path.inode.to_sync()


def synchronise(t: Task, fd: int, data: bool, ended: Callable[[int], None]) -> Result:
    """fsync(2), or fdatasync(2), of what `to_sync` gave: 0, or PENDING and the host is at it: `ended` will hear the result."""
    if fd < 0:
        return 0
    if t.kernel.syncs.begin(fd, data, ended):
        return PENDING
    sync_now(fd, data)
    return 0


def sys_fsync(t: Task, a: SyscallArgs) -> Result:
    """fsync(2)."""
    return synchronise(t, to_sync(t.fds.get_io(a.int(0))), False, t.complete)


def sys_fdatasync(t: Task, a: SyscallArgs) -> Result:
    """fdatasync(2)."""
    return synchronise(t, to_sync(t.fds.get_io(a.int(0))), True, t.complete)


def sys_sync(t: Task, a: SyscallArgs) -> int:
    """sync(2): writable host directories are brought to disk; what is in memory has no disk."""
    for mount in t.ns.mnt.mounts():
        mount.fs.sync()
    return 0


def sys_syncfs(t: Task, a: SyscallArgs) -> int:
    """syncfs(2)."""
    path = t.fds.get_io(a.int(0)).path
    if path is not None:
        path.mount.fs.sync()
    return 0


def sync_range(t: Task, a: SyscallArgs, ended: Callable[[int], None]) -> Result:
    """sync_file_range(2) of the whole file; PENDING as `synchronise`."""
    file = a.held or t.fds.get_io(a.int(0))
    path = file.path
    offset, length, flags = a.long(1), a.long(2), a.uint(3)
    if flags & ~SYNC_FILE_RANGE_VALID or offset < 0 or length < 0 or offset + length >= 1 << 63:
        return -errno.EINVAL
    kind = S_IFREG if path is None else path.inode.mode & S_IFMT
    if kind not in (S_IFREG, S_IFBLK, S_IFDIR, S_IFLNK):
        return -errno.ESPIPE
    if kind != S_IFREG:
        return 0
    try:
        fd = to_sync(file)
    except SyscallError as error:
        if error.errno != errno.EINVAL:
            raise
        return -errno.ESPIPE if path is None else 0  # nothing to write back
    return synchronise(t, fd, False, ended)


def sys_sync_file_range(t: Task, a: SyscallArgs) -> Result:
    """sync_file_range(2)."""
    return sync_range(t, a, t.complete)


def sys_fadvise64(t: Task, a: SyscallArgs) -> int:
    """posix_fadvise(2): checks the arguments; the advice changes nothing that a program could see."""
    file = a.held or t.fds.get_io(a.int(0))
    mode = file.stat().mode if file.path is None else file.path.inode.mode
    if mode & S_IFMT == S_IFIFO:
        return -errno.ESPIPE
    return -errno.EINVAL if not 0 <= a.int(3) <= 5 or a.long(2) < 0 else 0


def sys_readahead(t: Task, a: SyscallArgs) -> int:
    """readahead(2): likewise."""
    file = t.fds.get_io(a.int(0))
    if file.flags & 3 == 1:
        return -errno.EBADF
    if file.path is None or not file.path.inode.is_regular():
        return -errno.EINVAL
    return 0


ROWS: Final[tuple[Row, ...]] = (
    Row(74, "fsync", sys_fsync, FULL, (Arg.FD,)),
    Row(75, "fdatasync", sys_fdatasync, FULL, (Arg.FD,)),
    Row(162, "sync", sys_sync, FULL),
    Row(187, "readahead", sys_readahead, FULL, (Arg.FD, Arg.LONG, Arg.SIZE)),
    Row(221, "fadvise64", sys_fadvise64, FULL, (Arg.FD, Arg.LONG, Arg.LONG, Arg.INT)),
    Row(277, "sync_file_range", sys_sync_file_range, FULL, (Arg.FD, Arg.LONG, Arg.LONG, Arg.HEX)),
    Row(306, "syncfs", sys_syncfs, FULL, (Arg.FD,)),
)
