"""Changing attributes: mode, owner, times, size (fs/attr.c: setattr_prepare; fs/open.c; fs/utimes.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.capability import CAP_CHOWN, CAP_FSETID
from sandbox.abi.linux.fcntl import FS_IMMUTABLE_FL
from sandbox.abi.linux.stat import S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_ISGID, S_ISUID, S_IXGRP
from sandbox.abi.linux.xattr import CAPABILITIES
from sandbox.errors import SyscallError
from sandbox.kernel.rlimits import RLIMIT_FSIZE
from sandbox.kernel.user_namespace import NO_ID
from sandbox.vfs import acl, landlock
from sandbox.vfs.file_flags import check_changeable, check_not_append
from sandbox.vfs.leases import break_leases
from sandbox.vfs.notify import IN_ATTRIB, IN_MODIFY, on_path
from sandbox.vfs.permission import MAY_WRITE, check, check_mount_write, owner_or_capable, permitted
from sandbox.vfs.regular_file import MAX_OFFSET, exceed_size, remove_privileges

if TYPE_CHECKING:
    from sandbox.kernel.control import Block
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path

FALLOC_FL_KEEP_SIZE = 1
FALLOC_FL_PUNCH_HOLE = 2
FALLOC_FL_KNOWN = 0x7B  # include/linux/falloc.h: FALLOC_FL_SUPPORTED_MASK


def _prepare(path: Path) -> Inode:
    check_mount_write(path.mount)
    inode = path.inode
    if inode.live:
        inode.refresh()
    return inode


def _told(path: Path) -> None:
    if path.inode.fs.watched:
        on_path(path, IN_ATTRIB)


def chmod(t: Task, path: Path, mode: int) -> int:
    """fchmodat(2) of what has been looked up."""
    inode = _prepare(path)
    if inode.mode & S_IFMT == S_IFLNK:
        raise SyscallError(errno.EOPNOTSUPP)
    if not owner_or_capable(t.creds, inode):
        raise SyscallError(errno.EPERM)
    check_changeable(inode)
    mode &= 0o7777
    if mode & S_ISGID and not t.creds.in_group(inode.gid) and not t.creds.has_over(inode, CAP_FSETID):
        mode &= ~S_ISGID
    inode.set_mode(mode)
    acl.mode_changed(inode)
    _told(path)
    return 0


def chown(t: Task, path: Path, uid: int, gid: int) -> int:
    """fchownat(2); NO_ID leaves an id alone. Set-user-ID and set-group-ID bits go, whoever does it."""
    inode = _prepare(path)
    creds = t.creds
    given = uid != NO_ID, gid != NO_ID
    uid, gid = creds.user.uids.to_kernel(uid), creds.user.gids.to_kernel(gid)
    if given != (uid != NO_ID, gid != NO_ID):
        raise SyscallError(errno.EINVAL)
    owner = creds.fsuid == inode.uid
    if uid != NO_ID and not creds.has_over(inode, CAP_CHOWN) and not (owner and uid == inode.uid):
        raise SyscallError(errno.EPERM)
    if (
        gid != NO_ID
        and not creds.has_over(inode, CAP_CHOWN)
        and not (owner and (gid == inode.gid or creds.in_group(gid)))
    ):
        raise SyscallError(errno.EPERM)
    if given != (False, False):
        check_changeable(inode)
    mode = inode.mode
    kill = 0
    if mode & S_IFMT != S_IFDIR:
        kill = mode & S_ISUID
        if mode & S_ISGID:
            if mode & S_IXGRP or not (creds.in_group(inode.gid) or creds.has_over(inode, CAP_FSETID)):
                kill |= S_ISGID
    if kill and given == (False, False) and not owner_or_capable(creds, inode):
        raise SyscallError(errno.EPERM)  # nothing but the mode would change, which is not theirs to change
    changes = kill or given != (False, False)
    if inode.capable and mode & S_IFMT != S_IFDIR:
        inode.remove_xattr(CAPABILITIES)
        changes = True
    inode.set_owner(inode.uid if uid == NO_ID else uid, inode.gid if gid == NO_ID else gid)
    if kill and inode.mode & kill and mode & S_IFMT != S_IFLNK:
        inode.set_mode(inode.mode & 0o7777 & ~kill)
    if changes:
        _told(path)
    return 0


def set_times(t: Task, path: Path, atime: int | None, mtime: int | None, touch: bool) -> int:
    """utimensat(2). None: leave alone. `touch`: both are now, for which write permission is enough."""
    inode = _prepare(path)
    if not owner_or_capable(t.creds, inode):
        if not touch:
            raise SyscallError(errno.EPERM)
        if not permitted(t.creds, inode, MAY_WRITE):
            raise SyscallError(errno.EACCES)
    if not touch:
        check_changeable(inode)
    elif inode.attrs & FS_IMMUTABLE_FL:
        raise SyscallError(errno.EPERM)
    inode.set_times(atime, mtime, inode.fs.now())
    _told(path)
    return 0


def _check_size(t: Task, inode: Inode, size: int) -> None:
    """inode_newsize_ok: SIGXFSZ and EFBIG when the file would grow beyond RLIMIT_FSIZE."""
    if size > inode.size and size > t.group.rlimits.soft[RLIMIT_FSIZE]:
        exceed_size(t)


def truncate(t: Task, path: Path, size: int) -> int | Block:
    """truncate(2) of what has been looked up."""
    inode = path.inode
    kind = inode.mode & S_IFMT
    if kind == S_IFDIR:
        raise SyscallError(errno.EISDIR)
    if kind != S_IFREG:
        raise SyscallError(errno.EINVAL)
    check_mount_write(path.mount)
    check(t.creds, inode, MAY_WRITE)
    check_not_append(inode)
    if inode.runs > 0:
        raise SyscallError(errno.ETXTBSY)
    landlock.check(t, path, landlock.TRUNCATE)
    block = break_leases(t, inode, True, 0)
    if block is not None:
        return block
    return do_truncate(t, path, inode, size)


def do_truncate(t: Task, path: Path, inode: Inode, size: int) -> int:
    """Permission has been given."""
    if inode.live:
        inode.refresh()
    _check_size(t, inode, size)
    inode.truncate(size)
    if inode.mode & (S_ISUID | S_ISGID) or inode.capable:
        remove_privileges(t, inode)
    inode.touch_mtime(inode.fs.now())
    if inode.fs.watched:
        on_path(path, IN_MODIFY)
    return 0


def fallocate(t: Task, path: Path, mode: int, offset: int, length: int) -> int:
    """fallocate(2) of a file that is open for writing, with a valid range and `mode`."""
    inode = path.inode
    if mode & ~FALLOC_FL_KEEP_SIZE:
        check_not_append(inode)
    if inode.attrs & FS_IMMUTABLE_FL:
        raise SyscallError(errno.EPERM)
    kind = inode.mode & S_IFMT
    if kind == S_IFIFO:
        raise SyscallError(errno.ESPIPE)
    if kind == S_IFDIR:
        raise SyscallError(errno.EISDIR)
    if kind != S_IFREG:
        raise SyscallError(errno.ENODEV)
    end = offset + length
    if end > MAX_OFFSET:
        raise SyscallError(errno.EFBIG)
    if mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE):
        raise SyscallError(errno.EOPNOTSUPP)
    if not mode & FALLOC_FL_KEEP_SIZE or (not mode & FALLOC_FL_PUNCH_HOLE and inode.allocates_to_limit()):
        if inode.live:
            inode.refresh()
        _check_size(t, inode, end)
    inode.fallocate(mode, offset, length)
    if inode.mode & (S_ISUID | S_ISGID) or inode.capable:
        remove_privileges(t, inode)
    inode.touch_mtime(inode.fs.now())
    if inode.fs.watched:
        on_path(path, IN_MODIFY)
    return 0
