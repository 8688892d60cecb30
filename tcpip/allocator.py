"""What the C library does with memory that was freed.

A stack allocates and frees blocks of tens of kilobytes at the rate of its segments. By default glibc gives the end of its
heap back to the kernel each time 128 KiB are free there, so that every block is made of new pages: at 64 KiB that is a
quarter of the time of a loopback stream.
"""

from __future__ import annotations

import ctypes
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
KEPT: Final = 8 << 20  # bytes of freed memory that stay at the heap's end
MAPPED: Final = 1 << 20  # blocks from this size on are mappings of their own


def keep_freed_memory() -> bool:
    """For a process that runs a stack: the next block is made of the last one's pages (mallopt(3)). False where the C
    library has no such setting."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:  # musl
        return False
    return bool(set_option(_M_TRIM_THRESHOLD, KEPT)) and bool(set_option(_M_MMAP_THRESHOLD, MAPPED))
