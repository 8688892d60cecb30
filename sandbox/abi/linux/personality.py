"""personality(2) (include/uapi/linux/personality.h)."""

from __future__ import annotations

from typing import Final

UNAME26: Final = 0x0020000
ADDR_NO_RANDOMIZE: Final = 0x0040000
MMAP_PAGE_ZERO: Final = 0x0100000
ADDR_COMPAT_LAYOUT: Final = 0x0200000
READ_IMPLIES_EXEC: Final = 0x0400000
STICKY_TIMEOUTS: Final = 0x4000000
PER_CLEAR_ON_SETID: Final = READ_IMPLIES_EXEC | ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT | MMAP_PAGE_ZERO
PER_MASK: Final = 0x00FF
PER_LINUX32: Final = 0x08
