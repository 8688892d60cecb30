"""LazyDir: a directory whose entries are made when somebody looks for the first time; most sandboxes never do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.fs.pseudo.nodes import PseudoDir

if TYPE_CHECKING:
    from sandbox.vfs.filesystem import Filesystem
    from sandbox.vfs.inode import Inode


class LazyDir(PseudoDir):
    """`make` adds the entries."""

    __slots__ = ("made",)

    def __init__(self, fs: Filesystem, ino: int, mode: int = 0o555) -> None:
        super().__init__(fs, ino, mode)
        self.made = False

    def make(self) -> None:
        """Once."""

    def lookup(self, name: bytes) -> Inode | None:
        """By name."""
        if not self.made:
            self.made = True
            self.make()
        return super().lookup(name)

    def entries(self) -> list[tuple[bytes, int, int]]:
        """In order of entry."""
        if not self.made:
            self.made = True
            self.make()
        return super().entries()
