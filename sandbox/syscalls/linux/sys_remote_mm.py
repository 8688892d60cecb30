"""Memory of other processes: process_madvise(2), process_mrelease(2); what of a file is cached: cachestat(2)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYS_NICE
from sandbox.abi.linux.mman import MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, PAGE_OFFSET, VM_LOCKED, page_align
from sandbox.kernel.pidfd import process_of
from sandbox.ptrace.access import may_inspect
from sandbox.syscalls.row import FULL, PARTIAL, Arg, Row

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.mm.memory_manager import MemoryManager
    from sandbox.syscalls.args import SyscallArgs

_ADVICE: Final = (MADV_WILLNEED, MADV_COLD, MADV_PAGEOUT)
_RANGE: Final = struct.Struct("<QQ")
_CACHESTAT: Final = struct.Struct("<5Q")  # cached, dirty, in writeback, evicted, recently evicted
_U64: Final = (1 << 64) - 1


def sys_process_madvise(t: Task, a: SyscallArgs) -> int:
    """process_madvise(2): bytes advised. The advice that there is needs nothing done: checked only."""
    if a.uint(4):
        return -errno.EINVAL
    ranges = t.copy_in_iovec(a.addr(1), a.size(2))
    group = process_of(t, a.int(0))
    advice = a.int(3)
    if advice not in _ADVICE:
        return -errno.EINVAL
    target = next((task for task in group.tasks if task.mm is not None), None)
    if target is None or target.mm is None:
        return -errno.ESRCH
    if target.mm is not t.mm and not may_inspect(t, target, filesystem=True):
        return -errno.EACCES
    if target.mm is not t.mm and not t.creds.has(CAP_SYS_NICE):
        return -errno.EPERM
    done = 0
    for start, size in ranges:
        error = _advise(target.mm, start, size, advice)
        if error:
            return done or -error
        done += size
    return done


def _advise(mm: MemoryManager, start: int, length: int, advice: int) -> int:
    """The errno of madvise(2), or 0."""
    size = page_align(length)
    if start & PAGE_OFFSET or (length and not size) or (start + size) >> 64:
        return errno.EINVAL
    if not size:
        return 0
    areas = mm.areas.overlapping(start, start + size)
    if advice != MADV_WILLNEED and any(area.flags & VM_LOCKED for area in areas):
        return errno.EINVAL
    return 0 if mm.areas.mapped_until(start, start + size) == start + size else errno.ENOMEM


def sys_process_mrelease(t: Task, a: SyscallArgs) -> int:
    """process_mrelease(2): memory of a process that is being killed goes with it, which takes no time here."""
    if a.uint(1):
        return -errno.EINVAL
    group = process_of(t, a.int(0))
    if all(task.mm is None for task in group.tasks):
        return -errno.ESRCH
    return 0 if group.exiting else -errno.EINVAL


def sys_cachestat(t: Task, a: SyscallArgs) -> int:
    """cachestat(2)."""
    file = t.fds.get_io(a.uint(0))
    offset, length = _RANGE.unpack(t.copy_in(a.addr(1), _RANGE.size))
    if a.uint(3):
        return -errno.EINVAL
    first, last = offset >> 12, _U64 >> 12
    if length:
        last = ((offset + length - 1) & _U64) >> 12
    cached = 0
    path = file.path
    if path is not None and path.inode.is_regular():
        path.inode.refresh()
        cached = max(0, min(last + 1, (path.inode.size + PAGE_OFFSET) >> 12) - first)
    t.copy_out(a.addr(2), _CACHESTAT.pack(cached, 0, 0, 0, 0))
    return 0


ROWS: Final[tuple[Row, ...]] = (
    Row(
        440,
        "process_madvise",
        sys_process_madvise,
        PARTIAL,
        (Arg.FD, Arg.IN_IOVEC, Arg.SIZE, Arg.INT, Arg.HEX),
        "MADV_COLD, MADV_PAGEOUT and MADV_WILLNEED are checked, and the host is not told; MADV_COLLAPSE: EINVAL",
    ),
    Row(448, "process_mrelease", sys_process_mrelease, FULL, (Arg.FD, Arg.HEX)),
    Row(
        451,
        "cachestat",
        sys_cachestat,
        PARTIAL,
        (Arg.FD, Arg.STRUCT_IN, Arg.STRUCT_OUT, Arg.HEX),
        "every page of a regular file is said to be cached, and clean",
    ),
)
