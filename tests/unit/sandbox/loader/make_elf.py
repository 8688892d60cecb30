"""Small ELF files, right and wrong."""

from __future__ import annotations

import struct
from typing import Sequence

from sandbox.abi.linux.elf import EHDR, PHDR

PT_LOAD, PT_INTERP, PT_GNU_STACK = 1, 3, 0x6474E551
R, W, X = 4, 2, 1


class Segment:
    def __init__(
        self,
        vaddr: int,
        filesz: int,
        memsz: int | None = None,
        flags: int = R | X,
        offset: int | None = None,
        kind: int = PT_LOAD,
        align: int = 4096,
    ) -> None:
        self.kind = kind
        self.flags = flags
        self.offset = vaddr & 0xFFFF if offset is None else offset
        self.vaddr = vaddr
        self.filesz = filesz
        self.memsz = filesz if memsz is None else memsz
        self.align = align


def elf(
    segments: Sequence[Segment] = (),
    kind: int = 3,
    entry: int = 0x1000,
    machine: int = 62,
    elf_class: int = 2,
    data: int = 1,
    phoff: int = 64,
    phnum: int | None = None,
    phentsize: int = 56,
    magic: bytes = b"\x7fELF",
    interp: bytes | None = None,
    size: int = 0x4000,
) -> bytes:
    headers = [
        PHDR.pack(s.kind, s.flags, s.offset & (1 << 64) - 1, s.vaddr, 0, s.filesz, s.memsz, s.align) for s in segments
    ]
    if interp is not None:
        headers.append(PHDR.pack(PT_INTERP, R, 0x3000, 0x3000, 0, len(interp), len(interp), 1))
    count = len(headers) if phnum is None else phnum
    head = EHDR.pack(
        magic, elf_class, data, 1, 0, 0, kind, machine, 1, entry, phoff, 0, 0, 64, phentsize, count, 0, 0, 0
    )
    body = bytearray((head + b"".join(headers)).ljust(size, b"\0"))
    if interp is not None:
        body[0x3000 : 0x3000 + len(interp)] = interp
    return bytes(body)


def words(data: bytes, at: int, count: int) -> tuple[int, ...]:
    """`count` 64-bit words."""
    return struct.unpack_from(f"<{count}Q", data, at)
