"""A platform without guests: memory is a dictionary of pages, and tests make the system calls."""

from __future__ import annotations

from collections import Counter
from typing import Callable, Sequence

from sandbox.arch.amd64 import CSGSFS, FS_BASE, NUM_REGS, RAX, RIP, RSP
from sandbox.platform.base import (
    OP_CMPXCHG32,
    OP_XCHG32,
    AddressSpace,
    GuestThread,
    MemoryFault,
    Order,
    Platform,
    TrapHandler,
    Waiters,
)
from sandbox.reactor import Reactor

PAGE = 4096
SYS_MMAP, SYS_MUNMAP = 9, 11
M64 = (1 << 64) - 1


def xsave_image() -> bytes:
    """A minimal image as the host writes it: legacy area, header, both magic numbers."""
    image = bytearray(512 + 64 + 256 + 4)
    image[0:2] = (0x37F).to_bytes(2, "little")
    image[24:28] = (0x1F80).to_bytes(4, "little")
    size = len(image)
    image[464:468] = (0x46505853).to_bytes(4, "little")
    image[468:472] = size.to_bytes(4, "little")
    image[472:480] = (7).to_bytes(8, "little")
    image[480:484] = (size - 4).to_bytes(4, "little")
    image[512:520] = (3).to_bytes(8, "little")
    image[-4:] = (0x46505845).to_bytes(4, "little")
    return bytes(image)


class FakeSpace(AddressSpace):
    def __init__(self, platform: FakePlatform) -> None:
        self.platform = platform
        self.pages: dict[int, bytearray] = {}
        self.readonly: set[int] = set()
        self.killed = False
        self.cpu_ns = 0

    def map(self, address: int, size: int) -> None:
        for page in range(address // PAGE, (address + size + PAGE - 1) // PAGE):
            self.pages.setdefault(page, bytearray(PAGE))

    def _page(self, address: int, done: int, write: bool) -> bytearray:
        number = address // PAGE
        page = self.pages.get(number)
        if page is None or (write and number in self.readonly):
            raise MemoryFault(address, done)
        return page

    def read(self, address: int, size: int) -> bytes:
        out = bytearray(size)
        self.read_into(address, memoryview(out))
        return bytes(out)

    def read_into(self, address: int, dst: memoryview) -> None:
        if self.platform.before_read is not None:
            self.platform.before_read(address)
        done = 0
        while done < len(dst):
            page = self._page(address + done, done, False)
            at = (address + done) % PAGE
            part = page[at : at + len(dst) - done]
            dst[done : done + len(part)] = part
            done += len(part)

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        done = 0
        while done < len(data):
            page = self._page(address + done, done, True)
            at = (address + done) % PAGE
            size = min(PAGE - at, len(data) - done)
            page[at : at + size] = data[done : done + size]
            done += size

    def read_cstr(self, address: int, limit: int) -> bytes:
        out = bytearray()
        while len(out) < limit:
            byte = self.read(address + len(out), 1)
            if byte == b"\0":
                return bytes(out)
            out += byte
        raise ValueError("no end of string")

    def kill(self) -> None:
        self.killed = True

    def resident_pages(self) -> int:
        return len(self.pages)

    def cpu_time_ns(self) -> int:
        return self.cpu_ns


class FakeThread(GuestThread):
    def __init__(self, space: FakeSpace) -> None:
        self.space = space
        self.owner: object = None
        self.regs = [0] * NUM_REGS
        self.fpu = xsave_image()
        self.stopped = True
        self.released = False
        self.interrupted = 0
        self.replies: list[int] = []
        self.resumed = 0
        self.cpu_ns = 0  # of its own; its space has them all

    def cpu_time_ns(self) -> int:
        return self.cpu_ns

    def address_space(self) -> FakeSpace:
        return self.space

    def get_reg(self, index: int) -> int:
        return self.regs[index]

    def set_reg(self, index: int, value: int) -> None:
        assert self.stopped
        self.regs[index] = value & M64

    def get_regs(self) -> list[int]:
        return list(self.regs)

    def set_regs(self, values: Sequence[int]) -> None:
        assert self.stopped
        whole = len(values) == NUM_REGS
        for index in (*range(CSGSFS), *(range(FS_BASE, NUM_REGS) if whole else ())):
            self.regs[index] = values[index] & M64

    def fpu_state(self) -> bytes:
        return self.fpu

    def set_fpu_state(self, image: bytes) -> bool:
        if image and (len(image) < 512 or int.from_bytes(image[24:28], "little") & ~0xFFFF):
            return False
        self.fpu = image or xsave_image()
        return True

    def _go(self) -> None:
        assert self.stopped, "let go twice"
        assert not self.released and not self.space.killed
        self.stopped = False

    def reply(self, value: int) -> None:
        self._go()
        self.regs[RAX] = value & M64
        self.replies.append(value)

    def resume(self) -> None:
        self._go()
        self.resumed += 1

    def execute(self, orders: Sequence[Order], done: Callable[[int, int], None]) -> None:
        assert self.stopped
        self.space.platform.reactor.call_soon(lambda: self._execute(orders, done))

    def _execute(self, orders: Sequence[Order], done: Callable[[int, int], None]) -> None:
        if self.space.killed:
            return
        result, index = 0, -1
        for order in orders:
            index += 1
            result = self._one(order)
            if -4096 < result < 0:
                break
        after, self.space.platform.after_orders = self.space.platform.after_orders, None
        if after is not None:
            after()
        done(index, result)

    def _one(self, order: Order) -> int:
        address = order.args[0]
        if order.nr in (OP_CMPXCHG32, OP_XCHG32):
            before = self.space.platform.before_cmpxchg
            if before is not None:
                self.space.platform.before_cmpxchg = None
                before()
            try:
                old = int.from_bytes(self.space.read(address, 4), "little")
                new = order.args[2] if order.nr == OP_CMPXCHG32 else order.args[1]
                if order.nr == OP_XCHG32 or old == order.args[1]:
                    self.space.write(address, (new & 0xFFFFFFFF).to_bytes(4, "little"))
                return old
            except MemoryFault:
                return -14
        if order.nr == SYS_MMAP:
            self.space.map(address, order.args[1])
            return address
        return 0

    def clone_thread(self, done: Callable[[GuestThread | None], None]) -> None:
        self._copy(self.space, done)

    def fork_space(self, done: Callable[[GuestThread | None], None]) -> None:
        copy = FakeSpace(self.space.platform)
        copy.pages = {number: bytearray(page) for number, page in self.space.pages.items()}
        self._copy(copy, done)

    def _copy(self, space: FakeSpace, done: Callable[[GuestThread | None], None]) -> None:
        assert self.stopped
        thread: FakeThread | None = None
        if not self.space.platform.refuse:
            thread = FakeThread(space)
            thread.regs = list(self.regs)
            thread.fpu = self.fpu
        self.space.platform.reactor.call_soon(lambda: done(thread))

    def interrupt(self) -> None:
        if not self.stopped:
            self.interrupted += 1

    def release(self) -> None:
        assert not self.space.killed
        self.released = True
        self.owner = None

    # --- what a guest does ---

    def call(self, nr: int, *args: int) -> int | None:
        """Make a system call: its result, or None when it has not ended (see `stopped`, `released`)."""
        assert not self.stopped and not self.released and not self.space.killed
        self.stopped = True
        self.regs[RIP] += 2
        self.regs[RAX] = nr
        before = (len(self.replies), self.resumed)
        raw = tuple(value & M64 for value in args) + (0,) * (6 - len(args))
        self.space.platform.handler.syscall(self, nr, raw)  # type: ignore[arg-type]
        return self.result() if (len(self.replies), self.resumed) != before else None

    def result(self) -> int:
        """rax as a signed number."""
        value = self.regs[RAX]
        return value - (1 << 64) if value >> 63 else value

    def come(self) -> None:
        """Answer an interrupt."""
        assert self.interrupted and not self.stopped
        self.interrupted = 0
        self.stopped = True
        self.space.platform.handler.interrupted(self)

    def fault(self, signo: int, code: int, address: int) -> None:
        """Stop at a fault."""
        self.stopped = True
        self.space.platform.handler.fault(self, signo, code, address)


class FakeWaiters(Waiters):
    def __init__(self) -> None:
        self.at: Counter[int] = Counter()

    def came(self, address: int) -> None:
        self.at[address] += 1

    def left(self, address: int) -> None:
        assert self.at[address] > 0
        self.at[address] -= 1


class FakePlatform(Platform):
    def __init__(self, reactor: Reactor) -> None:
        self.reactor = reactor
        self.vdso_address = 0
        self.task_size = 0x7FFF_0000_0000
        self.idle = False  # every guest waits
        self.refuse = False  # the host has no more threads
        self.before_cmpxchg: Callable[[], None] | None = None  # what another guest thread does just before
        self.after_orders: Callable[[], None] | None = None  # or before the kernel hears of what was done
        self.waiters: FakeWaiters = FakeWaiters()
        self.before_read: Callable[[int], None] | None = None  # what happens just before memory there is read

    def start(self, handler: TrapHandler) -> None:
        self.handler = handler

    def new_space(self, done: Callable[[GuestThread | None], None]) -> None:
        thread = None if self.refuse else FakeThread(FakeSpace(self))
        self.reactor.call_soon(lambda: done(thread))

    def quiet(self) -> bool:
        return self.idle

    def close(self) -> None:
        pass


__all__ = ["RSP", "FakePlatform", "FakeSpace", "FakeThread"]
