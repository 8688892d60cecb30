"""What is done with mappings that exist: mremap(2), madvise(2), msync(2), mincore(2), mlock(2)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.mman import MLOCK_ONFAULT, PAGE_OFFSET, VM_SHARED
from sandbox.errors import SyscallError
from sandbox.kernel.control import Execute
from sandbox.mm import op_advise, op_lock, op_map, op_remap
from sandbox.mm.anonymous import SharedAnonymous
from sandbox.syscalls.linux.sys_mmap import memory
from sandbox.syscalls.row import FULL, ORDERS, PARTIAL, REFUSED, Arg, Row, refuse

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.mm.memory_manager import MemoryManager
    from sandbox.mm.vma import VMA
    from sandbox.syscalls.args import SyscallArgs


def sys_mremap(t: Task, a: SyscallArgs) -> Result:
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    return op_remap.mremap(t, mm, a.addr(0), a.size(1), a.size(2), a.ulong(3), a.addr(4))


def sys_msync(t: Task, a: SyscallArgs) -> Result:
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    return op_advise.msync(mm, a.addr(0), a.size(1), a.int(2))


def sys_mincore(t: Task, a: SyscallArgs) -> Result:
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    return op_advise.mincore(mm, a.addr(0), a.size(1), a.addr(2))


def sys_madvise(t: Task, a: SyscallArgs) -> Result:
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    return op_advise.madvise(mm, a.addr(0), a.size(1), a.int(2))


def sys_mlock(t: Task, a: SyscallArgs) -> Result:
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    return op_lock.mlock(t, mm, a.addr(0), a.size(1), False)


def sys_mlock2(t: Task, a: SyscallArgs) -> Result:
    flags = a.int(2)
    if flags & ~MLOCK_ONFAULT:
        raise SyscallError(errno.EINVAL)
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    return op_lock.mlock(t, mm, a.addr(0), a.size(1), flags != 0)


def sys_munlock(t: Task, a: SyscallArgs) -> Result:
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    return op_lock.munlock(mm, a.addr(0), a.size(1))


def sys_mlockall(t: Task, a: SyscallArgs) -> Result:
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    return op_lock.mlockall(t, mm, a.int(0))


def sys_munlockall(t: Task, a: SyscallArgs) -> Result:
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    return op_lock.munlockall(mm)


def sys_remap_file_pages(t: Task, a: SyscallArgs) -> Result:
    """As Linux has it since 4.0: a new mapping of the same file over a part of a shared one."""
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    start, size, page = a.addr(0) & ~PAGE_OFFSET, a.size(1) & ~PAGE_OFFSET, a.ulong(3)
    if a.ulong(2) or start + size <= start or (start + size) >> 64 or page + (size >> 12) > 1 << 51:
        raise SyscallError(errno.EINVAL)
    area = mm.areas.find(start)
    if area is None or not area.flags & VM_SHARED or area.backing is None:
        raise SyscallError(errno.EINVAL)
    if start + size > area.end and not _uniform(mm, area, start + size):
        raise SyscallError(errno.EINVAL)
    if isinstance(area.backing, SharedAnonymous):
        area.backing.remap(t.kernel.mounts.vfs.space)
    new = area.copy(start, start + size)
    new.offset = page << 12
    operation = op_map.MapOperation(mm, new, True, True)
    return _answer_zero(operation.execute())


def _uniform(mm: MemoryManager, first: VMA, end: int) -> bool:
    """Areas of the same file with the same rights follow each other up to there."""
    at = first.end
    while at < end:
        area = mm.areas.find(at)
        if area is None or area.start != at or area.flags != first.flags or area.backing is None:
            return False
        if first.backing is None or area.backing.key is not first.backing.key:
            return False
        at = area.end
    return True


def _answer_zero(execute: Execute) -> Execute:
    """The same orders, but the call's result is 0 where mmap's would be the address."""
    finish = execute.finish

    def finished(t: Task, index: int, result: int) -> Result:
        outcome = finish(t, index, result)
        return 0 if isinstance(outcome, int) and outcome > 0 else outcome

    return Execute(execute.orders, finished, execute.abandoned)


ROWS: Final[tuple[Row, ...]] = (
    Row(25, "mremap", sys_mremap, FULL, (Arg.ADDR, Arg.SIZE, Arg.SIZE, Arg.HEX, Arg.ADDR), trap=ORDERS),
    Row(26, "msync", sys_msync, FULL, (Arg.ADDR, Arg.SIZE, Arg.HEX)),
    Row(27, "mincore", sys_mincore, FULL, (Arg.ADDR, Arg.SIZE, Arg.ADDR)),
    Row(
        28,
        "madvise",
        sys_madvise,
        PARTIAL,
        (Arg.ADDR, Arg.SIZE, Arg.INT),
        "no page merging, memory failure injection or guard pages: EINVAL",
    ),
    Row(
        149, "mlock", sys_mlock, PARTIAL, (Arg.ADDR, Arg.SIZE), "pages are made present and counted; the host may swap"
    ),
    Row(150, "munlock", sys_munlock, FULL, (Arg.ADDR, Arg.SIZE)),
    Row(151, "mlockall", sys_mlockall, PARTIAL, (Arg.HEX,), "pages are made present and counted; the host may swap"),
    Row(152, "munlockall", sys_munlockall, FULL),
    Row(
        216,
        "remap_file_pages",
        sys_remap_file_pages,
        PARTIAL,
        (Arg.ADDR, Arg.SIZE, Arg.HEX, Arg.HEX, Arg.HEX),
        "of anonymous memory the 64 last mapped ones; ENOMEM for others",
    ),
    Row(323, "userfaultfd", refuse(errno.ENOSYS), REFUSED, note="ENOSYS, as without CONFIG_USERFAULTFD"),
    Row(325, "mlock2", sys_mlock2, PARTIAL, (Arg.ADDR, Arg.SIZE, Arg.HEX), "as mlock"),
    Row(453, "map_shadow_stack", refuse(errno.EOPNOTSUPP), REFUSED, note="EOPNOTSUPP, as on a CPU without them"),
    Row(462, "mseal", refuse(errno.ENOSYS), REFUSED, note="ENOSYS, as before Linux 6.10"),
)
