"""copy_file_range (fs/read_write.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_APPEND, O_WRONLY
from sandbox.errors import SyscallError
from sandbox.kernel.io_count import did_copy
from sandbox.syscalls.row import FULL, Arg, Row
from sandbox.vfs.regular_file import RegularFile, limit_write

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.vfs.file_description import FileDescription

MAX_COPY: Final = 64 << 20  # bytes moved by one call: a short copy is allowed, and others want their turn
MAX_U64: Final = (1 << 64) - 1


def _offset(t: Task, file: FileDescription, address: int) -> int:
    if not address:
        return file.pos
    return int.from_bytes(t.copy_in(address, 8), "little", signed=True)


def sys_copy_file_range(t: Task, a: SyscallArgs) -> int:
    """copy_file_range(2)."""
    source, target = t.fds.get_io(a.int(0)), t.fds.get_io(a.int(2))
    at, to = _offset(t, source, a.addr(1)), _offset(t, target, a.addr(3))
    if a.uint(5):
        return -errno.EINVAL
    both = (source, target)
    if any(file.path is not None and file.path.inode.is_dir() for file in both):
        return -errno.EISDIR
    if any(file.path is None or not file.path.inode.is_regular() for file in both):
        return -errno.EINVAL
    if source.flags & O_WRONLY or not (target.flags + 1) & 2 or target.flags & O_APPEND:
        return -errno.EBADF
    assert source.path is not None and target.path is not None
    if source.path.inode.fs is not target.path.inode.fs:
        return -errno.EXDEV
    if not isinstance(source, RegularFile) or not isinstance(target, RegularFile):
        return -errno.EINVAL
    if (at & MAX_U64) + a.size(4) > MAX_U64 or (to & MAX_U64) + a.size(4) > MAX_U64:
        return -errno.EOVERFLOW  # generic_copy_file_checks adds unsigned numbers
    if at < 0 or to < 0:
        return -errno.EINVAL
    inode = source.path.inode
    if inode.live:
        inode.refresh()
    size = min(a.size(4), max(0, inode.size - at), limit_write(t, to))
    if inode is target.path.inode and at < to + size and to < at + size:
        return -errno.EINVAL
    size = min(size, MAX_COPY)
    done = _copy(t, source, target, at, to, size)
    _advance(t, source, a.addr(1), at + done)
    _advance(t, target, a.addr(3), to + done)
    if a.size(4):
        did_copy(t, done)
    return done


def _copy(t: Task, source: FileDescription, target: FileDescription, at: int, to: int, size: int) -> int:
    done = 0
    scratch = t.kernel.scratch
    while done < size:
        view = scratch[: min(size - done, len(scratch))]
        got = source.pread(t, view, at + done)
        if got <= 0:
            break
        try:
            put = target.pwrite(t, view[:got], to + done)
        except SyscallError:
            if not done:
                raise
            break
        done += put
        if put < got:
            break
    return done


def _advance(t: Task, file: FileDescription, address: int, position: int) -> None:
    if address:
        t.copy_out(address, position.to_bytes(8, "little", signed=True))
    else:
        file.pos = position


ROWS: Final[tuple[Row, ...]] = (
    Row(
        326,
        "copy_file_range",
        sys_copy_file_range,
        FULL,
        (Arg.FD, Arg.ADDR, Arg.FD, Arg.ADDR, Arg.SIZE, Arg.HEX),
    ),
)
