"""ptrace(2) and wait(2), through python-ptrace's bindings."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from typing import Final

from ptrace import PtraceError
from ptrace.binding import func as binding
from ptrace.binding.linux_struct import user_regs_struct as Registers

from sandbox.arch import amd64

__all__ = ["Gone", "Registers"]

_SYSEMU: Final = 31
_NT_X86_XSTATE: Final = 0x202
_OPTIONS: Final = (
    binding.PTRACE_O_TRACESYSGOOD
    | binding.PTRACE_O_TRACEFORK
    | binding.PTRACE_O_TRACEVFORK
    | binding.PTRACE_O_TRACECLONE
    | 0x100000  # PTRACE_O_EXITKILL
)
_WALL: Final = binding.THREAD_TRACE_FLAGS
_XSTATE_MOST: Final = 1 << 16
SYSCALL_STOP: Final = signal.SIGTRAP | 0x80
# The registers of user_regs_struct by the numbers of arch/amd64.py; those that are not there are known otherwise.
NAMES: Final = {
    getattr(amd64, name.upper()): name
    for name in "r8 r9 r10 r11 r12 r13 r14 r15 rdi rsi rbp rbx rdx rax rcx rsp rip eflags fs_base gs_base".split()
}


class Gone(Exception):
    """The thread does not exist any more, or is about to end."""


def ask_to_be_traced() -> None:
    """By the parent."""
    binding.ptrace_traceme()


def _do(command: int, tid: int, first: int = 0, second: int = 0) -> None:
    try:
        binding.ptrace(command, tid, first, second)
    except PtraceError as error:
        if error.errno == errno.ESRCH:
            raise Gone from None
        raise OSError(error.errno, str(error)) from None


def take_charge(tid: int) -> None:
    """Of a tracee that has stopped for the first time; what it clones is traced like it, and ends with the tracer."""
    _do(binding.PTRACE_SETOPTIONS, tid, 0, _OPTIONS)


def get_registers(tid: int, into: Registers) -> None:
    """Of a stopped thread."""
    _do(binding.PTRACE_GETREGS, tid, 0, ctypes.addressof(into))


def set_registers(tid: int, registers: Registers) -> None:
    """Of a stopped thread."""
    _do(binding.PTRACE_SETREGS, tid, 0, ctypes.addressof(registers))


def go_on_to_call(tid: int) -> None:
    """Until its next system call, which is not made (PTRACE_SYSEMU)."""
    _do(_SYSEMU, tid)


def go_on(tid: int) -> None:
    """Its system calls are made."""
    _do(binding.PTRACE_CONT, tid)


def new_tid(tid: int) -> int:
    """Of the process or thread whose making it has stopped for."""
    number = ctypes.c_ulong()
    _do(binding.PTRACE_GETEVENTMSG, tid, 0, ctypes.addressof(number))
    return int(number.value)


def signal_info(tid: int) -> tuple[int, int]:
    """si_code and si_addr of the signal that it has stopped for."""
    info = (ctypes.c_char * 128)()
    _do(binding.PTRACE_GETSIGINFO, tid, 0, ctypes.addressof(info))
    raw = bytes(info)
    return int.from_bytes(raw[8:12], "little", signed=True), int.from_bytes(raw[16:24], "little")


_Iovec: Final = ctypes.c_uint64 * 2  # struct iovec: base and length


def get_xstate(tid: int) -> bytes:
    """The XSAVE image of a stopped thread."""
    image = ctypes.create_string_buffer(_XSTATE_MOST)
    vector = _Iovec(ctypes.addressof(image), _XSTATE_MOST)
    _do(binding.PTRACE_GETREGSET, tid, _NT_X86_XSTATE, ctypes.addressof(vector))
    return image.raw[: vector[1]]


def set_xstate(tid: int, data: bytes) -> bool:
    """False: the CPU would not accept it."""
    image = (ctypes.c_char * len(data)).from_buffer_copy(data)
    vector = _Iovec(ctypes.addressof(image), len(data))
    try:
        _do(binding.PTRACE_SETREGSET, tid, _NT_X86_XSTATE, ctypes.addressof(vector))
    except OSError:
        return False
    return True


def wait_any(block: bool = False) -> tuple[int, int] | None:
    """The next thread that has stopped or ended, and its wait status; None when there is none now, or, with `block`, none
    at all."""
    try:
        tid, status = os.waitpid(-1, _WALL if block else os.WNOHANG | _WALL)
    except ChildProcessError:
        return None
    return (tid, status) if tid else None


def wait_for(tid: int) -> int:
    """The wait status of this thread, as soon as it stops or ends."""
    try:
        return os.waitpid(tid, _WALL)[1]
    except ChildProcessError:
        raise Gone from None
