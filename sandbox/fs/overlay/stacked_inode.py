"""Inodes of an overlay that a guest has mounted, but for directories: fields mirror the real inode, operations go to it."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_ACCMODE, O_RDONLY
from sandbox.abi.linux.stat import S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG
from sandbox.errors import SyscallError
from sandbox.vfs.inode import Inode
from sandbox.vfs.regular_file import RegularFile

if TYPE_CHECKING:
    from sandbox.fs.overlay.stacked import StackedFs
    from sandbox.fs.overlay.stacked_dir import StackedDir
    from sandbox.kernel.control import Block
    from sandbox.kernel.task import Task
    from sandbox.mm.backing import Backing
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.path import Path

PROT_WRITE: Final = 2
CHUNK: Final = 1 << 20  # bytes copied at a time


def is_whiteout(real: Inode) -> bool:
    """It says that there is nothing."""
    return real.mode & S_IFMT == S_IFCHR and real.rdev == 0


class StackedInode(Inode):
    """`upper`, `lower`: the real inode in the upper layer, and in the first lower one that has it; at least one is there."""

    __slots__ = ("stack", "upper", "lower", "up", "place")

    def __init__(
        self, fs: StackedFs, upper: Inode | None, lower: Inode | None, up: StackedDir | None, place: bytes
    ) -> None:
        self.stack = fs
        self.upper = upper
        self.lower = lower
        self.up = up
        self.place = place
        real = upper if upper is not None else lower
        assert real is not None
        number = fs.origins.get((real.fs.dev, real.ino)) if upper is not None and lower is None else None
        super().__init__(
            fs, number or fs.number(lower if lower is not None else real), real.mode, real.uid, real.gid, 0
        )
        self.attached = real.attached
        self.mirror()

    @property
    def real(self) -> Inode:
        """Whose contents and attributes count."""
        real = self.upper if self.upper is not None else self.lower
        assert real is not None
        return real

    def mirror(self) -> None:
        """Take the attributes over from the real one."""
        real = self.real
        if real.live:
            real.refresh()
        self.mode, self.uid, self.gid, self.nlink, self.size = real.mode, real.uid, real.gid, real.nlink, real.size
        self.rdev, self.attrs, self.acls, self.capable = real.rdev, real.attrs, real.acls, real.capable
        self.atime, self.mtime, self.ctime, self.btime = real.atime, real.mtime, real.ctime, real.btime

    # --- copying up ---

    def raise_up(self, keep: int = -1) -> Inode:
        """The upper inode, made when it is not there yet, with the first `keep` bytes of contents (-1: all)."""
        if self.upper is None:
            self.copy_up(keep)
        assert self.upper is not None
        return self.upper

    def copy_up(self, keep: int) -> None:
        """ovl_copy_up_one: ENOSPC, EROFS."""
        up, low = self.up, self.lower
        if self.stack.layers.upper is None or low is None or up is None:
            raise SyscallError(errno.EROFS)
        directory = up.raise_up()
        if self.nlink == 0 and low.nlink:  # unlinked, and open: nobody will see the name
            new = directory.tmpfile(low.mode & 0o7777, low.uid, low.gid)
            self.fill(new, low, keep)
        else:
            mtime, ctime = directory.mtime, directory.ctime
            new = self.make(directory, low)
            try:
                self.fill(new, low, keep)
            except SyscallError:
                directory.unlink(self.place, new)
                raise
            directory.set_times(None, mtime, ctime)
        up.touched(self.place)
        self.upper = new
        if low.nlink > 1:  # other names of it are still the lower file's
            self.ino = self.stack.number(new)
        else:
            self.stack.origin(new, low)

    def make(self, directory: Inode, low: Inode) -> Inode:
        """The empty copy."""
        kind = low.mode & S_IFMT
        if kind == S_IFREG:
            return directory.create(self.place, low.mode, low.uid, low.gid)
        return directory.mknod(self.place, low.mode, low.rdev, low.uid, low.gid)

    def fill(self, new: Inode, low: Inode, keep: int) -> None:
        """Contents and attributes of the copy."""
        copy_attributes(self.stack, low, new)

    # --- attributes ---

    def blocks(self) -> int:
        return self.real.blocks()

    def set_mode(self, mode: int) -> None:
        self.raise_up().set_mode(mode)
        self.mirror()

    def set_owner(self, uid: int, gid: int) -> None:
        self.raise_up().set_owner(uid, gid)
        self.mirror()

    def set_times(self, atime: int | None, mtime: int | None, ctime: int) -> None:
        self.raise_up().set_times(atime, mtime, ctime)
        self.mirror()

    def touch_atime(self, now: int) -> None:
        """Lower layers are not written to."""
        if self.upper is not None:
            self.upper.touch_atime(now)
            self.atime = self.upper.atime

    def touch_mtime(self, now: int) -> None:
        self.raise_up().touch_mtime(now)
        self.mirror()

    def flaggable(self) -> bool:
        return self.real.flaggable()

    def set_attrs(self, attrs: int) -> None:
        self.raise_up().set_attrs(attrs)
        self.mirror()

    def acls_stored(self) -> None:
        self.raise_up().acls = self.acls

    # --- extended attributes ---

    def get_xattr(self, name: bytes) -> bytes:
        if self.stack.own(name):
            raise SyscallError(errno.EOPNOTSUPP)
        return self.real.get_xattr(name)

    def set_xattr(self, name: bytes, value: bytes, flags: int) -> None:
        if self.stack.own(name):
            raise SyscallError(errno.EOPNOTSUPP)
        real = self.raise_up()
        real.set_xattr(name, value, flags)
        self.ctime, self.capable = real.ctime, real.capable

    def remove_xattr(self, name: bytes) -> None:
        if self.stack.own(name):
            raise SyscallError(errno.EOPNOTSUPP)
        self.real.get_xattr(name)  # ENODATA before anything is copied
        real = self.raise_up()
        real.remove_xattr(name)
        self.ctime, self.capable = real.ctime, real.capable

    def list_xattr(self) -> list[bytes]:
        return [name for name in self.real.list_xattr() if not self.stack.own(name)]

    def to_sync(self) -> int:
        return -1 if self.upper is None else self.upper.to_sync()

    # --- ends ---

    def unlinked(self) -> None:
        """A name of it has gone."""
        if self.upper is not None:
            self.nlink = self.upper.nlink
            if not self.nlink:
                self.stack.known.pop(self.upper, None)
        else:
            self.nlink = 0
        self.ctime = self.fs.now()


def copy_attributes(fs: StackedFs, low: Inode, new: Inode) -> None:
    """Mode, extended attributes and times (ovl_copy_xattr, ovl_set_attr)."""
    for name in low.list_xattr():
        if fs.own(name):
            continue
        try:
            new.set_xattr(name, low.get_xattr(name), 0)
        except SyscallError as error:
            if error.errno != errno.EOPNOTSUPP or not name.startswith(b"security."):
                raise  # the host's files take none of a guest's capabilities
    new.acls = low.acls
    if new.mode & S_IFMT != S_IFLNK and new.mode & 0o7777 != low.mode & 0o7777:
        new.set_mode(low.mode & 0o7777)
    if low.attrs:
        new.set_attrs(low.attrs)
    new.set_times(low.atime, low.mtime, new.ctime)


class StackedFile(StackedInode):
    """A regular file. `held`: an open description of the lower file, while this one is open."""

    __slots__ = ("held", "holds")

    def __init__(
        self, fs: StackedFs, upper: Inode | None, lower: Inode | None, up: StackedDir | None, place: bytes
    ) -> None:
        super().__init__(fs, upper, lower, up, place)
        self.held: FileDescription | None = None
        self.holds: Inode | None = None

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """For writing it is copied up first."""
        if flags & O_ACCMODE != O_RDONLY:
            self.raise_up()
        if not self.opens:
            if self.upper is None:
                real = self.real
                held = real.open(t, self.stack.place_of(real), O_RDONLY)
                assert isinstance(held, RegularFile)
                held.acquire()
                self.held = held
            else:
                self._hold()
            self.mirror()
        return RegularFile(flags, path, self)

    def emptied(self) -> None:
        """Nothing of the lower file needs to be copied."""
        self.raise_up(0)

    def _hold(self) -> None:
        upper = self.upper
        if upper is not None and self.holds is None:
            self.holds = upper
            upper.opens += 1

    def closed(self) -> None:
        held, self.held = self.held, None
        if held is not None:
            held.drop()
        holds, self.holds = self.holds, None
        if holds is not None:
            holds.opens -= 1
            if not holds.opens:
                holds.closed()
        elif not self.nlink and self.upper is not None and not self.upper.opens:
            self.upper.closed()

    def copy_up(self, keep: int) -> None:
        super().copy_up(keep)
        if self.opens:
            self._hold()
            held, self.held = self.held, None
            if held is not None:
                held.drop()

    def fill(self, new: Inode, low: Inode, keep: int) -> None:
        size = low.size if keep < 0 else min(keep, low.size)
        opened = low.opens
        low.opens += 1
        try:
            _copy_data(low, new, size)
        finally:
            low.opens -= 1
            if not opened:
                low.closed()
        super().fill(new, low, keep)

    def read_at(self, dst: memoryview, offset: int) -> int:
        return self.real.read_at(dst, offset)

    def stored(self, offset: int, size: int) -> memoryview | None:
        return self.real.stored(offset, size)

    def write_at(self, src: memoryview, offset: int) -> int:
        upper = self.raise_up()
        count = upper.write_at(src, offset)
        self.size = upper.size
        return count

    def truncate(self, size: int) -> None:
        upper = self.raise_up(size)
        upper.truncate(size)
        self.size = upper.size

    def fallocate(self, mode: int, offset: int, length: int) -> None:
        upper = self.raise_up()
        upper.fallocate(mode, offset, length)
        self.size = upper.size

    def seek_data(self, offset: int, hole: bool) -> int:
        return self.real.seek_data(offset, hole)

    def backing(self, shared: bool, prot: int) -> Backing:
        """The real file's, under this one's number."""
        if shared and prot & PROT_WRITE:
            self.raise_up()
        backing = self.real.backing(shared, prot)
        backing.device, backing.inode = self.fs.dev, self.ino
        return backing


def _copy_data(low: Inode, new: Inode, size: int) -> None:
    """The first `size` bytes, holes left out."""
    buffer = memoryview(bytearray(min(CHUNK, size)))
    at = 0
    while at < size:
        try:
            at = low.seek_data(at, False)
        except SyscallError:
            break  # only a hole is left
        count = low.read_at(buffer[: min(len(buffer), max(size - at, 0))], at)
        if not count:
            break
        done = 0
        while done < count:
            done += new.write_at(buffer[done:count], at + done)
        at += count
    if new.size < size:
        new.truncate(size)


class StackedSymlink(StackedInode):
    """A symbolic link."""

    __slots__ = ()

    def readlink(self, t: Task) -> bytes:
        return self.real.readlink(t)

    def make(self, directory: Inode, low: Inode) -> Inode:
        target = getattr(low, "target", None)
        if target is None:
            target = low.host_readlink() if hasattr(low, "host_readlink") else None
        if not isinstance(target, bytes):
            raise SyscallError(errno.EIO)
        return directory.symlink(self.place, target, low.uid, low.gid)


class StackedSpecial(StackedInode):
    """A FIFO, a socket or a device."""

    __slots__ = ()

    def open(self, t: Task, path: Path, flags: int) -> FileDescription | Block:
        return t.kernel.mounts.vfs.devices.open(t, path, self, flags)


def is_dir(real: Inode) -> bool:
    """Of a layer."""
    return real.mode & S_IFMT == S_IFDIR
