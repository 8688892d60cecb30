"""Extended attributes: who may see and set which (xattr(7), fs/xattr.c: xattr_permission)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.capability import CAP_SETFCAP, CAP_SYS_ADMIN
from sandbox.abi.linux.stat import S_IFDIR, S_IFMT, S_IFREG, S_ISVTX
from sandbox.abi.linux.xattr import CAPABILITIES
from sandbox.errors import SyscallError
from sandbox.vfs import acl, file_caps
from sandbox.vfs.file_flags import check_changeable
from sandbox.vfs.notify import IN_ATTRIB, on_path
from sandbox.vfs.permission import MAY_READ, MAY_WRITE, check, check_mount_write, owner_or_capable

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path


def _permit(t: Task, inode: Inode, name: bytes, write: bool) -> None:
    """EPERM, EACCES, ENODATA or EOPNOTSUPP when the caller may not use attribute `name`; EINVAL for a bare prefix."""
    _permit_kind(t, inode, name, write)
    if name in (b"security.", b"trusted.", b"user."):
        raise SyscallError(errno.EINVAL)


def _permit_kind(t: Task, inode: Inode, name: bytes, write: bool) -> None:
    if write:
        check_changeable(inode)
    if name.startswith(b"security."):
        if write and inode.mode & S_IFMT:  # no security module is asked of an anonymous inode, which is private
            if name == CAPABILITIES:
                allowed = t.creds.has_over(inode, CAP_SETFCAP)
            else:
                allowed = t.creds.has_in(inode.fs.user, CAP_SYS_ADMIN)
            if not allowed:
                raise SyscallError(errno.EPERM)
        return
    if name.startswith(b"trusted."):
        if not t.creds.has(CAP_SYS_ADMIN):
            raise SyscallError(errno.EPERM if write else errno.ENODATA)
        return
    if not name.startswith(b"user."):
        if not name.startswith(b"system."):
            check(t.creds, inode, MAY_WRITE if write else MAY_READ)
        raise SyscallError(errno.EOPNOTSUPP)
    kind = inode.mode & S_IFMT
    if kind not in (S_IFREG, S_IFDIR):
        raise SyscallError(errno.EPERM if write else errno.ENODATA)
    if write and kind == S_IFDIR and inode.mode & S_ISVTX and not owner_or_capable(t.creds, inode):
        raise SyscallError(errno.EPERM)
    check(t.creds, inode, MAY_WRITE if write else MAY_READ)


def get(t: Task, path: Path, name: bytes) -> bytes:
    """getxattr(2)."""
    inode = path.inode
    if name in acl.NAMES:
        return acl.get(t, inode, name)
    _permit(t, inode, name, False)
    value = inode.get_xattr(name)
    return file_caps.shown(t, inode, value) if value and name == CAPABILITIES else value


def set_value(t: Task, path: Path, name: bytes, value: bytes, flags: int) -> int:
    """setxattr(2)."""
    check_mount_write(path.mount)
    inode = path.inode
    if name in acl.NAMES:
        acl.set_value(t, inode, name, value)
    else:
        if value and name == CAPABILITIES:
            value = file_caps.stored(t, inode, value)
        _permit(t, inode, name, True)
        inode.set_xattr(name, value, flags)
    if inode.fs.watched:
        on_path(path, IN_ATTRIB)
    return 0


def remove(t: Task, path: Path, name: bytes) -> int:
    """removexattr(2)."""
    check_mount_write(path.mount)
    inode = path.inode
    if name in acl.NAMES:
        acl.set_value(t, inode, name, b"")
    else:
        _permit(t, inode, name, True)
        inode.remove_xattr(name)
    if inode.fs.watched:
        on_path(path, IN_ATTRIB)
    return 0


def names(t: Task, path: Path) -> bytes:
    """listxattr(2): NUL-terminated names that the caller may know of."""
    trusted = t.creds.has(CAP_SYS_ADMIN)
    return b"".join(name + b"\0" for name in path.inode.list_xattr() if trusted or not name.startswith(b"trusted."))
