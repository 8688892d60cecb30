"""struct rusage (getrusage(2)): the fields that Linux maintains and the sandbox knows; blocks of I/O are 0."""

from __future__ import annotations

import struct
from typing import Final

from sandbox.kernel.thread_group import ThreadGroup
from sandbox.kernel.usage import Usage, of_live_group

_RUSAGE: Final = struct.Struct("<18q")  # utime, stime, maxrss (KiB), 13 more
_S: Final = 1_000_000_000


def pack_rusage(used: Usage, max_rss_pages: int) -> bytes:
    """struct rusage."""
    user, system = divmod(used.user_ns, _S), divmod(used.system_ns, _S)
    times = user[0], user[1] // 1000, system[0], system[1] // 1000
    faults = 0, 0, 0, used.minor, used.major
    return _RUSAGE.pack(*times, max_rss_pages * 4, *faults, *(0,) * 6, used.voluntary, used.involuntary)


def _with_children(child: ThreadGroup, used: Usage) -> Usage:
    both = Usage()
    both.add(used)
    both.add(child.child_use)
    return both


def dead_child_rusage(child: ThreadGroup) -> bytes:
    """What wait4(2) says of a child that it reaps: its own and its waited-for children's."""
    pages = max(child.max_rss_pages, child.child_max_rss_pages)
    return pack_rusage(_with_children(child, child.use_past), pages)


def live_child_rusage(child: ThreadGroup) -> bytes:
    """Of a child that is stopped or goes on."""
    return pack_rusage(_with_children(child, of_live_group(child)), child.max_rss_pages)
