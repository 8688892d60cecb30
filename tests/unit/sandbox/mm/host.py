"""A host process whose memory map is a table of pages, and just enough of a task to call the operations."""

from __future__ import annotations

import errno
from types import SimpleNamespace
from typing import Any, Callable

from sandbox.abi.linux.mman import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_FIXED_NOREPLACE,
    MAP_SHARED,
    MREMAP_DONTUNMAP,
    MREMAP_FIXED,
    NR_MADVISE,
    NR_MINCORE,
    NR_MMAP,
    NR_MPROTECT,
    NR_MREMAP,
    NR_MSYNC,
    NR_MUNMAP,
)
from sandbox.errors import SyscallError
from sandbox.kernel.control import Assumed, Block, Execute, Result
from sandbox.kernel.credentials import Credentials
from sandbox.kernel.rlimits import ResourceLimits
from sandbox.mm.commit import CommitAccount
from sandbox.mm.memory_manager import MemoryManager
from sandbox.platform.base import OP_NAME, Order

PAGE = 4096
TASK_SIZE = 0x7FFE_0000_0000

Page = tuple[int, bool, int, int]  # prot, shared, descriptor or -1, page of the file


class HostProcess:
    """Executes orders as Linux would. `fail_after`: that many orders more succeed, then one fails with `error`."""

    def __init__(self) -> None:
        self.pages: dict[int, Page] = {}
        self.name = b""
        self.orders: list[Order] = []
        self.fail_after = -1
        self.error = -errno.ENOMEM

    def run(self, orders: tuple[Order, ...] | list[Order]) -> tuple[int, int]:
        result = 0
        for index, order in enumerate(orders):
            self.orders.append(order)
            if self.fail_after == 0:
                self.fail_after = -1
                if order.nr == NR_MPROTECT:  # it may have done a part
                    self.one(Order(order.nr, (order.args[0], PAGE, order.args[2])))
                return index, self.error
            if self.fail_after > 0:
                self.fail_after -= 1
            result = self.one(order)
            if -4095 <= result < 0:
                return index, result
        return len(orders) - 1, result

    def one(self, order: Order) -> int:
        a = order.args
        assert all(0 <= x < 1 << 64 for x in a)
        if order.nr == OP_NAME:
            self.name = b"".join(number.to_bytes(8, "little") for number in a[:2]).rstrip(b"\0")
            return 0
        assert a[0] % PAGE == 0
        if order.nr == NR_MMAP:
            return self.mmap(order)
        if order.nr == NR_MUNMAP:
            for n in self.range(a[0], a[1]):
                self.pages.pop(n, None)
            return 0
        if order.nr == NR_MPROTECT:
            for n in self.range(a[0], a[1]):
                if n not in self.pages:
                    return -errno.ENOMEM
                self.pages[n] = (a[2], *self.pages[n][1:])
            return 0
        if order.nr == NR_MREMAP:
            return self.mremap(*a[:5])
        assert order.nr in (NR_MADVISE, NR_MSYNC, NR_MINCORE)
        return 0

    @staticmethod
    def range(start: int, size: int) -> range:
        assert size > 0 and start + size <= TASK_SIZE, "the stub's memory"
        return range(start // PAGE, (start + size + PAGE - 1) // PAGE)

    def mmap(self, order: Order) -> int:
        start, size, prot, flags, _, offset = order.args
        pages = self.range(start, size)
        assert flags & (MAP_FIXED | MAP_FIXED_NOREPLACE), "the sentry chooses addresses"
        if flags & MAP_FIXED_NOREPLACE and any(n in self.pages for n in pages):
            return -errno.EEXIST
        assert bool(flags & MAP_ANONYMOUS) == (order.host_fd < 0)
        for k, n in enumerate(pages):
            at = offset // PAGE + k if order.host_fd >= 0 else 0
            self.pages[n] = (prot, bool(flags & MAP_SHARED), order.host_fd, at)
        return start

    def mremap(self, old: int, old_size: int, size: int, flags: int, new: int) -> int:
        first = self.pages.get(old // PAGE)
        if first is None:
            return -errno.EFAULT
        moved: list[Page] = []
        for k in range(size // PAGE):
            page = self.pages.get(old // PAGE + k) if k < old_size // PAGE else None
            if page is None:
                if k < old_size // PAGE:
                    return -errno.EFAULT
                page = (*first[:3], first[3] + k if first[2] >= 0 else 0)
            moved.append(page)
        if flags & MREMAP_FIXED:
            if not flags & MREMAP_DONTUNMAP:
                for k in range(old_size // PAGE):
                    del self.pages[old // PAGE + k]
            at = new
        else:
            at = old
            if any(old // PAGE + k in self.pages for k in range(old_size // PAGE, size // PAGE)):
                return -errno.ENOMEM
        for n, page in zip(self.range(at, size), moved, strict=True):
            self.pages[n] = page
        return at


class FakeBacking:
    counted = False
    place = None
    keepable: object = None

    def __init__(self, fd: int) -> None:
        self.key: object = ("file", fd)
        self.name = f"/file{fd}"
        self.base = 0
        self.device = 0x801
        self.inode = fd
        self.refs = 0
        self.fd = fd

    def host_fd(self, writable: bool) -> int:
        return self.fd

    def acquire(self) -> None:
        self.refs += 1

    def drop(self) -> None:
        self.refs -= 1
        assert self.refs >= 0


class FakeFile:
    """A regular file of whole pages for mmap."""

    path = None
    secret = False

    def __init__(self, fd: int, flags: int = 2) -> None:
        self.flags = flags
        self.the_backing = FakeBacking(fd)

    def backing_at(self, t: Any, shared: bool, prot: int, offset: int) -> FakeBacking:
        return self.the_backing

    def check_mapping(self, size: int, offset: int) -> None:
        pass

    def write_sealed(self) -> bool:
        return False

    def link_text(self) -> str:
        return self.the_backing.name


class Guest:
    """A task with memory in a host process."""

    def __init__(self, memory_bytes: int = 1 << 30, uid: int = 1000) -> None:
        self.host = HostProcess()
        self.account = CommitAccount(memory_bytes)
        self.mm = MemoryManager(self.account, TASK_SIZE)
        self.mm.mmap_base = TASK_SIZE - (1 << 40)
        self.limits = ResourceLimits()
        self.task: Any = SimpleNamespace(
            group=SimpleNamespace(rlimits=self.limits), creds=Credentials(uid), mm=self.mm, personality=0
        )

    def call(self, operation: Callable[..., Result], *args: Any) -> int:
        """Run an operation to its end: the result or a negative errno."""
        try:
            result: Result = operation(*args)
            while isinstance(result, (Execute, Assumed)):
                if isinstance(result, Assumed):
                    assert result.order.free and not self.mm.busy
                    _, value = self.host.run((result.order,))
                    result = result.failed(self.task, value) if -4096 < value < 0 else result.value
                    continue
                assert self.mm.busy
                index, value = self.host.run(tuple(result.orders))
                result = result.finish(self.task, index, value)
        except SyscallError as error:
            result = -error.errno
        assert not isinstance(result, Block)
        assert isinstance(result, int)
        assert not self.mm.busy
        return result

    def check(self) -> None:
        """The areas describe the host's pages, and the counters the areas."""
        mine: dict[int, tuple[int, bool]] = {}
        offsets: dict[int, int] = {}
        for area in self.mm.areas:
            for k, n in enumerate(range(area.start // PAGE, area.end // PAGE)):
                mine[n] = (area.flags & 7, bool(area.flags & 0x80))
                if isinstance(area.backing, FakeBacking):
                    offsets[n] = area.offset // PAGE + k
        assert mine == {n: page[:2] for n, page in self.host.pages.items()}
        for n, at in offsets.items():
            assert self.host.pages[n][3] == at
        mm = self.mm
        assert mm.total_pages == len(mine)
        assert mm.data_pages == sum(a.end - a.start for a in mm.areas if a.flags & 0x10A == 2) >> 12
        assert mm.locked_pages == sum(a.end - a.start for a in mm.areas if a.flags & 0x2000) >> 12
