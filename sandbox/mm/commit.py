"""How much private writable and shared anonymous memory the sandbox has promised (mm/util.c: __vm_enough_memory)."""

from __future__ import annotations

from typing import Final

OVERCOMMIT: Final = 8  # how often the memory may be promised: most of what programs map they never touch


class CommitAccount:
    """One per sandbox. In pages: `size` of its memory, `used` so far; a mapping is charged whole when it is made. Promises
    are made as if there were `machine` pages, if that is more: a pod's containers are bounded as by control groups."""

    __slots__ = ("size", "machine", "used", "shared", "_inode")

    def __init__(self, memory_bytes: int) -> None:
        self.size = memory_bytes >> 12
        self.machine = 0
        self.used = 0
        self.shared = 0  # of it shared anonymous memory
        self._inode = 0

    def next_inode(self) -> int:
        """A number for one more object of shared anonymous memory."""
        self._inode += 1
        return self._inode

    def charge(self, pages: int) -> bool:
        """Promise `pages` more. False (and nothing changed) when no memory could hold them, or too much is promised."""
        size = max(self.size, self.machine)
        if pages > size or self.used + pages > size * OVERCOMMIT:
            return False
        self.used += pages
        return True

    def uncharge(self, pages: int) -> None:
        """Take a promise back."""
        self.used -= pages
