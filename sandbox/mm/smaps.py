"""/proc/PID/smaps and smaps_rollup (fs/proc/task_mmu.c): the kernel's areas with what the host says is in core."""

from __future__ import annotations

from bisect import bisect_right
from operator import add
from typing import TYPE_CHECKING, Final, Iterator, Sequence

from sandbox.abi.linux import mman
from sandbox.mm.proc_maps import AREAS_A_PART, area_line

if TYPE_CHECKING:
    from sandbox.mm.memory_manager import MemoryManager
    from sandbox.mm.vma import VMA
    from sandbox.vfs.path import Path

# In kB, in Linux's order; the same names in the host's file.
_COUNTED: Final = (
    b"Rss",
    b"Pss",
    b"Pss_Dirty",
    b"Shared_Clean",
    b"Shared_Dirty",
    b"Private_Clean",
    b"Private_Dirty",
    b"Referenced",
    b"Anonymous",
    b"KSM",
    b"LazyFree",
    b"AnonHugePages",
    b"ShmemPmdMapped",
    b"FilePmdMapped",
    b"Shared_Hugetlb",
    b"Private_Hugetlb",
    b"Swap",
    b"SwapPss",
)
_NOTHING: Final = (0,) * len(_COUNTED)
_INDEX: Final[dict[bytes, int]] = {name: n for n, name in enumerate(_COUNTED)}
_SPLIT: Final = (b"Pss_Anon", b"Pss_File", b"Pss_Shmem")  # in smaps_rollup only, after Pss_Dirty
_HOST_LINE: Final = rb"^(?:([0-9a-f]+)-[0-9a-f]+ (.*)$|(\w+): +([1-9]\d*) kB$)"
_IN_MEMORY: Final = (b"/memfd:", b"/dev/zero ", b"/SYSV")  # names of the host's shared memory
_FLAG_NAMES: Final = (
    (mman.VM_READ, "rd"),
    (mman.VM_WRITE, "wr"),
    (mman.VM_EXEC, "ex"),
    (mman.VM_SHARED, "sh"),
    (mman.VM_MAYREAD, "mr"),
    (mman.VM_MAYWRITE, "mw"),
    (mman.VM_MAYEXEC, "me"),
    (mman.VM_MAYSHARE, "ms"),
    (mman.VM_GROWSDOWN, "gd"),
    (mman.VM_LOCKED, "lo"),
    (mman.VM_SEQ_READ, "sr"),
    (mman.VM_RAND_READ, "rr"),
    (mman.VM_DONTCOPY, "dc"),
    (mman.VM_LOCKONFAULT, "lf"),
    (mman.VM_ACCOUNT, "ac"),
    (mman.VM_NORESERVE, "nr"),
    (mman.VM_WIPEONFORK, "wf"),
    (mman.VM_DONTDUMP, "dd"),
    (mman.VM_HUGEPAGE, "hg"),
    (mman.VM_NOHUGEPAGE, "nh"),
)


def smaps(mm: MemoryManager, host: bytes, root: Path | None = None) -> Iterator[bytes]:
    """Some areas at a time, what is mapped meanwhile included. `host`: the host's smaps of the process, or nothing when it
    is gone (then nothing counts as in core)."""
    records = _records(host)
    record = next(records, None)
    texts: dict[tuple[int, int, tuple[int, ...]], bytes] = {}  # thousands of areas look alike
    address = 0
    while batch := mm.areas.part(address, AREAS_A_PART):
        out: list[bytes] = []
        for area in batch:
            counted = _NOTHING
            while record is not None and record[0] < area.end:
                if record[0] >= area.start:
                    counted = _sum(counted, record[1])
                record = next(records, None)
            key = (area.end - area.start, area.flags, counted)
            text = texts.get(key)
            if text is None:
                text = texts[key] = _record(*key)
            out += (area_line(mm, area, root), text)
        address = batch[-1].end
        yield b"".join(out)


def in_core(mm: MemoryManager, host: bytes) -> Iterator[tuple[VMA, int, int, int]]:
    """Every area with its pages in core, those of them that are its own copies, and those that were written."""
    records = _records(host)
    record = next(records, None)
    for area in list(mm.areas):
        counted = _NOTHING
        while record is not None and record[0] < area.end:
            if record[0] >= area.start:
                counted = _sum(counted, record[1])
            record = next(records, None)
        dirty = counted[_INDEX[b"Shared_Dirty"]] + counted[_INDEX[b"Private_Dirty"]]
        yield area, counted[0] >> 2, counted[_INDEX[b"Anonymous"]] >> 2, dirty >> 2


def own_copies(host: bytes) -> Iterator[tuple[int, bool]]:
    """Where each of the host's areas begins, and whether there are pages in it that are the process's own. The host may have
    made one of what are several here."""
    anonymous, swap = _INDEX[b"Anonymous"], _INDEX[b"Swap"]
    for start, counted, _ in _records(host):
        yield start, counted[anonymous] + counted[swap] > 0


def smaps_rollup(mm: MemoryManager, host: bytes) -> bytes:
    """One record for all areas."""
    areas = list(mm.areas)
    starts = [area.start for area in areas]
    if not areas:
        return b""
    total, locked, split = _NOTHING, 0, [0, 0, 0]
    for start, counted, in_memory in _records(host):
        i = bisect_right(starts, start) - 1
        if i >= 0 and start < areas[i].end:
            total = _sum(total, counted)
            anonymous = _anonymous(counted)
            split[0] += anonymous
            split[2 if in_memory else 1] += counted[_INDEX[b"Pss"]] - anonymous
            if areas[i].flags & mman.VM_LOCKED:
                locked += counted[_INDEX[b"Pss"]]
    head = f"{areas[0].start:08x}-{areas[-1].end:08x} ---p 00000000 00:00 0 ".ljust(73) + "[rollup]\n"
    after = _INDEX[b"Pss_Dirty"] + 1
    pairs = [*zip(_COUNTED, total, strict=True), (b"Locked", locked)]
    return head.encode() + _lines(*pairs[:after], *zip(_SPLIT, split, strict=True), *pairs[after:])


def _anonymous(counted: list[int]) -> int:
    """How much of an area's Pss are the process's own pages. Where other pages are among them, the host does not say it: such copies of
    a file's pages are taken as nobody else's."""
    own, pss = counted[_INDEX[b"Anonymous"]], counted[_INDEX[b"Pss"]]
    return pss if own == counted[0] else min(own, pss)


def _record(size: int, flags: int, counted: tuple[int, ...]) -> bytes:
    """What follows an area's line."""
    names = "".join(f"{name} " for bit, name in _FLAG_NAMES if flags & bit)
    return (
        _lines((b"Size", size >> 10), (b"KernelPageSize", 4), (b"MMUPageSize", 4))
        + _counted(counted, counted[_INDEX[b"Pss"]] if flags & mman.VM_LOCKED else 0)
        + f"THPeligible:    {0:8}\nVmFlags: {names}\n".encode()
    )


def _counted(counted: tuple[int, ...], locked: int) -> bytes:
    return _lines(*zip(_COUNTED, counted, strict=True), (b"Locked", locked))


def _lines(*pairs: tuple[bytes, int]) -> bytes:
    return b"".join([b"%-15s %8d kB\n" % (name + b":", value) for name, value in pairs])


def _sum(a: tuple[int, ...], b: Sequence[int]) -> tuple[int, ...]:
    return tuple(b) if a is _NOTHING else tuple(map(add, a, b))


def _records(host: bytes) -> Iterator[tuple[int, list[int], bool]]:
    """Start and counts of each of the host's areas, in order, and whether it is of shared memory; what is nothing at all
    isn't looked at."""
    import re

    start, counted, in_memory = -1, [0] * len(_COUNTED), False
    for found in re.finditer(_HOST_LINE, host, re.MULTILINE):
        begin, rest, name, value = found.groups()
        if begin is not None:
            if start >= 0:
                yield start, counted, in_memory
            start, counted = int(begin, 16), [0] * len(_COUNTED)
            in_memory = any([one in rest for one in _IN_MEMORY])
        elif (n := _INDEX.get(name)) is not None:
            counted[n] = int(value)
    if start >= 0:
        yield start, counted, in_memory
