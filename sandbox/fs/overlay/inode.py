"""Inodes of the overlay: tmpfs inodes with a lower counterpart, copied up in place."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sandbox.abi.linux.stat import S_IFSOCK
from sandbox.errors import SyscallError
from sandbox.fs.tmpfs.directory import TmpfsDir
from sandbox.fs.tmpfs.inode import TmpfsFile, TmpfsInode, TmpfsSpecial, TmpfsSymlink
from sandbox.vfs.regular_file import RegularFile
from sandbox.vfs.space import NAME_COST

if TYPE_CHECKING:
    from sandbox.fs.hostfs.inode import HostInode
    from sandbox.fs.overlay.filesystem import OverlayFs
    from sandbox.fs.overlay.masks import MaskNode
    from sandbox.fs.tmpfs.filesystem import Tmpfs
    from sandbox.kernel.task import Task
    from sandbox.mm.backing import Backing
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path

PROT_WRITE = 2


class OverlayDir(TmpfsDir):
    """`names` holds what was made or changed here; `whiteouts` lower names that are gone."""

    __slots__ = ("lower", "up", "place", "dirty", "whiteouts", "mask")

    def __init__(self, fs: Tmpfs, ino: int, mode: int, uid: int, gid: int) -> None:
        super().__init__(fs, ino, mode, uid, gid)
        self.lower: HostInode | None = None
        self.up: OverlayDir | None = None
        self.place = b""
        self.dirty = True
        self.whiteouts: set[bytes] = set()
        self.mask: MaskNode | None = None
        self.size = 4096

    def adopt(self, low: HostInode, up: OverlayDir | None, place: bytes) -> None:
        """Be the clean image of a lower directory."""
        adopt(self, low, up, place)
        self.nlink = max(self.nlink, 2)

    def changing(self) -> None:
        """Become dirty."""
        if not self.dirty:
            pin(self)

    def makes_whiteouts(self) -> bool:
        return False

    def blocks(self) -> int:
        """The lower directory's, or one page as on a disk."""
        low = self.lower
        return low.blocks() if low is not None else 8

    def load_xattrs(self) -> dict[bytes, bytes]:
        """The lower directory's, until some are set."""
        return load_xattrs(self)

    def new_file(self, mode: int, uid: int, gid: int) -> TmpfsFile:
        """A file without a lower counterpart."""
        return OverlayFile(self.tmpfs, self.tmpfs.new_ino(), mode, uid, gid)

    def new_dir(self, mode: int, uid: int, gid: int) -> TmpfsDir:
        """A directory without a lower counterpart."""
        return OverlayDir(self.tmpfs, self.tmpfs.new_ino(), mode, uid, gid)

    def _lower_child(self, name: bytes) -> HostInode | None:
        """The visible lower file `name`."""
        low = self.lower
        if low is None or name in self.whiteouts:
            return None
        mask = self.mask
        if mask is not None and not mask.shows(name):
            return None
        return low.lookup(name)

    def enter(self, name: bytes, inode: TmpfsInode) -> None:
        """Put a name in, above whatever the lower layer has."""
        self.tmpfs.account.add_bytes(NAME_COST + len(name))
        self.names[name] = inode
        if isinstance(inode, OverlayDir):
            inode.up = self
            inode.place = name

    def leave(self, name: bytes) -> None:
        """Take a name out, and white out a lower one."""
        if self.names.pop(name, None) is not None:
            self.tmpfs.account.add_bytes(-NAME_COST - len(name))
        if self._lower_child(name) is not None:
            self.whiteouts.add(name)

    def is_empty(self) -> bool:
        """Nothing above, nothing visible below."""
        return not self.names and not self._lower_entries()

    def lookup(self, name: bytes) -> Inode | None:
        """Above, else below."""
        found = self.names.get(name)
        if found is not None:
            return found
        low = self._lower_child(name)
        if low is None:
            return None
        mask = self.mask
        overlay: OverlayFs = self.fs  # type: ignore[assignment]
        return overlay.wrap(self, name, low, mask.children.get(name) if mask is not None else None)

    def has_entry(self, name: bytes) -> bool:
        """Above or below."""
        return name in self.names or self._lower_child(name) is not None

    def _lower_entries(self) -> list[tuple[bytes, int, int]]:
        low, mask = self.lower, self.mask
        if low is None or (mask is not None and mask.only and not mask.children):
            return []  # nothing of it is shown: it need not even be readable
        names, gone = self.names, self.whiteouts
        return [
            entry
            for entry in low.entries()
            if entry[0] not in names
            and entry[0] not in gone
            and entry[2] != S_IFSOCK
            and (mask is None or mask.shows(entry[0]))
        ]

    def entries(self) -> list[tuple[bytes, int, int]]:
        """Lower ones, then those above."""
        return self._lower_entries() + super().entries()


class OverlayFile(TmpfsFile):
    """A regular file: its contents are the lower file's until the first change (`lower` is None from then on)."""

    __slots__ = ("lower", "up", "place", "dirty", "origin")

    def __init__(self, fs: Tmpfs, ino: int, mode: int, uid: int, gid: int) -> None:
        super().__init__(fs, ino, mode, uid, gid)
        self.lower: HostInode | None = None
        self.origin: HostInode | None = None  # where extended attributes come from, also after copy-up
        self.up: OverlayDir | None = None
        self.place = b""
        self.dirty = True

    def adopt(self, low: HostInode, up: OverlayDir | None, place: bytes) -> None:
        """Be the clean image of a lower file."""
        adopt(self, low, up, place)
        self.origin = low

    def changing(self) -> None:
        """Become dirty."""
        if not self.dirty:
            pin(self)

    def load_xattrs(self) -> dict[bytes, bytes]:
        """The lower file's, until some are set."""
        return load_xattrs(self)

    def blocks(self) -> int:
        """The lower file's, or pages in use."""
        low = self.lower
        return low.blocks() if low is not None else self.data.blocks()

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """Sees to a host descriptor, and to what the host changed since the last look."""
        low = self.lower
        if low is not None:
            fd = low.reader()
            if self.opens == 0:
                low.opens += 1
                low.host.forget(low)
            if not self.dirty:
                st = os.fstat(fd)
                if st.st_size != self.size or st.st_mtime_ns != low.mtime:
                    low.fill(st)
                    self.size, self.mtime, self.ctime = low.size, low.mtime, low.ctime
        return RegularFile(flags, path, self)

    def closed(self) -> None:
        """The host descriptor is idle now."""
        low = self.lower
        if low is not None and low.opens:
            low.opens -= 1
            low.settle()
        super().closed()

    def copy_up(self, keep: int | None = None) -> None:
        """Take the contents over: all of them, or the first `keep` bytes."""
        low = self.lower
        if low is None:
            return
        self.changing()
        fd = low.reader()
        size = os.fstat(fd).st_size
        low.opens += 1  # or its descriptor might be given up for the one that it is copied to
        try:
            self.data.copy_from(fd, size if keep is None else min(keep, size))
        except SyscallError:
            self.data.release()
            raise
        finally:
            low.opens -= 1
        self.size = self.data.size
        self.lower = None
        if self.opens and low.opens:
            low.opens -= 1
        low.settle()

    def read_at(self, dst: memoryview, offset: int) -> int:
        """From below or from memory."""
        low = self.lower
        return low.read_at(dst, offset) if low is not None else self.data.read(dst, offset)

    def stored(self, offset: int, size: int) -> memoryview | None:
        """Only what is in memory."""
        return self.data.stored(offset, size) if self.lower is None else None

    def write_at(self, src: memoryview, offset: int) -> int:
        """Into memory."""
        if self.lower is not None:
            self.copy_up()
        return super().write_at(src, offset)

    def truncate(self, size: int) -> None:
        """Only what is kept is copied up."""
        if self.lower is not None:
            self.copy_up(size)
        super().truncate(size)

    def allocates_to_limit(self) -> bool:
        return False

    def fallocate(self, mode: int, offset: int, length: int) -> None:
        """In memory."""
        if self.lower is not None:
            self.copy_up()
        super().fallocate(mode, offset, length)

    def seek_data(self, offset: int, hole: bool) -> int:
        """The host knows about the lower file's holes."""
        low = self.lower
        return low.seek_data(offset, hole) if low is not None else self.data.seek(offset, hole)

    def backing(self, shared: bool, prot: int) -> Backing:
        """The host's file until it is to be written through the mapping."""
        low = self.lower
        if low is not None:
            if not shared or not prot & PROT_WRITE:
                backing = low.backing(shared, prot)
                backing.device, backing.inode = self.fs.dev, self.ino
                return backing
            self.copy_up()
        return super().backing(shared, prot)


class OverlaySymlink(TmpfsSymlink):
    """A symbolic link."""

    __slots__ = ("lower", "up", "place", "dirty")

    def __init__(self, fs: Tmpfs, ino: int, target: bytes, uid: int, gid: int) -> None:
        super().__init__(fs, ino, target, uid, gid)
        self.lower: HostInode | None = None
        self.up: OverlayDir | None = None
        self.place = b""
        self.dirty = True

    def adopt(self, low: HostInode, up: OverlayDir | None, place: bytes) -> None:
        """Be the clean image of a lower link."""
        adopt(self, low, up, place)

    def changing(self) -> None:
        """Become dirty; the text counts from now on."""
        if not self.dirty:
            pin(self)
            self.tmpfs.account.add_bytes(self.size)


class OverlaySpecial(TmpfsSpecial):
    """A FIFO or device node of the lower layer: inside it leads to the sandbox's own."""

    __slots__ = ("lower", "up", "place", "dirty")

    def __init__(self, fs: Tmpfs, ino: int, mode: int, uid: int, gid: int) -> None:
        super().__init__(fs, ino, mode, uid, gid)
        self.lower: HostInode | None = None
        self.up: OverlayDir | None = None
        self.place = b""
        self.dirty = True

    def adopt(self, low: HostInode, up: OverlayDir | None, place: bytes) -> None:
        """Be the clean image of a lower node."""
        adopt(self, low, up, place)

    def changing(self) -> None:
        """Become dirty."""
        if not self.dirty:
            pin(self)


OverlayInode = OverlayDir | OverlayFile | OverlaySymlink | OverlaySpecial


def adopt(inode: OverlayInode, low: HostInode, up: OverlayDir | None, place: bytes) -> None:
    """Take over a lower file's attributes; clean from now on."""
    inode.lower = low
    inode.up = up
    inode.place = place
    inode.dirty = False
    inode.mode = low.mode
    inode.nlink = low.nlink
    inode.size = low.size
    inode.rdev = low.rdev
    inode.atime, inode.mtime, inode.ctime = low.atime, low.mtime, low.ctime
    inode.btime = 0


def pin(inode: OverlayInode) -> None:
    """`inode` is about to change: it and its directories stay from now on. ENOSPC by the limit of inodes."""
    inode.tmpfs.account.take_inode()
    inode.dirty = True
    up = inode.up
    if up is not None:
        if not up.dirty:
            pin(up)
        if inode.place not in up.names:
            inode.tmpfs.account.add_bytes(NAME_COST + len(inode.place))
            up.names[inode.place] = inode


def load_xattrs(inode: OverlayDir | OverlayFile) -> dict[bytes, bytes]:
    """Own attributes, else the lower file's of the user namespace."""
    if inode.xattrs is not None:
        return inode.xattrs
    low = inode.origin if isinstance(inode, OverlayFile) else inode.lower
    found: dict[bytes, bytes] = {}
    if low is not None:
        try:
            for name in low.list_xattr():
                found[name] = low.get_xattr(name)
        except SyscallError:
            found = {}
    if inode.dirty:
        inode.xattrs = found
    return found
