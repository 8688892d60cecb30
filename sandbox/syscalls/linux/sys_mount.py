"""mount, umount2 (fs/namespace.c), name_to_handle_at."""

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
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REMOUNT,
    MS_SHARED,
    MS_SLAVE,
    MS_UNBINDABLE,
    ST_NOATIME,
    ST_NODEV,
    ST_NOEXEC,
    ST_NOSUID,
    ST_RDONLY,
    ST_RELATIME,
    UMOUNT_NOFOLLOW,
)
from sandbox.errors import SyscallError
from sandbox.syscalls.row import PARTIAL, REFUSED, Arg, Row, refuse
from sandbox.vfs.walk import FOLLOW, lookup

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.vfs.filesystem import Filesystem
    from sandbox.vfs.path import Path

_PROPAGATION: Final = MS_PRIVATE | MS_SLAVE | MS_SHARED | MS_UNBINDABLE


def _flags(ms: int) -> int:
    out = 0 if ms & MS_NOATIME else ST_RELATIME
    for bit, flag in (
        (MS_RDONLY, ST_RDONLY),
        (MS_NOSUID, ST_NOSUID),
        (MS_NODEV, ST_NODEV),
        (MS_NOEXEC, ST_NOEXEC),
        (MS_NOATIME, ST_NOATIME),
    ):
        if ms & bit:
            out |= flag
    return out


def sys_mount(t: Task, a: SyscallArgs) -> int:
    """mount(2)."""
    flags = a.uint(3)
    if flags & MS_MGC_MSK == MS_MGC_VAL:
        flags &= ~MS_MGC_MSK
    kind = t.copy_in_cstr(a.addr(2), 4096, errno.EINVAL) if a.addr(2) else None
    source = t.copy_in_cstr(a.addr(0), 4096, errno.EINVAL) if a.addr(0) else None
    data = _data(t, a.addr(4))
    target = lookup(t, AT_FDCWD, t.copy_in_path(a.addr(1)))
    if not t.creds.has(CAP_SYS_ADMIN):
        return -errno.EPERM
    if flags & MS_REMOUNT:
        return _remount(target, flags)
    if flags & MS_BIND:
        return _bind(t, source, target)
    if flags & _PROPAGATION:
        return _propagation(target, flags)
    if flags & MS_MOVE:
        return _move(t, source, target)
    if kind is None:
        return -errno.EINVAL
    fs = _make(t, kind, source or b"none", data)
    if not target.inode.is_dir():
        return -errno.ENOTDIR
    t.kernel.mounts.mount(fs, target, _flags(flags))
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


def _make(t: Task, kind: bytes, source: bytes, data: dict[bytes, bytes]) -> Filesystem:
    """A new file system; ENODEV for kinds that are not here."""
    vfs = t.kernel.mounts.vfs
    if kind in (b"tmpfs", b"ramfs"):
        from sandbox.fs.tmpfs.filesystem import Tmpfs
        from sandbox.vfs.space import SpaceAccount

        account = vfs.space
        if b"size" in data or b"nr_inodes" in data:
            account = SpaceAccount(
                min(_size(data.get(b"size", b"0")) or 2 << 30, vfs.space.limit * 4096),
                _size(data.get(b"nr_inodes", b"0")) or 1 << 20,
                vfs.space,
            )
        mode = _number(data.get(b"mode", b"1777"), 8)
        uid, gid = _number(data.get(b"uid", b"0"), 10), _number(data.get(b"gid", b"0"), 10)
        name = source.decode("utf-8", "surrogateescape")
        return Tmpfs(vfs.clock, vfs.new_dev(), name, mode & 0o7777, uid, gid, account)
    if kind == b"proc":
        from sandbox.fs.procfs.filesystem import ProcFs

        return ProcFs(t.kernel, vfs.new_dev())
    if kind == b"sysfs":
        from sandbox.fs.sysfs.filesystem import SysFs

        return SysFs(t.kernel, vfs.new_dev())
    if kind == b"mqueue":
        from sandbox.fs.mqueue.filesystem import mqueues

        return mqueues(t.kernel)
    raise SyscallError(errno.ENODEV)


def _number(text: bytes, base: int) -> int:
    try:
        return int(text, base)
    except ValueError:
        raise SyscallError(errno.EINVAL) from None


def _size(text: bytes) -> int:
    unit = {b"k": 10, b"m": 20, b"g": 30}.get(text[-1:].lower())
    if unit is not None:
        return _number(text[:-1], 10) << unit
    if text.endswith(b"%"):
        return 0
    return _number(text, 10)


def _remount(target: Path, flags: int) -> int:
    mount = target.mount
    if target.dentry is not mount.root:
        return -errno.EINVAL
    mount.flags = _flags(flags)
    return 0


def _bind(t: Task, source: bytes | None, target: Path) -> int:
    """A second view of a subtree; the mounts below it do not come along."""
    if not source:
        return -errno.ENOENT
    there = lookup(t, AT_FDCWD, source, FOLLOW)
    if there.inode.is_dir() != target.inode.is_dir():
        return -errno.ENOTDIR
    t.kernel.mounts.mount(there.inode.fs, target, there.mount.flags, there.dentry)
    return 0


def _propagation(target: Path, flags: int) -> int:
    """All mounts are private; asking for that is fine."""
    if target.dentry is not target.mount.root or flags & (MS_SHARED | MS_UNBINDABLE):
        return -errno.EINVAL
    return 0


def _move(t: Task, source: bytes | None, target: Path) -> int:
    if not source:
        return -errno.ENOENT
    there = lookup(t, AT_FDCWD, source, FOLLOW)
    namespace = t.kernel.mounts
    mount = there.mount
    if there.dentry is not mount.root or mount.parent is None:
        return -errno.EINVAL
    if there.inode.is_dir() != target.inode.is_dir():
        return -errno.ENOTDIR
    at = target.mount
    while True:
        if at is mount:
            return -errno.ELOOP
        if at.parent is None:
            break
        at = at.parent
    namespace.detach(mount)
    namespace.attach(mount, namespace.cover(target))
    return 0


def sys_umount2(t: Task, a: SyscallArgs) -> int:
    """umount2(2)."""
    flags = a.int(1)
    if flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW):
        return -errno.EINVAL
    there = lookup(t, AT_FDCWD, t.copy_in_path(a.addr(0)), 0 if flags & UMOUNT_NOFOLLOW else FOLLOW)
    if not t.creds.has(CAP_SYS_ADMIN):
        return -errno.EPERM
    mount = there.mount
    if there.dentry is not mount.root or mount.parent is None:
        return -errno.EINVAL
    if flags & MNT_EXPIRE:
        return -(errno.EINVAL if flags & (MNT_FORCE | MNT_DETACH) else errno.EAGAIN)
    t.kernel.mounts.unmount(mount, bool(flags & MNT_DETACH))
    return 0


_MOUNT_NOTE: Final = "tmpfs, proc, sysfs, bind (without the mounts below), remount, move; all mounts are private"

ROWS: Final[tuple[Row, ...]] = (
    Row(165, "mount", sys_mount, PARTIAL, (Arg.PATH, Arg.PATH, Arg.STR, Arg.HEX, Arg.ADDR), note=_MOUNT_NOTE),
    Row(166, "umount2", sys_umount2, PARTIAL, (Arg.PATH, Arg.HEX), note="MNT_EXPIRE answers EAGAIN each time"),
    Row(
        303,
        "name_to_handle_at",
        refuse(errno.EOPNOTSUPP),
        REFUSED,
        (Arg.FD, Arg.PATH, Arg.ADDR, Arg.ADDR, Arg.HEX),
        note="EOPNOTSUPP, as on a file system that can't be exported",
    ),
)
