"""Can what a thread says of its orders be true? Only the stub knows what an ordered call has returned, but which calls
were let through the sentry knows itself, and for the rest there is the host's list of mappings. A guest that was believed
could keep shared memory that nobody counts any more."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from typing import TYPE_CHECKING, Final, Sequence

from sandbox.platform.lane import layout
from sandbox.platform.lane.orders import SYS_CLOSE

if TYPE_CHECKING:
    from sandbox.platform.lane.orders import Expected
    from sandbox.platform.lane.space import LaneSpace

_SYS_MMAP: Final = 9
_SYS_MUNMAP: Final = 11
_SYS_MREMAP: Final = 25
_SYS_MADVISE: Final = 28
_EMPTYING: Final = (4, 8)  # MADV_DONTNEED, MADV_FREE
_MREMAP_FIXED: Final = 2
# linux/fs.h: size, flags, address; start, end, flags, page size, offset, inode, device; names, which are not asked for
_PROCMAP_QUERY: Final = 0xC068_6611
_QUERY: Final = struct.Struct("9Q4I2Q")
_COVERING_OR_NEXT: Final = 0x10
_FILE_BACKED: Final = 0x20


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
    taken_back = before + 1 < len(expected) and expected[before + 1][0] == SYS_CLOSE
    return at == before + (2 if taken_back else 1) and not _has_succeeded(space, call)


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
    """Something (of that file) is mapped between; False as well when the process is gone. The guest chooses how many
    areas it has, so where the host can be asked for one of them (Linux 6.11) it is."""
    try:
        fd = space.open_maps()
    except OSError:
        return False
    try:
        return _find(fd, start, end, inode)
    except OSError as error:
        if error.errno == errno.ESRCH:
            return False
        return _find_in(space.host_maps(), start, end, inode)
    finally:
        os.close(fd)


def _find(fd: int, start: int, end: int, inode: int) -> bool:
    """By PROCMAP_QUERY: proc_pid_maps(5)."""
    flags = _COVERING_OR_NEXT | (_FILE_BACKED if inode else 0)
    while start < end:
        query = bytearray(_QUERY.pack(_QUERY.size, flags, start, *(0,) * 12))
        try:
            fcntl.ioctl(fd, _PROCMAP_QUERY, query)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return False
            raise
        found = _QUERY.unpack(query)
        if found[3] >= end:
            return False
        if not inode or found[8] == inode:
            return True
        start = found[4]
    return False


def _find_in(maps: bytes, start: int, end: int, inode: int) -> bool:
    """In the text of /proc/PID/maps, the areas of which stand in order."""
    for line in maps.splitlines():
        low, _, rest = line.partition(b"-")
        if int(low, 16) >= end:
            break
        fields = rest.split(None, 4)
        if int(fields[0], 16) > start and (not inode or int(fields[4].split(None, 1)[0]) == inode):
            return True
    return False
