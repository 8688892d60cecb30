"""ELF64: include/uapi/linux/elf.h."""

from __future__ import annotations

import struct
from typing import Final

EHDR: Final = struct.Struct("<4sBBBBB7xHHIQQQIHHHHHH")
EHDR_SIZE: Final = 64
PHDR: Final = struct.Struct("<IIQQQQQQ")
PHDR_SIZE: Final = 56

ELFMAG: Final = b"\x7fELF"
ELFCLASS64: Final = 2
ELFDATA2LSB: Final = 1

ET_EXEC: Final = 2
ET_DYN: Final = 3
EM_X86_64: Final = 62

PT_LOAD: Final = 1
PT_INTERP: Final = 3
PT_GNU_STACK: Final = 0x6474E551

PF_X: Final = 1
PF_W: Final = 2
PF_R: Final = 4
