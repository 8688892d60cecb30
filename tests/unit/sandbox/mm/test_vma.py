"""The set of areas against an oracle that knows each page."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.abi.linux.mman import STACK_GUARD_GAP, VM_GROWSDOWN
from sandbox.mm.vma import VMA
from sandbox.mm.vma_set import VMASet

PAGE = 4096
PAGES = 48


class FakeBacking:
    counted = False
    place = None
    keepable: object = None

    def __init__(self, key: int) -> None:
        self.key: object = key
        self.name = f"file{key}"
        self.base = 0
        self.device = 8
        self.inode = key
        self.refs = 0

    def host_fd(self, writable: bool) -> int:
        return 0

    def acquire(self) -> None:
        self.refs += 1

    def drop(self) -> None:
        self.refs -= 1
        assert self.refs >= 0


class Model:
    """Per page: (flags, key or None, page of the file)."""

    def __init__(self) -> None:
        self.pages: list[tuple[int, int | None, int] | None] = [None] * PAGES
        self.areas = VMASet(most=4)
        self.backings = [FakeBacking(0), FakeBacking(1)]

    def map(self, start: int, size: int, flags: int, key: int | None, offset: int) -> None:
        end = min(start + size, PAGES)
        self.unmap(start, end - start)
        backing = None if key is None else self.backings[key]
        if backing is not None:
            backing.acquire()
        self.areas.insert(VMA(start * PAGE, end * PAGE, flags, backing, offset * PAGE if key is not None else 0))
        for n in range(start, end):
            self.pages[n] = (flags, key, offset + n - start if key is not None else 0)

    def unmap(self, start: int, size: int) -> None:
        end = min(start + size, PAGES)
        for area in self.areas.take(start * PAGE, end * PAGE):
            if area.backing is not None:
                area.backing.drop()
        for n in range(start, end):
            self.pages[n] = None

    def check(self) -> None:
        seen: list[tuple[int, int | None, int] | None] = [None] * PAGES
        previous: VMA | None = None
        for area in self.areas:
            assert area.start < area.end
            assert previous is None or previous.end <= area.start
            assert previous is None or not previous.joins(area)
            for address in range(area.start, area.end, PAGE):
                key = None
                if area.backing is not None:
                    assert isinstance(area.backing.key, int)
                    key = area.backing.key
                offset = (area.offset + address - area.start) // PAGE if key is not None else 0
                seen[address // PAGE] = (area.flags, key, offset)
            previous = area
        assert seen == self.pages
        assert len(self.areas) == len(list(self.areas))
        assert self.areas.firsts == [block.areas[0].start for block in self.areas.blocks]
        before = 0
        for block, bound in zip(self.areas.blocks, self.areas.bounds, strict=True):
            assert 0 < len(block.areas) <= self.areas.most
            assert block.starts == [a.start for a in block.areas]
            for area in block.areas:
                assert area.lowest() - before == block.rooms[block.areas.index(area)] <= bound
                before = area.end
        for backing in self.backings:
            assert backing.refs == sum(1 for a in self.areas if a.backing is backing)


operations = st.lists(
    st.tuples(
        st.booleans(),
        st.integers(0, PAGES - 1),
        st.integers(1, 12),
        st.sampled_from([1, 3]),
        st.sampled_from([None, 0, 1]),
        st.integers(0, 6),
    ),
    max_size=40,
)


@given(operations)
def test_areas_equal_the_pages(ops: list[tuple[bool, int, int, int, int | None, int]]) -> None:
    model = Model()
    for mapped, start, size, flags, key, offset in ops:
        if mapped:
            model.map(start, size, flags, key, offset)
        else:
            model.unmap(start, size)
        model.check()
        for n in range(PAGES):
            area = model.areas.find(n * PAGE + 17)
            assert (area is not None) == (model.pages[n] is not None)
            assert model.areas.intersects(n * PAGE, n * PAGE + PAGE) == (model.pages[n] is not None)
            until = n
            while until < PAGES and model.pages[until] is not None:
                until += 1
            assert model.areas.mapped_until(n * PAGE, PAGES * PAGE) == until * PAGE


@given(operations, st.lists(st.integers(1, 10), min_size=1, max_size=12))
def test_gap_below_is_the_highest_one(ops: list[tuple[bool, int, int, int, int | None, int]], sizes: list[int]) -> None:
    """Also after searches and removals that fill and empty what is remembered of them, a free range is found
    whenever there is one; the first search finds the highest."""
    model = Model()
    for mapped, start, size, flags, key, offset in ops:
        if mapped:
            model.map(start, size, flags, key, offset)
        else:
            model.unmap(start, size)
        for want in sizes:
            found = model.areas.gap_below(want * PAGE, 2 * PAGE, PAGES * PAGE)
            holes = [n for n in range(2, PAGES - want + 1) if not any(model.pages[n : n + want])]
            if holes:
                assert found == holes[-1] * PAGE
            else:
                assert found == -1


@given(operations, st.integers(1, 10))
@settings(max_examples=50)
def test_gap_above_is_the_lowest_one(ops: list[tuple[bool, int, int, int, int | None, int]], want: int) -> None:
    model = Model()
    for mapped, start, size, flags, key, offset in ops:
        if mapped:
            model.map(start, size, flags, key, offset)
    found = model.areas.gap_above(want * PAGE, 2 * PAGE, PAGES * PAGE)
    holes = [n for n in range(2, PAGES - want + 1) if not any(model.pages[n : n + want])]
    assert found == (holes[0] * PAGE if holes else -1)


def test_a_growing_area_keeps_its_guard_gap() -> None:
    areas = VMASet()
    stack = 64 * STACK_GUARD_GAP
    areas.insert(VMA(stack, stack + PAGE, 3 | VM_GROWSDOWN))
    assert areas.gap_below(PAGE, PAGE, stack + PAGE) == stack - STACK_GUARD_GAP - PAGE
    assert areas.fits(stack - STACK_GUARD_GAP - PAGE, PAGE)
    assert not areas.fits(stack - STACK_GUARD_GAP, PAGE)


class CountingVMA(VMA):
    """Counts how often somebody looks whether there is room below it."""

    looks = 0

    def lowest(self) -> int:
        CountingVMA.looks += 1
        return super().lowest()


@pytest.mark.interpreted
def test_what_is_freed_is_found_without_a_look_at_everything_above() -> None:
    """A block that is mapped below the last one before that is freed, again and again, under thousands of areas."""
    areas, count, ceiling = VMASet(), 5000, 1 << 30
    for n in range(count):
        areas.insert(CountingVMA(ceiling - (n + 1) * 2 * PAGE, ceiling - (n + 1) * 2 * PAGE + PAGE, n % 2))
    last = None
    CountingVMA.looks = 0
    for size in [64 * PAGE, PAGE] * 50:
        at = areas.gap_below(size, PAGE, ceiling)
        areas.insert(VMA(at, at + size, 5))
        if size > PAGE:
            if last is not None:
                areas.take(last, last + size)
            last = at
    assert CountingVMA.looks < 100 * (len(areas.blocks) + areas.most) < 100 * count / 10
