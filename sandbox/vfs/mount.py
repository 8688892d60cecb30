"""Mounts and mount namespaces (mount_namespaces(7)): which file system is seen where."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final, Iterator

from sandbox.abi.linux.stat import makedev
from sandbox.abi.linux.statfs import ST_NOATIME, ST_NODEV, ST_NOEXEC, ST_NOSUID, ST_RDONLY, ST_RELATIME
from sandbox.errors import SyscallError
from sandbox.vfs.dentry import Dentry, DentryCache
from sandbox.vfs.locks import DeadlockGraph
from sandbox.vfs.path import Path
from sandbox.vfs.snapshots import SnapshotBudget
from sandbox.vfs.space import SpaceAccount

if TYPE_CHECKING:
    from sandbox.vfs.devices import DeviceRegistry
    from sandbox.vfs.filesystem import Filesystem
    from tcpip.clock import Clock

MAX_MOUNTS: Final = 10_000  # fs.mount-max is 100,000


class Mount:
    """`flags` are ST_* bits. `root` is the dentry shown at `point` of `parent`."""

    __slots__ = ("id", "fs", "root", "parent", "point", "children", "flags", "pins", "namespace")

    def __init__(self, ident: int, fs: Filesystem, root: Dentry, flags: int, namespace: MountNamespace) -> None:
        self.id = ident
        self.fs = fs
        self.root = root
        self.parent: Mount | None = None
        self.point: Dentry | None = None
        self.children: dict[Dentry, Mount] = {}
        self.flags = flags
        self.pins = 0
        self.namespace = namespace

    def readonly(self) -> bool:
        """Writes are EROFS."""
        return bool(self.flags & ST_RDONLY) or self.fs.readonly

    def options(self) -> str:
        """The per-mount options as /proc/mounts prints them."""
        flags = self.flags
        text = "ro" if flags & ST_RDONLY else "rw"
        for bit, name in ((ST_NOSUID, "nosuid"), (ST_NODEV, "nodev"), (ST_NOEXEC, "noexec"), (ST_NOATIME, "noatime")):
            if flags & bit:
                text += "," + name
        return text + ",relatime" if flags & ST_RELATIME else text


class Vfs:
    """What all mount namespaces of a sandbox share: the dentry cache, device numbers, character devices."""

    def __init__(self, clock: Clock, devices: DeviceRegistry, space: SpaceAccount | None = None) -> None:
        self.clock = clock
        self.devices = devices
        self.dentries = DentryCache()
        self.space = space if space is not None else SpaceAccount()  # what tmpfs mounts without a size draw on
        self.lock_waits = DeadlockGraph()
        self.snapshots = SnapshotBudget()
        self.inotify_instances = 0
        self.inotify_watches = 0
        self.proc_net: Callable[[str], bytes | None] | None = None  # text of a table of /proc/net
        self.sys_class_net: Callable[[], dict[str, dict[str, str]]] | None = None  # interface -> attributes
        self.internal: Mount | None = None  # of files that have no place in any tree
        self._next_dev = 20
        self._next_mount = 20
        self._roots: dict[Filesystem, Dentry] = {}
        self._users: dict[Filesystem, int] = {}

    def new_dev(self) -> int:
        """An st_dev for a new file system (major 0)."""
        self._next_dev += 1
        return makedev(0, self._next_dev)

    def new_mount_id(self) -> int:
        """An id for /proc/PID/mountinfo."""
        self._next_mount += 1
        return self._next_mount

    def root_of(self, fs: Filesystem) -> Dentry:
        """The root dentry of a file system: one however often it is mounted."""
        dentry = self._roots.get(fs)
        if dentry is None:
            dentry = self._roots[fs] = Dentry(b"/", None, fs.root)
        return dentry

    def used(self, fs: Filesystem) -> None:
        """One mount more of `fs`."""
        self._users[fs] = self._users.get(fs, 0) + 1

    def unused(self, fs: Filesystem, busy: bool) -> None:
        """One mount fewer; the last one ends the file system, unless it is still in use (`busy`)."""
        left = self._users.get(fs, 0) - 1
        if left > 0:
            self._users[fs] = left
            return
        self._users.pop(fs, None)
        self._roots.pop(fs, None)
        if not busy:
            fs.unmounted()


class MountNamespace:
    """A tree of mounts."""

    def __init__(self, vfs: Vfs, root_fs: Filesystem, flags: int = ST_RELATIME) -> None:
        self.vfs = vfs
        self.count = 1
        self.root = Mount(vfs.new_mount_id(), root_fs, vfs.root_of(root_fs), flags, self)
        vfs.used(root_fs)

    def root_path(self) -> Path:
        """The top: the topmost mount that covers the root."""
        return self.cover(Path(self.root, self.root.root))

    def cover(self, path: Path) -> Path:
        """`path`, or the root of what is mounted on it."""
        mount, dentry = path.mount, path.dentry
        while dentry.mounts:
            child = mount.children.get(dentry)
            if child is None:
                break
            mount, dentry = child, child.root
        return path if mount is path.mount else Path(mount, dentry)

    def mount(self, fs: Filesystem, at: Path, flags: int = ST_RELATIME, root: Dentry | None = None) -> Mount:
        """Attach `fs` (or its subtree `root`) on top of what is at `at`; ENOSPC at the bound of mounts."""
        if self.count >= MAX_MOUNTS:
            raise SyscallError(errno.ENOSPC)
        at = self.cover(at)
        new = Mount(self.vfs.new_mount_id(), fs, root if root is not None else self.vfs.root_of(fs), flags, self)
        self.vfs.used(fs)
        self.attach(new, at)
        self.count += 1
        new.root.pins += 1
        return new

    def attach(self, mount: Mount, at: Path) -> None:
        """Hang `mount` at `at`, where nothing is mounted."""
        mount.parent = at.mount
        mount.point = at.dentry
        at.mount.children[at.dentry] = mount
        at.dentry.mounts += 1

    def detach(self, mount: Mount) -> None:
        """Take `mount` off its place, with all that hangs below it."""
        parent, point = mount.parent, mount.point
        if parent is not None and point is not None:
            del parent.children[point]
            point.mounts -= 1
        mount.parent = None
        mount.point = None

    def unmount(self, mount: Mount, lazy: bool) -> None:
        """umount2(2): EBUSY while it is in use, unless `lazy`."""
        below = list(walk_mounts(mount))
        if not lazy and (len(below) > 1 or mount.pins):
            raise SyscallError(errno.EBUSY)
        self.detach(mount)
        for one in below:
            if one is not mount and lazy:
                self.detach(one)
            one.root.pins -= 1
            self.vfs.unused(one.fs, one.pins > 0)
            self.count -= 1

    def mounts(self) -> list[Mount]:
        """All mounts, parents before children."""
        return list(walk_mounts(self.root))


def walk_mounts(mount: Mount) -> Iterator[Mount]:
    """`mount` and all below it, parents first."""
    waiting = [mount]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(reversed(one.children.values()))
