"""The file systems that a guest may make: tmpfs, proc, sysfs, mqueue, devpts, cgroup2, overlay."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.capability import CAP_SYS_ADMIN
from sandbox.abi.linux.statfs import ST_RDONLY
from sandbox.errors import SyscallError
from sandbox.kernel.user_namespace import INITIAL, NO_ID, UserNamespace
from sandbox.vfs.mount import ATIME_FLAGS, Mount

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.filesystem import Filesystem

KINDS = (b"tmpfs", b"ramfs", b"proc", b"sysfs", b"mqueue", b"devpts", b"cgroup2", b"overlay")


def make_filesystem(t: Task, kind: bytes, source: bytes, data: dict[bytes, bytes]) -> Filesystem:
    """A new file system; ENODEV for kinds that are not here, EPERM for those of a namespace that is another's, EINVAL for
    what their options cannot be."""
    vfs = t.kernel.mounts.vfs
    owner = _owner(t, kind)
    if kind in KINDS and not t.creds.has_in(owner, CAP_SYS_ADMIN):
        raise SyscallError(errno.EPERM)
    if kind in (b"tmpfs", b"ramfs"):
        from sandbox.fs.tmpfs.filesystem import Tmpfs
        from sandbox.fs.tmpfs.options import TmpfsOptions

        options = TmpfsOptions(data)
        uid = t.creds.fsuid if options.uid is None else t.creds.user.uids.to_kernel(options.uid)
        gid = t.creds.fsgid if options.gid is None else t.creds.user.gids.to_kernel(options.gid)
        if NO_ID in (uid, gid):
            raise SyscallError(errno.EINVAL)
        name = source.decode("utf-8", "surrogateescape")
        fs = Tmpfs(vfs.clock, vfs.new_dev(), name, options.mode, uid, gid, options.account(vfs.space))
        fs.user = owner
        fs.asked = options
        fs.readonly = options.readonly
        return fs
    if kind == b"proc":
        from sandbox.fs.procfs.filesystem import ProcFs
        from sandbox.fs.procfs.options import ProcOptions

        hidden = ProcOptions(data, t.creds.user)
        proc = ProcFs(t.kernel, vfs.new_dev(), t.pids)
        proc.user = owner
        proc.apply(hidden)
        proc.readonly = hidden.readonly
        return proc
    if kind == b"sysfs":
        from sandbox.fs.sysfs.filesystem import SysFs

        return SysFs(t.kernel, vfs.new_dev(), t.ns.net)
    if kind == b"mqueue":
        from sandbox.fs.mqueue.filesystem import mqueues

        return mqueues(t.kernel, t.ns.ipc)
    if kind == b"devpts":
        from sandbox.fs.devpts.options import DevPtsOptions

        pts = DevPtsOptions(data, t.creds.user).make(vfs.clock, vfs.new_dev(), source)
        pts.user = owner
        return pts
    if kind == b"cgroup2":
        from sandbox.fs.cgroupfs.filesystem import cgroups, check_options

        check_options(data)
        return cgroups(t.kernel)
    if kind == b"overlay":
        return _overlay(t, source, data)
    raise SyscallError(errno.ENODEV)


def _overlay(t: Task, source: bytes, data: dict[bytes, bytes]) -> Filesystem:
    from sandbox.fs.overlay.stacked import StackedFs
    from sandbox.fs.overlay.stacked_options import Layers

    layers = Layers(t, data)
    layers.prepare(t.ns.mnt.vfs.dentries)
    fs = StackedFs(t.kernel.mounts.vfs, t.ns.mnt, source.decode("utf-8", "surrogateescape"), layers)
    fs.user = t.creds.user
    return fs


def _owner(t: Task, kind: bytes) -> UserNamespace:
    """The user namespace of a new file system: what it shows may belong to somebody else than who mounts it."""
    if kind == b"proc":
        return t.pids.user
    if kind == b"mqueue":
        return t.ns.ipc.user
    if kind == b"cgroup2":
        return t.ns.cgroup.user
    return t.ns.net.user if kind == b"sysfs" else t.creds.user


def reconfigure(t: Task, fs: Filesystem, data: dict[bytes, bytes]) -> None:
    """Options of a mount that is there: a tmpfs takes other limits, a proc hides and shows. EINVAL."""
    from sandbox.fs.tmpfs.filesystem import Tmpfs

    if isinstance(fs, Tmpfs):
        from sandbox.fs.tmpfs.options import TmpfsOptions

        fs.resize(TmpfsOptions(data))
    elif fs.name == "proc":
        from sandbox.fs.procfs.filesystem import ProcFs
        from sandbox.fs.procfs.options import ProcOptions

        assert isinstance(fs, ProcFs)
        fs.apply(ProcOptions(data, t.creds.user))


def check_revealing(t: Task, fs: Filesystem, flags: int) -> None:
    """EPERM for a proc or sysfs that would show more than those that are mounted already (mount_too_revealing)."""
    namespace = t.ns.mnt
    if namespace.user is INITIAL or fs.name not in ("proc", "sysfs"):
        return
    if not any(mount.fs.name == fs.name and _as_revealing(mount, flags) for mount in namespace.mounts()):
        raise SyscallError(errno.EPERM)


def _as_revealing(mount: Mount, flags: int) -> bool:
    """The whole of it is seen, as freely as with `flags` (mnt_already_visible)."""
    locked = mount.locked_flags
    if mount.root.inode is not mount.fs.root or locked & ST_RDONLY & ~flags:
        return False
    if locked & ATIME_FLAGS and (mount.flags ^ flags) & ATIME_FLAGS:
        return False
    for point, child in mount.children.items():
        inode = point.inode
        if child.locked and not (inode is not None and inode.is_dir() and inode.nlink <= 2 and not inode.entries()):
            return False
    return True
