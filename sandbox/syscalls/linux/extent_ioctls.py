"""ioctls about where a file's contents lie: no file system here tells, or shares contents between files (fs/ioctl.c, fs/remap_range.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import ioctls
from sandbox.abi.linux.capability import CAP_SYS_RAWIO
from sandbox.abi.linux.fcntl import O_ACCMODE, O_APPEND, O_RDONLY, O_WRONLY
from sandbox.abi.linux.stat import S_IFDIR, S_IFMT, S_IFREG

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription

_CLONE: Final = struct.Struct("<q24x")
_DEDUPE: Final = struct.Struct("<16xHHI")  # dest_count, two reserved ones
_DEDUPE_INFO: Final = 32
_PAGE: Final = 4096


def extent_ioctl(t: Task, file: FileDescription, cmd: int, arg: int) -> int | None:
    """None: it is none of these."""
    if cmd == ioctls.FS_IOC_FIEMAP:
        return -errno.EOPNOTSUPP
    if cmd == ioctls.FICLONE:
        return _clone(t, file, arg & 0xFFFFFFFF)
    if cmd == ioctls.FICLONERANGE:
        return _clone(t, file, _CLONE.unpack(t.copy_in(arg, _CLONE.size))[0] & 0xFFFFFFFF)
    if cmd == ioctls.FIDEDUPERANGE:
        return _dedupe(t, file, arg)
    if cmd == ioctls.FIBMAP and _kind(file) == S_IFREG:
        if not t.creds.has(CAP_SYS_RAWIO):
            return -errno.EPERM
        t.copy_in(arg, 4)
        return -errno.EINVAL
    return None


def _kind(file: FileDescription) -> int:
    return (file.path.inode.mode if file.path is not None else file.stat().mode) & S_IFMT


def _clone(t: Task, target: FileDescription, fd: int) -> int:
    """EBADF, EXDEV, EISDIR, EINVAL; EOPNOTSUPP for what could be."""
    source = t.fds.get_io(fd)
    places = [file.path.inode.fs if file.path is not None else None for file in (source, target)]
    if places[0] is not places[1] or (places[0] is None and type(source) is not type(target)):
        return -errno.EXDEV
    kinds = (_kind(source), _kind(target))
    if S_IFDIR in kinds:
        return -errno.EISDIR
    if kinds != (S_IFREG, S_IFREG):
        return -errno.EINVAL
    if source.flags & O_ACCMODE == O_WRONLY or target.flags & O_ACCMODE == O_RDONLY or target.flags & O_APPEND:
        return -errno.EBADF
    return -errno.EOPNOTSUPP


def _dedupe(t: Task, file: FileDescription, arg: int) -> int:
    count, first, second = _DEDUPE.unpack(t.copy_in(arg, _DEDUPE.size))
    size = _DEDUPE.size + count * _DEDUPE_INFO
    if size > _PAGE:
        return -errno.ENOMEM
    t.copy_in(arg, size)
    if file.flags & O_ACCMODE == O_WRONLY or first or second:
        return -errno.EINVAL
    kind = _kind(file)
    if kind == S_IFDIR:
        return -errno.EISDIR
    return -errno.EOPNOTSUPP if kind == S_IFREG else -errno.EINVAL
