"""Making and removing mappings: mmap(2), munmap(2), mremap(2), brk(2)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.mman import MAP_ANONYMOUS, MAP_HUGE_MASK, MAP_HUGE_SHIFT, MAP_HUGETLB, PAGE_OFFSET
from sandbox.errors import SyscallError
from sandbox.mm import op_map
from sandbox.syscalls.row import FULL, PARTIAL, Arg, Row

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.mm.memory_manager import MemoryManager
    from sandbox.syscalls.args import SyscallArgs

_HUGE_SIZES: Final = (0, 21, 30)  # log2; 0 is the default size


def memory(t: Task) -> MemoryManager:
    """The task's address space: a task that makes a call has one."""
    mm = t.mm
    assert mm is not None
    return mm


def sys_mmap(t: Task, a: SyscallArgs) -> Result:
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    offset, flags = a.ulong(5), a.ulong(3)
    if offset & PAGE_OFFSET:
        raise SyscallError(errno.EINVAL)
    if flags & MAP_ANONYMOUS:
        if flags & MAP_HUGETLB:
            size = flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK
            raise SyscallError(errno.ENOMEM if size in _HUGE_SIZES else errno.EINVAL)
        return op_map.mmap(t, mm, a.addr(0), a.size(1), a.ulong(2), flags, None, 0)
    file = t.fds.get_io(a.int(4))
    if flags & MAP_HUGETLB:
        raise SyscallError(errno.EINVAL)
    return op_map.mmap(t, mm, a.addr(0), a.size(1), a.ulong(2), flags, file, offset)


def sys_brk(t: Task, a: SyscallArgs) -> Result:
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    return op_map.brk(t, mm, a.addr(0))


ROWS: Final[tuple[Row, ...]] = (
    Row(
        9,
        "mmap",
        sys_mmap,
        PARTIAL,
        (Arg.ADDR, Arg.SIZE, Arg.HEX, Arg.HEX, Arg.FD, Arg.HEX),
        "no huge page is reserved: MAP_HUGETLB answers ENOMEM",
    ),
    Row(12, "brk", sys_brk, FULL, (Arg.ADDR,)),
)
