"""The ptrace platform: every system call of a guest stops it, and the sentry is its tracer.

It asks for little: no seccomp notifications, no shared memory with guests, nothing compiled. Each call costs several
changes of context and calls of ptrace(2): ten times what one that parks costs on the lane platform.

Whoever is stopped does what the sentry orders at once, while the sentry waits: host calls of the kernel's orders are short.
"""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Callable, Final

from sandbox.arch.amd64 import USER_CS
from sandbox.platform import host_proc, hostcalls
from sandbox.platform.base import GuestThread, MemoryFault, Platform, PlatformError, TrapHandler
from sandbox.platform.host_proc import HostProc
from sandbox.platform.lane.layout import STUB_END, TASK_SIZE
from sandbox.platform.ptrace import first_process, tracing
from sandbox.platform.ptrace.lender import Lender
from sandbox.platform.ptrace.space import PtraceSpace
from sandbox.platform.ptrace.thread import PtraceThread
from sandbox.platform.ptrace.tracing import Gone
from sandbox.reactor import READ, Reactor

_SYS_SIGNALFD4: Final = 289
_SYS_MUNMAP: Final = 11
_FAULTS: Final = (signal.SIGILL, signal.SIGTRAP, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV)
_BATCH: Final = 64  # stops that are served in one turn
_INT_80: Final = b"\xcd\x80"
_SI_KERNEL: Final = 0x80
_PAGE_FAULT: Final = 14  # X86_TRAP_PF
# By signal and si_code (0: any other): the number of the trap that the host makes it of (arch/x86/kernel/traps.c), as far as
# they tell; a wrong segment and everything else that is not allowed are 13.
_TRAPS: Final[dict[tuple[int, int], int]] = {
    (signal.SIGTRAP, 0): 1,
    (signal.SIGTRAP, 0x80): 3,
    (signal.SIGILL, 0): 6,
    (signal.SIGBUS, 0): 17,
    (signal.SIGBUS, 0x80): 12,
    (signal.SIGSEGV, 0x80): 13,
    (signal.SIGFPE, 0): 19,
    (signal.SIGFPE, 1): 0,
}

Done = Callable[[GuestThread | None], None]


class PtracePlatform(Platform):
    """Only the thread that makes it may use it: it is the tracer."""

    def __init__(self, reactor: Reactor) -> None:
        self.host_calls = ("ptrace",)
        self.reactor = reactor
        self.task_size = TASK_SIZE
        self.vdso_address = 0
        self.cpus = sorted(os.sched_getaffinity(0))
        self.nice = os.getpriority(os.PRIO_PROCESS, 0)
        self.by_tid: dict[int, PtraceThread] = {}
        self.spaces: dict[int, PtraceSpace] = {}  # by pid
        self.fpu_size = 0
        self.stops = 0
        self._frozen = False
        self._held: list[tuple[int, int]] = []  # that came while frozen
        self._closing = False
        self._most_areas = host_proc.most_areas()
        self._blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])  # before
        mask = ctypes.create_string_buffer((1 << signal.SIGCHLD - 1).to_bytes(8, "little"), 8)
        self._children = hostcalls.call("signalfd", _SYS_SIGNALFD4, -1, mask, 8, os.O_CLOEXEC | os.O_NONBLOCK)
        self.lender = Lender()
        self._first_pid = first_process.start(self.lender.theirs)

    # --- start and end ---

    def start(self, handler: TrapHandler) -> None:
        self.handler = handler
        pid = self._first_pid
        try:
            tracing.take_charge(pid)
            pidfd = os.pidfd_open(pid)
            self.proc = HostProc(pid, pidfd, True)
            os.close(pidfd)
        except (Gone, OSError) as error:
            raise PlatformError(
                f"the host does not let processes be traced: {error or 'the first one is gone'}"
            ) from None
        first = self.adopt(pid, None)
        if first is None:
            raise PlatformError("the host has no descriptor for the first guest process: raise ulimit -n")
        self.first = first
        tracing.get_registers(pid, self.first.registers)
        self.first.changed = True
        self.fpu_size = len(self.first.fpu_state())
        self._clear(self.first)
        self.reactor.watch(self._children, READ, lambda _: self._serve())

    def _clear(self, first: PtraceThread) -> None:
        """Of what the host mapped, the vDSO alone stays in reach of guests."""
        for line in first.space.host_smaps().splitlines():
            fields = line.split()
            if len(fields) < 5 or b"-" not in fields[0] or fields[0].endswith(b":"):
                continue
            start, end = (int(number, 16) for number in fields[0].split(b"-"))
            name = fields[5] if len(fields) > 5 else b""
            if name == b"[vdso]":
                self.vdso_address = start
            elif start >= STUB_END and not name.startswith((b"[vvar", b"[vsyscall")):
                first.call(_SYS_MUNMAP, (start, end - start, 0, 0, 0, 0))

    def close(self) -> None:
        self._closing = True
        for space in list(self.spaces.values()):
            space.kill()
        while self.spaces and (met := tracing.wait_any(block=True)) is not None:
            if not os.WIFSTOPPED(met[1]):
                self.ended(*met)
        if self._first_pid not in self.spaces and not hasattr(self, "first"):
            os.kill(self._first_pid, signal.SIGKILL)
            os.waitpid(self._first_pid, 0)
        self.reactor.unwatch(self._children)
        os.close(self._children)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)
        self.lender.close()
        if hasattr(self, "proc"):
            self.proc.close()

    def most_areas(self) -> int:
        return self._most_areas

    def quiet(self) -> bool:
        return all(thread.stopped for thread in self.by_tid.values())

    def metrics(self) -> dict[str, int]:
        return {"calls": self.stops, "threads": len(self.by_tid)}

    def freeze(self) -> None:
        self._frozen = True
        for thread in self.by_tid.values():
            thread.interrupt()

    def thaw(self) -> None:
        self._frozen = False
        held, self._held = self._held, []
        for tid, status in held:
            self._met(tid, status)

    # --- spaces and threads ---

    def new_space(self, done: Done) -> None:
        def empty(thread: GuestThread | None) -> None:
            if thread is not None:
                thread.set_regs([0] * 25)
                thread.set_fpu_state(b"")
            done(thread)

        self.first.fork_space(empty)

    def adopt(self, tid: int, space: PtraceSpace | None) -> PtraceThread | None:
        """A stopped thread that was just made, of a new process if there is no `space`. None: no room to serve it."""
        if space is None:
            try:
                space = PtraceSpace(self, tid)
            except OSError:
                os.kill(tid, signal.SIGKILL)
                return None
            self.spaces[tid] = space
        thread = PtraceThread(self, space, tid)
        space.threads[tid] = self.by_tid[tid] = thread
        return thread

    def forget_threads(self, space: PtraceSpace) -> None:
        """Nothing is heard of them any more."""
        for tid in space.threads:
            self.by_tid.pop(tid, None)

    def ended(self, tid: int, status: int) -> None:
        """A host thread has ended; with the first of a process all of it has."""
        self.by_tid.pop(tid, None)
        space = self.spaces.pop(tid, None)
        if space is None:
            return
        if not self._closing:
            if space is self.first.space:
                raise PlatformError(f"the first guest process has ended (wait status {status:#x})")
            space.dead = True
            self.forget_threads(space)
            self.handler.space_gone(space, status)
        space.close()

    # --- stops ---

    def _serve(self) -> None:
        """Children have stopped or ended."""
        try:
            while os.read(self._children, 128 * 16):
                pass
        except BlockingIOError:
            pass
        self._serve_some()

    def _serve_some(self) -> None:
        for _ in range(_BATCH):
            met = tracing.wait_any()
            if met is None:
                return
            self._met(*met)
            if self.reactor.soon and self.reactor.run_soon():  # what a call has set going is there before the next one
                break
        self.reactor.call_soon(self._serve_some)

    def _met(self, tid: int, status: int) -> None:
        if not os.WIFSTOPPED(status):
            self.ended(tid, status)
            return
        thread = self.by_tid.get(tid)
        if thread is None or thread.space.dead:
            return  # it is being killed
        if self._frozen:
            self._held.append((tid, status))
            return
        try:
            self._stopped(thread, os.WSTOPSIG(status))
        except Gone:
            pass
        except Exception as error:  # noqa: BLE001
            if isinstance(error, PlatformError) or thread.space is self.first.space:
                raise
            self.handler.mishap(thread.space, error)
            thread.space.kill()

    def _stopped(self, thread: PtraceThread, number: int) -> None:
        self.stops += 1
        registers = thread.registers
        tracing.get_registers(thread.tid, registers)
        thread.stopped = True
        thread.changed = False
        if number == signal.SIGSTOP:
            thread.interrupting = False
        if thread.released:
            thread.space.pooled.append(thread)
        elif number == tracing.SYSCALL_STOP:
            self._call(thread)
        elif number == signal.SIGSTOP:
            self.handler.interrupted(thread)
        elif number in _FAULTS:
            self._fault(thread, number)
        else:
            thread.resume()  # from outside: not a guest's affair

    def _call(self, thread: PtraceThread) -> None:
        registers = thread.registers
        nr, rip = int(registers.orig_rax), int(registers.rip)
        thread.changed = True
        registers.orig_rax = (1 << 64) - 1
        if registers.cs != USER_CS or _is_int_80(thread.space, rip - 2):
            registers.rip, registers.rax = rip - 2, nr  # as on a kernel without 32-bit calls
            thread.error_code, thread.trap_number, thread.fault_address = 0x402, 13, 0
            self.handler.fault(thread, signal.SIGSEGV, _SI_KERNEL, 0)
            return
        args = registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9
        self.handler.syscall(thread, nr, args)

    def _fault(self, thread: PtraceThread, number: int) -> None:
        code, address = tracing.signal_info(thread.tid)
        if code <= 0:
            thread.resume()  # sent by somebody on the host
            return
        is_page_fault = (number == signal.SIGSEGV and code in (1, 2)) or (number == signal.SIGBUS and code == 2)
        thread.trap_number = _PAGE_FAULT if is_page_fault else _TRAPS.get((number, code), _TRAPS.get((number, 0), 0))
        thread.fault_address = address if is_page_fault else 0
        thread.error_code = _page_fault_error(thread, number, code) if is_page_fault else 0
        self.handler.fault(thread, number, code, address)


def _page_fault_error(thread: PtraceThread, number: int, code: int) -> int:
    """In user mode; by execution; of a page that is there, or is the kernel's. Whether it wrote is not told."""
    address = thread.fault_address
    there = address >= TASK_SIZE or (number == signal.SIGSEGV and code == 2)
    return 4 | (0x10 if address == thread.registers.rip else 0) | int(there)


def _is_int_80(space: PtraceSpace, address: int) -> bool:
    """A call of the 32-bit table. Another thread may have changed the code since: it is the guest's own loss."""
    try:
        return address < TASK_SIZE and space.peek(address, 2) == _INT_80
    except MemoryFault:
        return False
