"""Making and removing mappings: mmap(2), munmap(2), mremap(2), brk(2)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.mman import MAP_ANONYMOUS, MAP_HUGE_MASK, MAP_HUGE_SHIFT, MAP_HUGETLB, PAGE_OFFSET
from sandbox.errors import SyscallError
from sandbox.mm import op_map, op_unmap
from sandbox.syscalls.row import FULL, ORDERS, PARTIAL, REFUSED, Arg, Row, refuse

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
    address, length, prot, flags, _, offset = a.raw
    if offset & PAGE_OFFSET:
        raise SyscallError(errno.EINVAL)
    if flags & MAP_ANONYMOUS:
        if flags & MAP_HUGETLB:
            size = flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK
            raise SyscallError(errno.ENOMEM if size in _HUGE_SIZES else errno.EINVAL)
        return op_map.mmap(t, mm, address, length, prot, flags, None, 0)
    file = t.fds.get_io(a.int(4))
    if flags & MAP_HUGETLB:
        raise SyscallError(errno.EINVAL)
    return op_map.mmap(t, mm, address, length, prot, flags, file, offset)


def sys_brk(t: Task, a: SyscallArgs) -> Result:
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    return op_map.brk(t, mm, a.addr(0))


def sys_munmap(t: Task, a: SyscallArgs) -> Result:
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    raw = a.raw
    return op_unmap.munmap(mm, raw[0], raw[1])


def sys_mprotect(t: Task, a: SyscallArgs) -> Result:
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    return op_unmap.mprotect(t, mm, a.addr(0), a.size(1), a.ulong(2))


def sys_pkey_mprotect(t: Task, a: SyscallArgs) -> Result:
    """Only pkey -1, which means none: no key can be allocated."""
    if a.int(3) != -1:
        raise SyscallError(errno.EINVAL)
    return sys_mprotect(t, a)


def sys_pkey_alloc(t: Task, a: SyscallArgs) -> Result:
    if a.ulong(0) or a.ulong(1) & ~3:
        raise SyscallError(errno.EINVAL)
    raise SyscallError(errno.ENOSPC)


ROWS: Final[tuple[Row, ...]] = (
    Row(
        9,
        "mmap",
        sys_mmap,
        PARTIAL,
        (Arg.ADDR, Arg.SIZE, Arg.HEX, Arg.HEX, Arg.FD, Arg.HEX),
        "no huge page is reserved: MAP_HUGETLB answers ENOMEM",
    ),
    Row(10, "mprotect", sys_mprotect, FULL, (Arg.ADDR, Arg.SIZE, Arg.HEX), trap=ORDERS),
    Row(11, "munmap", sys_munmap, FULL, (Arg.ADDR, Arg.SIZE)),
    Row(12, "brk", sys_brk, FULL, (Arg.ADDR,)),
    Row(
        329,
        "pkey_mprotect",
        sys_pkey_mprotect,
        PARTIAL,
        (Arg.ADDR, Arg.SIZE, Arg.HEX, Arg.INT),
        "as on a CPU without protection keys",
    ),
    Row(330, "pkey_alloc", sys_pkey_alloc, REFUSED, (Arg.HEX, Arg.HEX), "ENOSPC, as on a CPU without protection keys"),
    Row(331, "pkey_free", refuse(errno.EINVAL), REFUSED, (Arg.INT,), "EINVAL: no key was ever allocated"),
)
