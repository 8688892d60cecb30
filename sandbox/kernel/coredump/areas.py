"""What of each area of memory goes into a core (fs/coredump.c: vma_dump_size, dump_user_range)."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final, Iterator

from sandbox.abi.linux.mman import VM_DONTDUMP, VM_EXEC, VM_READ, VM_SECRET, VM_SHARED, VM_WRITE
from sandbox.mm import vdso
from sandbox.mm.backing import backing_text
from sandbox.mm.smaps import own_copies
from sandbox.platform.base import MemoryFault

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.mm.vma import VMA
    from sandbox.platform.base import AddressSpace

# Bits of /proc/PID/coredump_filter.
_ANON_PRIVATE: Final = 1
_ANON_SHARED: Final = 2
_MAPPED_PRIVATE: Final = 4
_MAPPED_SHARED: Final = 8
_ELF_HEADERS: Final = 16
PAGE: Final = 4096
PART: Final = 1 << 16  # bytes that are read of a guest's memory at once
WINDOW: Final = 1 << 25  # of which one look tells what is there
_ELF: Final = b"\x7fELF"
_THERE: Final = 0xC0  # of the last byte of a word of pagemap: present or swapped
_OF_FILE: Final = 0x20
_MARKED: Final = bytes(byte & _THERE != 0 for byte in range(256))  # 1 for what is there
_OWN: Final = bytes(byte & _THERE != 0 and not byte & _OF_FILE for byte in range(256))
SOME: Final = 64  # areas that are looked at in one step
_FLAGS: Final = ((VM_READ, 4), (VM_WRITE, 2), (VM_EXEC, 1))  # PF_R, PF_W, PF_X


class Segment:
    """[start, end) with PF_* `flags`, of which the first `size` bytes are written; `sparse`: a page that is not there has
    never been anything but zeros, and need not be looked for."""

    __slots__ = ("start", "end", "flags", "size", "sparse", "secret")

    def __init__(self, start: int, end: int, flags: int, size: int, sparse: bool, secret: bool) -> None:
        self.start = start
        self.end = end
        self.flags = flags
        self.size = size
        self.sparse = sparse
        self.secret = secret


def segments(t: Task, out: list[Segment]) -> Iterator[None]:
    """Those of the memory of `t` are added to `out`, in order, the vDSO last; some in each step."""
    host: list[tuple[int, bool]] = []
    for one in own_copies(t.space.host_smaps()):
        host.append(one)
        if not len(host) % SOME:
            yield
    address = 0
    while t.mm is not None and (some := t.mm.areas.part(address, SOME)):
        for area in some:
            own = [False]
            yield from _look(t.space, host, area, own)
            flags = sum(bit for flag, bit in _FLAGS if area.flags & flag)
            size = _size(t, area, own[0], t.group.dump_filter)
            out.append(Segment(area.start, area.end, flags, size, area.backing is None, area.flags & VM_SECRET != 0))
        address = some[-1].end
        yield
    base = t.kernel.platform.vdso_address
    for start, end, prot, name in vdso.parts() if base else ():
        flags = sum(bit for flag, bit in _FLAGS if prot & flag)
        out.append(Segment(base + start, base + end, flags, end - start, False, name != "[vdso]"))


def _look(space: AddressSpace, host: list[tuple[int, bool]], area: VMA, own: list[bool]) -> Iterator[None]:
    """Is some page of it a copy of the process's own? Goes to `own`, after a step for each part that was looked at. `host`: the
    host's areas, in order."""
    start, end = area.start, area.end
    first = max(0, bisect_right(host, (start, True)) - 1)
    shared = False
    for n in range(first, len(host)):
        begin, has = host[n]
        if begin >= end:
            break
        ends = host[n + 1][0] if n + 1 < len(host) else begin
        if has and begin >= start and begin < ends <= end:
            own[0] = True
            return
        shared = shared or has
    while shared and start < end and not own[0]:
        size = min(WINDOW, end - start)
        own[0] = _marks(space, start, size, _OWN).find(1) >= 0
        start += size
        yield


def _marks(space: AddressSpace, at: int, size: int, table: bytes) -> bytes:
    """A byte for each page, as `table` has it for the last byte of its word of pagemap."""
    return space.host_pagemap(at // PAGE, size // PAGE)[7::8].translate(table)


def _size(t: Task, area: VMA, own: bool, wanted: int) -> int:
    """`own`: it has pages that are this process's own copies (vma->anon_vma)."""
    whole = area.end - area.start
    backing = area.backing
    if area.flags & VM_DONTDUMP:
        return 0
    if area.flags & VM_SHARED:
        gone = backing is None or backing_text(backing).endswith(b" (deleted)") or backing.name.startswith("/SYSV")
        return whole if wanted & (_ANON_SHARED if gone else _MAPPED_SHARED) else 0
    if own and wanted & _ANON_PRIVATE:
        return whole
    if backing is None:
        return 0
    if wanted & _MAPPED_PRIVATE:
        return whole
    if wanted & _ELF_HEADERS and not area.offset and area.flags & VM_READ:
        head = memory(t.space, area.start, len(_ELF))
        return PAGE if head == _ELF else 0
    return 0


def memory(space: AddressSpace, address: int, size: int) -> bytes | None:
    """What is there, whatever its protection; None: not all of it can be read."""
    try:
        return space.peek(address, size)
    except MemoryFault:
        return None


def pieces(space: AddressSpace, segment: Segment) -> Iterator[tuple[int, bytes]]:
    """The contents: (0, bytes), or (number of zeros, b"") where nothing has to be written."""
    at, end = segment.start, segment.start + segment.size
    if segment.secret:
        yield segment.size, b""
        return
    while at < end:
        size = min(WINDOW if segment.sparse else PART, end - at)
        yield from _present(space, at, size) if segment.sparse else _read(space, at, size)
        at += size


def _present(space: AddressSpace, at: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Runs of pages that are there, and of others."""
    marks = _marks(space, at, size, _MARKED)
    first = 0
    while first < len(marks):
        there = marks[first]
        last = marks.find(1 - there, first)
        if last < 0:
            last = len(marks)
        if there:
            for start in range(first * PAGE, last * PAGE, PART):
                yield from _read(space, at + start, min(PART, last * PAGE - start))
        else:
            yield (last - first) * PAGE, b""
        first = last


def _read(space: AddressSpace, at: int, size: int) -> Iterator[tuple[int, bytes]]:
    """All at once, or page by page where some cannot be read."""
    data = memory(space, at, size)
    if data is not None:
        yield 0, data
        return
    for address in range(at, at + size, PAGE):
        data = memory(space, address, PAGE)
        yield (0, data) if data is not None else (PAGE, b"")
