"""/proc/PID/maps and the memory lines of /proc/PID/status and statm (fs/proc/task_mmu.c)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Iterator

from sandbox.abi.linux.mman import VM_EXEC, VM_MAYSHARE, VM_READ, VM_WRITE
from sandbox.mm import vdso
from sandbox.mm.backing import backing_text

if TYPE_CHECKING:
    from sandbox.mm.memory_manager import MemoryManager
    from sandbox.mm.vma import VMA
    from sandbox.platform.base import MemoryUse
    from sandbox.vfs.path import Path

_NAME_COLUMN: Final = 73
AREAS_A_PART: Final = 64


def maps(mm: MemoryManager, vdso_address: int, root: Path | None = None) -> Iterator[bytes]:
    """The file, some areas at a time, what is mapped meanwhile included. `vdso_address`: Platform.vdso_address; `root`: the
    reader's."""
    address = 0
    while batch := mm.areas.part(address, AREAS_A_PART):
        yield b"".join([area_line(mm, area, root) for area in batch])
        address = batch[-1].end
    if vdso_address:
        for start, end, prot, name in vdso.parts():
            yield _line(vdso_address + start, vdso_address + end, prot, False, 0, 0, 0, name.encode())


def area_line(mm: MemoryManager, area: VMA, root: Path | None) -> bytes:
    """One line of maps, with its newline."""
    backing = area.backing
    shared = area.flags & VM_MAYSHARE != 0
    name = area_name(mm, area, root)
    if backing is None:
        return _line(area.start, area.end, area.flags, shared, 0, 0, 0, name)
    return _line(area.start, area.end, area.flags, shared, area.offset, backing.device, backing.inode, name)


def area_name(mm: MemoryManager, area: VMA, root: Path | None) -> bytes:
    """What the last column says."""
    if area.backing is not None:
        return backing_text(area.backing, root).replace(b"\n", b"\\012")
    if area.start < mm.brk and area.end > mm.start_brk:
        return b"[heap]"
    if area.start <= mm.start_stack <= area.end:
        return b"[stack]"
    return area.name.encode("utf-8", "surrogateescape").replace(b"\n", b"\\012")


def _line(start: int, end: int, flags: int, shared: bool, offset: int, device: int, inode: int, name: bytes) -> bytes:
    mode = (
        ("r" if flags & VM_READ else "-")
        + ("w" if flags & VM_WRITE else "-")
        + ("x" if flags & VM_EXEC else "-")
        + ("s" if shared else "p")
    )
    text = f"{start:08x}-{end:08x} {mode} {offset:08x} {os.major(device):02x}:{os.minor(device):02x} {inode} "
    if name:
        text = text.ljust(_NAME_COLUMN)
    return text.encode("ascii") + name + b"\n"


def status_lines(mm: MemoryManager, resident: int, peak_resident: int, use: MemoryUse) -> str:
    """The lines about memory of /proc/PID/status; `resident` and its peak in pages."""
    files = min(use.file, resident)
    shmem = min(use.shared, resident - files)
    data_kb, stack_kb = mm.data_pages * 4, (mm.stack_pages - mm.stack_slack) * 4
    text = (min(mm.end_code + 4095, mm.task_size) >> 12) - (mm.start_code >> 12) if mm.end_code else 0
    return (
        f"VmPeak:\t{mm.peak_pages * 4:8} kB\n"
        f"VmSize:\t{mm.virtual_pages * 4:8} kB\n"
        f"VmLck:\t{mm.locked_pages * 4:8} kB\n"
        f"VmPin:\t{0:8} kB\n"
        f"VmHWM:\t{peak_resident * 4:8} kB\n"
        f"VmRSS:\t{resident * 4:8} kB\n"
        f"RssAnon:\t{(resident - files - shmem) * 4:8} kB\n"
        f"RssFile:\t{files * 4:8} kB\n"
        f"RssShmem:\t{shmem * 4:8} kB\n"
        f"VmData:\t{data_kb:8} kB\n"
        f"VmStk:\t{stack_kb:8} kB\n"
        f"VmExe:\t{text * 4:8} kB\n"
        f"VmLib:\t{max(0, mm.exec_pages - text) * 4:8} kB\n"
        f"VmPTE:\t{page_table_kb(mm):8} kB\n"
        f"VmSwap:\t{0:8} kB\n"
        f"HugetlbPages:\t{0:8} kB\n"
    )


def page_table_kb(mm: MemoryManager) -> int:
    """What the page tables of the mapped ranges take at most when every area is touched."""
    return 4 * (len(mm.areas) + (mm.virtual_pages >> 9) + 3)


def statm(mm: MemoryManager, resident: int) -> bytes:
    """/proc/PID/statm, in pages: size, resident, shared, text, lib (0), data, dt (0)."""
    text = (mm.end_code + 4095 >> 12) - (mm.start_code >> 12) if mm.end_code else 0
    shared = min(resident, mm.total_pages - mm.data_pages - mm.stack_pages)
    data = mm.data_pages + mm.stack_pages - mm.stack_slack
    return f"{mm.virtual_pages} {resident} {shared} {text} 0 {data} 0\n".encode()
