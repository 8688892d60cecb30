"""A guest thread on the ptrace platform: a tracee of the sentry's."""

from __future__ import annotations

import errno
import os
import signal
from typing import TYPE_CHECKING, Callable, Final, Sequence

from sandbox.arch import amd64
from sandbox.platform import fpu, hostcalls
from sandbox.platform.base import OP_CMPXCHG32, OP_NAME, OP_XCHG32, GuestThread, Order
from sandbox.platform.lane.layout import TASK_SIZE
from sandbox.platform.ptrace import stub_image, tracing
from sandbox.platform.ptrace.first_process import LENT_FD
from sandbox.platform.ptrace.tracing import NAMES, Gone, Registers

if TYPE_CHECKING:
    from sandbox.platform.ptrace.platform import PtracePlatform
    from sandbox.platform.ptrace.space import PtraceSpace

M64: Final = (1 << 64) - 1
_FORK: Final = 0x8000 | signal.SIGCHLD  # CLONE_PARENT: the sentry is who reaps it
_THREAD: Final = 0x50F00  # CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM
_SYS_CLOSE: Final = 3
_SYS_CLONE: Final = 56
_FLAGS: Final = 0x202

Done = Callable[["GuestThread | None"], None]


class PtraceThread(GuestThread):
    """Stopped: in a ptrace-stop. `registers` are the guest's then, and `changed` says that they have to be put back."""

    __slots__ = (
        "platform",
        "space",
        "tid",
        "owner",
        "registers",
        "changed",
        "stopped",
        "released",
        "interrupting",
        "error_code",
        "trap_number",
        "fault_address",
        "affinity",
        "nice",
    )

    def __init__(self, platform: PtracePlatform, space: PtraceSpace, tid: int) -> None:
        self.platform = platform
        self.space = space
        self.tid = tid
        self.owner = None
        self.registers = Registers()
        self.changed = False
        self.stopped = True
        self.released = False
        self.interrupting = False  # a SIGSTOP is on its way
        self.error_code = 0
        self.trap_number = 0
        self.fault_address = 0
        self.affinity = 0
        self.nice = platform.nice

    def address_space(self) -> PtraceSpace:
        return self.space

    # --- registers ---

    def get_reg(self, index: int) -> int:
        name = NAMES.get(index)
        if name is not None:
            return int(getattr(self.registers, name))
        if index == amd64.CSGSFS:
            return int(self.registers.cs) | int(self.registers.ss) << 48
        if index == amd64.ERR:
            return self.error_code
        if index == amd64.TRAPNO:
            return self.trap_number
        return self.fault_address if index == amd64.CR2 else 0

    def set_reg(self, index: int, value: int) -> None:
        name = NAMES.get(index)
        if name is not None:
            setattr(self.registers, name, value & M64)
            self.changed = True
        elif index == amd64.CSGSFS and value in (amd64.IN_64_BIT, amd64.IN_32_BIT):
            self.registers.cs, self.registers.ss = value & 0xFFFF, value >> 48
            self.changed = True

    def get_regs(self) -> list[int]:
        return [self.get_reg(index) for index in range(amd64.NUM_REGS)]

    def set_regs(self, values: Sequence[int]) -> None:
        for index, value in enumerate(values):
            self.set_reg(index, value)

    def fpu_state(self) -> bytes:
        return fpu.framed(tracing.get_xstate(self.tid))

    def set_fpu_state(self, image: bytes) -> bool:
        mine = tracing.get_xstate(self.tid)
        merged = fpu.merge(fpu.framed(mine), image)
        return merged is not None and tracing.set_xstate(self.tid, fpu.unframed(merged, mine))

    def fpu_size(self) -> int:
        return self.platform.fpu_size

    def cpu_time_ns(self) -> int:
        return self.space.thread_cpu_time_ns(self.tid)

    def set_affinity(self, mask: int) -> None:
        cpus = self.platform.cpus
        try:
            os.sched_setaffinity(self.tid, [cpu for n, cpu in enumerate(cpus) if mask >> n & 1] or cpus)
            self.affinity = mask
        except OSError:
            pass

    def set_nice(self, nice: int) -> None:
        nice = max(nice, self.platform.nice)
        if nice != self.nice and hostcalls.set_nice(self.tid, nice):
            self.nice = nice

    # --- going on ---

    def reply(self, value: int) -> None:
        self.registers.rax = value & M64
        self.changed = True
        self.resume()

    def resume(self) -> None:
        assert self.stopped and not self.space.dead
        self.stopped = False
        try:
            if self.changed:
                self.changed = False
                self.registers.orig_rax = M64  # no call is to be made again by the host
                tracing.set_registers(self.tid, self.registers)
            tracing.go_on_to_call(self.tid)
        except Gone:
            return  # its end is heard of
        if self.interrupting:
            self._stop()

    def interrupt(self) -> None:
        if not self.stopped and not self.interrupting:
            self.interrupting = True
            self._stop()

    def _stop(self) -> None:
        try:
            hostcalls.tgkill(self.space.pid, self.tid, signal.SIGSTOP)
        except OSError:
            pass

    def release(self) -> None:
        self.released = True
        if self.stopped:
            self.space.pooled.append(self)
        else:
            self.interrupt()

    # --- orders ---

    def execute(self, orders: Sequence[Order], done: Callable[[int, int], None]) -> None:
        assert self.stopped
        at, result = -1, 0
        try:
            for order in orders:
                at, result = at + 1, self._order(order)
                if -4096 < result < 0:
                    break
        except Gone:
            return
        self._later(lambda: done(at, result))

    def _later(self, then: Callable[[], None]) -> None:
        def call() -> None:
            if not self.space.dead:
                then()

        self.platform.reactor.call_soon(call)

    def _order(self, order: Order) -> int:
        if order.nr in (OP_CMPXCHG32, OP_XCHG32):
            return self._exchange(order)
        if order.nr == OP_NAME:
            return 0  # it keeps the stub's
        if order.host_fd < 0:
            return self.call(order.nr, order.args)
        failed = self.platform.lender.lend(self, order.host_fd)
        if failed:
            return failed
        args = list(order.args)
        args[order.fd_arg] = LENT_FD
        result = self.call(order.nr, args)
        self.call(_SYS_CLOSE, (LENT_FD, 0, 0, 0, 0, 0))
        return result

    def _exchange(self, order: Order) -> int:
        """OP_CMPXCHG32 and OP_XCHG32 by an instruction of the stub's."""
        address = order.args[0]
        if not 0 <= address <= TASK_SIZE - 4:
            return -errno.EFAULT
        registers = self._scratch_registers()
        registers.rdi = address
        if order.nr == OP_CMPXCHG32:
            registers.rip = stub_image.CMPXCHG
            registers.rax, registers.rdx = order.args[1], order.args[2]
        else:
            registers.rip = stub_image.XCHG
            registers.rax = order.args[1]
        return int(registers.rax) & 0xFFFF_FFFF if self._run(registers) else -errno.EFAULT

    def call(self, nr: int, args: Sequence[int]) -> int:
        """Have it make a call of the host's: the result."""
        registers = self._scratch_registers()
        registers.rip, registers.rax = stub_image.SYSCALL, nr
        registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9 = args
        if not self._run(registers):
            raise Gone
        result = int(registers.rax)
        return result - (1 << 64) if result >> 63 else result

    def _scratch_registers(self) -> Registers:
        """To run something of the stub's with: `registers` stay what they are, and are to be put back."""
        self.changed = True
        registers = Registers.from_buffer_copy(self.registers)
        registers.eflags, registers.orig_rax = _FLAGS, M64
        return registers

    def _run(self, registers: Registers, made: list[int] | None = None) -> bool:
        """One instruction of the stub's, up to the breakpoint behind it: False if it faults. `made` gets the number of a
        thread that it makes."""
        end = stub_image.ENDS[registers.rip]
        tracing.set_registers(self.tid, registers)
        while True:
            tracing.go_on(self.tid)
            status = tracing.wait_for(self.tid)
            if not os.WIFSTOPPED(status):
                self.platform.ended(self.tid, status)
                raise Gone
            number = os.WSTOPSIG(status)
            if status >> 16:
                if made is not None:
                    made.append(tracing.new_tid(self.tid))
            elif number == signal.SIGTRAP:
                tracing.get_registers(self.tid, registers)
                return bool(registers.rip == end)
            elif number in (signal.SIGSEGV, signal.SIGBUS):
                return False
            # anything else does not concern it now; `interrupting` says that it is to be stopped again

    # --- new threads and processes ---

    def clone_thread(self, done: Done) -> None:
        space = self.space
        if space.pooled:
            thread: PtraceThread | None = space.pooled.pop()
        else:
            thread = self._clone(_THREAD, space)
        if thread is not None:
            thread.released = False
            thread.begin_as(self)
            thread.set_affinity(self.affinity)
            thread.set_nice(self.nice)
        self._later(lambda: done(thread))

    def fork_space(self, done: Done) -> None:
        thread = self._clone(_FORK, None)
        if thread is not None:
            thread.begin_as(self)
            thread.affinity, thread.nice = self.affinity, self.nice
        self._later(lambda: done(thread))

    def _clone(self, flags: int, space: PtraceSpace | None) -> PtraceThread | None:
        """None: the host refuses, or the process ends."""
        registers = self._scratch_registers()
        registers.rip, registers.rax = stub_image.SYSCALL, _SYS_CLONE
        registers.rdi = flags
        registers.rsi = registers.rdx = registers.r10 = registers.r8 = registers.r9 = 0
        made: list[int] = []
        try:
            self._run(registers, made)
        except Gone:
            pass
        if not made:
            return None
        try:
            status = tracing.wait_for(made[0])
        except Gone:
            return None
        if not os.WIFSTOPPED(status):
            return None
        return self.platform.adopt(made[0], space)

    def begin_as(self, other: PtraceThread) -> None:
        """With the registers of `other` (of a new thread the rest is the same already)."""
        self.registers = Registers.from_buffer_copy(other.registers)
        self.changed = True
        tracing.set_xstate(self.tid, tracing.get_xstate(other.tid))
