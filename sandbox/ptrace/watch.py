"""Debug registers (arch/x86/kernel/ptrace.c, hw_breakpoint.c): watchpoints that a tracer sets with PTRACE_POKEUSER.

No debug register of the CPU is used: a thread that is watched goes on one instruction at a time, and after each one its
instruction pointer and the bytes that are watched are looked at. So a write that changes nothing is not seen, and one to watch
for reading, too, cannot be had: ENOSPC, as when the CPU's are taken.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.signal import SIGTRAP, TRAP_HWBKPT, TRAP_TRACE
from sandbox.arch.amd64 import EFLAGS, EFLAGS_TF, RIP
from sandbox.errors import SyscallError
from sandbox.kernel import signal_send, task_signals
from sandbox.kernel.signal_info import SignalInfo
from sandbox.platform.base import MemoryFault

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.kernel.tracee import Tracee

BREAKPOINTS: Final = 4
STATUS: Final = 6
CONTROL: Final = 7
STATUS_SET: Final = 0xFFFF0FF0  # bits that always read as ones
STEP: Final = 0x4000
_EXECUTE, _WRITE, _READ_WRITE = 0, 1, 3
_LENGTHS: Final = (1, 2, 8, 4)


class DebugRegisters:
    """`seen`: what was at each address that is watched for writing when the thread went on."""

    __slots__ = ("addresses", "status", "control", "seen", "enabled")

    def __init__(self) -> None:
        self.addresses = [0] * BREAKPOINTS
        self.status = STATUS_SET
        self.control = 0
        self.enabled: list[tuple[int, int, int]] = []  # number, kind, length
        self.seen: list[bytes] = [b""] * BREAKPOINTS

    def get(self, number: int) -> int:
        """PTRACE_PEEKUSER."""
        if number < BREAKPOINTS:
            return self.addresses[number]
        return self.status if number == STATUS else self.control if number == CONTROL else 0

    def put(self, number: int, value: int, task_size: int) -> None:
        """PTRACE_POKEUSER: EIO, EINVAL, ENOSPC."""
        if number < BREAKPOINTS:
            lengths = [length for other, _, length in self.enabled if other == number]
            if value >= task_size or any([value % length for length in lengths]):
                raise SyscallError(errno.EINVAL)
            self.addresses[number] = value
        elif number == STATUS:
            self.status = value
        elif number == CONTROL:
            self.enabled = self._decoded(value)
            self.control = value
        else:
            raise SyscallError(errno.EIO)

    def _decoded(self, control: int) -> list[tuple[int, int, int]]:
        found = []
        for number in range(BREAKPOINTS):
            bits = control >> 16 + 4 * number & 15
            kind, length = bits & 3, _LENGTHS[bits >> 2]
            if not control >> 2 * number & 3:
                continue
            if kind not in (_EXECUTE, _WRITE, _READ_WRITE) or (kind == _EXECUTE and length > 1):
                raise SyscallError(errno.EINVAL)
            if self.addresses[number] % length:
                raise SyscallError(errno.EINVAL)
            if kind == _READ_WRITE:
                raise SyscallError(errno.ENOSPC)
            found.append((number, kind, length))
        return found

    def look(self, t: Task) -> None:
        """The thread goes on."""
        for number, kind, length in self.enabled:
            if kind == _WRITE:
                self.seen[number] = _bytes_at(t, self.addresses[number], length)

    def hits(self, t: Task) -> int:
        """A bit for each that an instruction has met."""
        found = 0
        for number, kind, length in self.enabled:
            address = self.addresses[number]
            if kind == _EXECUTE:
                met = t.thread.get_reg(RIP) == address
            else:
                now = _bytes_at(t, address, length)
                met = now != self.seen[number] and now != b""
                self.seen[number] = now
            found |= met << number
        return found


def _bytes_at(t: Task, address: int, length: int) -> bytes:
    try:
        return t.space.peek(address, length)
    except MemoryFault:
        return b""


def stepped(t: Task, tracee: Tracee) -> bool:
    """A thread that is watched has gone one instruction on. False: what it has met is told as any other trap is."""
    debug = tracee.debug
    if debug is None or not debug.enabled or not tracee.forced_tf:
        return False
    found = debug.hits(t)
    if found or tracee.step:
        debug.status = STATUS_SET | found | (STEP if tracee.step else 0)
        code = TRAP_TRACE if tracee.step else TRAP_HWBKPT
        signal_send.force(t, SignalInfo(SIGTRAP, code, addr=t.thread.get_reg(RIP)))
    task_signals.return_to_guest(t)
    return True


def go_on(t: Task, tracee: Tracee) -> None:
    """It goes back to guest code: for one instruction."""
    if tracee.debug is not None:
        tracee.debug.look(t)
    flags = t.thread.get_reg(EFLAGS)
    if not flags & EFLAGS_TF or tracee.hid_tf:
        tracee.forced_tf = True
        t.thread.set_reg(EFLAGS, flags | EFLAGS_TF)
    tracee.hid_tf = False
