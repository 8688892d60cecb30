"""IORING_SETUP_NO_MMAP: a ring in memory that the program has (io_uring/io_uring.c: io_rings_map, io_sqes_map).

What is there becomes the ring's memory, contents and all: private anonymous memory is what it may be in, and stays mapped as
memory that is shared with whoever is forked.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Callable

from sandbox.abi.linux.mman import PAGE_OFFSET, VM_MAYRWX, VM_MAYSHARE, VM_READ, VM_SHARED, VM_WRITE, page_align
from sandbox.errors import SyscallError
from sandbox.kernel.task_state import PARK_DEAD
from sandbox.mm.anonymous import SharedAnonymous
from sandbox.mm.op_map import Abandon, map_order
from sandbox.mm.operation import Operation
from sandbox.mm.vma import VMA
from sandbox.platform.base import NOT_FREE
from sandbox.vfs.anon import next_inode

if TYPE_CHECKING:
    from sandbox.io_uring.memory import RingMemory
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.mm.memory_manager import MemoryManager

_FLAGS = VM_READ | VM_WRITE | VM_MAYRWX | VM_MAYSHARE | VM_SHARED


class LendOperation(Operation):
    """The program's memory is replaced by the ring's, one area after the other; then the call ends with `then`."""

    __slots__ = ("areas", "backing", "then", "failing")

    def __init__(
        self,
        mm: MemoryManager,
        areas: list[VMA],
        backing: SharedAnonymous,
        then: Callable[[], int],
        failing: Callable[[], None],
    ) -> None:
        super().__init__(mm, tuple(map_order(area, True, free=NOT_FREE) for area in areas))
        self.areas = areas
        self.backing = backing
        self.then = then
        self.failing = failing

    def _mapped(self, count: int) -> None:
        for area in self.areas[:count]:
            self.mm.remove(area.start, area.end)
            self.mm.add(area)
        for _ in self.areas[count:]:
            self.backing.drop()
        self.backing.close_host_fd()

    def done(self, t: Task, result: int) -> Result:
        """All of it."""
        self._mapped(len(self.areas))
        if t.parked == PARK_DEAD:
            self.failing()
            return 0
        return self.then()

    def failed(self, t: Task, index: int, error: int) -> Result:
        """Those before are mapped; what the host was about to replace is in doubt."""
        self._mapped(index)
        self.failing()
        area = self.areas[index]
        return Abandon(self.mm, area.start, area.end, error).begin()


def check(mm: MemoryManager, address: int, size: int) -> None:
    """EINVAL for what does not begin with a page or is not the program's own memory; EFAULT where nothing can be written."""
    if address & PAGE_OFFSET:
        raise SyscallError(errno.EINVAL)
    end = address + page_align(size)
    if end > mm.task_size or mm.areas.mapped_until(address, end) < end:
        raise SyscallError(errno.EFAULT)
    for area in mm.areas.overlapping(address, end):
        if not area.flags & VM_WRITE:
            raise SyscallError(errno.EFAULT)
        if area.backing is not None:
            raise SyscallError(errno.EINVAL)


def lend(
    t: Task,
    mm: MemoryManager,
    memory: RingMemory,
    rings: int,
    sqes: int,
    then: Callable[[], int],
    failing: Callable[[], None],
) -> Result:
    """Have the memory at the addresses `rings` and `sqes`, which were checked, become `memory`; ENOMEM, EINVAL."""
    places = ((rings, page_align(memory.rings_size), 0), (sqes, page_align(memory.sqes_size), memory.sqes_at))
    if rings < sqes + places[1][1] and sqes < rings + places[0][1]:
        raise SyscallError(errno.EINVAL)
    for address, size, at in places:
        t.space.read_into(address, memory.view[at : at + size])
    memory.tell_sizes()
    total = places[0][1] + places[1][1]
    if len(mm.areas) + 4 > mm.account.max_areas or not mm.account.charge(total >> 12):
        raise SyscallError(errno.ENOMEM)
    backing = SharedAnonymous(total, next_inode(), mm.account)
    backing.lend_fd(os.dup(memory.fd))
    areas = []
    for address, size, at in places:
        backing.acquire()
        areas.append(VMA(address, address + size, _FLAGS, backing, at))
    return LendOperation(mm, areas, backing, then, failing).execute()
