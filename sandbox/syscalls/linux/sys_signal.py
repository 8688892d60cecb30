"""Signals: dispositions, masks, alternate stacks, waiting for them, returning from handlers (signal(7))."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.abi.linux.signal import (
    IGNORED_BY_DEFAULT,
    NSIG,
    SA_ALL,
    SI_KERNEL,
    SIG_BLOCK,
    SIG_DFL,
    SIG_IGN,
    SIG_SETMASK,
    SIG_UNBLOCK,
    SIGACTION,
    SIGSEGV,
    SIGSET_SIZE,
    SS_AUTODISARM,
    STACK_T,
    UNBLOCKABLE,
)
from sandbox.arch.amd64 import RSP
from sandbox.arch.signal_frame import UCONTEXT_SIZE, altstack_flags, pop_signal_frame, set_altstack
from sandbox.errors import SyscallError
from sandbox.kernel import signal_send, task_signals
from sandbox.kernel.control import ERESTARTNOHAND, NO_RETURN, Block, Result
from sandbox.kernel.signal_info import SignalInfo
from sandbox.kernel.signal_queue import SigAction
from sandbox.kernel.task import Task
from sandbox.platform.base import COPY_IN, COPY_STACK, Copy
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.linux.timespec import read_timespec
from sandbox.syscalls.row import FULL, WHOLE, Arg, Row, reads, writes


def check_sigsetsize(size: int) -> None:
    """EINVAL unless it is the kernel's sigset size."""
    if size != SIGSET_SIZE:
        raise SyscallError(errno.EINVAL)


def read_sigset(t: Task, addr: int) -> int:
    """A sigset_t; EFAULT."""
    return int.from_bytes(t.copy_in(addr, SIGSET_SIZE), "little")


def sys_rt_sigaction(t: Task, a: SyscallArgs) -> Result:
    """sigaction(2)."""
    check_sigsetsize(a.size(3))
    signo, act, oldact = a.int(0), a.addr(1), a.addr(2)
    new: SigAction | None = None
    if act:
        handler, flags, restorer, mask = SIGACTION.unpack(t.copy_in(act, SIGACTION.size))
        new = SigAction(handler, flags & SA_ALL, restorer, mask & ~UNBLOCKABLE)
    if not 1 <= signo <= NSIG or (new is not None and 1 << (signo - 1) & UNBLOCKABLE):
        raise SyscallError(errno.EINVAL)
    actions = t.group.sighand.actions
    old = actions[signo]
    if new is not None:
        actions[signo] = new
        t.thread.changed_action(signo)
        bit = 1 << (signo - 1)
        if new.handler == SIG_IGN or (new.handler == SIG_DFL and bit & IGNORED_BY_DEFAULT):
            signal_send.discard_everywhere(t.group, bit)
            task_signals.recalculate(t)
    if oldact:
        t.copy_out(oldact, SIGACTION.pack(old.handler, old.flags, old.restorer, old.mask))
    return 0


def sys_rt_sigprocmask(t: Task, a: SyscallArgs) -> Result:
    """sigprocmask(2)."""
    raw = a.raw
    new, old = raw[1], raw[2]
    check_sigsetsize(raw[3])
    before = t.blocked
    if new:
        mask = int.from_bytes(t.thread.read(new, SIGSET_SIZE), "little")
        how = raw[0] & 0xFFFFFFFF
        if how == SIG_BLOCK:
            mask |= before
        elif how == SIG_UNBLOCK:
            mask = before & ~mask
        elif how != SIG_SETMASK:
            raise SyscallError(errno.EINVAL)
        task_signals.set_blocked(t, mask)
    if old:
        t.thread.write(old, before.to_bytes(SIGSET_SIZE, "little"))
    return 0


def sys_rt_sigpending(t: Task, a: SyscallArgs) -> Result:
    """sigpending(2)."""
    size = a.size(1)
    if size > SIGSET_SIZE:
        raise SyscallError(errno.EINVAL)
    pending = (t.pending.mask | t.group.pending.mask) & t.blocked
    t.copy_out(a.addr(0), pending.to_bytes(SIGSET_SIZE, "little")[:size])
    return 0


def sys_rt_sigsuspend(t: Task, a: SyscallArgs) -> Result:
    """sigsuspend(2)."""
    if a.state is None:
        check_sigsetsize(a.size(1))
        t.set_temporary_mask(read_sigset(t, a.addr(0)))
        a.state = True
    return Block((), restart=ERESTARTNOHAND)


def sys_pause(t: Task, a: SyscallArgs) -> Result:
    """pause(2)."""
    return Block((), restart=ERESTARTNOHAND)


SIGWAITING: Final = 1 << 64  # a bit beside the mask, so that `real_blocked` is never 0 during the wait


class _SigWait:
    """What a sigtimedwait(2) remembers: the set, and when it gives up."""

    __slots__ = ("wanted", "deadline")

    def __init__(self, wanted: int, deadline: int | None) -> None:
        self.wanted = wanted
        self.deadline = deadline


def sys_rt_sigtimedwait(t: Task, a: SyscallArgs) -> Result:
    """sigtimedwait(2), sigwaitinfo(2)."""
    state = a.state
    if state is None:
        check_sigsetsize(a.size(3))
        wanted = read_sigset(t, a.addr(0)) & ~UNBLOCKABLE
        deadline = None
        if a.addr(2):
            deadline = t.kernel.clock.now_ns() + read_timespec(t, a.addr(2))
        state = _SigWait(wanted, deadline)
    assert isinstance(state, _SigWait)
    _end_sigwait(t, a)
    info = task_signals.dequeue(t, state.wanted)
    if info is not None:
        return _report(t, a, info)
    if a.timed_out or (state.deadline is not None and state.deadline <= t.kernel.clock.now_ns()):
        return -errno.EAGAIN
    a.state = state
    t.real_blocked = t.blocked | SIGWAITING
    t.blocked &= ~state.wanted
    task_signals.recalculate(t)
    return Block((), state.deadline, on_interrupt=_sigwait_interrupted)


def _end_sigwait(t: Task, a: SyscallArgs) -> None:
    """The mask is as it was before the wait."""
    if t.real_blocked:
        t.blocked = t.real_blocked & ~SIGWAITING
        t.real_blocked = 0
        task_signals.recalculate(t)


def _sigwait_interrupted(t: Task, a: SyscallArgs) -> int:
    """A signal has come: one that is waited for, or another."""
    state = a.state
    assert isinstance(state, _SigWait)
    _end_sigwait(t, a)
    info = task_signals.dequeue(t, state.wanted)
    return -errno.EINTR if info is None else _report(t, a, info)


def _report(t: Task, a: SyscallArgs, info: SignalInfo) -> int:
    if a.addr(1):
        try:
            t.copy_out(a.addr(1), info.pack())
        except SyscallError as error:
            return -error.errno
    return info.signo


def sys_sigaltstack(t: Task, a: SyscallArgs) -> Result:
    """sigaltstack(2)."""
    new, old = a.addr(0), a.addr(1)
    sp = t.thread.get_reg(RSP)
    before = (t.altstack_sp, altstack_flags(t, sp) | t.altstack_flags & SS_AUTODISARM, t.altstack_size)
    if new:
        ss_sp, ss_flags, ss_size = STACK_T.unpack(t.copy_in(new, STACK_T.size))
        failure = set_altstack(t, ss_sp, ss_flags, ss_size, sp)
        if failure:
            return -failure
    if old:
        t.copy_out(old, STACK_T.pack(*before))
    return 0


def sys_rt_sigreturn(t: Task, a: SyscallArgs) -> Result:
    """sigreturn(2): everything comes back from the frame; a bad frame is a SIGSEGV."""
    popped = pop_signal_frame(t)
    t.result = None
    t.restart_block = None  # what a handler interrupted is not gone on with
    if t.kernel.trace is not None:
        t.kernel.trace.leave(t, 0)
    if popped is None:
        t.force_signal(SignalInfo(SIGSEGV, SI_KERNEL))
        task_signals.return_to_guest(t)
    else:
        mask, fpu, sound = popped
        t.set_blocked(mask)
        if not sound:
            t.force_signal(SignalInfo(SIGSEGV, SI_KERNEL))
        task_signals.return_to_guest(t, fpu)
    return NO_RETURN


ROWS: Final[tuple[Row, ...]] = (
    Row(
        13,
        "rt_sigaction",
        sys_rt_sigaction,
        FULL,
        (Arg.SIGNAL, Arg.STRUCT_IN, Arg.STRUCT_OUT, Arg.SIZE),
        copies=(reads(1, 32), writes(2, 32)),
    ),
    Row(
        14,
        "rt_sigprocmask",
        sys_rt_sigprocmask,
        FULL,
        (Arg.INT, Arg.STRUCT_IN, Arg.STRUCT_OUT, Arg.SIZE),
        copies=(reads(1, 8), writes(2, 8)),
    ),
    Row(
        15,
        "rt_sigreturn",
        sys_rt_sigreturn,
        FULL,
        (),
        copies=(Copy(COPY_IN, COPY_STACK, UCONTEXT_SIZE),),
        trap=WHOLE,
    ),
    Row(34, "pause", sys_pause, FULL, ()),
    Row(127, "rt_sigpending", sys_rt_sigpending, FULL, (Arg.STRUCT_OUT, Arg.SIZE), copies=(writes(0, 8),)),
    Row(
        128,
        "rt_sigtimedwait",
        sys_rt_sigtimedwait,
        FULL,
        (Arg.STRUCT_IN, Arg.STRUCT_OUT, Arg.STRUCT_IN, Arg.SIZE),
        copies=(reads(0, 8), writes(1, 128), reads(2, 16)),
    ),
    Row(130, "rt_sigsuspend", sys_rt_sigsuspend, FULL, (Arg.STRUCT_IN, Arg.SIZE), copies=(reads(0, 8),)),
    Row(
        131, "sigaltstack", sys_sigaltstack, FULL, (Arg.STRUCT_IN, Arg.STRUCT_OUT), copies=(reads(0, 24), writes(1, 24))
    ),
)
