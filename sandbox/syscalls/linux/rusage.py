"""struct rusage (getrusage(2)): the fields that Linux maintains and the sandbox knows; the rest are 0."""

from __future__ import annotations

import struct
from typing import Final

from sandbox.kernel.thread_group import ThreadGroup

_RUSAGE: Final = struct.Struct("<18q")  # utime, stime, maxrss (KiB), 13 more


def pack_rusage(cpu_ns: int, max_rss_pages: int) -> bytes:
    """All processor time is user time: what the kernel does for a guest happens outside of it."""
    return _RUSAGE.pack(cpu_ns // 1_000_000_000, cpu_ns % 1_000_000_000 // 1000, 0, 0, max_rss_pages * 4, *(0,) * 13)


def dead_child_rusage(child: ThreadGroup) -> bytes:
    """What wait4(2) says of a child that it reaps: its own and its waited-for children's."""
    return pack_rusage(child.cpu_ns_past + child.child_cpu_ns, max(child.max_rss_pages, child.child_max_rss_pages))


def live_child_rusage(child: ThreadGroup) -> bytes:
    """Of a child that is stopped or goes on."""
    return pack_rusage(child.cpu_ns() + child.child_cpu_ns, child.max_rss_pages)
