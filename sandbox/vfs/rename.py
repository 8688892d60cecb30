"""rename(2), renameat2(2) (fs/namei.c: do_renameat2, vfs_rename)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.stat import S_IFCHR, S_IFDIR, S_IFMT
from sandbox.errors import SyscallError
from sandbox.vfs import landlock
from sandbox.vfs.create import new_attributes
from sandbox.vfs.inode import RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT
from sandbox.vfs.notify import (
    IN_ATTRIB,
    IN_ISDIR,
    IN_MOVE_SELF,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    RENAMED_WITHIN,
    on_entry,
    on_gone,
    on_self,
)
from sandbox.vfs.path import Path
from sandbox.vfs.permission import MAY_WRITE, check, check_mount_write, may_create, may_delete
from sandbox.vfs.walk import walk_parent

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.dentry import Dentry
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.walk import Walk

_SPECIAL: Final = (b"", b".", b"..")


def check_flags(flags: int) -> None:
    """EINVAL; looked at before the paths are."""
    if flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT):
        raise SyscallError(errno.EINVAL)
    if flags & RENAME_EXCHANGE and flags & (RENAME_NOREPLACE | RENAME_WHITEOUT):
        raise SyscallError(errno.EINVAL)


def rename(t: Task, old_dirfd: int, old: bytes, new_dirfd: int, new: bytes, flags: int) -> int:
    """renameat2(2) with `flags` that `check_flags` lets through: 0."""
    source = walk_parent(t, old_dirfd, old)
    target = walk_parent(t, new_dirfd, new)
    if source.mount is not target.mount:
        raise SyscallError(errno.EXDEV)
    if source.last in _SPECIAL:
        raise SyscallError(errno.EBUSY)
    if target.last in _SPECIAL:
        raise SyscallError(errno.EEXIST if flags & RENAME_NOREPLACE else errno.EBUSY)
    check_mount_write(source.mount)
    child = source.child()
    inode = child.inode
    if inode is None:
        raise SyscallError(errno.ENOENT)
    victim = target.child()
    replaced = victim.inode
    if replaced is None and inode.fs.fixed:
        raise SyscallError(errno.ENOENT)
    _check_names(source, target, child, victim, flags)
    directory, new_dir = source.dentry.inode, target.dentry.inode
    assert directory is not None and new_dir is not None
    if t.creds.landlock is not None:
        here, new_parent = Path(source.mount, child), Path(target.mount, target.dentry)
        there = Path(target.mount, victim) if replaced is not None else None
        landlock.check_refer(t, here, new_parent, replaced, True, flags & RENAME_EXCHANGE != 0, there)
    if inode is replaced:
        return 0
    _check_permissions(t, directory, new_dir, inode, replaced, flags)
    if child.mounts or victim.mounts or child is t.fs.root.dentry:
        raise SyscallError(errno.EBUSY)
    if inode.fs is not new_dir.fs:
        raise SyscallError(errno.EXDEV)
    if flags & RENAME_WHITEOUT and not directory.makes_whiteouts():
        raise SyscallError(errno.EINVAL)
    directory.rename(source.last, inode, new_dir, target.last, replaced, flags & RENAME_EXCHANGE)
    _moved(t, child, victim, target, flags)
    if flags & RENAME_WHITEOUT:
        mode, uid, gid = new_attributes(t, directory, S_IFCHR)
        directory.mknod(source.last, mode, 0, uid, gid)
    _notify(directory, new_dir, inode, replaced, source.last, target.last, flags)
    return 0


def _check_names(source: Walk, target: Walk, child: Dentry, victim: Dentry, flags: int) -> None:
    """What the names alone decide."""
    inode, replaced = child.inode, victim.inode
    assert inode is not None
    if flags & RENAME_NOREPLACE and replaced is not None:
        raise SyscallError(errno.EEXIST)
    if flags & RENAME_EXCHANGE:
        if replaced is None:
            raise SyscallError(errno.ENOENT)
        if not replaced.is_dir() and target.slash:
            raise SyscallError(errno.ENOTDIR)
    if not inode.is_dir():
        if source.slash or (not flags & RENAME_EXCHANGE and target.slash):
            raise SyscallError(errno.ENOTDIR)
    if target.dentry.within(child):
        raise SyscallError(errno.EINVAL)
    if source.dentry.within(victim) and replaced is not None:
        raise SyscallError(errno.EINVAL if flags & RENAME_EXCHANGE else errno.ENOTEMPTY)


def _check_permissions(
    t: Task, directory: Inode, new_dir: Inode, inode: Inode, replaced: Inode | None, flags: int
) -> None:
    """may_delete and may_create at both ends, then the kinds."""
    creds = t.creds
    may_delete(creds, directory, inode)
    moves_dir = inode.mode & S_IFMT == S_IFDIR
    if replaced is None:
        may_create(creds, new_dir)
    else:
        may_delete(creds, new_dir, replaced)
        if not flags & RENAME_EXCHANGE:
            if moves_dir and not replaced.is_dir():
                raise SyscallError(errno.ENOTDIR)
            if not moves_dir and replaced.is_dir():
                raise SyscallError(errno.EISDIR)
    if directory is not new_dir:
        if moves_dir:
            check(creds, inode, MAY_WRITE)
        if flags & RENAME_EXCHANGE and replaced is not None and replaced.is_dir():
            check(creds, replaced, MAY_WRITE)


def _moved(t: Task, child: Dentry, victim: Dentry, target: Walk, flags: int) -> None:
    """The dentry cache follows."""
    dentries = t.kernel.mounts.vfs.dentries
    if flags & RENAME_EXCHANGE:
        dentries.exchange(child, victim)
        return
    if victim.inode is not None:
        dentries.delete(victim)
    dentries.move(child, target.dentry, target.last)


def _notify(
    directory: Inode, new_dir: Inode, inode: Inode, replaced: Inode | None, name: bytes, new_name: bytes, flags: int
) -> None:
    fs = directory.fs
    if not fs.watched:
        return
    fs.move_cookie += 1
    is_dir = inode.is_dir()
    on_entry(directory, IN_MOVED_FROM, name, is_dir, fs.move_cookie)
    on_entry(new_dir, IN_MOVED_TO, new_name, is_dir, fs.move_cookie)
    if directory is new_dir:
        on_entry(directory, RENAMED_WITHIN, name, is_dir)
    if replaced is not None and not flags & RENAME_EXCHANGE:
        on_self(replaced, IN_ATTRIB | IN_ISDIR if replaced.is_dir() else IN_ATTRIB)
    on_self(inode, IN_MOVE_SELF)
    if replaced is None:
        return
    if flags & RENAME_EXCHANGE:
        fs.move_cookie += 1
        on_entry(new_dir, IN_MOVED_FROM, new_name, replaced.is_dir(), fs.move_cookie)
        on_entry(directory, IN_MOVED_TO, name, replaced.is_dir(), fs.move_cookie)
        on_self(replaced, IN_MOVE_SELF)
    else:
        on_gone(replaced)
