"""CgroupNode: what directories and control files have in common: attributes that can be changed, to delegate a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.abi.linux.stat import S_IFMT
from sandbox.vfs.inode import Inode

if TYPE_CHECKING:
    from sandbox.fs.cgroupfs.filesystem import CgroupFs


class CgroupNode(Inode):
    """`owner`: user and group."""

    __slots__ = ("cgroups",)

    def __init__(self, fs: CgroupFs, mode: int, owner: tuple[int, int]) -> None:
        super().__init__(fs, fs.new_ino(), mode, owner[0], owner[1], fs.now())
        self.cgroups = fs

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
        self.atime = self.atime if atime is None else atime
        self.mtime = self.mtime if mtime is None else mtime
        self.ctime = ctime
