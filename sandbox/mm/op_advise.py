"""madvise(2), msync(2), mincore(2) (mm/madvise.c, mm/msync.c, mm/mincore.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import mman
from sandbox.abi.linux.mman import (
    MS_ASYNC,
    MS_INVALIDATE,
    MS_SYNC,
    NR_MADVISE,
    NR_MINCORE,
    NR_MSYNC,
    PAGE_OFFSET,
    VM_DONTCOPY,
    VM_DONTDUMP,
    VM_HUGEPAGE,
    VM_LOCKED,
    VM_MAYSHARE,
    VM_MAYWRITE,
    VM_NOHUGEPAGE,
    VM_RAND_READ,
    VM_READ,
    VM_SEQ_READ,
    VM_SHARED,
    VM_WIPEONFORK,
    page_align,
)
from sandbox.errors import SyscallError
from sandbox.mm.operation import Operation
from sandbox.mm.vma import VMA
from sandbox.platform.base import FREE_MEMORY, NOT_FREE, Order

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.mm.memory_manager import MemoryManager

# Advice that changes flags: (cleared, set).
_FLAG_CHANGES: Final[dict[int, tuple[int, int]]] = {
    mman.MADV_NORMAL: (VM_RAND_READ | VM_SEQ_READ, 0),
    mman.MADV_RANDOM: (VM_SEQ_READ, VM_RAND_READ),
    mman.MADV_SEQUENTIAL: (VM_RAND_READ, VM_SEQ_READ),
    mman.MADV_DONTFORK: (0, VM_DONTCOPY),
    mman.MADV_DOFORK: (VM_DONTCOPY, 0),
    mman.MADV_WIPEONFORK: (0, VM_WIPEONFORK),
    mman.MADV_KEEPONFORK: (VM_WIPEONFORK, 0),
    mman.MADV_DONTDUMP: (0, VM_DONTDUMP),
    mman.MADV_DODUMP: (VM_DONTDUMP, 0),
    mman.MADV_HUGEPAGE: (VM_NOHUGEPAGE, VM_HUGEPAGE),
    mman.MADV_NOHUGEPAGE: (VM_HUGEPAGE, VM_NOHUGEPAGE),
}
# The others that there are. Merging of equal pages would tell one sandbox of another's: EINVAL, as without CONFIG_KSM.
_ACTIONS: Final = frozenset(
    {
        mman.MADV_WILLNEED,
        mman.MADV_DONTNEED,
        mman.MADV_FREE,
        mman.MADV_REMOVE,
        mman.MADV_COLD,
        mman.MADV_PAGEOUT,
        mman.MADV_POPULATE_READ,
        mman.MADV_POPULATE_WRITE,
        mman.MADV_DONTNEED_LOCKED,
        mman.MADV_COLLAPSE,
    }
)
_NOT_LOCKED: Final = frozenset(
    {mman.MADV_DONTNEED, mman.MADV_FREE, mman.MADV_COLD, mman.MADV_PAGEOUT, mman.MADV_REMOVE}
)
_READAHEAD: Final = frozenset({mman.MADV_NORMAL, mman.MADV_RANDOM, mman.MADV_SEQUENTIAL})
_ANONYMOUS_ONLY: Final = frozenset({mman.MADV_FREE, mman.MADV_WIPEONFORK})


class AdviseOperation(Operation):
    """The host is advised about [start, end); flags change; the call returns `error` (0: all of it was mapped)."""

    __slots__ = ("start", "end", "advice", "error")

    changes = False

    def __init__(self, mm: MemoryManager, start: int, end: int, advice: int, error: int) -> None:
        empties = advice in (mman.MADV_DONTNEED, mman.MADV_FREE)
        super().__init__(
            mm, (Order(NR_MADVISE, (start, end - start, advice), free=FREE_MEMORY if empties else NOT_FREE),)
        )
        self.start = start
        self.end = end
        self.advice = advice
        self.error = error

    def value(self) -> int | None:
        """0, or the error of a hole."""
        return self.error

    def done(self, t: Task, result: int) -> Result:
        """Advised."""
        change = _FLAG_CHANGES.get(self.advice)
        if change is not None:
            self.mm.reflag(self.start, self.end, *change)
        return self.error

    def apply(self) -> None:
        """Emptying changes nothing that the kernel keeps."""

    def undo(self, t: Task, error: int) -> Result:
        """A hole, maybe."""
        return self.failed(t, 0, error)

    def failed(self, t: Task, index: int, error: int) -> Result:
        """Holes do not keep the host from advising the rest."""
        if error == -errno.ENOMEM and self.error == error:
            return self.done(t, 0)
        return error


def madvise(mm: MemoryManager, start: int, length: int, advice: int) -> Result:
    """Advice up to the first area that refuses it."""
    if advice not in _FLAG_CHANGES and advice not in _ACTIONS:
        raise SyscallError(errno.EINVAL)
    size = page_align(length)
    if start & PAGE_OFFSET or (length and not size) or (start + size) >> 64:
        raise SyscallError(errno.EINVAL)
    if not size:
        return 0
    error, at = 0, start
    end = start + size
    for area in mm.areas.overlapping(start, end):
        if area.start > at:
            error = -errno.ENOMEM
        refusal = _refuses(area, advice)
        if refusal:
            if max(at, start) == start and area.start <= start:
                raise SyscallError(refusal)
            return _advise(mm, start, max(start, area.start), advice, -refusal)
        at = area.end
    if at < end:
        error = -errno.ENOMEM
    if at == start:
        return error
    return _advise(mm, start, min(at, end), advice, error)


def _advise(mm: MemoryManager, start: int, end: int, advice: int, error: int) -> Result:
    if not mm.areas.intersects(start, end):
        return error
    change = _FLAG_CHANGES.get(advice)
    if change is not None:
        if len(mm.areas) >= mm.account.max_areas - 1 and mm.areas.pieces(start, end):
            return -errno.ENOMEM
        own = advice in (mman.MADV_DONTDUMP, mman.MADV_DODUMP)
        if own or (advice in _READAHEAD and not any([_of_host(area) for area in mm.areas.overlapping(start, end)])):
            mm.reflag(start, end, *change)  # the kernel's own affair
            return error
    return AdviseOperation(mm, start, end, advice, error).begin()


def _refuses(area: VMA, advice: int) -> int:
    """The errno with which an area refuses, or 0 (mm/madvise.c: madvise_vma_behavior and its kin)."""
    flags = area.flags
    if advice in _NOT_LOCKED and flags & VM_LOCKED:
        return errno.EINVAL
    if advice in _ANONYMOUS_ONLY and (area.backing is not None or flags & VM_MAYSHARE):
        return errno.EINVAL
    if advice == mman.MADV_POPULATE_READ and not flags & VM_READ:
        return errno.EINVAL  # to the host it is readable (host_prot)
    if advice == mman.MADV_REMOVE:
        if area.backing is None:
            return errno.EINVAL
        if not flags & VM_SHARED or not flags & VM_MAYWRITE:
            return errno.EACCES
    return 0


def _of_host(area: VMA) -> bool:
    """A file of the host lies behind it, which is read ahead and written back."""
    return area.backing is not None and area.backing.keepable is not None


# --- msync(2) ---


class SyncOperation(Operation):
    """Shared file mappings are written back; the call returns `error`."""

    __slots__ = ("error",)

    def __init__(self, mm: MemoryManager, orders: tuple[Order, ...], error: int) -> None:
        super().__init__(mm, orders)
        self.error = error

    def done(self, t: Task, result: int) -> Result:
        """Written."""
        return self.error

    def failed(self, t: Task, index: int, error: int) -> Result:
        """EIO, ENOSPC …"""
        return error


def msync(mm: MemoryManager, start: int, length: int, flags: int) -> Result:
    """Only MS_SYNC of files of the host has something to do: dirty pages are written in time anyway, and those of files in
    memory nowhere."""
    if flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) or start & PAGE_OFFSET or flags & MS_ASYNC and flags & MS_SYNC:
        raise SyscallError(errno.EINVAL)
    size = page_align(length)
    end = start + size
    if end >> 64:
        raise SyscallError(errno.ENOMEM)
    if end == start:
        return 0
    at, error = start, 0
    orders: list[Order] = []
    for area in mm.areas.overlapping(start, end):
        if area.start > at:
            error = -errno.ENOMEM
        if flags & MS_INVALIDATE and area.flags & VM_LOCKED:
            return -errno.EBUSY
        if flags & MS_SYNC and area.flags & VM_SHARED and _of_host(area):
            low = max(area.start, start)
            orders.append(Order(NR_MSYNC, (low, min(area.end, end) - low, MS_SYNC)))
        at = area.end
    if at < end:
        error = -errno.ENOMEM
    if not orders:
        return error
    return SyncOperation(mm, tuple(orders), error).begin()


# --- mincore(2) ---


def mincore(mm: MemoryManager, start: int, length: int, vector: int) -> Result:
    """The host writes one byte for each page to `vector`, which is checked to lie in guest memory."""
    if start & PAGE_OFFSET:
        raise SyscallError(errno.EINVAL)
    if start + length > mm.task_size:
        raise SyscallError(errno.ENOMEM)
    pages = (length + PAGE_OFFSET) >> 12
    if vector + pages > mm.task_size:
        raise SyscallError(errno.EFAULT)
    if not pages:
        return 0
    if mm.areas.mapped_until(start, start + (pages << 12)) < start + (pages << 12):
        # Linux fills in what comes before the hole; which pages are in core there is nobody's business.
        raise SyscallError(errno.ENOMEM)
    return SyncOperation(mm, (Order(NR_MINCORE, (start, length, vector)),), 0).begin()
