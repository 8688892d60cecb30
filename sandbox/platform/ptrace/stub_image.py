"""The program of the first process: a few instructions and a page to write to, made here byte by byte (elf(5)).

Nothing of it ever runs by itself. The tracer has a stopped thread execute one of its instructions, which ends in a
breakpoint. A guest that jumps there gets what it would get by the same instruction of its own.
"""

from __future__ import annotations

import struct
from typing import Final

from sandbox.platform.lane.layout import STUB_BASE

PAGE: Final = 4096
SYSCALL: Final = STUB_BASE + PAGE  # syscall
CMPXCHG: Final = SYSCALL + 16  # lock cmpxchg %edx, (%rdi): eax is what is expected, and what was found
XCHG: Final = SYSCALL + 32  # xchg %eax, (%rdi)
SCRATCH: Final = STUB_BASE + 2 * PAGE  # what a call reads and writes; the guest's too
_BREAKPOINT: Final = b"\xcc"
_CODE: Final = {SYSCALL: b"\x0f\x05", CMPXCHG: b"\xf0\x0f\xb1\x17", XCHG: b"\x87\x07"}
ENDS: Final = {
    at: at + len(code) + len(_BREAKPOINT) for at, code in _CODE.items()
}  # where it has stopped when it is done
_EHDR: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_PHDR: Final = struct.Struct("<IIQQQQQQ")
_PT_LOAD, _PT_GNU_STACK = 1, 0x6474E551
_R, _W, _X = 4, 2, 1


def stub_image() -> bytes:
    """The whole file."""
    segments = (
        _PHDR.pack(_PT_LOAD, _R | _X, PAGE, SYSCALL, SYSCALL, PAGE, PAGE, PAGE),
        _PHDR.pack(_PT_LOAD, _R | _W, 2 * PAGE, SCRATCH, SCRATCH, PAGE, PAGE, PAGE),
        _PHDR.pack(_PT_GNU_STACK, _R | _W, 0, 0, 0, 0, 0, 16),
    )
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    entry = ENDS[SYSCALL] - 1  # a breakpoint
    header = _EHDR.pack(ident, 2, 62, 1, entry, _EHDR.size, 0, 0, _EHDR.size, _PHDR.size, len(segments), 0, 0, 0)
    code = bytearray(PAGE)
    for at, instruction in _CODE.items():
        piece = instruction + _BREAKPOINT
        code[at - SYSCALL : at - SYSCALL + len(piece)] = piece
    return (header + b"".join(segments)).ljust(PAGE, b"\0") + bytes(code) + bytes(PAGE)
