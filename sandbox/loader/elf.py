"""ELF64 executables: header and program headers, every field bounded (fs/binfmt_elf.c).

What is refused here is refused before the old program is given up: plain errnos.
"""

from __future__ import annotations

import errno
from typing import Callable, Final

from sandbox.abi.linux.elf import (
    EHDR,
    EHDR_SIZE,
    ELFMAG,
    EM_X86_64,
    ET_DYN,
    ET_EXEC,
    PF_X,
    PHDR,
    PHDR_SIZE,
    PT_GNU_STACK,
    PT_INTERP,
    PT_LOAD,
)
from sandbox.errors import SyscallError

MAX_PHDRS_SIZE: Final = 65536
PATH_MAX: Final = 4096

Reader = Callable[[int, int], bytes]  # (offset, size) -> that much of the file, less at its end


class ProgramHeader:
    """Elf64_Phdr without p_paddr."""

    __slots__ = ("type", "flags", "offset", "vaddr", "filesz", "memsz", "align")

    def __init__(self, type: int, flags: int, offset: int, vaddr: int, filesz: int, memsz: int, align: int) -> None:
        self.type = type
        self.flags = flags
        self.offset = offset
        self.vaddr = vaddr
        self.filesz = filesz
        self.memsz = memsz
        self.align = align


class ElfFile:
    """An executable or an interpreter. `dynamic`: ET_DYN, it may be loaded anywhere."""

    __slots__ = ("dynamic", "entry", "phoff", "phnum", "loads", "interp", "exec_stack")

    def __init__(self, dynamic: bool, entry: int, phoff: int, headers: list[ProgramHeader]) -> None:
        self.dynamic = dynamic
        self.entry = entry
        self.phoff = phoff
        self.phnum = len(headers)
        self.loads = [h for h in headers if h.type == PT_LOAD]
        self.interp: bytes | None = None
        self.exec_stack = False
        for header in headers:
            if header.type == PT_GNU_STACK:
                self.exec_stack = header.flags & PF_X != 0


def is_elf(head: bytes) -> bool:
    """`head`: the file's first bytes."""
    return head[:4] == ELFMAG


def parse(head: bytes, read: Reader, bad: int = errno.ENOEXEC) -> ElfFile:
    """`head`: at least the first 64 bytes of the file if it has them. `bad`: ENOEXEC for a program, ELIBBAD for an
    interpreter. The interpreter's path is read too (EIO when the file ends before it)."""
    if len(head) < EHDR_SIZE:
        raise SyscallError(bad)
    (magic, _, _, _, _, _, kind, machine, _, entry, phoff, _, _, _, phentsize, phnum, _, _, _) = EHDR.unpack_from(head)
    if magic != ELFMAG or kind not in (ET_EXEC, ET_DYN) or machine != EM_X86_64:
        raise SyscallError(bad)
    if phentsize != PHDR_SIZE:  # Linux does not look at EI_CLASS and EI_DATA
        raise SyscallError(bad)
    size = phnum * PHDR_SIZE
    if size == 0 or size > MAX_PHDRS_SIZE or phoff > 1 << 62:
        raise SyscallError(bad)
    table = head[phoff : phoff + size] if phoff + size <= len(head) else read(phoff, size)
    if len(table) != size:
        raise SyscallError(bad)
    headers = [
        ProgramHeader(kind_, flags, offset, vaddr, filesz, memsz, align)
        for kind_, flags, offset, vaddr, _, filesz, memsz, align in PHDR.iter_unpack(table)
    ]
    elf = ElfFile(kind == ET_DYN, entry, phoff, headers)
    if bad == errno.ENOEXEC:
        for header in headers:
            if header.type == PT_INTERP:
                elf.interp = _interpreter(header, read)
                break
    return elf


def _interpreter(header: ProgramHeader, read: Reader) -> bytes:
    if not 2 <= header.filesz <= PATH_MAX or header.offset > 1 << 62:
        raise SyscallError(errno.ENOEXEC)
    name = read(header.offset, header.filesz)
    if len(name) != header.filesz:
        raise SyscallError(errno.EIO)
    if name[-1]:
        raise SyscallError(errno.ENOEXEC)
    return name[: name.index(0)]
