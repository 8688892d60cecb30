"""/proc/PID/smaps and smaps_rollup (fs/proc/task_mmu.c): the kernel's areas with what the host says is in core."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import mman
from sandbox.mm.proc_maps import area_line

if TYPE_CHECKING:
    from sandbox.mm.memory_manager import MemoryManager

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
_INDEX: Final[dict[bytes, int]] = {name: n for n, name in enumerate(_COUNTED)}
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


def smaps(mm: MemoryManager, host: bytes) -> bytes:
    """`host`: the host's smaps of the process, or nothing where it can't be had (then nothing counts as in core)."""
    counts = _by_area(mm, host)
    out = []
    for area, counted in zip(mm.areas, counts, strict=True):
        size = (area.end - area.start) >> 10
        flags = "".join(f"{name} " for bit, name in _FLAG_NAMES if area.flags & bit)
        out.append(area_line(mm, area))
        out.append(_lines((b"Size", size), (b"KernelPageSize", 4), (b"MMUPageSize", 4)))
        out.append(_counted(counted, counted[_INDEX[b"Pss"]] if area.flags & mman.VM_LOCKED else 0))
        out.append(f"THPeligible:    {0:8}\nVmFlags: {flags}\n".encode())
    return b"".join(out)


def smaps_rollup(mm: MemoryManager, host: bytes) -> bytes:
    """One record for all areas."""
    areas = mm.areas.areas
    if not areas:
        return b""
    counts = _by_area(mm, host)
    locked = sum(
        counted[_INDEX[b"Pss"]] for area, counted in zip(areas, counts, strict=True) if area.flags & mman.VM_LOCKED
    )
    head = f"{areas[0].start:08x}-{areas[-1].end:08x} ---p 00000000 00:00 0 ".ljust(73) + "[rollup]\n"
    return head.encode() + _counted([sum(column) for column in zip(*counts, strict=True)], locked)


def _counted(counted: list[int], locked: int) -> bytes:
    return _lines(*zip(_COUNTED, counted, strict=True), (b"Locked", locked))


def _lines(*pairs: tuple[bytes, int]) -> bytes:
    return b"".join([b"%-15s %8d kB\n" % (name + b":", value) for name, value in pairs])


def _by_area(mm: MemoryManager, host: bytes) -> list[list[int]]:
    """For each area the sums of the host's records that begin in it."""
    out = [[0] * len(_COUNTED) for _ in mm.areas]
    starts, areas = mm.areas.starts, mm.areas.areas
    current: list[int] | None = None
    for line in host.split(b"\n"):
        fields = line.split(None, 2)
        if len(fields) < 2:
            continue
        name = fields[0]
        if not name.endswith(b":"):
            start = int(name.split(b"-")[0], 16)
            i = bisect_right(starts, start) - 1
            current = out[i] if i >= 0 and start < areas[i].end else None
        elif current is not None:
            n = _INDEX.get(name[:-1])
            if n is not None:
                current[n] += int(fields[1])
    return out
