"""What an image says of things that belong to the host: file systems of the bundle by their device number, which follows from
the order of its mounts, their files by path, standard streams by number. Both directions are here, side by side.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Final, Sequence, TypeVar

from sandbox.abi.linux.fcntl import O_ACCMODE
from sandbox.checkpoint import network_parts
from sandbox.checkpoint.image import BadImage
from sandbox.errors import SyscallError
from sandbox.fs.host_stdio import HostFile
from sandbox.fs.hostfs.backing import HostBacking
from sandbox.fs.hostfs.filesystem import HostFs
from sandbox.fs.hostfs.inode import HostInode
from sandbox.fs.overlay.filesystem import OverlayFs
from sandbox.fs.procfs.filesystem import ProcFs
from sandbox.fs.sysfs.filesystem import SysFs
from sandbox.vfs.dentry import Dentry
from sandbox.vfs.inode import Inode
from sandbox.vfs.path import Path
from tcpip.stack.route import Route

if TYPE_CHECKING:
    from sandbox.checkpoint.contained import Contained
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.view import View
    from sandbox.vfs.filesystem import Filesystem

_INODE: Final = ("opens", "unseen", "writers", "maps", "locks", "marks", "attached", "linkable")
_PSEUDO: Final = ("opens", "unseen", "writers", "locks", "marks", "attached")
_FILE: Final = (
    "pos", "refs", "truncatable", "queue", "epoll_items", "owner", "own_locks", "path", "uid", "new_stat",
)  # fmt: skip

BundleFs = HostFs | ProcFs | SysFs
T = TypeVar("T")


def bundle_file_systems(view: View) -> list[BundleFs]:
    """What a container's bundle gives it of the host and of the kernel's own: a restored one takes it over from its own start."""
    found: list[BundleFs] = []
    for one in view.given:
        fs: Filesystem = one.lower if isinstance(one, OverlayFs) else one
        if isinstance(fs, BundleFs):
            found.append(fs)
    return found


def describe(fs: BundleFs) -> str:
    """What has to be the same in the bundle of the restored container."""
    return f"hostfs {fs.through:d}{fs.readonly:d}" if isinstance(fs, HostFs) else fs.name


def hidden_of(fs: BundleFs) -> tuple[int, int, bool]:
    """What a proc does not show, as a remount inside may have changed it."""
    return (fs.hide, fs.see_all, fs.pids_only) if isinstance(fs, ProcFs) else (0, 0, False)


def hide(fs: BundleFs, hidden: tuple[int, int, bool]) -> None:
    """The opposite."""
    if isinstance(fs, ProcFs):
        fs.hide, fs.see_all, fs.pids_only = hidden
        fs.guards = fs.hide != 0 or fs.pids_only


class Parts:
    """For one kernel. `outside` and `record` are the Encoder's, `meaning` and `make` the Decoder's."""

    def __init__(self, kernel: Kernel, containers: Sequence[Contained]) -> None:
        self._kernel = kernel
        self._containers = containers
        self._numbers = {one.view.number: at for at, one in enumerate(containers)}
        self._singles: dict[str, object] = {
            "kernel": kernel,
            "waiters": kernel.platform.waiters,
            "reactor": kernel.reactor,
            "timers": kernel.timers,
            "background timers": kernel.reactor.background,
            "clock": kernel.clock,
            "pids": kernel.pids,
            "random": kernel.random,
            "log": kernel.log,
            "net": kernel.net,
            "net_ns": kernel.net_ns,
            "aio": kernel.aio,
            "uring": kernel.uring,
        }
        self._singles.update(network_parts.names(kernel.net.stack))
        for at, one in enumerate(containers):
            self._singles.setdefault(f"pids {at}", one.view.pids)
            for number, fs in enumerate(bundle_file_systems(one.view)):
                self._singles[f"fs {at} {number}"] = fs
        self._names: dict[int, str] = {}
        for name, value in self._singles.items():
            self._names.setdefault(id(value), name)
        self._places: dict[int, Dentry] = {}  # of inodes that have no name of their own
        self.hosts: list[HostInode] = []  # that were made here
        self.missing: list[str] = []  # files of the host that a process has open, and that are not there

    # --- saving ---

    def note_places(self, root: Dentry) -> None:
        """Inodes below it can be named."""
        left = [root]
        while left:
            dentry = left.pop()
            if dentry.inode is not None:
                self._places[id(dentry.inode)] = dentry
            left.extend(dentry.children.values())

    def outside(self, value: object) -> str | None:
        """Its name."""
        return self._names.get(id(value))

    def record(self, value: object) -> tuple[object, ...] | None:
        """What is written in its place."""
        if isinstance(value, HostInode):
            if value.opens and not value.nlink:
                return None  # nobody finds it again
            state = tuple(getattr(value, name) for name in _INODE)
            return "host inode", value.host, value.parent, value.name, state
        if isinstance(value, Route):
            return network_parts.record(value)
        if isinstance(value, HostBacking):
            return "host mapping", value._file, value.name, value.place
        if isinstance(value, HostFile):
            at = self._numbers.get(value.container, -1)
            if value.origin < 0 or at < 0:
                return None
            return "stream", at, value.origin, value.flags, tuple(getattr(value, name) for name in _FILE)
        if isinstance(value, Inode) and isinstance(value.fs, ProcFs | SysFs):
            path = self._path_of(value)
            if path is None or any(name.isdigit() for name in path):
                return None  # a process's own directory
            return "pseudo inode", value.fs, path, tuple(getattr(value, name) for name in _PSEUDO)
        return None

    def _path_of(self, inode: Inode) -> tuple[bytes, ...] | None:
        dentry = self._places.get(id(inode))
        if dentry is None:
            return None
        path: list[bytes] = []
        while dentry.parent is not dentry:
            path.append(dentry.name)
            dentry = dentry.parent
        return tuple(reversed(path))

    # --- restoring ---

    def meaning(self, name: str) -> object:
        """The opposite of `outside`. BadImage."""
        if name.startswith("fs ") and name not in self._singles:
            raise BadImage("the bundle's root and mounts are not those that the container was checkpointed with")
        if name not in self._singles:
            raise BadImage(f"the image names {name!r}, which no sandbox has")
        return self._singles[name]

    def make(self, record: tuple[object, ...]) -> object:
        """The opposite of `record`. BadImage."""
        match record:
            case ("host inode", HostFs() as host, None, bytes(), tuple(state)):
                return self._with_state(host.top, state)
            case ("host inode", HostFs() as host, HostInode() as parent, bytes(name), tuple(state)):
                return self._host_inode(host, parent, name, state)
            case ("host mapping", HostInode() as inode, str(name), (Path() | None) as place):
                backing = HostBacking(inode, -1)
                backing.name, backing.place = name, place
                return backing
            case ("route", bytes(dst), bytes(src), int(mark)):
                return network_parts.route(self._kernel.net.stack, dst, src, mark)
            case ("stream", int(at), int(origin), int(flags), tuple(state)):
                return self._stream(at, origin, flags, state)
            case ("pseudo inode", (ProcFs() | SysFs()) as fs, tuple(path), tuple(state)):
                found: Inode | None = fs.root
                for part in path:
                    found = found.lookup(part) if found is not None and found.is_dir() else None
                if found is None:
                    raise BadImage(f"there is no {b'/'.join(path).decode('latin-1')} in {fs.name} here")
                return _with(found, _PSEUDO, state)
        raise BadImage("the image is damaged: a record of something of the host")

    def _host_inode(self, host: HostFs, parent: HostInode, name: bytes, state: tuple[object, ...]) -> HostInode:
        if parent.host is not host or b"/" in name or name in (b"", b".", b".."):
            raise BadImage("the image is damaged: a name of a file of the host")
        try:
            found = parent.lookup(name)
        except SyscallError:
            found = None
        if found is None:
            if state[0] or state[2]:
                self.missing.append(os.fsdecode(name))
            found = HostInode(host, parent, name, os.fstat(host.root_fd))
            found.key, found.nlink = (-1, id(found)), 0
        return self._with_state(found, state)

    def _with_state(self, inode: HostInode, state: tuple[object, ...]) -> HostInode:
        self.hosts.append(inode)
        return _with(inode, _INODE, state)

    def go_on(self) -> None:
        """What guests hold of files of volumes is held against others again, and what others change is heard of."""
        for inode in self.hosts:
            if inode.marks is not None:
                inode.host.watch_begins(inode)
            outside = inode.outside_locks() if inode.locks is not None else None
            if inode.locks is not None and outside is not None:
                outside.resume(inode.locks)

    def _stream(self, at: int, origin: int, flags: int, state: tuple[object, ...]) -> HostFile:
        stdio = self._containers[at].stdio if 0 <= at < len(self._containers) else ()
        if not 0 <= origin < len(stdio):
            raise BadImage(f"the container had a descriptor {origin} of the host, and none is given now")
        fd = fcntl.fcntl(stdio[origin], fcntl.F_DUPFD_CLOEXEC, 3)
        access = fcntl.fcntl(fd, fcntl.F_GETFL) & O_ACCMODE
        file = HostFile(fd, flags & ~O_ACCMODE | access, self._kernel.reactor)
        file.origin, file.container = origin, self._containers[at].number
        return _with(file, _FILE, state)


def _with(target: T, names: tuple[str, ...], state: tuple[object, ...]) -> T:
    for name, value in zip(names, state, strict=True):
        setattr(target, name, value)
    return target
