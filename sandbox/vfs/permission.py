"""May these credentials do this to that inode (fs/namei.c: generic_permission, may_delete …)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
from sandbox.abi.linux.fcntl import FS_APPEND_FL, FS_IMMUTABLE_FL
from sandbox.abi.linux.stat import S_IFDIR, S_IFMT, S_IFREG, S_ISVTX
from sandbox.errors import SyscallError
from sandbox.kernel.user_namespace import INITIAL

if TYPE_CHECKING:
    from sandbox.kernel.credentials import Credentials
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.mount import Mount

MAY_EXEC: Final = 1
MAY_WRITE: Final = 2
MAY_READ: Final = 4

SEARCH_CAPS: Final = 1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH


def permitted(creds: Credentials, inode: Inode, mask: int) -> bool:
    """`mask` (MAY_*) is allowed by the mode bits, the access list or a capability. EPERM to write what is immutable."""
    if mask & MAY_WRITE and inode.attrs & FS_IMMUTABLE_FL:
        raise SyscallError(errno.EPERM)
    if inode.acls is not None and inode.fs.guards:
        inode.fs.admit(creds, inode)
    acls = inode.acls
    if acls is not None and acls.access is not None and creds.fsuid != inode.uid and inode.mode & 0o070:
        return acls.access.permits(creds, inode, mask) or _overrides(creds, inode.mode, inode.uid, inode.gid, mask)
    return permitted_by_mode(creds, inode.mode, inode.uid, inode.gid, mask)


def permitted_by_mode(creds: Credentials, mode: int, uid: int, gid: int, mask: int) -> bool:
    """The same for what has no access list: what is open without a place in the tree."""
    if creds.fsuid == uid:
        bits = mode >> 6
    elif creds.fsgid == gid or gid in creds.groups:
        bits = mode >> 3
    else:
        bits = mode
    return bits & mask == mask or _overrides(creds, mode, uid, gid, mask)


def _overrides(creds: Credentials, mode: int, uid: int, gid: int, mask: int) -> bool:
    effective = creds.effective
    if not effective or (creds.user is not INITIAL and not creds.user.maps(uid, gid)):
        return False
    if mode & S_IFMT == S_IFDIR:
        if not mask & MAY_WRITE and effective >> CAP_DAC_READ_SEARCH & 1:
            return True
        return bool(effective >> CAP_DAC_OVERRIDE & 1)
    if mask == MAY_READ and effective >> CAP_DAC_READ_SEARCH & 1:
        return True
    if not mask & MAY_EXEC or mode & 0o111:
        return bool(effective >> CAP_DAC_OVERRIDE & 1)
    return False


def check(creds: Credentials, inode: Inode, mask: int) -> None:
    """EACCES unless `permitted`."""
    if not permitted(creds, inode, mask):
        raise SyscallError(errno.EACCES)


def check_mount_write(mount: Mount) -> None:
    """EROFS."""
    if mount.readonly():
        raise SyscallError(errno.EROFS)


def may_create(creds: Credentials, directory: Inode) -> None:
    """A new name in `directory`: ENOENT if it was removed, EACCES, EOVERFLOW for one who has no name in the file
    system's user namespace."""
    if directory.nlink == 0:
        raise SyscallError(errno.ENOENT)
    if not directory.fs.user.maps(creds.fsuid, creds.fsgid):
        raise SyscallError(errno.EOVERFLOW)
    if not permitted(creds, directory, MAY_WRITE | MAY_EXEC):
        raise SyscallError(errno.EACCES)


def may_delete(creds: Credentials, directory: Inode, inode: Inode) -> None:
    """Taking the name of `inode` out of `directory`: EACCES, EPERM by the sticky bit."""
    if not permitted(creds, directory, MAY_WRITE | MAY_EXEC):
        raise SyscallError(errno.EACCES)
    if directory.attrs & FS_APPEND_FL or inode.attrs & (FS_APPEND_FL | FS_IMMUTABLE_FL):
        raise SyscallError(errno.EPERM)
    if (
        directory.mode & S_ISVTX
        and creds.fsuid not in (inode.uid, directory.uid)
        and not creds.has_over(inode, CAP_FOWNER)
    ):
        raise SyscallError(errno.EPERM)


def owner_or_capable(creds: Credentials, inode: Inode) -> bool:
    """inode_owner_or_capable: who may change attributes."""
    return creds.fsuid == inode.uid or creds.has_over(inode, CAP_FOWNER)


def is_regular(inode: Inode) -> bool:
    """A regular file."""
    return inode.mode & S_IFMT == S_IFREG
