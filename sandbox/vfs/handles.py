"""Handles: which files of a file system have been named by name_to_handle_at(2), by inode number."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sandbox.vfs.dentry import Dentry

MOST: Final = 4096


class Handles:
    """The places of the files that were named last; `generation` tells file systems apart."""

    __slots__ = ("generation", "_places")

    def __init__(self) -> None:
        self.generation = int.from_bytes(os.urandom(4), "little")
        self._places: dict[int, Dentry] = {}

    def keep(self, dentry: Dentry) -> None:
        """It was named: it is the last one to be forgotten."""
        inode = dentry.inode
        assert inode is not None
        places = self._places
        places.pop(inode.ino, None)
        places[inode.ino] = dentry
        if len(places) > MOST:
            del places[next(iter(places))]

    def find(self, ino: int) -> Dentry | None:
        """Where it is, or was when it was named; None once it has no name any more and nobody has it open."""
        dentry = self._places.get(ino)
        if dentry is None:
            return None
        inode = dentry.inode
        if inode is None or inode.ino != ino or (inode.nlink == 0 and not inode.opens):
            del self._places[ino]
            return None
        return dentry
