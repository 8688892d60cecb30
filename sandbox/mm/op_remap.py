"""mremap(2) (mm/mremap.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.mman import (
    MMAP_MIN_ADDR,
    MREMAP_DONTUNMAP,
    MREMAP_FIXED,
    MREMAP_MAYMOVE,
    NR_MREMAP,
    NR_MUNMAP,
    PAGE_OFFSET,
    VM_ACCOUNT,
    VM_LOCKED,
    VM_MAYSHARE,
    page_align,
)
from sandbox.errors import SyscallError
from sandbox.mm.op_map import find_gap, lock_allowed
from sandbox.mm.op_unmap import UnmapOperation, check_pieces
from sandbox.mm.operation import Operation
from sandbox.mm.vma import VMA
from sandbox.platform.base import Order

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.mm.memory_manager import MemoryManager

_FLAGS: Final = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP


class Request:
    """One mremap, lengths in whole pages; `target` only with MREMAP_FIXED (a hint with MREMAP_DONTUNMAP)."""

    __slots__ = ("old", "old_size", "size", "flags", "target")

    def __init__(self, old: int, old_size: int, size: int, flags: int, target: int) -> None:
        self.old = old
        self.old_size = old_size
        self.size = size
        self.flags = flags
        self.target = target


class RemapOperation(Operation):
    """[old, old + old_size) moves to `new` with `size` bytes, or grows where it is (`new` == `old`)."""

    __slots__ = ("request", "new", "charged", "before")

    def __init__(self, mm: MemoryManager, request: Request, new: int, charged: int, before: tuple[Order, ...]) -> None:
        r = request
        if new == r.old:
            last = Order(NR_MREMAP, (r.old, r.old_size, r.size, 0, 0))
        else:
            flags = MREMAP_MAYMOVE | MREMAP_FIXED | (r.flags & MREMAP_DONTUNMAP)
            last = Order(NR_MREMAP, (r.old, r.old_size, r.size, flags, new))
        super().__init__(mm, (*before, last))
        self.request = request
        self.new = new
        self.charged = charged
        self.before = before  # munmaps

    def done(self, t: Task, result: int) -> Result:
        """Moved or grown."""
        mm, r, new = self.mm, self.request, self.new
        self._unmapped(len(self.before))
        area = mm.areas.find(r.old)
        assert area is not None
        if new == r.old:
            grown = area.copy(r.old + r.old_size, r.old + r.size)
            mm.add(grown)
            return new
        moved = area.copy(r.old, r.old + max(r.old_size, 1))
        moved.start, moved.end = new, new + r.size
        if r.flags & MREMAP_DONTUNMAP:
            mm.reflag(r.old, r.old + r.old_size, VM_LOCKED, 0)
        elif r.old_size:
            # The charge of what moves goes with it.
            if moved.flags & VM_ACCOUNT:
                mm.reflag(r.old, r.old + r.old_size, VM_ACCOUNT, 0)
            mm.remove(r.old, r.old + r.old_size)
        mm.add(moved)
        if mm.aio and moved.backing is not None:
            for context in mm.aio.values():
                context.ring.moved(moved.backing.device, moved.backing.inode, new)
        return new

    def failed(self, t: Task, index: int, error: int) -> Result:
        """The munmaps before `index` have happened."""
        self._unmapped(index)
        self.mm.account.uncharge(self.charged)
        return error

    def _unmapped(self, count: int) -> None:
        for order in self.before[:count]:
            self.mm.remove(order.args[0], order.args[0] + order.args[1])


def mremap(t: Task, mm: MemoryManager, old: int, old_length: int, length: int, flags: int, target: int) -> Result:
    """The new address."""
    r = Request(old, page_align(old_length), page_align(length), flags, target)
    if flags & ~_FLAGS or old & PAGE_OFFSET or not r.size or r.size > mm.task_size:
        raise SyscallError(errno.EINVAL)
    if flags & (MREMAP_FIXED | MREMAP_DONTUNMAP):
        return _move_to(t, mm, r)
    area = mm.areas.find(old)
    if area is None:
        raise SyscallError(errno.EFAULT)
    if r.old_size >= r.size:
        return _shrink(mm, r)
    _check_growth(t, mm, area, r)
    end = old + r.old_size
    if area.end == end and end + r.size - r.old_size <= mm.task_size and mm.areas.fits(end, r.size - r.old_size):
        return RemapOperation(mm, r, old, _charge(mm, area, r), ()).begin()
    if not flags & MREMAP_MAYMOVE:
        raise SyscallError(errno.ENOMEM)
    return _move(mm, area, r, find_gap(mm, r.size), ())


def _shrink(mm: MemoryManager, r: Request) -> Result:
    if r.old_size == r.size:
        return r.old
    start, end = r.old + r.size, r.old + r.old_size
    if end > mm.task_size:
        raise SyscallError(errno.EINVAL)
    if not mm.areas.intersects(start, end):
        return r.old
    check_pieces(mm, start, end)
    return UnmapOperation(mm, start, end, r.old).begin()


def _check_growth(t: Task, mm: MemoryManager, area: VMA, r: Request) -> None:
    """mm/mremap.c: vma_to_resize."""
    if not r.old_size and not area.flags & VM_MAYSHARE:
        raise SyscallError(errno.EINVAL)
    if r.old_size > area.end - r.old:
        raise SyscallError(errno.EFAULT)
    if r.size == r.old_size:
        return
    if area.backing is not None and area.offset + (r.old - area.start) + r.size > 1 << 63:
        raise SyscallError(errno.EINVAL)
    pages = (r.size - r.old_size) >> 12
    if area.flags & VM_LOCKED and not lock_allowed(t, mm, pages):
        raise SyscallError(errno.EAGAIN)
    if not mm.may_expand(t.group.rlimits, area.flags, pages):
        raise SyscallError(errno.ENOMEM)


def _charge(mm: MemoryManager, area: VMA, r: Request) -> int:
    """For what it grows by, and for a second copy of it with MREMAP_DONTUNMAP."""
    if not area.flags & VM_ACCOUNT:
        return 0
    pages = (r.size if r.flags & MREMAP_DONTUNMAP else r.size - r.old_size) >> 12
    if not mm.account.charge(pages):
        raise SyscallError(errno.ENOMEM)
    return pages


def _move(mm: MemoryManager, area: VMA, r: Request, new: int, before: tuple[Order, ...]) -> Result:
    if len(mm.areas) >= mm.account.max_areas - 3:
        raise SyscallError(errno.ENOMEM)
    return RemapOperation(mm, r, new, _charge(mm, area, r), before).begin()


def _move_to(t: Task, mm: MemoryManager, r: Request) -> Result:
    """MREMAP_FIXED or MREMAP_DONTUNMAP (mm/mremap.c: mremap_to)."""
    fixed = r.flags & MREMAP_FIXED
    if not r.flags & MREMAP_MAYMOVE or (r.flags & MREMAP_DONTUNMAP and r.old_size != r.size):
        raise SyscallError(errno.EINVAL)
    if r.target & PAGE_OFFSET or r.target > mm.task_size - r.size:
        raise SyscallError(errno.EINVAL)
    if r.old + r.old_size > r.target and r.target + r.size > r.old:
        raise SyscallError(errno.EINVAL)
    if fixed:
        if r.target < MMAP_MIN_ADDR:
            raise SyscallError(errno.EPERM)
    if mm.areas.find(r.old) is None:
        raise SyscallError(errno.EFAULT)
    if len(mm.areas) + 2 >= mm.account.max_areas - 3:
        raise SyscallError(errno.ENOMEM)
    before: tuple[Order, ...] = ()
    if fixed and mm.areas.intersects(r.target, r.target + r.size):
        before = (Order(NR_MUNMAP, (r.target, r.size)),)
    kept = r.old_size
    if kept > r.size:
        tail = r.old + r.size
        if r.old + kept > mm.task_size:
            raise SyscallError(errno.EINVAL)
        if mm.areas.intersects(tail, r.old + kept):
            before += (Order(NR_MUNMAP, (tail, kept - r.size)),)
        r.old_size = r.size
    area = mm.areas.find(r.old)
    assert area is not None
    _check_growth(t, mm, area, r)
    if r.flags & MREMAP_DONTUNMAP and not mm.may_expand(t.group.rlimits, area.flags, r.old_size >> 12):
        raise SyscallError(errno.ENOMEM)
    new = r.target if fixed else _hint(mm, r)
    return _move(mm, area, r, new, before)


def _hint(mm: MemoryManager, r: Request) -> int:
    target = r.target & ~PAGE_OFFSET
    if target and mm.valid_range(target, r.size) and mm.areas.fits(target, r.size):
        return target
    return find_gap(mm, r.size)
