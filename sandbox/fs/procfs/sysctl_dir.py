"""Directories of /proc/sys: each counts as one link, whatever is in it (fs/proc/proc_sysctl.c: proc_sys_make_inode)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.fs.pseudo.lazy import LazyDir
from sandbox.fs.pseudo.nodes import PseudoFile

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.vfs.inode import Inode


class SysctlDir(LazyDir):
    """One of them."""

    __slots__ = ("procfs",)

    def __init__(self, fs: ProcFs, ino: int) -> None:
        super().__init__(fs, ino)
        self.procfs = fs
        self.nlink = 1

    def add(self, name: str, inode: Inode) -> None:
        """One more entry."""
        self.children[name.encode()] = inode


class SysctlRoot(SysctlDir):
    """/proc/sys. Its settings, and the modules that know them, are there from the first look on."""

    __slots__ = ()

    def make(self) -> None:
        """All of them."""
        from sandbox.fs.procfs import sysctl

        sysctl.fill(self.procfs, self)

    def enter(self, path: str, inode: Inode) -> None:
        """By its path, whose directories are made."""
        *way, last = path.split("/")
        here: SysctlDir = self
        for name in way:
            found = here.children.get(name.encode())
            if found is None:
                found = SysctlDir(self.procfs, self.procfs.new_ino())
                here.add(name, found)
            assert isinstance(found, SysctlDir)
            here = found
        if way[:1] == ["net"] and isinstance(inode, PseudoFile):
            inode.of_network = True
        here.add(last, inode)
