"""shmat(2), shmdt(2): shared memory segments in an address space (ipc/shm.c: do_shmat, ksys_shmdt)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.ipc import SHM_EXEC, SHM_RDONLY, SHM_REMAP, SHM_RND, SHMLBA
from sandbox.abi.linux.mman import (
    MAP_FIXED,
    NR_MUNMAP,
    PAGE_OFFSET,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
    VM_LOCKED,
    VM_MAYRWX,
    VM_MAYSHARE,
    VM_MAYWRITE,
    VM_SHARED,
    page_align,
)
from sandbox.errors import SyscallError
from sandbox.kernel.ipc.shm import ShmBacking
from sandbox.mm.op_map import MapOperation, choose, lock_allowed
from sandbox.mm.operation import Operation
from sandbox.mm.vma import VMA
from sandbox.platform.base import Order

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.ipc.shm import ShmSegment, ShmTable
    from sandbox.kernel.task import Task
    from sandbox.mm.memory_manager import MemoryManager

_RIGHTS: Final = {PROT_READ: 0o444, PROT_READ | PROT_WRITE: 0o666}


def attach(t: Task, mm: MemoryManager, table: ShmTable, ident: int, address: int, flags: int) -> Result:
    """Map the whole segment; the address. EINVAL, EACCES, and what mmap raises."""
    if ident < 0:
        raise SyscallError(errno.EINVAL)
    fixed = address != 0
    address = _address(address, flags)
    prot = PROT_READ if flags & SHM_RDONLY else PROT_READ | PROT_WRITE
    rights = _RIGHTS[prot]
    if flags & SHM_EXEC:
        prot |= PROT_EXEC
        rights |= 0o111
    segment = table.ids.get(ident)
    segment.check(t, rights)
    size = page_align(segment.size)
    if fixed and not flags & SHM_REMAP and (address + size >> 64 or mm.areas.intersects(address, address + size)):
        raise SyscallError(errno.EINVAL)
    if len(mm.areas) > mm.account.max_areas:
        raise SyscallError(errno.ENOMEM)
    start = choose(t, mm, address, size, MAP_FIXED if fixed else 0)
    vm_flags = prot | VM_MAYRWX | VM_MAYSHARE | VM_SHARED | mm.lock_future
    if flags & SHM_RDONLY:
        vm_flags &= ~(VM_MAYWRITE | VM_SHARED)
    if vm_flags & VM_LOCKED and not lock_allowed(t, mm, size >> 12):
        raise SyscallError(errno.EAGAIN)
    return _map(t, mm, table, segment, start, size, vm_flags)


def _address(address: int, flags: int) -> int:
    """Where it shall go, rounded down if that is asked for; EINVAL."""
    if not address:
        if flags & SHM_REMAP:
            raise SyscallError(errno.EINVAL)
    elif address & SHMLBA - 1:
        if not flags & SHM_RND:
            raise SyscallError(errno.EINVAL)
        address &= ~(SHMLBA - 1)
        if not address and flags & SHM_REMAP:
            raise SyscallError(errno.EINVAL)
    return address


def _map(
    t: Task, mm: MemoryManager, table: ShmTable, segment: ShmSegment, start: int, size: int, vm_flags: int
) -> Result:
    end = start + size
    replaces = mm.areas.intersects(start, end)
    there = mm.pages_in(start, end) if replaces else 0
    if not mm.may_expand(t.group.rlimits, vm_flags, (size >> 12) - there):
        raise SyscallError(errno.ENOMEM)
    try:
        segment.data.promote()
    except SyscallError:
        raise SyscallError(errno.ENOMEM) from None
    table.actor.ids = t.group.ids
    backing = ShmBacking(segment)
    backing.acquire()
    try:
        return MapOperation(mm, VMA(start, end, vm_flags, backing), replaces, vm_flags & VM_LOCKED != 0).begin()
    except BaseException:
        backing.drop()
        raise


class DetachOperation(Operation):
    """The areas of one attachment become holes."""

    __slots__ = ()

    def value(self) -> int | None:
        """0."""
        return 0

    def done(self, t: Task, result: int) -> Result:
        """All of them."""
        return self._remove(t, len(self.orders), 0)

    def failed(self, t: Task, index: int, error: int) -> Result:
        """Those before `index` are gone."""
        return self._remove(t, index, error)

    def _remove(self, t: Task, count: int, result: int) -> int:
        t.kernel.ipc.shm.actor.ids = t.group.ids
        for order in self.orders[:count]:
            start, size = order.args[0], order.args[1]
            self.mm.remove(start, start + size)
        return result


def detach(mm: MemoryManager, address: int) -> Result:
    """Unmap what is left of the attachment that began at `address`; EINVAL when there is none."""
    if address & PAGE_OFFSET:
        raise SyscallError(errno.EINVAL)
    orders: list[Order] = []
    backing: ShmBacking | None = None
    size = 0
    for area in mm.areas.overlapping(address, mm.task_size):
        if backing is not None and area.end - address > size:
            break
        found = area.backing
        if isinstance(found, ShmBacking) and area.start - address == area.offset and backing in (None, found):
            if backing is None:
                backing = found
                size = page_align(found.segment.size)
            orders.append(Order(NR_MUNMAP, (area.start, area.end - area.start)))
    if not orders:
        raise SyscallError(errno.EINVAL)
    return DetachOperation(mm, tuple(orders)).begin()
