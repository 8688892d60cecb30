"""How much private writable and shared anonymous memory the sandbox has promised (mm/util.c: __vm_enough_memory)."""

from __future__ import annotations

from typing import Final

from sandbox.abi.linux.mman import MAX_MAP_COUNT

GUESS: Final = 0  # OVERCOMMIT_GUESS
NEVER: Final = 2  # OVERCOMMIT_NEVER
OVERCOMMIT: Final = 8  # how often the memory may be promised: most of what programs map they never touch


class CommitAccount:
    """One per sandbox. In pages: `size` of its memory, `used` so far; a mapping is charged whole when it is made. Promises
    are made as if there were `machine` pages, if that is more: a pod's containers are bounded as by control groups."""

    __slots__ = ("size", "machine", "used", "shared", "mode", "ratio", "kbytes", "max_areas", "_inode")

    def __init__(self, memory_bytes: int) -> None:
        self.size = memory_bytes >> 12
        self.machine = 0
        self.used = 0
        self.shared = 0  # of it shared anonymous memory
        self.mode = GUESS  # vm.overcommit_memory
        self.ratio = 50  # vm.overcommit_ratio, percent; counts where `kbytes` is 0
        self.kbytes = 0  # vm.overcommit_kbytes
        self.max_areas = MAX_MAP_COUNT  # vm.max_map_count: of one address space
        self._inode = 0

    def next_inode(self) -> int:
        """A number for one more object of shared anonymous memory."""
        self._inode += 1
        return self._inode

    def limit(self) -> int:
        """How much may be promised where nothing is overcommitted (vm_commit_limit)."""
        return self.kbytes >> 2 if self.kbytes else max(self.size, self.machine) * self.ratio // 100

    def charge(self, pages: int) -> bool:
        """Promise `pages` more. False (and nothing changed) when no memory could hold them, or too much is promised."""
        size = max(self.size, self.machine)
        if self.mode == GUESS:
            if pages > size or self.used + pages > size * OVERCOMMIT:
                return False
        elif self.mode == NEVER and self.used + pages > self.limit():
            return False
        self.used += pages
        return True

    def uncharge(self, pages: int) -> None:
        """Take a promise back."""
        self.used -= pages
