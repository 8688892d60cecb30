"""What a tracer asks of a tracee that is stopped (kernel/ptrace.c: ptrace_request; arch/x86/kernel/ptrace.c: arch_ptrace)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux import ptrace as abi
from sandbox.abi.linux.capability import CAP_SYS_ADMIN
from sandbox.abi.linux.prctl import ARCH_GET_FS, ARCH_GET_GS, ARCH_SET_FS, ARCH_SET_GS
from sandbox.abi.linux.seccomp import AUDIT_ARCH_X86_64, SECCOMP_FILTER_FLAG_LOG, SOCK_FILTER
from sandbox.abi.linux.signal import NSIG, SIGINFO_SIZE, SIGSET_SIZE, UNBLOCKABLE
from sandbox.arch.amd64 import FS_BASE, GS_BASE, R8, R9, R10, RAX, RDI, RDX, RIP, RSI, RSP
from sandbox.errors import SyscallError
from sandbox.kernel import trace_link, trace_stop
from sandbox.kernel.signal_info import from_user
from sandbox.kernel.task import USER_MAX
from sandbox.kernel.task_state import PARK_TRACED, WORK_MASK
from sandbox.kernel.tracee import GOES_ON, SKIPS_CALLS, STOPS_AT_CALLS
from sandbox.platform.base import MemoryFault
from sandbox.ptrace import registers
from sandbox.ptrace.attach import check_options, find, tracee_of
from sandbox.seccomp.filter import nth_filter
from sandbox.seccomp.user_dispatch import set_dispatch
from sandbox.vfs.secretmem import open_part

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.kernel.tracee import Tracee

_INFO_HEAD: Final = struct.Struct("<B3xIQQ")
_INFO_SIZE: Final = 88
_DISPATCH_CONFIG: Final = struct.Struct("<4Q")
_METADATA: Final = struct.Struct("<QQ")  # filter_off, flags
_MAX_ERRNO: Final = 4095


class Question:
    """One request: `t` asks about `task`."""

    __slots__ = ("t", "task", "tracee", "number", "address", "data")

    def __init__(self, t: Task, task: Task, tracee: Tracee, number: int, address: int, data: int) -> None:
        self.t = t
        self.task = task
        self.tracee = tracee
        self.number = number
        self.address = address
        self.data = data


def request(t: Task, number: int, tid: int, address: int, data: int) -> int:
    """ESRCH unless the tracee is stopped for `t`; EIO for what there is not."""
    task = find(t, tid)
    tracee = tracee_of(t, task)
    if not tracee.stopped or tracee.listening or task.parked != PARK_TRACED:
        return -errno.ESRCH
    answer = _ANSWERS.get(number)
    return -errno.EIO if answer is None else answer(Question(t, task, tracee, number, address, data))


# --- memory ---


def _peek(q: Question) -> int:
    if open_part(q.task.mm, q.address, 8) < 8:
        return -errno.EIO
    try:
        word = q.task.space.peek(q.address, 8)
    except MemoryFault:
        return -errno.EIO
    q.t.copy_out(q.data, word)
    return 0


def _poke(q: Question) -> int:
    if open_part(q.task.mm, q.address, 8) < 8:
        return -errno.EIO
    try:
        q.task.space.poke(q.address, q.data.to_bytes(8, "little"))
    except MemoryFault:
        return -errno.EIO
    return 0


# --- registers ---


def _peek_user(q: Question) -> int:
    q.t.copy_out(q.data, registers.peek_user(q.task, q.tracee, q.address).to_bytes(8, "little"))
    return 0


def _poke_user(q: Question) -> int:
    registers.poke_user(q.task, q.tracee, q.address, q.data)
    return 0


def _get_regs(q: Question) -> int:
    q.t.copy_out(q.data, registers.get_regs(q.task, q.tracee))
    return 0


def _set_regs(q: Question) -> int:
    registers.set_regs(q.task, q.tracee, q.t.copy_in(q.data, registers.REGS_SIZE))
    return 0


def _get_fpregs(q: Question) -> int:
    q.t.copy_out(q.data, registers.get_fpregs(q.task))
    return 0


def _set_fpregs(q: Question) -> int:
    registers.set_fpregs(q.task, q.t.copy_in(q.data, registers.FPREGS_SIZE))
    return 0


def _regset(q: Question) -> int:
    """PTRACE_GETREGSET, PTRACE_SETREGSET: an iovec, whose length becomes what was moved."""
    base, size = struct.unpack("<QQ", q.t.copy_in(q.data, 16))
    kind, task = q.address & 0xFFFFFFFF, q.task
    if kind == abi.NT_PRSTATUS:
        whole = registers.get_regs(task, q.tracee)
    elif kind == abi.NT_PRFPREG:
        whole = registers.get_fpregs(task)
    elif kind == abi.NT_X86_XSTATE:
        whole = registers.get_xstate(task)
    else:
        return -errno.EINVAL
    unit = 4 if kind == abi.NT_PRFPREG else 8
    if size % unit:
        return -errno.EINVAL
    size = min(size, len(whole))
    if q.number == abi.PTRACE_GETREGSET:
        q.t.copy_out(base, whole[:size])
    else:
        data = q.t.copy_in(base, size)
        if kind == abi.NT_PRSTATUS:
            registers.set_regs(task, q.tracee, data)
        elif kind == abi.NT_PRFPREG:
            if size != registers.FPREGS_SIZE:
                return -errno.EINVAL
            registers.set_fpregs(task, data)
        else:
            registers.set_xstate(task, data)
    q.t.copy_out(q.data + 8, size.to_bytes(8, "little"))
    return 0


def _arch_prctl(q: Question) -> int:
    """Its arguments are the other way round: `data` is the code."""
    code, task = q.data & 0xFFFFFFFF, q.task
    if code in (ARCH_GET_FS, ARCH_GET_GS):
        base = task.thread.get_reg(FS_BASE if code == ARCH_GET_FS else GS_BASE)
        q.t.copy_out(q.address, base.to_bytes(8, "little"))
        return 0
    if code in (ARCH_SET_FS, ARCH_SET_GS):
        if q.address >= USER_MAX:
            return -errno.EPERM
        task.thread.set_reg(FS_BASE if code == ARCH_SET_FS else GS_BASE, q.address)
        return 0
    return -errno.EINVAL


# --- signals ---


def _get_siginfo(q: Question) -> int:
    if q.tracee.info is None:
        return -errno.EINVAL
    q.t.copy_out(q.data, q.tracee.info.pack())
    return 0


def _set_siginfo(q: Question) -> int:
    raw = q.t.copy_in(q.data, SIGINFO_SIZE)
    if q.tracee.info is None:
        return -errno.EINVAL
    q.tracee.info = from_user(raw)
    return 0


def _peek_siginfo(q: Question) -> int:
    """PTRACE_PEEKSIGINFO: how many were stored; by signal number, not in the order of their arrival."""
    offset, flags, count = abi.PEEKSIGINFO_ARGS.unpack(q.t.copy_in(q.address, abi.PEEKSIGINFO_ARGS.size))
    if flags & ~abi.PTRACE_PEEKSIGINFO_SHARED or count < 0:
        return -errno.EINVAL
    task = q.task
    queue = task.group.pending if flags & abi.PTRACE_PEEKSIGINFO_SHARED else task.pending
    done = 0
    for info in queue.waiting()[offset : offset + count]:
        try:
            q.t.copy_out(q.data + done * SIGINFO_SIZE, info.pack())
        except SyscallError:
            return done or -errno.EFAULT
        done += 1
    return done


def _get_sigmask(q: Question) -> int:
    if q.address != SIGSET_SIZE:
        return -errno.EINVAL
    task = q.task
    mask = task.saved_mask if task.work & WORK_MASK else task.blocked
    q.t.copy_out(q.data, mask.to_bytes(SIGSET_SIZE, "little"))
    return 0


def _set_sigmask(q: Question) -> int:
    if q.address != SIGSET_SIZE:
        return -errno.EINVAL
    mask = int.from_bytes(q.t.copy_in(q.data, SIGSET_SIZE), "little")
    q.task.work &= ~WORK_MASK
    q.task.set_blocked(mask & ~UNBLOCKABLE)
    return 0


# --- going on ---


def _resume(q: Question) -> int:
    """PTRACE_CONT and what stops again somewhere; `data` is a signal, or 0: EIO."""
    if q.data > NSIG:
        return -errno.EIO
    tracee, number = q.tracee, q.number
    tracee.mode = GOES_ON
    if number == abi.PTRACE_SYSCALL:
        tracee.mode = STOPS_AT_CALLS
    elif number in (abi.PTRACE_SYSEMU, abi.PTRACE_SYSEMU_SINGLESTEP):
        tracee.mode = SKIPS_CALLS
    tracee.step = number in (abi.PTRACE_SINGLESTEP, abi.PTRACE_SINGLEBLOCK, abi.PTRACE_SYSEMU_SINGLESTEP)
    tracee.exit_code = q.data
    trace_stop.resume(q.task, tracee)
    return 0


def _detach(q: Question) -> int:
    if q.data > NSIG:
        return -errno.EIO
    q.tracee.mode, q.tracee.step = GOES_ON, False
    q.tracee.exit_code = q.data
    trace_link.unlink(q.task)
    return 0


def _listen(q: Question) -> int:
    """PTRACE_LISTEN: stay stopped, but hear of what becomes of the group stop."""
    tracee = q.tracee
    if not tracee.seized or tracee.info is None or tracee.info.code >> 8 != abi.PTRACE_EVENT_STOP:
        return -errno.EIO
    tracee.listening = True
    if tracee.notify:
        trace_stop.resume(q.task, tracee)
    return 0


# --- the rest ---


def _set_options(q: Question) -> int:
    check_options(q.data)
    q.tracee.options = q.data
    return 0


def _get_event_message(q: Question) -> int:
    q.t.copy_out(q.data, q.tracee.message.to_bytes(8, "little"))
    return 0


def _syscall_info(q: Question) -> int:
    """PTRACE_GET_SYSCALL_INFO: `address` is the room; the result is how much there is to know."""
    task, tracee = q.task, q.tracee
    thread = task.thread
    out = bytearray(_INFO_HEAD.pack(tracee.kind, AUDIT_ARCH_X86_64, thread.get_reg(RIP), thread.get_reg(RSP)))
    if tracee.kind in (abi.PTRACE_SYSCALL_INFO_ENTRY, abi.PTRACE_SYSCALL_INFO_SECCOMP):
        arguments = [thread.get_reg(index) for index in (RDI, RSI, RDX, R10, R8, R9)]
        number = tracee.orig_rax & 0xFFFFFFFF
        out += struct.pack("<7Q", number if number < 1 << 31 else number | 0xFFFFFFFF << 32, *arguments)
        if tracee.kind == abi.PTRACE_SYSCALL_INFO_SECCOMP:
            out += struct.pack("<I", tracee.message & 0xFFFFFFFF)
    elif tracee.kind == abi.PTRACE_SYSCALL_INFO_EXIT:
        value = thread.get_reg(RAX)
        out += struct.pack("<QB", value, value >= (1 << 64) - _MAX_ERRNO)
    q.t.copy_out(q.data, bytes(out).ljust(_INFO_SIZE, b"\0")[: min(q.address, len(out))])
    return len(out)


def _seccomp_filter(q: Question) -> int:
    """PTRACE_SECCOMP_GET_FILTER: its length, and its instructions where there is room; `address` is its number."""
    _may_see_filters(q)
    program = nth_filter(q.task, q.address).program
    if q.data:
        q.t.copy_out(q.data, b"".join([SOCK_FILTER.pack(*insn) for insn in program]))
    return len(program)


def _seccomp_metadata(q: Question) -> int:
    """PTRACE_SECCOMP_GET_METADATA: `address` is the size of struct seccomp_metadata."""
    _may_see_filters(q)
    size = min(q.address, _METADATA.size)
    if size < 8:
        return -errno.EINVAL
    number = int.from_bytes(q.t.copy_in(q.data, 8), "little")
    flags = SECCOMP_FILTER_FLAG_LOG if nth_filter(q.task, number).log else 0
    q.t.copy_out(q.data, _METADATA.pack(number, flags)[:size])
    return size


def _may_see_filters(q: Question) -> None:
    if not q.t.creds.has(CAP_SYS_ADMIN) or q.t.seccomp_mode:
        raise SyscallError(errno.EACCES)


def _dispatch_config(q: Question) -> int:
    """PTRACE_GET_ and SET_SYSCALL_USER_DISPATCH_CONFIG: `address` is the size of struct ptrace_sud_config."""
    if q.address != _DISPATCH_CONFIG.size:
        return -errno.EINVAL
    if q.number == abi.PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG:
        mode, selector, offset, length = _DISPATCH_CONFIG.unpack(q.t.copy_in(q.data, _DISPATCH_CONFIG.size))
        return set_dispatch(q.task, mode, offset, length, selector)
    set_up = q.task.dispatch
    words = (0, 0, 0, 0) if set_up is None else (1, set_up.selector, set_up.offset, set_up.length)
    q.t.copy_out(q.data, _DISPATCH_CONFIG.pack(*words))
    return 0


_ANSWERS: Final[dict[int, Callable[[Question], int]]] = {
    abi.PTRACE_PEEKTEXT: _peek,
    abi.PTRACE_PEEKDATA: _peek,
    abi.PTRACE_PEEKUSR: _peek_user,
    abi.PTRACE_POKETEXT: _poke,
    abi.PTRACE_POKEDATA: _poke,
    abi.PTRACE_POKEUSR: _poke_user,
    abi.PTRACE_CONT: _resume,
    abi.PTRACE_SINGLESTEP: _resume,
    abi.PTRACE_SINGLEBLOCK: _resume,  # to the next instruction, as on a virtual machine without DEBUGCTL's BTF
    abi.PTRACE_SYSCALL: _resume,
    abi.PTRACE_SYSEMU: _resume,
    abi.PTRACE_SYSEMU_SINGLESTEP: _resume,
    abi.PTRACE_DETACH: _detach,
    abi.PTRACE_LISTEN: _listen,
    abi.PTRACE_GETREGS: _get_regs,
    abi.PTRACE_SETREGS: _set_regs,
    abi.PTRACE_GETFPREGS: _get_fpregs,
    abi.PTRACE_SETFPREGS: _set_fpregs,
    abi.PTRACE_GETREGSET: _regset,
    abi.PTRACE_SETREGSET: _regset,
    abi.PTRACE_ARCH_PRCTL: _arch_prctl,
    abi.PTRACE_OLDSETOPTIONS: _set_options,
    abi.PTRACE_SETOPTIONS: _set_options,
    abi.PTRACE_GETEVENTMSG: _get_event_message,
    abi.PTRACE_GETSIGINFO: _get_siginfo,
    abi.PTRACE_SETSIGINFO: _set_siginfo,
    abi.PTRACE_PEEKSIGINFO: _peek_siginfo,
    abi.PTRACE_GETSIGMASK: _get_sigmask,
    abi.PTRACE_SETSIGMASK: _set_sigmask,
    abi.PTRACE_GET_SYSCALL_INFO: _syscall_info,
    abi.PTRACE_SECCOMP_GET_FILTER: _seccomp_filter,
    abi.PTRACE_SECCOMP_GET_METADATA: _seccomp_metadata,
    abi.PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG: _dispatch_config,
    abi.PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG: _dispatch_config,
}
