"""Where the segments of an ELF file go and what must be zeroed (fs/binfmt_elf.c: elf_load, total_mapping_size).

Pure: numbers in, mappings out. Errors here come after the point of no return on Linux, hence `FatalExecError`.
"""

from __future__ import annotations

import errno

from sandbox.abi.linux.elf import PF_R, PF_W, PF_X
from sandbox.abi.linux.mman import MMAP_MIN_ADDR, PAGE_OFFSET, PAGE_SIZE, PROT_EXEC, PROT_READ, PROT_WRITE, page_align
from sandbox.errors import SyscallError
from sandbox.loader.elf import ElfFile, ProgramHeader


class FatalExecError(SyscallError):
    """Linux has given the old program up by now: the caller does not see the errno, it dies of SIGSEGV."""


class Mapping:
    """[start, end) with PROT_* bits; of the file from `offset`, or anonymous when `offset` is negative."""

    __slots__ = ("start", "end", "prot", "offset")

    def __init__(self, start: int, end: int, prot: int, offset: int) -> None:
        self.start = start
        self.end = end
        self.prot = prot
        self.offset = offset


class SegmentPlan:
    """Mappings in the order in which they are made (a later one replaces what it overlaps), and `zero`: (address,
    size) pieces behind the file's data in a page; with the bounds that prctl(PR_SET_MM) and brk know."""

    __slots__ = ("mappings", "zero", "start_code", "end_code", "start_data", "end_data", "end", "phdr")

    def __init__(self) -> None:
        self.mappings: list[Mapping] = []
        self.zero: list[tuple[int, int]] = []
        self.start_code = (1 << 64) - 1
        self.end_code = self.start_data = self.end_data = 0
        self.end = 0  # of the highest segment, where brk begins
        self.phdr = 0  # address of the program headers, 0 if no segment has them


def span(elf: ElfFile) -> tuple[int, int]:
    """(lowest page, end) of the segments as linked. EINVAL when there are none or the end wraps."""
    if not elf.loads:
        raise FatalExecError(errno.EINVAL)
    low = min(h.vaddr for h in elf.loads) & ~PAGE_OFFSET
    high = max(h.vaddr + h.memsz for h in elf.loads)
    if high >= 1 << 63 or high <= low:
        raise FatalExecError(errno.EINVAL)
    return low, high


def alignment(elf: ElfFile) -> int:
    """The largest power of two among p_align, at least a page (maximum_alignment)."""
    largest = PAGE_SIZE
    for header in elf.loads:
        if header.align and not header.align & (header.align - 1):
            largest = max(largest, header.align)
    return largest


def plan(elf: ElfFile, bias: int, task_size: int, bad: int = errno.EINVAL) -> SegmentPlan:
    """All segments at `bias` (0 for ET_EXEC). `bad`: EINVAL for the program, ENOMEM for the interpreter."""
    out = SegmentPlan()
    for header in elf.loads:
        start = bias + header.vaddr
        if header.filesz > header.memsz or start < 0 or start >= task_size:
            raise FatalExecError(bad)
        if header.memsz > task_size or start + page_align(header.memsz) > task_size:
            raise FatalExecError(bad)
        _segment(out, header, start)
        if header.offset <= elf.phoff < header.offset + header.filesz:
            out.phdr = elf.phoff - header.offset + start
        out.start_code = min(out.start_code, start)
        out.start_data = max(out.start_data, start)
        if header.flags & PF_X:
            out.end_code = max(out.end_code, start + header.filesz)
        out.end_data = max(out.end_data, start + header.filesz)
        out.end = max(out.end, start + header.memsz)
    for mapping in out.mappings:
        if mapping.start < MMAP_MIN_ADDR:
            raise FatalExecError(errno.EPERM)
        if mapping.end > task_size:
            raise FatalExecError(errno.ENOMEM)
    return out


def _segment(out: SegmentPlan, header: ProgramHeader, start: int) -> None:
    prot = (
        (PROT_READ if header.flags & PF_R else 0)
        | (PROT_WRITE if header.flags & PF_W else 0)
        | (PROT_EXEC if header.flags & PF_X else 0)
    )
    data_end, end = start + header.filesz, start + header.memsz
    page = start & ~PAGE_OFFSET
    if header.filesz:
        if (header.offset - start) & PAGE_OFFSET or header.offset > 1 << 62:
            raise FatalExecError(errno.EINVAL)
        mapped = page_align(data_end)
        _map(out, Mapping(page, mapped, prot, header.offset - (start - page)))
        if end > data_end and prot & PROT_WRITE and mapped > data_end:
            out.zero.append((data_end, mapped - data_end))
        page = mapped
    if header.memsz > header.filesz and page_align(end) > page:
        _map(out, Mapping(page, page_align(end), PROT_READ | PROT_WRITE | (prot & PROT_EXEC), -1))


def _map(out: SegmentPlan, mapping: Mapping) -> None:
    """A later mapping covers earlier ones: what was to be zeroed below it is gone."""
    if out.zero:
        out.zero = [(a, n) for a, n in out.zero if a + n <= mapping.start or a >= mapping.end]
    out.mappings.append(mapping)
