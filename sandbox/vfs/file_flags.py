"""File flags: chattr(1)'s immutable, append-only, no-dump and no-atime (ioctl_iflags(2)), on files in memory."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_LINUX_IMMUTABLE
from sandbox.abi.linux.fcntl import FS_APPEND_FL, FS_IMMUTABLE_FL, FS_NOATIME_FL, FS_NODUMP_FL
from sandbox.abi.linux.ioctls import FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR, FS_IOC_GETFLAGS, FS_IOC_SETFLAGS
from sandbox.errors import SyscallError
from sandbox.vfs.permission import check_mount_write, owner_or_capable

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path

USERS: Final = FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL  # SHMEM_FL_USER_VISIBLE
_XFLAGS: Final = (  # of struct fsxattr
    (FS_IMMUTABLE_FL, 0x08),
    (FS_APPEND_FL, 0x10),
    (FS_NODUMP_FL, 0x80),
    (FS_NOATIME_FL, 0x40),
)
_COMMON: Final = 0x82F8  # FS_XFLAG_COMMON
_FSXATTR: Final = struct.Struct("<II4xII8x")  # flags, extent size, project, size of extents that are copied on writing
_FSXATTR_SIZE: Final = _FSXATTR.size
COMMANDS: Final = frozenset((FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR))
PROTECTED: Final = FS_IMMUTABLE_FL | FS_APPEND_FL


def file_flags_ioctl(t: Task, path: Path, cmd: int, arg: int) -> int:
    """One of COMMANDS. ENOTTY where the file system has no flags (vfs_fileattr_get, vfs_fileattr_set)."""
    inode = path.inode
    if not inode.flaggable():
        raise SyscallError(errno.ENOTTY)
    if cmd == FS_IOC_GETFLAGS:
        t.copy_out(arg, struct.pack("<I", inode.attrs))
        return 0
    if cmd == FS_IOC_FSGETXATTR:
        flags = sum(shown for flag, shown in _XFLAGS if inode.attrs & flag)
        t.copy_out(arg, struct.pack("<I", flags).ljust(_FSXATTR_SIZE, b"\0"))
        return 0
    if cmd == FS_IOC_FSSETXATTR:
        flags, *others = _FSXATTR.unpack(t.copy_in(arg, _FSXATTR_SIZE))
        _check_owner(t, path)
        if flags & ~_COMMON or any(others):
            return -errno.EOPNOTSUPP  # shmem_fileattr_set knows flags alone
        if flags & ~sum(shown for _, shown in _XFLAGS):
            return -errno.EOPNOTSUPP
        return _set(t, path, sum(flag for flag, shown in _XFLAGS if flags & shown))
    return _set(t, path, int.from_bytes(t.copy_in(arg, 4), "little"))


def _check_owner(t: Task, path: Path) -> None:
    check_mount_write(path.mount)
    if not owner_or_capable(t.creds, path.inode):
        raise SyscallError(errno.EPERM)


def _set(t: Task, path: Path, wanted: int) -> int:
    _check_owner(t, path)
    inode = path.inode
    if (wanted ^ inode.attrs) & PROTECTED and not t.creds.has(CAP_LINUX_IMMUTABLE):
        return -errno.EPERM
    if wanted & ~USERS:
        return -errno.EOPNOTSUPP
    inode.set_attrs(wanted)
    return 0


def check_changeable(inode: Inode) -> None:
    """EPERM: owner, mode, times, names and extended attributes of what is immutable or append-only stay."""
    if inode.attrs & PROTECTED:
        raise SyscallError(errno.EPERM)


def check_not_append(inode: Inode) -> None:
    """EPERM: nothing is cut off, overwritten or taken out of it."""
    if inode.attrs & FS_APPEND_FL:
        raise SyscallError(errno.EPERM)
