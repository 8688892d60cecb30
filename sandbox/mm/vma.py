"""Virtual memory areas: which ranges of an address space are mapped, how, and to what.

A `VMASet` is ordered by address; areas never overlap, and neighbours that could be one area are one
(mm/vma.c: can_vma_merge_*). Each area that has a backing holds one reference to it.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, Iterator

from sandbox.abi.linux.mman import STACK_GUARD_GAP, VM_GROWSDOWN
from sandbox.mm.backing import Backing

MAX_FREED: Final = 32


def host_prot(flags: int) -> int:
    """What the host is asked for, for VM_* `flags`: processors read what they may write, and so does what reads the memory of
    a guest for a call."""
    return flags & 7 | (1 if flags & 2 else 0)


class VMA:
    """[start, end), VM_* `flags`; `backing` None is private anonymous memory. `offset`: of `start` in the
    backing, in bytes, as the guest counts (the backing's `base` not added). `name` is what maps(5) prints
    for an area without a backing."""

    __slots__ = ("start", "end", "flags", "backing", "offset", "name")

    def __init__(
        self, start: int, end: int, flags: int, backing: Backing | None = None, offset: int = 0, name: str = ""
    ) -> None:
        self.start = start
        self.end = end
        self.flags = flags
        self.backing = backing
        self.offset = offset
        self.name = name

    def copy(self, start: int, end: int) -> VMA:
        """The same mapping for a part of the range; takes a reference to the backing."""
        if self.backing is not None:
            self.backing.acquire()
        return VMA(start, end, self.flags, self.backing, self.offset + start - self.start, self.name)

    def joins(self, after: VMA) -> bool:
        """`after` begins where this ends and is more of the same."""
        return (
            self.end == after.start
            and self.flags == after.flags
            and self.name == after.name
            and _same_object(self.backing, after.backing)
            and (
                self.backing is None
                or (self.offset + self.end - self.start == after.offset and not self.backing.counted)
            )
        )

    def lowest(self) -> int:
        """Where the room that it claims begins: a growing area keeps a guard gap below it."""
        if self.flags & VM_GROWSDOWN:
            return max(0, self.start - STACK_GUARD_GAP)
        return self.start

    def __repr__(self) -> str:
        return f"<VMA {self.start:x}-{self.end:x} {self.flags:x}>"


def _same_object(a: Backing | None, b: Backing | None) -> bool:
    return a is b or (a is not None and b is not None and a.key == b.key and a.base == b.base)


class VMASet:
    """The areas of one address space, in order."""

    __slots__ = ("starts", "areas", "_full_above", "_largest_gap", "_freed")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.areas: list[VMA] = []
        # No gap at or above `_full_above` (below the last search's ceiling) is larger than `_largest_gap`.
        self._full_above = -1
        self._largest_gap = 0
        self._freed: list[int] = []  # addresses in gaps above that have grown since

    def copy(self) -> VMASet:
        """The same areas once more, with references of their own to what backs them."""
        new = VMASet()
        new.starts = self.starts[:]
        new.areas = copies = []
        for area in self.areas:
            backing = area.backing
            if backing is not None:
                backing.acquire()
            copies.append(VMA(area.start, area.end, area.flags, backing, area.offset, area.name))
        return new

    def __len__(self) -> int:
        return len(self.areas)

    def __iter__(self) -> Iterator[VMA]:
        return iter(self.areas)

    def find(self, address: int) -> VMA | None:
        """The area that holds `address`."""
        i = bisect_right(self.starts, address) - 1
        if i >= 0:
            area = self.areas[i]
            if address < area.end:
                return area
        return None

    def index_from(self, address: int) -> int:
        """Index of the first area that ends after `address` (len(self) when there is none)."""
        i = bisect_right(self.starts, address) - 1
        if i >= 0 and address < self.areas[i].end:
            return i
        return i + 1

    def next_after(self, address: int) -> VMA | None:
        """The first area that ends after `address` (mm/mmap.c: find_vma)."""
        i = self.index_from(address)
        return self.areas[i] if i < len(self.areas) else None

    def intersects(self, start: int, end: int) -> bool:
        """Something in [start, end) is mapped."""
        i = self.index_from(start)
        return i < len(self.areas) and self.starts[i] < end

    def overlapping(self, start: int, end: int) -> list[VMA]:
        """The areas that have a part in [start, end), in order."""
        i = self.index_from(start)
        j = i
        while j < len(self.areas) and self.starts[j] < end:
            j += 1
        return self.areas[i:j]

    def mapped_until(self, start: int, end: int) -> int:
        """Up to where [start, end) is mapped without a hole; `start` when it begins with one."""
        at = start
        i = self.index_from(start)
        while at < end and i < len(self.areas) and self.starts[i] <= at:
            at = self.areas[i].end
            i += 1
        return min(at, end)

    def insert(self, area: VMA) -> VMA:
        """Add an area where nothing is mapped, as one with its neighbours if they fit; the area that holds it."""
        if self._freed:
            self._divide_freed(area.start, area.end)
        areas = self.areas
        i = bisect_right(self.starts, area.start)
        if i > 0 and areas[i - 1].end == area.start and areas[i - 1].joins(area):
            before = areas[i - 1]
            before.end = area.end
            if area.backing is not None:
                area.backing.drop()
            area = before
            i -= 1
        else:
            self.starts.insert(i, area.start)
            areas.insert(i, area)
        if i + 1 < len(areas) and area.end == areas[i + 1].start and area.joins(areas[i + 1]):
            area.end = areas[i + 1].end
            if area.backing is not None:
                area.backing.drop()
            del self.starts[i + 1]
            del areas[i + 1]
        return area

    def split(self, address: int) -> None:
        """Make `address` a boundary if it lies inside an area."""
        i = bisect_right(self.starts, address) - 1
        if i < 0:
            return
        area = self.areas[i]
        if area.start < address < area.end:
            self.starts.insert(i + 1, address)
            self.areas.insert(i + 1, area.copy(address, area.end))
            area.end = address

    def take(self, start: int, end: int) -> list[VMA]:
        """Take everything in [start, end) out; the areas (cut at the edges) still hold their backings."""
        i = bisect_right(self.starts, start) - 1
        if i >= 0 and self.areas[i].start == start and self.areas[i].end == end:
            j = i + 1  # one whole area: what is unmapped was mostly mapped so
        else:
            self.split(start)
            self.split(end)
            j = i = self.index_from(start)
            while j < len(self.areas) and self.starts[j] < end:
                j += 1
            if i == j:
                return []
        taken = self.areas[i:j]
        del self.starts[i:j]
        del self.areas[i:j]
        if end >= self._full_above >= 0:
            if i == len(self.starts):
                self._full_above = -1
            else:
                self._freed.append(start)
                self._bound_freed()
        return taken

    def pieces(self, start: int, end: int) -> int:
        """By how many areas cutting [start, end) out may grow the count (0 – 2)."""
        first, last = self.find(start), self.find(end)
        return int(first is not None and first.start < start) + int(last is not None and last.start < end)

    # --- gaps ---

    def gap_below(self, size: int, floor: int, ceiling: int) -> int:
        """The highest address of a gap of `size` bytes within [floor, ceiling); -1 when there is none.

        A growing area keeps its guard gap free. (mm/mmap.c: vm_unmapped_area, top-down)
        """
        resume = 0 <= self._full_above < ceiling and size > self._largest_gap
        if resume:
            address = self._freed_gap(size, ceiling)
            if address >= 0:
                return address if address >= floor else -1
        top = self._full_above if resume else ceiling
        largest = self._largest_gap if resume else 0
        i = bisect_right(self.starts, top) - 1
        while i >= 0:
            area = self.areas[i]
            gap = top - area.end
            if gap >= size:
                break
            if gap > largest:
                largest = gap
            top = min(top, area.lowest())
            i -= 1
        address = top - size
        if address < floor:
            return -1
        if not resume:
            if 0 <= self._full_above < top:
                return address  # a small gap above what is known to be full: what is known stays
            self._freed.clear()
        self._full_above = top
        self._largest_gap = largest
        return address

    def _freed_gap(self, size: int, ceiling: int) -> int:
        """The highest address for `size` bytes in what was freed above `_full_above`; -1 when there is none."""
        best = -1
        kept = []
        for address in self._freed:
            low, top = self._gap(address)
            if top - low > self._largest_gap and top > self._full_above:
                kept.append(address)
                best = max(best, min(top, ceiling) - size if min(top, ceiling) - low >= size else -1)
        self._freed = kept
        return best

    def _divide_freed(self, start: int, end: int) -> None:
        """[start, end) is about to be mapped: what is left of a gap lies beside it."""
        freed: set[int] = set()
        for address in self._freed:
            low, top = self._gap(address)
            freed.update((start - 1, end) if low <= start < top else (address,))
        self._freed = list(freed)
        self._bound_freed()

    def _bound_freed(self) -> None:
        """Many are no better than one search from the top."""
        if len(self._freed) > MAX_FREED:
            self._largest_gap = max(self._largest_gap, *(top - low for low, top in map(self._gap, self._freed)))
            self._freed.clear()

    def _gap(self, address: int) -> tuple[int, int]:
        """The gap that `address` lies in: where it begins and ends; of no size when something is mapped there."""
        i = bisect_right(self.starts, address)
        low = self.areas[i - 1].end if i else 0
        if low > address or i == len(self.areas):
            return address, address
        return low, max(low, self.areas[i].lowest())

    def gap_above(self, size: int, floor: int, ceiling: int) -> int:
        """The lowest address of such a gap; -1 when there is none. (mm/mmap.c: vm_unmapped_area, bottom-up)"""
        at = floor
        for i in range(self.index_from(floor), len(self.areas)):
            area = self.areas[i]
            if area.lowest() - at >= size:
                break
            at = max(at, area.end)
        return at if at + size <= ceiling else -1

    def fits(self, address: int, size: int) -> bool:
        """[address, address + size) is free, and so is the guard gap of the area above."""
        following = self.next_after(address)
        return following is None or address + size <= following.lowest()
