"""Making, removing, linking and renaming names (fs/namei.c).

Each function takes (dirfd, path) as the system call has them, checks in Linux's order and returns 0.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_MKNOD
from sandbox.abi.linux.fcntl import AT_FDCWD
from sandbox.abi.linux.stat import (
    AT_EMPTY_PATH,
    AT_SYMLINK_FOLLOW,
    S_IFBLK,
    S_IFCHR,
    S_IFDIR,
    S_IFIFO,
    S_IFLNK,
    S_IFMT,
    S_IFREG,
    S_IFSOCK,
    S_ISGID,
    S_ISUID,
    S_IXGRP,
)
from sandbox.errors import SyscallError
from sandbox.vfs import landlock
from sandbox.vfs.acl import inherit
from sandbox.vfs.create import new_attributes
from sandbox.vfs.device_access import check_new_device
from sandbox.vfs.file_flags import check_changeable
from sandbox.vfs.notify import IN_ATTRIB, IN_CREATE, IN_DELETE, on_entry, on_gone, on_self
from sandbox.vfs.path import Path
from sandbox.vfs.permission import MAY_READ, MAY_WRITE, check_mount_write, may_create, may_delete, permitted
from sandbox.vfs.walk import EMPTY, FOLLOW, Walk, lookup, walk_parent

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.dentry import Dentry
    from sandbox.vfs.inode import Inode

LINK_MAX: Final = 65000


def _for_create(t: Task, dirfd: int, path: bytes, directory: bool) -> tuple[Walk, Inode]:
    """filename_create: stand in the directory in which `path` does not exist yet."""
    walk = walk_parent(t, dirfd, path)
    if walk.last in (b"", b".", b".."):
        raise SyscallError(errno.EEXIST)
    child = walk.child()
    if child.inode is not None:
        raise SyscallError(errno.EEXIST)
    if walk.mount.fs.fixed or (walk.slash and not directory):
        raise SyscallError(errno.ENOENT)
    check_mount_write(walk.mount)
    parent = walk.dentry.inode
    assert parent is not None
    return walk, parent


def _made(t: Task, walk: Walk, parent: Inode, inode: Inode) -> Path:
    """The new name is in the directory: give it what it inherits, remember it, tell watchers."""
    inherit(parent, walk.last, inode)
    dentry = t.kernel.mounts.vfs.dentries.add(walk.dentry, walk.last, inode)
    if parent.marks is not None:
        on_entry(parent, IN_CREATE, walk.last, inode.is_dir())
    return Path(walk.mount, dentry)


def mkdir(t: Task, dirfd: int, path: bytes, mode: int) -> int:
    """mkdirat(2)."""
    walk, parent = _for_create(t, dirfd, path, True)
    may_create(t.creds, parent)
    landlock.check(t, Path(walk.mount, walk.dentry), landlock.MAKE[S_IFDIR])
    mode, uid, gid = new_attributes(t, parent, S_IFDIR | mode & 0o1777)
    _made(t, walk, parent, parent.mkdir(walk.last, mode, uid, gid))
    return 0


def check_kind(mode: int) -> None:
    """EPERM, EINVAL for what mknod(2) does not make; looked at before the path is."""
    kind = mode & S_IFMT
    if kind not in (0, S_IFREG, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK):
        raise SyscallError(errno.EPERM if kind == S_IFDIR else errno.EINVAL)


def mknod(t: Task, dirfd: int, path: bytes, mode: int, rdev: int) -> int:
    """mknodat(2) of a kind that `check_kind` lets through."""
    kind = mode & S_IFMT
    walk, parent = _for_create(t, dirfd, path, False)
    may_create(t.creds, parent)
    device = kind in (S_IFCHR, S_IFBLK)
    if device and not t.creds.has(CAP_MKNOD) and not (kind == S_IFCHR and rdev == 0):
        raise SyscallError(errno.EPERM)
    if device and rdev:
        check_new_device(t, kind, rdev)
    landlock.check(t, Path(walk.mount, walk.dentry), landlock.MAKE[kind])
    mode, uid, gid = new_attributes(t, parent, (kind or S_IFREG) | mode & 0o7777)
    if mode & S_IFMT == S_IFREG:
        inode = parent.create(walk.last, mode, uid, gid)
    else:
        inode = parent.mknod(walk.last, mode, rdev if device else 0, uid, gid)
    _made(t, walk, parent, inode)
    return 0


def place_for_socket(t: Task, path: bytes) -> tuple[Walk, Inode]:
    """Where bind(2) can make a Unix socket's inode. EADDRINUSE when the name is taken."""
    try:
        return _for_create(t, AT_FDCWD, path, False)
    except SyscallError as error:
        raise SyscallError(errno.EADDRINUSE if error.errno == errno.EEXIST else error.errno) from None


def make_socket(t: Task, path: bytes, mode: int) -> Path:
    """bind(2) of a Unix socket: its inode. The caller sets `inode.attached`."""
    walk, parent = place_for_socket(t, path)
    may_create(t.creds, parent)
    landlock.check(t, Path(walk.mount, walk.dentry), landlock.MAKE[S_IFSOCK])
    mode, uid, gid = new_attributes(t, parent, S_IFSOCK | mode & 0o777 & ~t.fs.umask)
    return _made(t, walk, parent, parent.mknod(walk.last, mode, 0, uid, gid))


def symlink(t: Task, target: bytes, dirfd: int, path: bytes) -> int:
    """symlinkat(2); `target` is not empty."""
    walk, parent = _for_create(t, dirfd, path, False)
    may_create(t.creds, parent)
    landlock.check(t, Path(walk.mount, walk.dentry), landlock.MAKE[S_IFLNK])
    _, uid, gid = new_attributes(t, parent, 0o777)
    _made(t, walk, parent, parent.symlink(walk.last, target, uid, gid))
    return 0


def how_to_link(t: Task, dirfd: int, path: bytes, flags: int) -> int:
    """How linkat(2) with `flags` finds what it links. EBADF; ENOENT: an empty path without the privilege for it (which Linux
    6.10 no longer asks of who has opened the file himself)."""
    if not path and flags & AT_EMPTY_PATH and dirfd != AT_FDCWD:
        t.fds.get(dirfd)
        if not t.creds.has_here(CAP_DAC_READ_SEARCH):
            raise SyscallError(errno.ENOENT)
    return (FOLLOW if flags & AT_SYMLINK_FOLLOW else 0) | (EMPTY if flags & AT_EMPTY_PATH else 0)


def link(t: Task, old_dirfd: int, old: bytes, new_dirfd: int, new: bytes, flags: int) -> int:
    """linkat(2); `flags`: AT_SYMLINK_FOLLOW, AT_EMPTY_PATH."""
    there = lookup(t, old_dirfd, old, how_to_link(t, old_dirfd, old, flags))
    inode = there.inode
    walk, parent = _for_create(t, new_dirfd, new, False)
    if there.mount is not walk.mount:
        raise SyscallError(errno.EXDEV)
    _check_hardlink(t, inode)
    landlock.check_refer(t, there, Path(walk.mount, walk.dentry), None, False, False, None)
    may_create(t.creds, parent)
    if inode.fs is not parent.fs:
        raise SyscallError(errno.EXDEV)
    check_changeable(inode)
    if inode.is_dir():
        raise SyscallError(errno.EPERM)
    if inode.nlink == 0 and not inode.linkable:
        raise SyscallError(errno.ENOENT)
    if inode.nlink >= LINK_MAX:
        raise SyscallError(errno.EMLINK)
    parent.link(walk.last, inode)
    inode.linkable = False
    if inode.fs.watched:
        on_self(inode, IN_ATTRIB)
    _made(t, walk, parent, inode)
    return 0


def _check_hardlink(t: Task, inode: Inode) -> None:
    """fs.protected_hardlinks: only what one owns, or could read and write and is harmless."""
    creds = t.creds
    if not t.kernel.settings.protected_hardlinks or creds.fsuid == inode.uid or creds.has_over(inode, CAP_FOWNER):
        return
    mode = inode.mode
    harmless = mode & S_IFMT == S_IFREG and not mode & S_ISUID and mode & (S_ISGID | S_IXGRP) != S_ISGID | S_IXGRP
    if not harmless or not permitted(creds, inode, MAY_READ | MAY_WRITE):
        raise SyscallError(errno.EPERM)


def _victim(walk: Walk) -> tuple[Dentry, Inode, Inode]:
    """What is to lose its name: (dentry, inode, directory). ENOENT, EROFS, EBUSY for a mount point."""
    child = walk.child()
    inode = child.inode
    if inode is None:
        raise SyscallError(errno.ENOENT)
    directory = walk.dentry.inode
    assert directory is not None
    return child, inode, directory


def unlink(t: Task, dirfd: int, path: bytes) -> int:
    """unlinkat(2) without AT_REMOVEDIR."""
    walk = walk_parent(t, dirfd, path)
    if walk.last in (b"", b".", b".."):
        raise SyscallError(errno.EISDIR)
    child, inode, directory = _victim(walk)
    if walk.slash:
        raise SyscallError(errno.EISDIR if inode.is_dir() else errno.ENOTDIR)
    check_mount_write(walk.mount)
    landlock.check(t, Path(walk.mount, walk.dentry), landlock.REMOVE_FILE)
    may_delete(t.creds, directory, inode)
    if inode.is_dir():
        raise SyscallError(errno.EISDIR)
    if child.mounts:
        raise SyscallError(errno.EBUSY)
    directory.unlink(walk.last, inode)
    _removed(t, child, inode, directory)
    return 0


def rmdir(t: Task, dirfd: int, path: bytes) -> int:
    """unlinkat(2) with AT_REMOVEDIR."""
    walk = walk_parent(t, dirfd, path)
    if walk.last == b"":
        raise SyscallError(errno.EBUSY)
    if walk.last == b".":
        raise SyscallError(errno.EINVAL)
    if walk.last == b"..":
        raise SyscallError(errno.ENOTEMPTY)
    child, inode, directory = _victim(walk)
    check_mount_write(walk.mount)
    landlock.check(t, Path(walk.mount, walk.dentry), landlock.REMOVE_DIR)
    may_delete(t.creds, directory, inode)
    if not inode.is_dir():
        raise SyscallError(errno.ENOTDIR)
    if child.mounts or child is t.fs.root.dentry:
        raise SyscallError(errno.EBUSY)
    directory.rmdir(walk.last, inode)
    _removed(t, child, inode, directory)
    return 0


def _removed(t: Task, child: Dentry, inode: Inode, directory: Inode) -> None:
    t.kernel.mounts.vfs.dentries.delete(child)
    if directory.fs.watched:
        if not inode.is_dir():
            on_self(inode, IN_ATTRIB)
        on_gone(inode)
        on_entry(directory, IN_DELETE, child.name, inode.is_dir())
