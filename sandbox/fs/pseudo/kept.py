"""KeptInode: an inode whose attributes can be changed and stay, as in any file system in memory."""

from __future__ import annotations

from sandbox.abi.linux.stat import S_IFMT
from sandbox.vfs.inode import Inode


class KeptInode(Inode):
    """Nothing is checked here: that is the caller's (vfs/attr.py)."""

    __slots__ = ()

    def set_mode(self, mode: int) -> None:
        """Replace the permission bits."""
        self.mode = self.mode & S_IFMT | mode & 0o7777
        self.ctime = self.fs.now()

    def set_owner(self, uid: int, gid: int) -> None:
        """Replace both ids."""
        self.uid, self.gid = uid, gid
        self.ctime = self.fs.now()

    def set_times(self, atime: int | None, mtime: int | None, ctime: int) -> None:
        """Replace what is not None."""
        if atime is not None:
            self.atime = atime
        if mtime is not None:
            self.mtime = mtime
        self.ctime = ctime
