"""munmap(2), mprotect(2), and the growth of stacks (mm/vma.c, mm/mprotect.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.mman import (
    MMAP_MIN_ADDR,
    NR_MPROTECT,
    NR_MUNMAP,
    PAGE_OFFSET,
    PROT_EXEC,
    PROT_GROWSDOWN,
    PROT_GROWSUP,
    PROT_READ,
    PROT_SEM,
    PROT_WRITE,
    STACK_GUARD_GAP,
    VM_ACCESS,
    VM_ACCOUNT,
    VM_GROWSDOWN,
    VM_LOCKED,
    VM_MAYEXEC,
    VM_NORESERVE,
    VM_SHARED,
    VM_WRITE,
    page_align,
)
from sandbox.abi.linux.personality import READ_IMPLIES_EXEC
from sandbox.errors import SyscallError
from sandbox.kernel.control import Execute
from sandbox.kernel.rlimits import RLIMIT_STACK
from sandbox.mm.op_map import forget, lock_allowed, map_order
from sandbox.mm.operation import Operation
from sandbox.mm.vma import VMA, host_prot
from sandbox.platform.base import Order

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.mm.memory_manager import MemoryManager


class UnmapOperation(Operation):
    """[start, end) becomes a hole; the call returns `result`."""

    __slots__ = ("start", "end", "result", "was")

    def __init__(self, mm: MemoryManager, start: int, end: int, result: int = 0) -> None:
        self.mm = mm
        self.orders = (Order(NR_MUNMAP, (start, end - start, 0, 0, 0, 0), -1, 4, mm.freedom(start, end)),)
        self.start = start
        self.end = end
        self.result = result

    def value(self) -> int | None:
        """Usually 0."""
        return self.result

    def apply(self) -> None:
        """Unmapped."""
        self.was = self.mm.remove(self.start, self.end)

    def done(self, t: Task, result: int) -> Result:
        """Unmapped."""
        self.apply()
        return self.result

    def undo(self, t: Task, error: int) -> Result:
        """It would have split one area too many."""
        self.mm.put_back(self.was)
        return error

    def failed(self, t: Task, index: int, error: int) -> Result:
        """Nothing was unmapped."""
        return error


def munmap(mm: MemoryManager, start: int, length: int) -> Result:
    """Unmap whatever is in the range."""
    if start & PAGE_OFFSET or start > mm.task_size or length > mm.task_size - start or length == 0:
        raise SyscallError(errno.EINVAL)
    end = start + page_align(length)
    if end > mm.task_size:
        raise SyscallError(errno.EINVAL)
    if not mm.areas.intersects(start, end):
        return 0
    if len(mm.areas) >= mm.account.max_areas:
        check_pieces(mm, start, end)
    return UnmapOperation(mm, start, end).begin()


def check_pieces(mm: MemoryManager, start: int, end: int) -> None:
    """ENOMEM when cutting [start, end) out of one area would make one too many."""
    if len(mm.areas) >= mm.account.max_areas and mm.areas.pieces(start, end) == 2:
        raise SyscallError(errno.ENOMEM)


# --- mprotect(2) ---


class ProtectOperation(Operation):
    """[start, end) gets `prot`; then the call ends with `error` (0: it did all of it)."""

    __slots__ = ("start", "end", "prot", "charged", "error")

    def __init__(self, mm: MemoryManager, start: int, end: int, prot: int, charged: int, error: int) -> None:
        super().__init__(mm, (Order(NR_MPROTECT, (start, end - start, host_prot(prot))),))
        self.start = start
        self.end = end
        self.prot = prot
        self.charged = charged
        self.error = error

    def value(self) -> int | None:
        """0, or the error of an area that refused after others were changed."""
        return self.error

    def done(self, t: Task, result: int) -> Result:
        """What becomes private and writable has been charged."""
        mm, prot = self.mm, self.prot
        if prot & PROT_WRITE:
            for area in mm.areas.overlapping(self.start, self.end):
                if must_charge(area):
                    start, end = max(area.start, self.start), min(area.end, self.end)
                    mm.reflag(start, end, VM_ACCESS, prot | VM_ACCOUNT)
        mm.reflag(self.start, self.end, VM_ACCESS, prot)
        return self.error

    def failed(self, t: Task, index: int, error: int) -> Result:
        """The host goes area by area and may have changed some: they are put back."""
        mm = self.mm
        mm.account.uncharge(self.charged)
        orders = []
        for area in mm.areas.overlapping(self.start, self.end):
            start, end = max(area.start, self.start), min(area.end, self.end)
            orders.append(Order(NR_MPROTECT, (start, end - start, host_prot(area.flags))))
        return RestoreOperation(mm, tuple(orders), error).begin()


class RestoreOperation(Operation):
    """Protections as they were; the call returns `error`."""

    __slots__ = ("error",)

    def __init__(self, mm: MemoryManager, orders: tuple[Order, ...], error: int) -> None:
        super().__init__(mm, orders)
        self.error = error

    def done(self, t: Task, result: int) -> Result:
        """As before."""
        return self.error

    def failed(self, t: Task, index: int, error: int) -> Result:
        """Going back only joins areas, so the host does not refuse it for want of room."""
        return self.error


def must_charge(area: VMA) -> bool:
    """Making it writable promises memory (mm/mprotect.c: mprotect_fixup)."""
    return not area.flags & (VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE)


def mprotect(t: Task, mm: MemoryManager, start: int, length: int, prot: int) -> Result:
    """Change the protection; areas before one that refuses are changed, as on Linux."""
    grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP)
    prot &= ~grows
    if grows == PROT_GROWSDOWN | PROT_GROWSUP or start & PAGE_OFFSET:
        raise SyscallError(errno.EINVAL)
    if length == 0:
        return 0
    size = page_align(length)
    end = start + size
    if size == 0 or end >> 64:
        raise SyscallError(errno.ENOMEM)
    if prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM):
        raise SyscallError(errno.EINVAL)
    prot &= VM_ACCESS
    areas = mm.areas.overlapping(start, end)
    if not areas:
        raise SyscallError(errno.ENOMEM)
    if grows == PROT_GROWSDOWN:
        start = areas[0].start
        if not areas[0].flags & VM_GROWSDOWN:
            raise SyscallError(errno.EINVAL)
    elif areas[0].start > start:
        raise SyscallError(errno.ENOMEM)
    elif grows:
        raise SyscallError(errno.EINVAL)
    if prot & PROT_READ and t.personality & READ_IMPLIES_EXEC and areas[0].flags & VM_MAYEXEC:
        prot |= PROT_EXEC
    return _protect(t, mm, areas, start, end, prot)


def _protect(t: Task, mm: MemoryManager, areas: list[VMA], start: int, end: int, prot: int) -> Result:
    at, charged, error = start, 0, 0
    for area in areas:
        if area.start > at:
            error = -errno.ENOMEM
            break
        if prot & ~(area.flags >> 4) & VM_ACCESS or mm.refuses(area.flags, prot):
            error = -errno.EACCES
            break
        until = min(area.end, end)
        pages = (until - at) >> 12
        if prot & PROT_WRITE and must_charge(area):
            if not mm.may_expand(t.group.rlimits, area.flags | VM_WRITE, 0 if area.flags & VM_WRITE else pages):
                error = -errno.ENOMEM
                break
            if not mm.account.charge(pages):
                error = -errno.ENOMEM
                break
            charged += pages
        at = until
    else:
        if at < end:
            error = -errno.ENOMEM
    if at == start:
        raise SyscallError(-error)
    if len(mm.areas) >= mm.account.max_areas and mm.areas.pieces(start, at):
        mm.account.uncharge(charged)
        raise SyscallError(errno.ENOMEM)
    if all(area.flags & VM_ACCESS == prot for area in areas):
        mm.account.uncharge(charged)
        return error
    return ProtectOperation(mm, start, at, prot, charged, error).begin()


# --- growth ---


class GrowOperation(Operation):
    """A growing area gets [area.start, area.end) below it."""

    __slots__ = ("area",)

    def __init__(self, mm: MemoryManager, area: VMA) -> None:
        super().__init__(mm, (map_order(area, False),))
        self.area = area

    def done(self, t: Task, result: int) -> Result:
        """The access can be tried again."""
        self.mm.add(self.area)
        return 0

    def failed(self, t: Task, index: int, error: int) -> Result:
        """Nothing is there."""
        forget(self.mm, self.area)
        return error


def grow(t: Task, mm: MemoryManager, address: int) -> Execute | None:
    """A fault at `address`, which nothing maps: what makes the area above grow down to it, or None when there is
    none that may (mm/vma.c: expand_downwards). The result of the Execute is 0: try the access again."""
    area = mm.areas.next_after(address)
    if mm.busy or area is None or not area.flags & VM_GROWSDOWN or area.start <= address:
        return None
    limits = t.group.rlimits
    page = address & ~PAGE_OFFSET
    if page < MMAP_MIN_ADDR or area.end - page > limits.get(RLIMIT_STACK):
        return None
    floor = MMAP_MIN_ADDR
    below = mm.areas.last_before(area.start)
    if below is not None:
        guard = 0 if below.flags & VM_GROWSDOWN or not below.flags & VM_ACCESS else STACK_GUARD_GAP
        floor = below.end + guard
    if page < floor:
        return None
    # Ahead of what is asked for: as much again as there is, within the limits.
    ahead = max(area.end - limits.get(RLIMIT_STACK), floor, area.start - (area.end - area.start), MMAP_MIN_ADDR)
    start = min(page, page_align(ahead)) if area.name else page
    pages = (area.start - start) >> 12
    if area.flags & VM_LOCKED and not lock_allowed(t, mm, pages) or not mm.may_expand(limits, area.flags, pages):
        return None
    if area.flags & VM_ACCOUNT and not mm.account.charge(pages):
        return None
    return GrowOperation(mm, VMA(start, area.start, area.flags, None, 0, area.name)).execute()
