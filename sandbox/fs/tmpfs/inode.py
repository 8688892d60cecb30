"""TmpfsInode and its kinds that are no directories: regular files, symbolic links, special files."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import (
    F_SEAL_EXEC,
    F_SEAL_FUTURE_WRITE,
    F_SEAL_GROW,
    F_SEAL_SEAL,
    F_SEAL_SHRINK,
    F_SEAL_WRITE,
)
from sandbox.abi.linux.stat import S_IFDIR, S_IFLNK, S_IFMT, S_IFREG
from sandbox.abi.linux.xattr import CAPABILITIES
from sandbox.errors import SyscallError
from sandbox.fs.tmpfs.data import FileData
from sandbox.vfs.inode import Inode
from sandbox.vfs.regular_file import RegularFile

if TYPE_CHECKING:
    from sandbox.fs.tmpfs.filesystem import Tmpfs
    from sandbox.kernel.control import Block
    from sandbox.kernel.task import Task
    from sandbox.mm.backing import Backing
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.path import Path

XATTR_CREATE: Final = 1
XATTR_REPLACE: Final = 2
MAX_XATTR_BYTES: Final = 64 << 10  # all names and values of one inode

F_SEAL_ALL: Final = 0x3F
PROT_WRITE: Final = 2
FALLOC_FL_KEEP_SIZE: Final = 1
FALLOC_FL_PUNCH_HOLE: Final = 2


class TmpfsInode(Inode):
    """Attributes live in the fields; extended attributes in a dictionary, bounded as ext4's are."""

    __slots__ = ("tmpfs", "xattrs", "xattr_cost", "gone")

    def __init__(self, fs: Tmpfs, ino: int, mode: int, uid: int, gid: int) -> None:
        super().__init__(fs, ino, mode, uid, gid, fs.now())
        self.tmpfs = fs
        self.xattrs: dict[bytes, bytes] | None = None
        self.xattr_cost = 0  # bytes charged for them
        self.gone = False  # no name, no user: everything was given back

    def changing(self) -> None:
        """Something of it is about to change (an overlay remembers that)."""

    def blocks(self) -> int:
        """No pages of its own."""
        return 0

    def to_sync(self) -> int:
        return -1

    def set_mode(self, mode: int) -> None:
        """Replace the permission bits."""
        self.changing()
        self.mode = self.mode & S_IFMT | mode & 0o7777
        self.ctime = self.fs.now()

    def set_owner(self, uid: int, gid: int) -> None:
        """Replace both ids."""
        self.changing()
        self.uid = uid
        self.gid = gid
        self.ctime = self.fs.now()

    def set_times(self, atime: int | None, mtime: int | None, ctime: int) -> None:
        """Replace what is not None."""
        self.changing()
        if atime is not None:
            self.atime = atime
        if mtime is not None:
            self.mtime = mtime
        self.ctime = ctime

    def flaggable(self) -> bool:
        """Regular files and directories."""
        return self.mode & S_IFMT in (S_IFREG, S_IFDIR)

    def set_attrs(self, attrs: int) -> None:
        """Replace them."""
        self.changing()
        self.attrs = attrs
        self.ctime = self.fs.now()

    def load_xattrs(self) -> dict[bytes, bytes]:
        """The attributes to read from; never changed by the caller."""
        return self.xattrs if self.xattrs is not None else {}

    def get_xattr(self, name: bytes) -> bytes:
        """The value; ENODATA."""
        value = self.load_xattrs().get(name)
        if value is None:
            raise SyscallError(errno.ENODATA)
        return value

    def set_xattr(self, name: bytes, value: bytes, flags: int) -> None:
        """EEXIST, ENODATA by flags; ENOSPC when all together are too large."""
        have = self.load_xattrs()
        if flags & XATTR_CREATE and name in have:
            raise SyscallError(errno.EEXIST)
        if flags & XATTR_REPLACE and name not in have:
            raise SyscallError(errno.ENODATA)
        total = sum(len(n) + len(v) for n, v in have.items() if n != name) + len(name) + len(value)
        if total > MAX_XATTR_BYTES:
            raise SyscallError(errno.ENOSPC)
        self.changing()
        new = dict(have)
        new[name] = value
        self._keep_xattrs(new, total)
        if name == CAPABILITIES:
            self.capable = True
        self.ctime = self.fs.now()

    def remove_xattr(self, name: bytes) -> None:
        """ENODATA."""
        have = self.load_xattrs()
        if name not in have:
            raise SyscallError(errno.ENODATA)
        self.changing()
        kept = {n: v for n, v in have.items() if n != name}
        self._keep_xattrs(kept, sum(len(n) + len(v) for n, v in kept.items()))
        if name == CAPABILITIES:
            self.capable = False
        self.ctime = self.fs.now()

    def _keep_xattrs(self, xattrs: dict[bytes, bytes], size: int) -> None:
        account = self.tmpfs.account
        if size > self.xattr_cost:
            account.take_bytes(size - self.xattr_cost)
        else:
            account.add_bytes(size - self.xattr_cost)
        self.xattr_cost = size
        self.xattrs = xattrs

    def list_xattr(self) -> list[bytes]:
        """All names."""
        return list(self.load_xattrs())

    def unlinked(self) -> None:
        """One name fewer; without names and users it ends."""
        self.nlink -= 1
        self.ctime = self.fs.now()
        if self.nlink == 0 and self.opens == 0:
            self.closed()

    def closed(self) -> None:
        """The last description went: if there is no name either, give back what it holds."""
        if self.nlink == 0 and not self.gone:
            self.gone = True
            account = self.tmpfs.account
            account.give_inode()
            if self.xattr_cost:
                account.add_bytes(-self.xattr_cost)
            self.dispose()

    def dispose(self) -> None:
        """Give back contents."""


class TmpfsFile(TmpfsInode):
    """A regular file."""

    __slots__ = ("data", "seals")

    def __init__(self, fs: Tmpfs, ino: int, mode: int, uid: int, gid: int) -> None:
        super().__init__(fs, ino, mode, uid, gid)
        self.data = FileData(fs.account)
        self.seals = F_SEAL_SEAL  # F_SEAL_*; only a memfd starts without

    def set_mode(self, mode: int) -> None:
        """EPERM: it is sealed against becoming executable, or ceasing to be."""
        if self.seals & F_SEAL_EXEC and (self.mode ^ mode) & 0o111:
            raise SyscallError(errno.EPERM)
        super().set_mode(mode)

    def blocks(self) -> int:
        """Pages in use."""
        return self.data.blocks()

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """A regular description."""
        file = RegularFile(flags, path, self)
        file.nowait = False  # shmem sets no FMODE_NOWAIT
        return file

    def read_at(self, dst: memoryview, offset: int) -> int:
        """From memory."""
        return self.data.read(dst, offset)

    def stored(self, offset: int, size: int) -> memoryview | None:
        """Where it is small."""
        return self.data.stored(offset, size)

    def write_at(self, src: memoryview, offset: int) -> int:
        """Into memory."""
        if self.seals > F_SEAL_SEAL:
            self._check_seals(offset + len(src), writes=True)
        data = self.data
        n = data.write(src, offset)
        self.size = data.size
        return n

    def add_seals(self, seals: int) -> int:
        """EINVAL, EPERM when sealed against seals, EBUSY while somebody maps it writable."""
        if seals & ~F_SEAL_ALL:
            raise SyscallError(errno.EINVAL)
        if self.seals & F_SEAL_SEAL:
            raise SyscallError(errno.EPERM)
        if seals & F_SEAL_WRITE and not self.seals & F_SEAL_WRITE and self.data.writable_maps:
            raise SyscallError(errno.EBUSY)
        if seals & F_SEAL_EXEC and self.mode & 0o111:
            seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE  # what is executed is not written
        self.seals |= seals
        return 0

    def write_sealed(self) -> bool:
        return self.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) != 0

    def get_seals(self) -> int:
        """F_SEAL_SEAL for an ordinary file."""
        return self.seals

    def _check_seals(self, size: int, writes: bool) -> None:
        seals = self.seals
        if writes and self.write_sealed():
            raise SyscallError(errno.EPERM)
        if seals & F_SEAL_GROW and size > self.size:
            raise SyscallError(errno.EPERM)
        if not writes and seals & F_SEAL_SHRINK and size < self.size:
            raise SyscallError(errno.EPERM)

    def truncate(self, size: int) -> None:
        """Cut or extend."""
        if self.seals > F_SEAL_SEAL:
            self._check_seals(size, writes=False)
        self.data.truncate(size)
        self.size = size

    def allocates_to_limit(self) -> bool:
        return True

    def fallocate(self, mode: int, offset: int, length: int) -> None:
        """Allocate, or punch a hole; the other modes are EOPNOTSUPP as on tmpfs."""
        if mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE):
            raise SyscallError(errno.EOPNOTSUPP)
        data = self.data
        if mode & FALLOC_FL_PUNCH_HOLE:
            if self.seals > F_SEAL_SEAL:
                self._check_seals(self.size, writes=True)
            data.punch(offset, length)
        else:
            keep = bool(mode & FALLOC_FL_KEEP_SIZE)
            if self.seals > F_SEAL_SEAL:
                self._check_seals(max(offset + length, self.size), writes=False)
            data.allocate(offset, length, keep)
        self.size = data.size

    def seek_data(self, offset: int, hole: bool) -> int:
        """By pages."""
        return self.data.seek(offset, hole)

    def backing(self, shared: bool, prot: int) -> Backing:
        """The memfd."""
        from sandbox.fs.tmpfs.backing import TmpfsBacking

        writable = shared and bool(prot & PROT_WRITE)
        if writable and self.write_sealed():
            raise SyscallError(errno.EPERM)
        self.data.promote()
        return TmpfsBacking(self, writable)

    def dispose(self) -> None:
        """Free the pages, unless they are mapped."""
        if self.data.maps == 0:
            self.data.release()


class TmpfsSymlink(TmpfsInode):
    """A symbolic link."""

    __slots__ = ("target",)

    def __init__(self, fs: Tmpfs, ino: int, target: bytes, uid: int, gid: int) -> None:
        super().__init__(fs, ino, S_IFLNK | 0o777, uid, gid)
        self.target = target
        self.size = len(target)

    def dispose(self) -> None:
        """The text was charged when the link was made (directory.py: symlink)."""
        self.tmpfs.account.add_bytes(-self.size)

    def readlink(self, t: Task) -> bytes:
        """The text."""
        return self.target

    def blocks(self) -> int:
        """A page for what is not short (mm/shmem.c: SHORT_SYMLINK_LEN)."""
        return 8 if self.size >= 128 else 0


class TmpfsSpecial(TmpfsInode):
    """A FIFO, socket or device node."""

    __slots__ = ()

    def open(self, t: Task, path: Path, flags: int) -> FileDescription | Block:
        """What the sandbox's registry has for it; ENXIO."""
        return t.kernel.mounts.vfs.devices.open(t, path, self, flags)
