"""Can what a thread says of its orders be true? Only the stub knows what an ordered call has returned, but which calls
were let through the sentry knows itself, and for the rest there is the host's list of mappings. A guest that was believed
could keep shared memory that nobody counts any more."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Sequence

from sandbox.platform.lane import layout

if TYPE_CHECKING:
    from sandbox.platform.lane.orders import Expected
    from sandbox.platform.lane.space import LaneSpace

_SYS_MMAP: Final = 9
_SYS_MUNMAP: Final = 11
_SYS_MREMAP: Final = 25
_SYS_MADVISE: Final = 28
_EMPTYING: Final = (4, 8)  # MADV_DONTNEED, MADV_FREE
_MREMAP_FIXED: Final = 2


def may_run_free(nr: int, args: Sequence[int]) -> bool:
    """The filter lets this call through at GATE_FREE (the same conditions stand in stub.c)."""
    if args[0] >= layout.TASK_SIZE or args[1] >= layout.FREE_SIZE:
        return False
    if nr == _SYS_MMAP:
        flags = args[3]
        fixed = flags & layout.FREE_FIXED != 0
        return fixed and flags & ~layout.FREE_FLAGS == layout.FREE_KIND and not args[2] & ~layout.FREE_PROT
    return nr == _SYS_MUNMAP or (nr == _SYS_MADVISE and args[2] in _EMPTYING)


def credible(
    space: LaneSpace, asked: Sequence[bool], expected: list[Expected], at: int, index: int, result: int
) -> bool:
    """`at` of the `expected` calls were let through. The last order, number `index`, is said to have given `result`;
    `asked` tells which orders are among `expected`."""
    if not -4096 < result < 0:
        return at == len(expected)
    if index >= len(asked):
        return False
    before = sum(asked[:index])
    if not asked[index]:
        return at == before  # nothing hangs on it
    call = expected[before]
    # After a failure nothing more is executed, but a lent descriptor is taken back.
    return at == before + (2 if call[2] >= 0 else 1) and not _has_succeeded(space, call)


def _has_succeeded(space: LaneSpace, call: Expected) -> bool:
    """A call that maps something, said to have failed: is it there?"""
    nr, args, fd = call
    if nr == _SYS_MMAP and fd >= 0:
        return _mapped(space, args[0], args[0] + args[1], os.fstat(fd).st_ino)
    if nr == _SYS_MREMAP and args[3] & _MREMAP_FIXED:  # the kernel has emptied the target before
        return _mapped(space, args[4], args[4] + args[2])
    if nr == _SYS_MREMAP:
        return _mapped(space, args[0] + args[1], args[0] + args[2])
    return False


def _mapped(space: LaneSpace, start: int, end: int, inode: int = 0) -> bool:
    """Something (of that file) is mapped between; False as well when the process is gone."""
    for line in space.host_maps().splitlines():
        fields = line.split(None, 5)
        low, _, high = fields[0].partition(b"-")
        if int(low, 16) < end and int(high, 16) > start and (not inode or int(fields[4]) == inode):
            return True
    return False
