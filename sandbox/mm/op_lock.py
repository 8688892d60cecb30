"""mlock(2) and its kin (mm/mlock.c).

What is locked is counted and held to RLIMIT_MEMLOCK, and its pages are made present; the host may still
swap them: a guest cannot pin the host's memory.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_IPC_LOCK
from sandbox.abi.linux.mman import (
    MADV_POPULATE_READ,
    MADV_POPULATE_WRITE,
    MCL_CURRENT,
    MCL_FUTURE,
    MCL_ONFAULT,
    NR_MADVISE,
    PAGE_OFFSET,
    PAGE_SIZE,
    VM_ACCESS,
    VM_GROWSDOWN,
    VM_LOCKED,
    VM_LOCKONFAULT,
    VM_SHARED,
    VM_WRITE,
    page_align,
)
from sandbox.errors import SyscallError
from sandbox.kernel.rlimits import RLIMIT_MEMLOCK
from sandbox.mm.operation import Operation
from sandbox.platform.base import Order

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.mm.memory_manager import MemoryManager
    from sandbox.mm.vma import VMA

_STACK_AHEAD: Final = 32 * PAGE_SIZE


class PopulateOperation(Operation):
    """Make pages present. `forgiving`: go on behind what can't be."""

    __slots__ = ("forgiving",)

    def __init__(self, mm: MemoryManager, orders: tuple[Order, ...], forgiving: bool) -> None:
        super().__init__(mm, orders)
        self.forgiving = forgiving

    def done(self, t: Task, result: int) -> Result:
        """All present."""
        return 0

    def failed(self, t: Task, index: int, error: int) -> Result:
        """mm/mlock.c: __mlock_posix_error_return."""
        if not self.forgiving:
            return -errno.EAGAIN if error == -errno.ENOMEM else -errno.ENOMEM
        rest = tuple(self.orders[index + 1 :])
        return PopulateOperation(self.mm, rest, True).begin() if rest else 0


def _populate(mm: MemoryManager, areas: list[VMA], start: int, end: int, forgiving: bool) -> Result:
    orders = []
    for area in areas:
        if forgiving and not area.flags & VM_ACCESS:
            continue
        low, high = max(area.start, start), min(area.end, end)
        if area.flags & VM_GROWSDOWN:
            low = max(low, (mm.start_stack & ~PAGE_OFFSET) - _STACK_AHEAD) if area.name else low
        advice = MADV_POPULATE_WRITE if area.flags & (VM_WRITE | VM_SHARED) == VM_WRITE else MADV_POPULATE_READ
        if low < high:
            orders.append(Order(NR_MADVISE, (low, high - low, advice)))
    return PopulateOperation(mm, tuple(orders), forgiving).begin() if orders else 0


def mlock(t: Task, mm: MemoryManager, address: int, length: int, on_fault: bool) -> Result:
    """mlock, mlock2."""
    limit = t.group.rlimits.get(RLIMIT_MEMLOCK)
    privileged = t.creds.has(CAP_IPC_LOCK)
    if not limit and not privileged:
        raise SyscallError(errno.EPERM)
    start, size = address & ~PAGE_OFFSET, page_align(length + (address & PAGE_OFFSET))
    end = start + size
    wanted = mm.locked_pages + (size >> 12)
    if not privileged and wanted > limit >> 12 and end >> 64 == 0:
        wanted -= mm.pages_in(start, end, VM_LOCKED)
    if wanted > limit >> 12 and not privileged:
        raise SyscallError(errno.ENOMEM)
    flags = VM_LOCKED | (VM_LOCKONFAULT if on_fault else 0)
    areas = _relock(mm, start, size, flags)
    if on_fault or not areas:
        return 0
    return _populate(mm, areas, start, end, False)


def munlock(mm: MemoryManager, address: int, length: int) -> Result:
    """munlock."""
    start, size = address & ~PAGE_OFFSET, page_align(length + (address & PAGE_OFFSET))
    _relock(mm, start, size, 0)
    return 0


def _relock(mm: MemoryManager, start: int, size: int, flags: int) -> list[VMA]:
    """Set the lock flags up to the first hole, which is ENOMEM (mm/mlock.c: apply_vma_lock_flags)."""
    end = start + size
    if end >> 64:
        raise SyscallError(errno.EINVAL)
    if not size:
        return []
    until = mm.areas.mapped_until(start, end)
    if until == start or (len(mm.areas) >= mm.account.max_areas - 1 and mm.areas.pieces(start, until)):
        raise SyscallError(errno.ENOMEM)
    mm.reflag(start, until, VM_LOCKED | VM_LOCKONFAULT, flags)
    if until < end:
        raise SyscallError(errno.ENOMEM)
    return mm.areas.overlapping(start, end)


def mlockall(t: Task, mm: MemoryManager, flags: int) -> Result:
    """mlockall."""
    if not flags or flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) or flags == MCL_ONFAULT:
        raise SyscallError(errno.EINVAL)
    limit = t.group.rlimits.get(RLIMIT_MEMLOCK)
    privileged = t.creds.has(CAP_IPC_LOCK)
    if not limit and not privileged:
        raise SyscallError(errno.EPERM)
    if flags & MCL_CURRENT and mm.virtual_pages > limit >> 12 and not privileged:
        raise SyscallError(errno.ENOMEM)
    lock = VM_LOCKED | (VM_LOCKONFAULT if flags & MCL_ONFAULT else 0)
    mm.lock_future = lock if flags & MCL_FUTURE else 0
    if not flags & MCL_CURRENT:
        return 0
    mm.reflag(0, mm.task_size, VM_LOCKED | VM_LOCKONFAULT, lock)
    if flags & MCL_ONFAULT:
        return 0
    return _populate(mm, mm.areas.overlapping(0, mm.task_size), 0, mm.task_size, True)


def munlockall(mm: MemoryManager) -> Result:
    """munlockall."""
    mm.lock_future = 0
    mm.reflag(0, mm.task_size, VM_LOCKED | VM_LOCKONFAULT, 0)
    return 0
