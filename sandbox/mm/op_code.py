"""Code that a platform adds to a guest's own: what it may replace, and a place for what it puts there instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.mman import (
    MAP_FIXED_NOREPLACE,
    MAP_SHARED,
    MMAP_MIN_ADDR,
    NR_MMAP,
    PAGE_OFFSET,
    PROT_EXEC,
    PROT_READ,
    VM_EXEC,
    VM_MAYEXEC,
    VM_MAYREAD,
    VM_MAYSHARE,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
)
from sandbox.mm.operation import Operation
from sandbox.mm.vma import VMA
from sandbox.platform.base import Order

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.mm.memory_manager import MemoryManager
    from sandbox.vfs.path import Path

_REACH: Final = (1 << 31) - (1 << 20)  # of a jump, and a little less
_FAR: Final = 7 << 28
_ALONE: Final = 1 << 24
# Readable, executable, and never to be made writable: the file behind it is sealed.
_FLAGS: Final = VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYEXEC | VM_SHARED | VM_MAYSHARE


def patchable(mm: MemoryManager, start: int, end: int) -> bool:
    """[start, end) is code of a file in one private area that cannot be written now; nothing is about to change."""
    area = mm.areas.find(start)
    return (
        area is not None
        and end <= area.end
        and area.flags & (VM_READ | VM_WRITE | VM_EXEC | VM_MAYSHARE) == VM_READ | VM_EXEC
        and area.backing is not None
        and not mm.busy
    )


class PlatformCode:
    """What lies behind such an area: the host's mapping keeps it alive."""

    base = 0
    counted = False
    outside = False
    keepable: object = None
    place: Path | None = None
    device = 0
    inode = 0
    name = "[thunks]"

    def __init__(self) -> None:
        self.key: object = self

    def host_fd(self, writable: bool) -> int:
        """There is none: it is mapped once, and a fork copies the mapping."""
        raise AssertionError("the platform's code is not mapped a second time")

    def acquire(self) -> None:
        """The host counts."""

    def drop(self) -> None:
        """The host counts."""


class MapCodeOperation(Operation):
    """A new area for the platform's code; its result is the address, or negative."""

    __slots__ = ("area",)

    def __init__(self, mm: MemoryManager, area: VMA, fd: int) -> None:
        args = (area.start, area.end - area.start, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED_NOREPLACE, 0, 0)
        super().__init__(mm, (Order(NR_MMAP, args, fd),))
        self.area = area

    def done(self, t: Task, result: int) -> Result:
        """It is there."""
        self.mm.add(self.area)
        return self.area.start

    def failed(self, t: Task, index: int, error: int) -> Result:
        """Nothing is there."""
        return error


def map_code(mm: MemoryManager, near: int, fd: int, size: int) -> MapCodeOperation | None:
    """For `size` bytes of `fd` where a jump from `near` gets to. Far from everything else if possible, so that what the
    program has unmapped stays a hole, and its heap may grow. None when there is no room."""
    for start in (near - _FAR & ~PAGE_OFFSET, near + _FAR & ~PAGE_OFFSET):
        if mm.valid_range(start - _ALONE, size + 2 * _ALONE) and mm.areas.fits(start - _ALONE, size + 2 * _ALONE):
            return MapCodeOperation(mm, VMA(start, start + size, _FLAGS, PlatformCode()), fd)
    start = mm.areas.gap_below(size, max(MMAP_MIN_ADDR, near - _REACH), near)
    if start < 0:
        start = mm.areas.gap_above(size, near, min(mm.task_size, near + _REACH))
    if start < 0:
        return None
    return MapCodeOperation(mm, VMA(start, start + size, _FLAGS, PlatformCode()), fd)
