"""Nodes of file systems whose contents are made when they are read (proc, sysfs)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final, Iterator

from sandbox.abi.linux.capability import CAP_NET_ADMIN
from sandbox.abi.linux.stat import S_IFDIR, S_IFLNK, S_IFMT, S_IFREG
from sandbox.errors import SyscallError
from sandbox.fs.pseudo.made_contents import MadeContents
from sandbox.vfs.directory_file import DirectoryFile
from sandbox.vfs.inode import Inode
from sandbox.vfs.snapshots import Snapshot

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.filesystem import Filesystem
    from sandbox.vfs.path import Path

LARGE: Final = 1024  # contents above this many bytes count against the budget
MAX_STORE: Final = 4096  # bytes that one write to such a file may hold


class PseudoFs:
    """Hands out inode numbers for nodes that are made once."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last = 0

    def take(self) -> int:
        """The next number."""
        self.last += 1
        return self.last


def set_times_of(inode: Inode, atime: int | None, mtime: int | None, ctime: int) -> None:
    """Those that are not None, and ctime."""
    inode.atime = inode.atime if atime is None else atime
    inode.mtime = inode.mtime if mtime is None else mtime
    inode.ctime = ctime


class PseudoDir(Inode):
    """A directory with fixed entries."""

    __slots__ = ("children",)

    def __init__(self, fs: Filesystem, ino: int, mode: int = 0o555) -> None:
        super().__init__(fs, ino, S_IFDIR | mode, 0, 0, fs.now())
        self.children: dict[bytes, Inode] = {}

    def add(self, name: str, inode: Inode) -> None:
        """One more entry."""
        self.children[name.encode()] = inode
        if inode.is_dir():
            self.nlink += 1

    def blocks(self) -> int:
        """None."""
        return 0

    def lookup(self, name: bytes) -> Inode | None:
        """By name."""
        return self.children.get(name)

    def made_when_looked(self, name: bytes, names: list[bytes], make: Callable[[str], Inode]) -> Inode | None:
        """Of a directory whose entries come and go: one of `names`, those that there are now."""
        if name not in names:
            self.children.pop(name, None)
            return None
        known = self.children.get(name)
        if known is None:
            known = self.children[name] = make(name.decode())
        return known

    def entries(self) -> list[tuple[bytes, int, int]]:
        """In order of entry."""
        return [(name, inode.ino, inode.mode & S_IFMT) for name, inode in self.children.items()]

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """A directory description."""
        return DirectoryFile(flags, path, self)

    def set_times(self, atime: int | None, mtime: int | None, ctime: int) -> None:
        """Kept until the node is made anew (proc_notify_change, proc_sys_setattr, kernfs_iop_setattr)."""
        set_times_of(self, atime, mtime, ctime)

    def create(self, name: bytes, mode: int, uid: int, gid: int) -> Inode:
        """Nothing can be made here: EACCES, as sysfs has no such operation."""
        raise SyscallError(errno.EACCES)


class PseudoFile(Inode):
    """A file whose contents are made by `content`; writes go to `store`, a line at a time. `of_network`: it is a setting of the
    network namespace, whose owner may change it."""

    __slots__ = ("of_network",)

    def __init__(self, fs: Filesystem, ino: int, mode: int = 0o444) -> None:
        super().__init__(fs, ino, S_IFREG | mode, 0, 0, fs.now())
        self.size = fs.attribute_size
        self.of_network = False

    def admits(self, t: Task, mask: int) -> bool:
        """Who may administrate the network namespace, and root of its user namespace, is its owner (net_ctl_permissions)."""
        if not self.of_network or self.mode >> 6 & mask != mask:
            return False
        user = t.ns.net.user
        return t.creds.has_in(user, CAP_NET_ADMIN) or t.creds.euid == user.root()

    def content(self, t: Task) -> bytes | Iterator[bytes]:
        """What is read now; in parts when it may be long."""
        raise SyscallError(errno.EINVAL)

    def store(self, t: Task, data: bytes) -> None:
        """What was written."""
        raise SyscallError(errno.EIO)

    def blocks(self) -> int:
        """None."""
        return 0

    def truncate(self, size: int) -> None:
        """Opening with O_TRUNC is accepted and does nothing, as on Linux."""

    def set_times(self, atime: int | None, mtime: int | None, ctime: int) -> None:
        """Kept until the node is made anew (proc_notify_change, proc_sys_setattr, kernfs_iop_setattr)."""
        set_times_of(self, atime, mtime, ctime)

    def touch_mtime(self, now: int) -> None:
        """Not recorded."""

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """A description with its own copy of the contents."""
        return GeneratedFile(flags, path, self)


class MadeFile(PseudoFile):
    """A read-only file made by a function."""

    __slots__ = ("make",)

    def __init__(self, fs: Filesystem, ino: int, make: Callable[[Task], bytes], mode: int = 0o444) -> None:
        super().__init__(fs, ino, mode)
        self.make = make

    def content(self, t: Task) -> bytes:
        """What the function says."""
        return self.make(t)


class FixedFile(PseudoFile):
    """A read-only file whose contents never change."""

    __slots__ = ("text",)

    def __init__(self, fs: Filesystem, ino: int, text: bytes, mode: int = 0o444) -> None:
        super().__init__(fs, ino, mode)
        self.text = text

    def content(self, t: Task) -> bytes:
        """The text."""
        return self.text


class PseudoLink(Inode):
    """A symbolic link with a fixed text."""

    __slots__ = ("target",)

    def __init__(self, fs: Filesystem, ino: int, target: bytes) -> None:
        super().__init__(fs, ino, S_IFLNK | 0o777, 0, 0, fs.now())
        self.target = target

    def blocks(self) -> int:
        """None."""
        return 0

    def readlink(self, t: Task) -> bytes:
        """The text."""
        return self.target


class GeneratedFile(MadeContents):
    """An open pseudo file: contents are taken at offset 0 and stay while reading goes on (seq_file). Those in parts are
    made as reading gets there."""

    def __init__(self, flags: int, path: Path, inode: PseudoFile) -> None:
        super().__init__(flags, path, inode)
        self._node = inode
        self._snapshot = Snapshot()
        self._parts: Iterator[bytes] | None = None  # what is not made yet

    def has_news(self) -> bool:
        """An attribute that has not been read yet has changed since."""
        return self.fresh and self._node.fs.attribute_size > 0

    def pread(self, t: Task, dst: memoryview, offset: int) -> int:
        """At `offset`."""
        data = self._snapshot.data
        self.fresh = False
        if data is None or offset == 0:
            made = self._node.content(t)
            self._parts, data = (None, made) if isinstance(made, bytes) else (made, bytearray())
            self._snapshot.data = data
            self._keep(t, data)
        if self._parts is not None and len(data) <= offset:
            data = self._more(t, data, offset)
        part = data[offset : offset + len(dst)]
        dst[: len(part)] = part
        return len(part)

    def _more(self, t: Task, data: bytes | bytearray, offset: int) -> bytes | bytearray:
        """`data` with what follows, until there is something at `offset`."""
        assert self._parts is not None and isinstance(data, bytearray)
        while len(data) <= offset:
            part = next(self._parts, None)
            if part is None:
                self._parts = None
                break
            data += part
        self._keep(t, data)
        return data

    def _keep(self, t: Task, data: bytes | bytearray) -> None:
        if len(data) > LARGE:
            t.kernel.mounts.vfs.snapshots.keep(self, self._snapshot, len(data))

    def pwrite(self, t: Task, src: memoryview, offset: int) -> int:
        """The whole of it is one value; EINVAL when it is too long."""
        if len(src) > MAX_STORE:
            raise SyscallError(errno.EINVAL)
        self._node.store(t, bytes(src))
        self._snapshot.data = None
        return len(src)

    def release(self) -> None:
        """The contents go too."""
        if self.path is not None:
            self.path.mount.namespace.vfs.snapshots.drop(self)
        super().release()

    def seek(self, t: Task, offset: int, whence: int) -> int:
        if whence == 2 and self.inode.size:
            offset, whence = offset + self.inode.size, 0  # sysfs
        return super().seek(t, offset, whence)


class TaskGeneratedFile(GeneratedFile):
    """One of a process's: it has read and write alone, so it can't be spliced and takes no flags."""

    flagged = False
    flagged_writes = False

    @property
    def epollable(self) -> bool:
        return False
