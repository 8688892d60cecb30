"""TmpfsDir: a directory of tmpfs."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.stat import S_IFDIR, S_IFMT, S_IFREG
from sandbox.errors import SyscallError
from sandbox.fs.tmpfs.inode import TmpfsFile, TmpfsInode, TmpfsSpecial, TmpfsSymlink
from sandbox.vfs.directory_file import DirectoryFile
from sandbox.vfs.inode import RENAME_EXCHANGE, Inode
from sandbox.vfs.space import NAME_COST

if TYPE_CHECKING:
    from sandbox.fs.tmpfs.filesystem import Tmpfs
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.path import Path

BOGO_DIRENT_SIZE = 20  # mm/shmem.c


class TmpfsDir(TmpfsInode):
    """`names` holds the entries in order of creation."""

    __slots__ = ("names",)

    def __init__(self, fs: Tmpfs, ino: int, mode: int, uid: int, gid: int) -> None:
        super().__init__(fs, ino, mode, uid, gid)
        self.names: dict[bytes, TmpfsInode] = {}
        self.size = 2 * BOGO_DIRENT_SIZE

    # --- what an overlay overrides ---

    def new_file(self, mode: int, uid: int, gid: int) -> TmpfsFile:
        """An empty regular file of this file system."""
        return TmpfsFile(self.tmpfs, self.tmpfs.new_ino(), mode, uid, gid)

    def new_dir(self, mode: int, uid: int, gid: int) -> TmpfsDir:
        """An empty directory of this file system."""
        return TmpfsDir(self.tmpfs, self.tmpfs.new_ino(), mode, uid, gid)

    def enter(self, name: bytes, inode: TmpfsInode) -> None:
        """Put a name in."""
        self.tmpfs.account.add_bytes(NAME_COST + len(name))
        self.names[name] = inode
        self.size += BOGO_DIRENT_SIZE

    def leave(self, name: bytes) -> None:
        """Take a name out."""
        del self.names[name]
        self.tmpfs.account.add_bytes(-NAME_COST - len(name))
        self.size -= BOGO_DIRENT_SIZE

    def is_empty(self) -> bool:
        """No entries but `.` and `..`."""
        return not self.names

    # --- inode operations ---

    def _changed(self) -> None:
        self.mtime = self.ctime = self.fs.now()

    def lookup(self, name: bytes) -> Inode | None:
        """By name."""
        return self.names.get(name)

    def has_entry(self, name: bytes) -> bool:
        """By name."""
        return name in self.names

    def create(self, name: bytes, mode: int, uid: int, gid: int) -> Inode:
        """A regular file."""
        self.changing()
        inode = self.new_file(S_IFREG | mode & 0o7777, uid, gid)
        self.enter(name, inode)
        self._changed()
        return inode

    def tmpfile(self, mode: int, uid: int, gid: int) -> Inode:
        """A regular file without a name."""
        inode = self.new_file(S_IFREG | mode & 0o7777, uid, gid)
        inode.nlink = 0
        return inode

    def mkdir(self, name: bytes, mode: int, uid: int, gid: int) -> Inode:
        """A directory."""
        self.changing()
        inode = self.new_dir(S_IFDIR | mode & 0o7777, uid, gid)
        self.enter(name, inode)
        self.nlink += 1
        self._changed()
        return inode

    def mknod(self, name: bytes, mode: int, rdev: int, uid: int, gid: int) -> Inode:
        """A FIFO, socket, device node, or regular file."""
        if mode & S_IFMT == S_IFREG:
            return self.create(name, mode, uid, gid)
        self.changing()
        inode = TmpfsSpecial(self.tmpfs, self.tmpfs.new_ino(), mode, uid, gid)
        inode.rdev = rdev
        self.enter(name, inode)
        self._changed()
        return inode

    def symlink(self, name: bytes, target: bytes, uid: int, gid: int) -> Inode:
        """A symbolic link."""
        self.changing()
        inode = TmpfsSymlink(self.tmpfs, self.tmpfs.new_ino(), target, uid, gid)
        self.tmpfs.account.add_bytes(len(target))
        self.enter(name, inode)
        self._changed()
        return inode

    def link(self, name: bytes, inode: Inode) -> None:
        """One more name."""
        assert isinstance(inode, TmpfsInode)
        self.tmpfs.account.take_bytes(0)
        self.changing()
        inode.changing()
        self.enter(name, inode)
        inode.nlink += 1
        inode.ctime = self.fs.now()
        self._changed()

    def unlink(self, name: bytes, inode: Inode) -> None:
        """Take the name out; open files live on."""
        assert isinstance(inode, TmpfsInode)
        self.changing()
        inode.changing()
        self.leave(name)
        inode.unlinked()
        self._changed()

    def rmdir(self, name: bytes, inode: Inode) -> None:
        """ENOTEMPTY."""
        assert isinstance(inode, TmpfsDir)
        if not inode.is_empty():
            raise SyscallError(errno.ENOTEMPTY)
        self.changing()
        inode.changing()
        self.leave(name)
        self.nlink = max(self.nlink - 1, 2)
        inode.nlink = 1
        inode.unlinked()
        self._changed()

    def makes_whiteouts(self) -> bool:
        return True

    def rename(
        self, name: bytes, inode: Inode, new_dir: Inode, new_name: bytes, target: Inode | None, flags: int
    ) -> None:
        """Move or exchange; ENOTEMPTY."""
        assert isinstance(inode, TmpfsInode) and isinstance(new_dir, TmpfsDir)
        assert target is None or isinstance(target, TmpfsInode)
        if isinstance(target, TmpfsDir) and not flags & RENAME_EXCHANGE and not target.is_empty():
            raise SyscallError(errno.ENOTEMPTY)
        for one in (self, new_dir, inode, target):
            if one is not None:
                one.changing()
        moves_dir = isinstance(inode, TmpfsDir)
        if flags & RENAME_EXCHANGE:
            assert target is not None
            self.leave(name)
            new_dir.leave(new_name)
            new_dir.enter(new_name, inode)
            self.enter(name, target)
            gain = int(moves_dir) - int(isinstance(target, TmpfsDir))
            self.nlink = max(self.nlink - gain, 2)
            new_dir.nlink = max(new_dir.nlink + gain, 2)
            target.ctime = self.fs.now()
        else:
            self.leave(name)
            if target is not None:
                new_dir.leave(new_name)
                if isinstance(target, TmpfsDir):
                    new_dir.nlink = max(new_dir.nlink - 1, 2)
                    target.nlink = 1
                target.unlinked()
            new_dir.enter(new_name, inode)
            if moves_dir:
                self.nlink = max(self.nlink - 1, 2)
                new_dir.nlink += 1
        inode.ctime = self.fs.now()
        self._changed()
        new_dir._changed()

    def entries(self) -> list[tuple[bytes, int, int]]:
        """In order of creation."""
        return [(name, inode.ino, inode.mode & S_IFMT) for name, inode in self.names.items()]

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """A directory description."""
        file = DirectoryFile(flags, path, self)
        file.has_end = type(self) is not TmpfsDir  # an overlay's has
        return file
