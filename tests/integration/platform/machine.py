"""Runs a few lines of assembly as a guest of a platform, with a scripted kernel."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import cast

from sandbox.arch import amd64
from sandbox.platform.base import AddressSpace, GuestThread, Order, TrapHandler
from sandbox.platform.choose import make
from sandbox.platform.lane import build
from sandbox.platform.lane.platform import LanePlatform
from sandbox.reactor import Reactor
from tcpip.clock import MonotonicClock

CODE = 0x100000
DATA = 0x200000
THUNKS = 0x180000
DATA_SIZE = 0x10000
STACK_TOP = DATA + DATA_SIZE
_MMAP = 9
Args = tuple[int, int, int, int, int, int]


@cache
def assemble(source: str) -> bytes:
    """Flat machine code, linked at CODE."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        (path / "g.S").write_text(source)
        elf = str(path / "g.elf")
        link = ["-nostdlib", "-static", f"-Wl,-Ttext={CODE:#x}", "-Wl,--build-id=none"]
        subprocess.run(["gcc", *link, "-o", elf, str(path / "g.S")], check=True, capture_output=True)
        subprocess.run(["objcopy", "-O", "binary", "-j", ".text", elf, str(path / "g.bin")], check=True)
        return (path / "g.bin").read_bytes()


class Machine(TrapHandler):
    """`on_syscall(machine, thread, nr, args)` answers calls; faults and deaths are recorded. Bounded by a deadline."""

    def __init__(
        self,
        source: str,
        on_syscall: Callable[[Machine, GuestThread, int, Args], None],
        looking: bool = True,
        patch: bool = False,
        platform: str = "",
    ) -> None:
        """`platform`: by its name, the lane platform otherwise. `patch`: call sites in CODE may be patched, for every number but EXIT."""
        build.build()
        self.on_syscall = on_syscall
        self.on_interrupt: Callable[[GuestThread], None] = lambda thread: thread.resume()
        self.faults: list[tuple[int, int]] = []  # signal, address
        self.on_fault: Callable[[GuestThread, int], None] = lambda thread, signo: thread.address_space().kill()
        self.gone: list[int] = []
        self.mishaps: list[Exception] = []
        self.stop_when_gone = True
        self.reactor = Reactor(MonotonicClock())
        # What is said of it here holds for both; tests of one use what it alone has.
        made = make(platform, self.reactor, looking)
        self.platform = cast(LanePlatform, made)
        if patch:
            self.platform.patch_calls(number for number in range(512) if number != EXIT)
        self._code = assemble(source)

    def run(self, seconds: float = 20) -> Machine:
        """Until the first space is gone; leaves nothing behind. TimeoutError after `seconds`."""
        late = []

        def timeout() -> None:
            late.append(True)
            self.reactor.stop()

        try:
            self.platform.start(self)
            self.reactor.call_at(self.reactor.clock.now_ns() + int(seconds * 1e9), timeout)
            self.platform.new_space(self.load)
            self.reactor.run()
        finally:
            self.platform.close()
            self.reactor.close()
        if late:
            raise TimeoutError("the guest did not end")
        return self

    def load(self, thread: GuestThread | None) -> None:
        assert thread is not None
        fd = os.memfd_create("code")
        os.write(fd, self._code.ljust(8192, b"\0"))

        def mapped(index: int, result: int) -> None:
            os.close(fd)
            assert (index, result) == (1, DATA)
            thread.set_reg(amd64.RIP, CODE)
            thread.set_reg(amd64.RSP, STACK_TOP)
            thread.set_reg(amd64.EFLAGS, 0x202)
            thread.resume()

        code = Order(_MMAP, (CODE, 8192, 5, 0x12, 0, 0), host_fd=fd)
        data = Order(_MMAP, (DATA, DATA_SIZE, 3, 0x32, 0xFFFF_FFFF_FFFF_FFFF, 0))
        thread.execute([code, data], mapped)

    def syscall(self, thread: GuestThread, nr: int, args: Args) -> None:
        self.on_syscall(self, thread, nr, args)

    def fault(self, thread: GuestThread, signo: int, code: int, address: int) -> None:
        self.faults.append((signo, address))
        self.on_fault(thread, signo)

    def interrupted(self, thread: GuestThread) -> None:
        self.on_interrupt(thread)

    def patchable(self, thread: GuestThread, start: int, end: int) -> bool:
        return start >= CODE and end <= CODE + 8192

    def map_code(self, thread: GuestThread, near: int, fd: int, size: int, done: Callable[[int], None]) -> bool:
        order = Order(_MMAP, (THUNKS, size, 5, 0x100001, 0, 0), host_fd=fd)  # MAP_SHARED | MAP_FIXED_NOREPLACE
        thread.execute([order], lambda index, result: done(max(result, 0)))
        return True

    def mishap(self, space: AddressSpace | None, error: Exception) -> None:
        self.mishaps.append(error)

    def space_gone(self, space: AddressSpace, wait_status: int) -> None:
        self.gone.append(wait_status)
        if self.stop_when_gone:
            self.reactor.stop()


def call(nr: int, *args: int | str) -> str:
    """Assembly for one system call."""
    registers = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
    moves = "".join(f" mov ${arg}, %{register}\n" for register, arg in zip(registers, args, strict=False))
    return f"{moves} mov ${nr}, %eax\n syscall\n"


EXIT = 60


def exit_with(register: str = "rax") -> str:
    """Assembly for exit(register)."""
    return f" mov %{register}, %rdi\n mov ${EXIT}, %eax\n syscall\n hlt\n"
