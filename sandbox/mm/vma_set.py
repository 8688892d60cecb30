"""The areas of an address space, ordered by address.

Areas never overlap, and neighbours that could be one area are one (mm/vma.c: can_vma_merge_*). Each area that has a
backing holds one reference to it.

They lie in blocks of at most `most`, so that nothing that is done to one of tens of thousands moves all others. Each block
knows the room below each of its areas, and the set a bound of it for each block, so that a search for room passes over
blocks that have none.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, Iterator

from sandbox.abi.linux.mman import VM_GROWSDOWN
from sandbox.mm.vma import VMA

MOST: Final = 64  # areas in a block


class Block:
    """Some areas that follow each other, at least one, and the room below each: what is free down to the end of the one
    before, a growing area's guard gap not counted."""

    __slots__ = ("starts", "areas", "rooms")

    def __init__(self, starts: list[int], areas: list[VMA], rooms: list[int]) -> None:
        self.starts = starts
        self.areas = areas
        self.rooms = rooms


class VMASet:
    """The areas of one address space, in order; `most` of them are in a block."""

    __slots__ = ("most", "count", "firsts", "bounds", "blocks")

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.count = 0
        self.firsts: list[int] = []  # where the blocks' first areas start
        self.bounds: list[int] = []  # no room in the block is larger
        self.blocks: list[Block] = []

    def copy(self) -> VMASet:
        """The same areas once more, with references of their own to what backs them."""
        new = VMASet(self.most)
        new.count = self.count
        new.firsts, new.bounds = self.firsts[:], self.bounds[:]
        for block in self.blocks:
            copies: list[VMA] = []
            for area in block.areas:
                backing = area.backing
                if backing is not None:
                    backing.acquire()
                copies.append(VMA(area.start, area.end, area.flags, backing, area.offset, area.name))
            new.blocks.append(Block(block.starts[:], copies, block.rooms[:]))
        return new

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[VMA]:
        for block in self.blocks:
            yield from block.areas

    def find(self, address: int) -> VMA | None:
        """The area that holds `address`."""
        n = bisect_right(self.firsts, address) - 1
        if n >= 0:
            block = self.blocks[n]
            area = block.areas[bisect_right(block.starts, address) - 1]
            if address < area.end:
                return area
        return None

    def next_after(self, address: int) -> VMA | None:
        """The first area that ends after `address` (mm/mmap.c: find_vma)."""
        n, i = self._place(address)
        return self.blocks[n].areas[i] if n < len(self.blocks) else None

    def last_before(self, address: int) -> VMA | None:
        """The last area that starts before `address`."""
        n = bisect_right(self.firsts, address - 1) - 1
        if n < 0:
            return None
        block = self.blocks[n]
        return block.areas[bisect_right(block.starts, address - 1) - 1]

    def part(self, address: int, most: int) -> list[VMA]:
        """At most so many areas in order, from the first one that ends after `address`."""
        n, i = self._place(address)
        found: list[VMA] = []
        while n < len(self.blocks) and len(found) < most:
            found += self.blocks[n].areas[i : i + most - len(found)]
            n, i = n + 1, 0
        return found

    def intersects(self, start: int, end: int) -> bool:
        """Something in [start, end) is mapped."""
        n, i = self._place(start)
        return n < len(self.blocks) and self.blocks[n].starts[i] < end

    def overlapping(self, start: int, end: int) -> list[VMA]:
        """The areas that have a part in [start, end), in order."""
        area = self.find(start)
        if area is not None and end <= area.end:
            return [area]
        n, i = self._place(start)
        found: list[VMA] = []
        while n < len(self.blocks):
            block = self.blocks[n]
            for area in block.areas[i:] if i else block.areas:
                if area.start >= end:
                    return found
                found.append(area)
            n, i = n + 1, 0
        return found

    def mapped_until(self, start: int, end: int) -> int:
        """Up to where [start, end) is mapped without a hole; `start` when it begins with one."""
        at = start
        n, i = self._place(start)
        while n < len(self.blocks):
            for area in self.blocks[n].areas[i:]:
                if at >= end or area.start > at:
                    return min(at, end)
                at = area.end
            n, i = n + 1, 0
        return min(at, end)

    def _place(self, address: int) -> tuple[int, int]:
        """Block and index in it of the first area that ends after `address`; past the last block when there is none."""
        n = bisect_right(self.firsts, address) - 1
        if n < 0:
            return 0, 0
        block = self.blocks[n]
        i = bisect_right(block.starts, address)
        if address < block.areas[i - 1].end:
            return n, i - 1
        return (n, i) if i < len(block.areas) else (n + 1, 0)

    # --- changes ---

    def insert(self, area: VMA) -> VMA:
        """Add an area where nothing is mapped, as one with its neighbours if they fit; the area that holds it."""
        start = area.start
        n = bisect_right(self.firsts, start) - 1
        if n < 0:
            return self._insert_first(area)
        block = self.blocks[n]
        areas = block.areas
        i = bisect_right(block.starts, start)
        before = areas[i - 1]
        joins_before = before.end == start and before.joins(area)
        m, k = (n, i) if i < len(areas) else (n + 1, 0)
        if m < len(self.blocks):
            upper = self.blocks[m]
            following = upper.areas[k]
            if area.end == following.start and area.joins(following):
                if not joins_before:
                    return self._extend_down(m, k, area, start - before.end)
                area.end = following.end
                if following.backing is not None:
                    following.backing.drop()
                self._delete(m, k, k + 1)
            else:
                low = following.lowest() if following.flags & VM_GROWSDOWN else following.start
                upper.rooms[k] = low - area.end
        if joins_before:
            before.end = area.end
            if area.backing is not None:
                area.backing.drop()
            return before
        room = (area.lowest() if area.flags & VM_GROWSDOWN else start) - before.end
        self._put(n, i, area, room)
        return area

    def _extend_down(self, n: int, i: int, area: VMA, room: int) -> VMA:
        """Area `i` of block `n` takes `area` in, which ends where it begins, and has so much room below it then."""
        block = self.blocks[n]
        following = block.areas[i]
        following.start, following.offset = area.start, area.offset
        if area.backing is not None:
            area.backing.drop()
        block.starts[i] = area.start
        if not i:
            self.firsts[n] = area.start
        block.rooms[i] = room - (area.start - following.lowest()) if area.flags & VM_GROWSDOWN else room
        if room > self.bounds[n]:
            self.bounds[n] = room
        return following

    def _insert_first(self, area: VMA) -> VMA:
        """As `insert`, below all others."""
        room = area.lowest()
        if not self.blocks:
            self.blocks.append(Block([], [], []))
            self.firsts.append(0)
            self.bounds.append(0)
        else:
            following = self.blocks[0].areas[0]
            if area.end == following.start and area.joins(following):
                return self._extend_down(0, 0, area, area.start)
            self.blocks[0].rooms[0] = following.lowest() - area.end
        self._put(0, 0, area, room)
        return area

    def _divide(self, n: int) -> None:
        """Block `n` has become too large."""
        block = self.blocks[n]
        half = len(block.areas) // 2
        self.blocks.insert(n + 1, Block(block.starts[half:], block.areas[half:], block.rooms[half:]))
        self.firsts.insert(n + 1, block.starts[half])
        self.bounds.insert(n + 1, self.bounds[n])
        del block.starts[half:], block.areas[half:], block.rooms[half:]

    def _delete(self, n: int, i: int, j: int) -> None:
        """Areas i to j of block `n` are no more, and the block neither if nothing is left of it."""
        block = self.blocks[n]
        del block.starts[i:j], block.areas[i:j], block.rooms[i:j]
        self.count -= j - i
        if block.areas:
            self.firsts[n] = block.starts[0]
        else:
            del self.blocks[n], self.firsts[n], self.bounds[n]

    def split(self, address: int) -> None:
        """Make `address` a boundary if it lies inside an area."""
        n, i = self._place(address)
        if n == len(self.blocks):
            return
        block = self.blocks[n]
        area = block.areas[i]
        if area.start < address < area.end:
            upper = area.copy(address, area.end)
            area.end = address
            self._put(n, i + 1, upper, upper.lowest() - address)

    def _put(self, n: int, i: int, area: VMA, room: int) -> None:
        """Area `i` of block `n`, with so much room below it."""
        block = self.blocks[n]
        block.starts.insert(i, area.start)
        block.areas.insert(i, area)
        block.rooms.insert(i, room)
        self.count += 1
        if not i:
            self.firsts[n] = area.start
        if room > self.bounds[n]:
            self.bounds[n] = room
        if len(block.areas) > self.most:
            self._divide(n)

    def take(self, start: int, end: int) -> list[VMA]:
        """Take everything in [start, end) out; the areas (cut at the edges) still hold their backings."""
        n = bisect_right(self.firsts, start) - 1
        if n < 0:
            return self._take(start, end)
        block = self.blocks[n]
        i = bisect_right(block.starts, start) - 1
        area = block.areas[i]
        if end > area.end:
            return self._take(start, end)
        if area.start == start and end == area.end:
            self._delete(n, i, i + 1)
            self._room_below(n, i)
            return [area]
        taken = area.copy(start, end)
        if area.start == start:
            area.start = block.starts[i] = end
            if area.backing is not None:
                area.offset += end - start
            if not i:
                self.firsts[n] = end
            self._room_below(n, i)
        elif area.end == end:
            area.end = start
            self._room_below(n, i + 1)
        else:
            upper = area.copy(end, area.end)
            area.end = start
            self._put(n, i + 1, upper, upper.lowest() - start)
        return [taken]

    def _take(self, start: int, end: int) -> list[VMA]:
        n, i = self._place(start)
        if n == len(self.blocks):
            return []
        self.split(start)
        self.split(end)
        taken: list[VMA] = []
        while True:
            n, i = self._place(start)
            if n == len(self.blocks):
                break
            block = self.blocks[n]
            j = bisect_right(block.starts, end - 1)
            if j <= i:
                break
            taken += block.areas[i:j]
            self._delete(n, i, j)
        if taken:
            self._room_below(n, i)
        return taken

    def _room_below(self, n: int, i: int) -> None:
        """What lies below area `i` of block `n`, or below the next block, is no more."""
        if n < len(self.blocks) and i >= len(self.blocks[n].areas):
            n, i = n + 1, 0
        if n == len(self.blocks):
            return
        block = self.blocks[n]
        below = block.areas[i - 1].end if i else self.blocks[n - 1].areas[-1].end if n else 0
        room = block.areas[i].lowest() - below
        block.rooms[i] = room
        if room > self.bounds[n]:
            self.bounds[n] = room
        if n and len(block.areas) + len(self.blocks[n - 1].areas) <= self.most // 2:
            before = self.blocks[n - 1]
            before.starts += block.starts
            before.areas += block.areas
            before.rooms += block.rooms
            self.bounds[n - 1] = max(self.bounds[n - 1 : n + 1])
            del self.blocks[n], self.firsts[n], self.bounds[n]

    def pieces(self, start: int, end: int) -> int:
        """By how many areas cutting [start, end) out may grow the count (0 – 2)."""
        first, last = self.find(start), self.find(end)
        return int(first is not None and first.start < start) + int(last is not None and last.start < end)

    # --- gaps ---

    def gap_below(self, size: int, floor: int, ceiling: int) -> int:
        """The highest address of a gap of `size` bytes within [floor, ceiling); -1 when there is none.

        A growing area keeps its guard gap free. (mm/mmap.c: vm_unmapped_area, top-down)
        """
        n = bisect_right(self.firsts, ceiling) - 1
        if n < 0:
            return ceiling - size if ceiling - size >= floor else -1
        block = self.blocks[n]
        i = bisect_right(block.starts, ceiling) - 1
        top = ceiling
        if ceiling - block.areas[i].end < size:
            rooms = block.rooms
            while rooms[i] < size:
                i -= 1
                if i < 0:
                    n = self._block_below(n, size)
                    if n < 0:
                        return -1
                    block = self.blocks[n]
                    rooms = block.rooms
                    i = len(rooms) - 1
            top = block.areas[i].lowest()
        return top - size if top - size >= floor else -1

    def _block_below(self, n: int, size: int) -> int:
        """The next block below block `n` that has so much room; -1 when there is none."""
        bounds = self.bounds
        while n > 0:
            if n >= MOST and max(bounds[n - MOST : n]) < size:
                n -= MOST
                continue
            n -= 1
            if bounds[n] >= size:
                bounds[n] = max(self.blocks[n].rooms)
                if bounds[n] >= size:
                    return n
        return -1

    def gap_above(self, size: int, floor: int, ceiling: int) -> int:
        """The lowest address of such a gap; -1 when there is none. (mm/mmap.c: vm_unmapped_area, bottom-up)"""
        at = floor
        n, i = self._place(floor)
        while n < len(self.blocks) and at + size <= ceiling:
            areas = self.blocks[n].areas
            if not i and self.bounds[n] < size:
                at = max(at, areas[-1].end)
            else:
                for area in areas[i:]:
                    if area.lowest() - at >= size:
                        return at if at + size <= ceiling else -1
                    at = max(at, area.end)
            n, i = n + 1, 0
        return at if at + size <= ceiling else -1

    def fits(self, address: int, size: int) -> bool:
        """[address, address + size) is free, and so is the guard gap of the area above."""
        following = self.next_after(address)
        return following is None or address + size <= following.lowest()
