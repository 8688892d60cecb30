"""What is in guest memory: which pages an image needs, and how they come back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Iterator

from sandbox.abi.linux.mman import VM_MAYSHARE
from sandbox.checkpoint.image import CHUNK
from sandbox.mm.anonymous import SharedAnonymous
from sandbox.mm.op_code import PlatformCode

if TYPE_CHECKING:
    from sandbox.checkpoint.image import ImageWriter
    from sandbox.mm.memory_manager import MemoryManager
    from sandbox.mm.vma import VMA
    from sandbox.platform.base import AddressSpace

PAGE: Final = 4096
_WORDS: Final = 1 << 16  # of pagemap in one read
_PRESENT: Final = 0b11 << 62  # in memory, or swapped out (Documentation/admin-guide/mm/pagemap.rst)
_OF_FILE: Final = 1 << 61
_AREA: Final = re.compile(rb"([0-9a-f]+)-([0-9a-f]+) ")


def is_private(area: VMA) -> bool:
    """What is written there is the address space's own."""
    return area.backing is None or not area.flags & VM_MAYSHARE


def drop_platform_code(mm: MemoryManager) -> None:
    """The platform makes its own anew."""
    for area in list(mm.areas):
        if isinstance(area.backing, PlatformCode):
            mm.remove(area.start, area.end)


def touched(space: AddressSpace) -> list[tuple[int, int]] | None:
    """Where the host says that the process has pages of its own (proc_pid_smaps(5)); None when it does not say."""
    text = space.host_smaps()
    if b"VmFlags" not in text:
        return None
    out: list[tuple[int, int]] = []
    start = end = 0
    for line in text.splitlines():
        match = _AREA.match(line)
        if match is not None:
            start, end = int(match[1], 16), int(match[2], 16)
        elif line.startswith((b"Anonymous:", b"Swap:")) and line.split()[1] != b"0":
            if not out or out[-1] != (start, end):
                out.append((start, end))
    if not text.rstrip().rpartition(b"\n")[2].startswith(b"VmFlags"):
        out.append((end, 1 << 48))  # there were too many areas to be told of
    return out


def own_pages(space: AddressSpace, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Runs of pages in [start, end) that are the process's own: neither untouched nor a file's."""
    run = -1
    for first in range(start >> 12, end >> 12, _WORDS):
        count = min(_WORDS, (end >> 12) - first)
        words = space.host_pagemap(first, count)
        if not any(words):
            if run >= 0:
                yield run << 12, first << 12
                run = -1
            continue
        for page, word in enumerate(memoryview(words).cast("Q"), first):
            if word & _PRESENT and not word & _OF_FILE:
                if run < 0:
                    run = page
            elif run >= 0:
                yield run << 12, page << 12
                run = -1
    if run >= 0:
        yield run << 12, end


class MemoryWriter:
    """Writes every piece of memory once."""

    def __init__(self, writer: ImageWriter) -> None:
        self._writer = writer
        self._zeros = bytes(PAGE)
        self._shared: set[tuple[int, int]] = set()  # (number, page of the object) that was written

    def space(self, which: int, space: AddressSpace, mm: MemoryManager, numbers: dict[SharedAnonymous, int]) -> None:
        """The private memory of an address space, and what it maps of shared memory that has no file. OSError, MemoryFault."""
        areas = touched(space)
        for area in mm.areas:
            if isinstance(area.backing, PlatformCode):
                continue
            if is_private(area):
                for start, end in [(area.start, area.end)] if areas is None else areas:
                    low, high = max(start, area.start), min(end, area.end)
                    if low < high:
                        for first, last in own_pages(space, low, high):
                            self._copy(space, first, last, which, first, area.backing is not None)
            elif isinstance(area.backing, SharedAnonymous):
                self._shared_area(space, area, numbers[area.backing])

    def _shared_area(self, space: AddressSpace, area: VMA, number: int) -> None:
        size = area.backing.size if isinstance(area.backing, SharedAnonymous) else 0
        end = min(area.end, area.start + (size + PAGE - 1 & -PAGE) - area.offset)
        for at in range(area.start, end, CHUNK):
            key = (number, area.offset + at - area.start)
            if key not in self._shared:
                self._shared.add(key)
                self._copy(space, at, min(at + CHUNK, end), number, key[1])

    def _copy(self, space: AddressSpace, start: int, end: int, which: int, at: int, zeros: bool = False) -> None:
        for first in range(start, end, CHUNK):
            data = space.peek(first, min(CHUNK, end - first))
            if zeros:
                self._writer.pages(which, at + first - start, data)
            else:
                self.bytes(which, at + first - start, data)

    def bytes(self, which: int, at: int, data: bytes) -> None:
        """`data`, without its pages of zeros."""
        zeros, size = self._zeros, len(data)
        run = -1
        for page in range(0, size, PAGE):
            if data[page : page + PAGE] == zeros[: size - page]:
                if run >= 0:
                    self._writer.pages(which, at + run, memoryview(data)[run:page])
                    run = -1
            elif run < 0:
                run = page
        if run >= 0:
            self._writer.pages(which, at + run, memoryview(data)[run:])
