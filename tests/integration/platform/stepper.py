"""Takes a guest thread through its code one instruction at a time (ptrace(2)), and interrupts it where it is told to."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import struct
import threading
from collections.abc import Callable
from typing import Final

from sandbox.platform import hostcalls
from sandbox.platform.lane import layout
from sandbox.platform.lane.thread import LaneThread

_SINGLESTEP: Final = 9
_CONT: Final = 7
_PEEKTEXT: Final = 1
_PEEKUSER: Final = 3
_POKETEXT: Final = 4
_INT3: Final = 0xCC
_POKEUSER: Final = 6
_SEIZE: Final = 0x4206
_INTERRUPT: Final = 0x4207
_RIP: Final = 16 * 8  # in struct user (sys/user.h)
_RSP: Final = 19 * 8
_WALL: Final = 0x40000000
_EFLAGS: Final = 18 * 8
_PUSHFQ: Final = 0x9C
_POPFQ: Final = 0x9D
_TF: Final = 0x100
_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request: int, tid: int, data: int = 0, address: int = 0) -> int:
    ctypes.set_errno(0)
    result: int = _libc.ptrace(request, tid, ctypes.c_void_p(address), ctypes.c_void_p(data))
    if result == -1 and (error := ctypes.get_errno()):
        raise OSError(error, f"ptrace {request:#x}: {os.strerror(error)}")
    return result


class Stepper(threading.Thread):
    """Runs `work(self)`, then kills the guest; all of ptrace is this host thread's. `error`: what ended it too early."""

    def __init__(self, thread: LaneThread, work: Callable[[Stepper], None]) -> None:
        super().__init__()
        self.guest = thread
        self.pid = thread.space.pid
        self.tid = thread.tid
        self.work = work
        self.memory = os.open(f"/proc/{self.pid}/mem", os.O_RDWR | os.O_CLOEXEC)
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            _ptrace(_SEIZE, self.tid)
            self.stop()
            self.work(self)
        except BaseException as error:
            self.error = error
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.close(self.memory)

    def read(self, address: int, size: int) -> bytes:
        """Guest memory; what hostcalls has for it is only for the sentry's own thread."""
        return os.pread(self.memory, size, address)

    def write(self, address: int, data: bytes) -> None:
        os.pwrite(self.memory, data, address)

    def _wait(self) -> int:
        """The signal that it stopped with; SIGTRAP for a step, and for `stop`."""
        _, status = os.waitpid(self.tid, _WALL)
        if not os.WIFSTOPPED(status):
            raise RuntimeError(f"the guest has ended: {status:#x}")
        return os.WSTOPSIG(status)

    def stop(self) -> None:
        """Wherever it is now."""
        _ptrace(_INTERRUPT, self.tid)
        while (got := self._wait()) != signal.SIGTRAP:
            _ptrace(_CONT, self.tid, got)

    @property
    def rip(self) -> int:
        return _ptrace(_PEEKUSER, self.tid, address=_RIP)

    def step(self) -> None:
        """One instruction. The stepping itself must not show in the flags that it pushes; popfq is done by hand, after
        which Linux takes the trap flag for the guest's own (arch/x86/kernel/step.c: enable_single_step)."""
        rip = self.rip
        code = self.read(rip, 1)[0]
        if code == _POPFQ:
            at = _ptrace(_PEEKUSER, self.tid, address=_RSP)
            flags = struct.unpack("<Q", self.read(at, 8))[0]
            for register, value in ((_RSP, at + 8), (_EFLAGS, flags), (_RIP, rip + 1)):
                _ptrace(_POKEUSER, self.tid, value, register)
            return
        pushes = code == _PUSHFQ
        passed = 0
        while True:
            _ptrace(_SINGLESTEP, self.tid, passed)
            passed = self._wait()
            if passed == signal.SIGTRAP:
                break
        if pushes:
            at = _ptrace(_PEEKUSER, self.tid, address=_RSP)
            flags = struct.unpack("<Q", self.read(at, 8))[0]
            self.write(at, struct.pack("<Q", flags & ~_TF))

    def go_to(self, rip: int) -> None:
        """Up to where it is at `rip`, an instruction of the stub's."""
        word = _ptrace(_PEEKTEXT, self.tid, address=rip)
        _ptrace(_POKETEXT, self.tid, word & ~0xFF | _INT3, rip)
        passed = 0
        while passed != signal.SIGTRAP:
            _ptrace(_CONT, self.tid, passed)
            passed = self._wait()
        _ptrace(_POKETEXT, self.tid, word, rip)
        if self.rip != rip + 1:
            raise RuntimeError(f"at {self.rip:#x} instead of {rip:#x}")
        _ptrace(_POKEUSER, self.tid, rip, _RIP)

    def interrupt(self) -> None:
        """As the platform does; it arrives at the next instruction."""
        hostcalls.tgkill(self.pid, self.tid, layout.INTERRUPT_SIGNAL)

    def go_until(self, over: Callable[[], bool]) -> None:
        """Let it run until `over()`, then stop it."""
        passed = 0
        while True:
            _ptrace(_CONT, self.tid, passed)
            passed = 0
            while not over():
                pid, status = os.waitpid(self.tid, _WALL | os.WNOHANG)
                if pid:
                    if not os.WIFSTOPPED(status):
                        raise RuntimeError(f"the guest has ended: {status:#x}")
                    passed = os.WSTOPSIG(status)
                    passed = 0 if passed == signal.SIGTRAP else passed
                    break
            else:
                self.stop()
                return
