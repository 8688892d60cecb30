"""mount, umount2, pivot_root (fs/namespace.c), name_to_handle_at."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYS_ADMIN
from sandbox.abi.linux.fcntl import AT_FDCWD
from sandbox.abi.linux.statfs import (
    MNT_DETACH,
    MNT_EXPIRE,
    MNT_FORCE,
    MS_BIND,
    MS_MGC_MSK,
    MS_MGC_VAL,
    MS_MOVE,
    MS_NOATIME,
    MS_NODIRATIME,
    MS_NOUSER,
    MS_PRIVATE,
    MS_REC,
    MS_RELATIME,
    MS_REMOUNT,
    MS_SHARED,
    MS_SILENT,
    MS_SLAVE,
    MS_STRICTATIME,
    MS_UNBINDABLE,
    ST_NOATIME,
    ST_NODIRATIME,
    ST_RELATIME,
    UMOUNT_NOFOLLOW,
)
from sandbox.errors import SyscallError
from sandbox.fs.nsfs.filesystem import NsInode
from sandbox.fs.tmpfs.filesystem import Tmpfs
from sandbox.syscalls.linux.mountable import check_revealing, make_filesystem, reconfigure
from sandbox.syscalls.row import FULL, PARTIAL, Arg, Row
from sandbox.vfs.mount import ATIME_FLAGS, Mount, MountNamespace, below, covering, walk_mounts
from sandbox.vfs.mount_flags import flags_of, shown_of
from sandbox.vfs.path import Path
from sandbox.vfs.propagation import copy_tree, discard_tree, propagate, receivers
from sandbox.vfs.walk import DIRECTORY, FOLLOW, lookup

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.vfs.filesystem import Filesystem

_PROPAGATION: Final = MS_PRIVATE | MS_SLAVE | MS_SHARED | MS_UNBINDABLE
_ATIME: Final = MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME


def sys_mount(t: Task, a: SyscallArgs) -> int:
    """mount(2) (fs/namespace.c: path_mount)."""
    flags = a.uint(3)
    kind = t.copy_in_cstr(a.addr(2), 4096, errno.EINVAL) if a.addr(2) else None
    source = t.copy_in_cstr(a.addr(0), 4096, errno.EINVAL) if a.addr(0) else None
    data = _data(t, a.addr(4))
    target = lookup(t, AT_FDCWD, t.copy_in_path(a.addr(1)))
    if flags & MS_MGC_MSK == MS_MGC_VAL:
        flags &= ~MS_MGC_MSK
    if flags & MS_NOUSER:
        return -errno.EINVAL
    check_privilege(t)
    if flags & MS_REMOUNT:
        return _remount(t, target, flags, data)
    if flags & MS_BIND:
        return _bind(t, source, target, flags & MS_REC != 0)
    if flags & _PROPAGATION:
        return change_propagation(t, target, flags)
    if flags & MS_MOVE:
        return _move(t, source, target)
    if kind is None:
        return -errno.EINVAL
    fs = make_filesystem(t, kind, source or b"none", data)
    if isinstance(fs, Tmpfs):
        fs.shown = shown_of(flags)
    return add_mount(t, fs, target, flags_of(flags))


def check_privilege(t: Task) -> None:
    """EPERM without CAP_SYS_ADMIN over the mount namespace, or in a Landlock domain."""
    if not t.creds.has_in(t.ns.mnt.user, CAP_SYS_ADMIN) or t.creds.landlock is not None:
        raise SyscallError(errno.EPERM)


def check_mine(t: Task, mount: Mount) -> None:
    """EINVAL for a mount that is not in the caller's namespace."""
    if not mount.attached or mount.namespace is not t.ns.mnt:
        raise SyscallError(errno.EINVAL)


def add_mount(t: Task, fs: Filesystem, target: Path, flags: int) -> int:
    """A new file system at `target`: EINVAL, EBUSY where the same one is mounted already, ENOTDIR. (do_add_mount)"""
    check_mine(t, target.mount)
    check_revealing(t, fs, flags)
    at = covering(target)
    if at.mount.fs is fs and at.dentry is at.mount.root:
        return -errno.EBUSY
    if target.inode.is_dir() != fs.root.is_dir():
        return -errno.ENOTDIR
    t.ns.mnt.mount(fs, target, flags, fs.shown_to(t.ns))
    return 0


def _data(t: Task, address: int) -> dict[bytes, bytes]:
    """The comma-separated options."""
    if not address:
        return {}
    out = {}
    for item in t.copy_in_cstr(address, 4096, errno.EINVAL).split(b","):
        key, _, value = item.partition(b"=")
        if key:
            out[key] = value
    return out


def _remount(t: Task, target: Path, flags: int, data: dict[bytes, bytes]) -> int:
    """New flags of a mount; without MS_BIND a tmpfs takes new limits, too. (do_remount, do_reconfigure_mnt)"""
    mount = target.mount
    check_mine(t, mount)
    if target.dentry is not mount.root:
        return -errno.EINVAL
    new = flags_of(flags)
    if not flags & _ATIME:
        kept = ST_NOATIME | ST_NODIRATIME | ST_RELATIME
        new = new & ~kept | mount.flags & kept
    check_locked(mount, new)
    if not flags & MS_BIND and not t.creds.has_in(mount.fs.user, CAP_SYS_ADMIN):
        return -errno.EPERM
    if data and not flags & MS_BIND:
        reconfigure(t, mount.fs, data)
    mount.flags = new
    mount.namespace.changed()
    return 0


def check_locked(mount: Mount, flags: int) -> None:
    """EPERM for flags that would undo what a more privileged user namespace has set (can_change_locked_flags)."""
    locked = mount.locked_flags
    if locked & ~ATIME_FLAGS & ~flags or (locked & ATIME_FLAGS and (mount.flags ^ flags) & ATIME_FLAGS):
        raise SyscallError(errno.EPERM)


def bind_tree(t: Task, there: Path, recurse: bool) -> Mount:
    """Copies of what is mounted from `there` on, attached nowhere: EINVAL, ENOSPC. (__do_loopback)"""
    inode = there.inode
    if isinstance(inode, NsInode):
        namespace = inode.namespace
        if isinstance(namespace, MountNamespace) and namespace.number >= t.ns.mnt.number:
            raise SyscallError(errno.EINVAL)
    else:
        check_mine(t, there.mount)
    if there.mount.unbindable:
        raise SyscallError(errno.EINVAL)
    if not recurse:
        for point, child in there.mount.children.items():
            if child.locked and point.within(there.dentry):
                raise SyscallError(errno.EINVAL)
    tree = copy_tree(t.ns.mnt.vfs, there.mount, there.dentry, t.ns.mnt, recurse=recurse)
    tree.locked = False
    return tree


def _bind(t: Task, source: bytes | None, target: Path, recurse: bool) -> int:
    """A second view of a subtree, with the mounts below it if `recurse`."""
    if not source:
        return -errno.EINVAL
    there = lookup(t, AT_FDCWD, source, FOLLOW)
    check_mine(t, target.mount)
    tree = bind_tree(t, there, recurse)
    if there.inode.is_dir() != target.inode.is_dir():
        discard_tree(t.ns.mnt.vfs, tree)
        return -errno.ENOTDIR
    t.ns.mnt.graft(tree, target)
    return 0


def change_propagation(t: Task, target: Path, flags: int) -> int:
    """MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE, with MS_REC for all below as well. (do_change_type)"""
    kind = flags & ~(MS_REC | MS_SILENT)
    if kind not in (MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE):
        return -errno.EINVAL
    top = target.mount
    check_mine(t, top)
    if target.dentry is not top.root:
        return -errno.EINVAL
    propagate(t.ns.mnt.vfs, list(walk_mounts(top)) if flags & MS_REC else [top], kind)
    return 0


def _move(t: Task, source: bytes | None, target: Path) -> int:
    if not source:
        return -errno.EINVAL
    move_tree(t, lookup(t, AT_FDCWD, source, FOLLOW), target)
    return 0


def move_tree(t: Task, there: Path, target: Path, beneath: bool = False) -> None:
    """The mount at `there` to `target`: EINVAL, ELOOP. (do_move_mount)"""
    mount = there.mount
    check_mine(t, target.mount)
    check_mine(t, mount)
    over = beneath_of(t, there, target) if beneath else target.mount
    shared = over.peers is not None
    if (
        there.dentry is not mount.root
        or mount.parent is None
        or mount.locked
        or there.inode.is_dir() != target.inode.is_dir()
        or mount.parent.peers is not None
        or (shared and any(one.unbindable for one in walk_mounts(mount)))
    ):
        raise SyscallError(errno.EINVAL)
    at: Mount | None = over if beneath else covering(target).mount
    while at is not None:
        if at is mount:
            raise SyscallError(errno.ELOOP)
        at = at.parent
    if beneath:
        t.ns.mnt.put_beneath(mount, covering(target).mount)
    else:
        t.ns.mnt.move(mount, target)


def beneath_of(t: Task, there: Path, target: Path) -> Mount:
    """The mount on which the topmost one at `target` is: EINVAL where nothing can go between them (can_move_mount_beneath)."""
    top = covering(target)
    mount, parent, point = top.mount, top.mount.parent, top.mount.point
    if parent is None or point is None or top.dentry is not mount.root or mount.locked or mount is t.fs.root.mount:
        raise SyscallError(errno.EINVAL)
    above: Mount | None = there.mount
    while above is not None:
        if above is mount:
            raise SyscallError(errno.EINVAL)
        above = above.parent
    for hears in receivers(parent, point):
        if hears.root is point and (hears is mount or hears is there.mount):
            raise SyscallError(errno.EINVAL)
    return parent


def sys_umount2(t: Task, a: SyscallArgs) -> int:
    """umount2(2)."""
    flags = a.int(1)
    if flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW):
        return -errno.EINVAL
    path = t.copy_in_path(a.addr(0))
    there = covering(lookup(t, AT_FDCWD, path, 0 if flags & UMOUNT_NOFOLLOW else FOLLOW))
    if not t.creds.has_in(t.ns.mnt.user, CAP_SYS_ADMIN):
        return -errno.EPERM
    mount = there.mount
    if there.dentry is not mount.root:
        return -errno.EINVAL
    check_mine(t, mount)
    check_privilege(t)
    if mount.locked:
        return -errno.EINVAL
    if flags & MNT_EXPIRE:
        if mount.parent is None or flags & (MNT_FORCE | MNT_DETACH):
            return -errno.EINVAL
        if mount.pins:
            return -errno.EBUSY
        if not mount.expiring:
            mount.expiring = True
            return -errno.EAGAIN
    if mount.parent is None:
        return -(errno.EINVAL if flags & MNT_DETACH else errno.EBUSY)
    t.ns.mnt.unmount(mount, flags & MNT_DETACH != 0)
    return 0


def sys_pivot_root(t: Task, a: SyscallArgs) -> int:
    """pivot_root(2)."""
    check_privilege(t)
    new = lookup(t, AT_FDCWD, t.copy_in_path(a.addr(0)), FOLLOW | DIRECTORY)
    old = lookup(t, AT_FDCWD, t.copy_in_path(a.addr(1)), FOLLOW | DIRECTORY)
    root = t.fs.root
    under = covering(old)
    new_parent, root_parent = new.mount.parent, root.mount.parent
    shared = under.mount.peers is not None or (new_parent is not None and new_parent.peers is not None)
    if shared or (root_parent is not None and root_parent.peers is not None):
        return -errno.EINVAL
    check_mine(t, root.mount)
    check_mine(t, new.mount)
    if new.mount.locked:
        return -errno.EINVAL
    if new.dentry.deleted:
        return -errno.ENOENT
    if new.mount is root.mount or under.mount is root.mount:
        return -errno.EBUSY
    if root.dentry is not root.mount.root or new.dentry is not new.mount.root or new_parent is None:
        return -errno.EINVAL
    if not below(under, new) or not below(new, root):
        return -errno.EINVAL
    t.ns.mnt.pivot(root.mount, new.mount, under)
    old_root = Path(root.mount, root.dentry)
    for task in list(t.pids.tasks.values()):
        if task.mm is not None and task.fs.root.same(old_root):
            task.fs.set_root(new)
        if task.mm is not None and task.fs.cwd.same(old_root):
            task.fs.set_cwd(new)
    return 0


_REMOUNT: Final = "a remount without MS_BIND changes this mount's flags only (and a tmpfs's limits)"
_EXPIRE: Final = "after MNT_EXPIRE has answered EAGAIN, a look at the mount does not start the wait anew"

ROWS: Final[tuple[Row, ...]] = (
    Row(155, "pivot_root", sys_pivot_root, FULL, (Arg.PATH, Arg.PATH)),
    Row(165, "mount", sys_mount, PARTIAL, (Arg.PATH, Arg.PATH, Arg.STR, Arg.HEX, Arg.ADDR), note=_REMOUNT),
    Row(166, "umount2", sys_umount2, PARTIAL, (Arg.PATH, Arg.HEX), note=_EXPIRE),
)
