"""open(2): from a path and flags to an open file description (fs/open.c, fs/namei.c: path_openat)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import (
    FS_APPEND_FL,
    O_ACCMODE,
    O_APPEND,
    O_CLOEXEC,
    O_CREAT,
    O_DIRECT,
    O_DIRECTORY,
    O_DSYNC,
    O_EXCL,
    O_LARGEFILE,
    O_NOATIME,
    O_NOCTTY,
    O_NOFOLLOW,
    O_PATH,
    O_SYNC,
    O_TMPFILE,
    O_TRUNC,
)
from sandbox.abi.linux.stat import (
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
    S_ISVTX,
)
from sandbox.abi.linux.statfs import ST_NODEV
from sandbox.errors import SyscallError
from sandbox.kernel.control import Block
from sandbox.kernel.user_namespace import INITIAL
from sandbox.vfs import landlock
from sandbox.vfs.acl import inherit
from sandbox.vfs.create import new_attributes
from sandbox.vfs.dentry import Dentry
from sandbox.vfs.device_access import check_device
from sandbox.vfs.leases import break_leases
from sandbox.vfs.notify import IN_CREATE, IN_MODIFY, IN_OPEN, on_entry, on_path
from sandbox.vfs.path import Path
from sandbox.vfs.path_file import PathFile
from sandbox.vfs.permission import MAY_READ, MAY_WRITE, may_create, owner_or_capable, permitted
from sandbox.vfs.regular_file import remove_privileges
from sandbox.vfs.walk import Walk, one_step

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.landlock import Domain

_TMPFILE_BIT: Final = O_TMPFILE & ~O_DIRECTORY
_PATH_KEEPS: Final = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
_CREATION: Final = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC | _TMPFILE_BIT
# read, write, both, and 3: both permissions but neither access
_SYNC_BIT: Final = O_SYNC & ~O_DSYNC
_ACCESS: Final = (MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE)


def check_flags(flags: int) -> None:
    """EINVAL for creation flags that exclude each other; looked at before the path is."""
    if flags & O_PATH:
        return
    if flags & _TMPFILE_BIT:
        if flags & O_TMPFILE != O_TMPFILE or flags & O_CREAT or not flags & O_ACCMODE:
            raise SyscallError(errno.EINVAL)
    elif flags & O_CREAT and flags & O_DIRECTORY:
        raise SyscallError(errno.EINVAL)


def whole_flags(flags: int) -> int:
    """With what the kernel adds to them (do_sys_open, build_open_flags)."""
    if flags & O_PATH:
        return flags
    return flags | O_LARGEFILE | (O_DSYNC if flags & _SYNC_BIT else 0)


def open_path(t: Task, dirfd: int, path: bytes, flags: int, mode: int, resolve: int = 0) -> FileDescription | Block:
    """The new description, not yet in any table. `mode`: permission bits for creation, umask not applied.

    A Block (FIFOs) is to be returned by the handler, which calls again.
    """
    try:
        return _open_path(t, dirfd, path, flags, mode, resolve)
    except SyscallError as error:
        if error.errno != errno.ESTALE:
            raise
    try:  # a name that was believed is no longer so: once more, by what is there now
        return _open_path(t, dirfd, path, flags, mode, resolve)
    except SyscallError as error:
        raise SyscallError(errno.ENOENT if error.errno == errno.ESTALE else error.errno) from None


def _open_path(t: Task, dirfd: int, path: bytes, flags: int, mode: int, resolve: int) -> FileDescription | Block:
    if not path:
        raise SyscallError(errno.ENOENT)
    if flags & O_PATH:
        flags &= _PATH_KEEPS
    elif flags & _TMPFILE_BIT:
        return _open_tmpfile(t, dirfd, path, flags, mode, resolve)
    if flags & O_CREAT:
        return _open_create(t, dirfd, path, flags, mode, resolve)
    follow = not flags & O_NOFOLLOW
    if not resolve and b"/" not in path:
        near = one_step(t, dirfd, path, follow, t.creds)
        if near is not None:
            return open_there(t, near, flags)
    walk = Walk(t, dirfd, path, resolve)
    walk.run(path, False, follow)
    return open_there(t, walk.end(), flags)


def _open_create(t: Task, dirfd: int, path: bytes, flags: int, mode: int, resolve: int) -> FileDescription | Block:
    """With O_CREAT: a link at the end is followed to where the file would be."""
    walk = Walk(t, dirfd, path, resolve)
    while True:
        walk.run(path, True, False)
        if walk.last in (b"", b".", b".."):
            walk.run(walk.last or b".", False, False)
            raise SyscallError(errno.EEXIST if flags & O_EXCL else errno.EISDIR)
        if walk.slash:
            raise SyscallError(errno.EISDIR)
        child = walk.child()
        inode = child.inode
        if inode is None:
            return _create(t, walk, flags, mode)
        if inode.mode & S_IFMT == S_IFLNK and not flags & (O_EXCL | O_NOFOLLOW):
            target = walk.follow(inode)
            if target is None:
                return open_there(t, walk.end(), flags)
            path = target
            continue
        if flags & O_EXCL:
            raise SyscallError(errno.EEXIST)
        break
    there = walk.mount.namespace.cover(Path(walk.mount, child)) if child.mounts else Path(walk.mount, child)
    parent = walk.dentry.inode
    assert parent is not None
    _check_protected(t, parent, there.inode)
    walk.mount, walk.dentry = there.mount, there.dentry
    return open_there(t, walk.end(), flags)


def _check_protected(t: Task, directory: Inode, inode: Inode) -> None:
    """fs.protected_fifos and fs.protected_regular: others' files in a sticky directory that all may write, with 2 also in
    one that its group may write (fs/namei.c: may_create_in_sticky)."""
    if inode.is_dir():
        raise SyscallError(errno.EISDIR)
    kind = inode.mode & S_IFMT
    if not directory.mode & S_ISVTX or kind not in (S_IFIFO, S_IFREG) or inode.uid in (directory.uid, t.creds.fsuid):
        return
    settings = t.kernel.settings
    level = settings.protected_fifos if kind == S_IFIFO else settings.protected_regular
    if level and directory.mode & (0o022 if level > 1 else 0o002):
        raise SyscallError(errno.EACCES)


def _create(t: Task, walk: Walk, flags: int, mode: int) -> FileDescription | Block:
    """The name does not exist: make the file. The access mode is not checked against its mode."""
    directory = walk.dentry.inode
    assert directory is not None
    if walk.mount.fs.fixed:
        raise SyscallError(errno.ENOENT)
    if walk.mount.readonly():
        raise SyscallError(errno.EROFS)
    may_create(t.creds, directory)
    landlock.check(t, Path(walk.mount, walk.dentry), landlock.MAKE[S_IFREG])
    mode, uid, gid = new_attributes(t, directory, S_IFREG | mode & 0o7777)
    try:
        inode = directory.create(walk.last, mode, uid, gid)
    except SyscallError as error:
        if error.errno == errno.EEXIST and not flags & O_EXCL:  # the host has it since it was looked for
            raise SyscallError(errno.ESTALE) from None
        raise
    inherit(directory, walk.last, inode)
    dentry = t.kernel.mounts.vfs.dentries.add(walk.dentry, walk.last, inode)
    path = Path(walk.mount, dentry)
    if directory.marks is not None:
        on_entry(directory, IN_CREATE, walk.last, False)
    return finish_open(t, path, inode, flags & ~O_TRUNC)


def _open_tmpfile(t: Task, dirfd: int, path: bytes, flags: int, mode: int, resolve: int) -> FileDescription | Block:
    """O_TMPFILE: a file without a name in the directory's file system."""
    walk = Walk(t, dirfd, path, resolve)
    walk.run(path, False, True)
    directory = walk.dentry.inode
    assert directory is not None
    if not directory.is_dir():
        raise SyscallError(errno.ENOTDIR)
    if walk.mount.readonly():
        raise SyscallError(errno.EROFS)
    may_create(t.creds, directory)
    mode, uid, gid = new_attributes(t, directory, S_IFREG | mode & 0o7777)
    inode = directory.tmpfile(mode, uid, gid)
    inherit(directory, b"", inode)
    inode.linkable = not flags & O_EXCL
    dentry = Dentry(b"#%d" % inode.ino, walk.dentry, inode)
    dentry.deleted = True
    return finish_open(t, Path(walk.mount, dentry), inode, flags)


def open_there(t: Task, path: Path, flags: int) -> FileDescription | Block:
    """Open what exists, with attributes as they are now: may_open, then the inode's own open."""
    inode = path.dentry.inode
    assert inode is not None
    kind = inode.mode & S_IFMT
    if flags & O_DIRECTORY and kind != S_IFDIR:
        raise SyscallError(errno.ENOTDIR)
    if flags & O_PATH:
        return PathFile(flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW), path, inode)
    if kind == S_IFLNK:
        raise SyscallError(errno.ELOOP)
    access = _ACCESS[flags & O_ACCMODE]
    if flags & O_TRUNC:
        access |= MAY_WRITE
        if path.mount.readonly() and kind == S_IFREG:
            raise SyscallError(errno.EROFS)
    if kind == S_IFDIR:
        if access & MAY_WRITE:
            raise SyscallError(errno.EISDIR)
    elif kind in (S_IFCHR, S_IFBLK) and (
        path.mount.flags & ST_NODEV or (inode.fs.user is not INITIAL and not inode.fs.devices)
    ):
        raise SyscallError(errno.EACCES)
    elif kind == S_IFREG and access & MAY_WRITE and inode.fs.readonly:
        raise SyscallError(errno.EROFS)
    if not permitted(t.creds, inode, access) and not inode.admits(t, access):
        raise SyscallError(errno.EACCES)
    if kind in (S_IFCHR, S_IFBLK):
        check_device(t, inode, access)
    if inode.attrs & FS_APPEND_FL and (access & MAY_WRITE and not flags & O_APPEND or flags & O_TRUNC):
        raise SyscallError(errno.EPERM)
    if flags & O_NOATIME and not owner_or_capable(t.creds, inode):
        raise SyscallError(errno.EPERM)
    if kind == S_IFSOCK:
        raise SyscallError(errno.ENXIO)
    if kind == S_IFREG and access & MAY_WRITE and path.mount.readonly():
        raise SyscallError(errno.EROFS)
    locks = inode.locks
    if locks is not None and locks.leases:
        block = break_leases(t, inode, access & MAY_WRITE != 0, flags)
        if block is not None:
            return block
    file = finish_open(t, path, inode, flags)
    if flags & O_TRUNC and kind == S_IFREG and not isinstance(file, Block):
        inode.truncate(0)
        if inode.mode & (S_ISUID | S_ISGID) or inode.capable:
            remove_privileges(t, inode)
        inode.touch_mtime(inode.fs.now())
        if inode.fs.watched:
            on_path(path, IN_MODIFY)
    return file


def _check_domain(t: Task, domain: Domain, path: Path, inode: Inode, flags: int, rights: int) -> bool:
    """Landlock's say; EACCES. True: the file may be truncated by its descriptor. (hook_file_open)"""
    access = _ACCESS[flags & O_ACCMODE]
    if inode.is_dir():
        rights |= landlock.READ_DIR
    elif access & MAY_READ:
        rights |= landlock.READ_FILE
    if access & MAY_WRITE:
        rights |= landlock.WRITE_FILE
    if not domain.allows(path, rights):
        raise SyscallError(errno.EACCES)
    truncatable = domain.allows(path, landlock.TRUNCATE)
    if flags & O_TRUNC and inode.is_regular() and not truncatable:
        raise SyscallError(errno.EACCES)
    return truncatable


def finish_open(t: Task, path: Path, inode: Inode, flags: int, rights: int = 0) -> FileDescription | Block:
    """Permission has been given, by attributes as they are now: the inode opens, the description learns its place.
    `rights`: what Landlock has to allow besides those that follow from `flags`."""
    if inode.runs > 0 and flags & (O_ACCMODE | O_TRUNC) and not flags & O_PATH:
        raise SyscallError(errno.ETXTBSY)
    domain = t.creds.landlock
    truncatable = domain is None or _check_domain(t, domain, path, inode, flags, rights)
    kept = flags & ~_CREATION
    if flags & O_TRUNC:
        inode.emptied()
    if inode.mode & S_IFMT == S_IFCHR:
        kept |= flags & O_NOCTTY  # terminals look at it
    file = inode.open(t, path, kept)
    if isinstance(file, Block):
        return file
    if flags & O_DIRECT and not inode.is_regular():
        file.acquire()
        file.drop()
        raise SyscallError(errno.EINVAL)
    if not truncatable:
        file.truncatable = False
    if file.path is None and path.mount.id:  # not through /proc/PID/fd to what has no place
        file.path = path.pin()
    if inode.fs.watched:
        on_path(path, IN_OPEN)
    return file
