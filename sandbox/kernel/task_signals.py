"""Signal masks, dequeuing, default actions, and the way back to guest code.

`return_to_guest` is the one place where a thread with something pending is let go: it ends the
thread, halts it, builds handler frames, decides once whether an interrupted call is restarted, and
puts back a temporary mask (kernel/signal.c: get_signal; arch/x86/kernel/signal.c: handle_signal).
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.signal import (
    IGNORED_BY_DEFAULT,
    SA_NODEFER,
    SA_RESETHAND,
    SA_RESTART,
    SI_KERNEL,
    SIG_DFL,
    SIG_IGN,
    SIGALRM,
    SIGKILL,
    SIGSEGV,
    SIGSTOP,
    STOP_SIGNALS,
    SYNCHRONOUS,
    UNBLOCKABLE,
    signal_name,
)
from sandbox.arch.amd64 import RAX, RIP
from sandbox.arch.signal_frame import push_signal_frame
from sandbox.kernel import job_control, signal_send
from sandbox.kernel.control import ERESTART_RESTARTBLOCK, ERESTARTNOHAND, ERESTARTNOINTR, ERESTARTSYS
from sandbox.kernel.signal_info import SignalInfo
from sandbox.kernel.signal_queue import DEFAULT_ACTION, SigAction
from sandbox.kernel.task_state import (
    PARK_DEAD,
    PARK_NONE,
    PARK_PENDING,
    WORK_KILL,
    WORK_MASK,
    WORK_SIGNAL,
    WORK_STOP,
)

if TYPE_CHECKING:
    from sandbox.kernel.posix_timers import PosixTimer
    from sandbox.kernel.task import Task

NR_RESTART_SYSCALL: Final = 219
SYSCALL_INSN_SIZE: Final = 2
_RESTARTS: Final = frozenset((-ERESTARTSYS, -ERESTARTNOINTR, -ERESTARTNOHAND, -ERESTART_RESTARTBLOCK))
_INTERRUPTED: Final = _RESTARTS | {-errno.EINTR}


# --- masks ---


def recalculate(t: Task) -> None:
    """Is a signal deliverable? Called after every change of a mask or a queue (recalc_sigpending)."""
    if (t.pending.mask | t.group.pending.mask) & ~t.blocked:
        t.work |= WORK_SIGNAL
    else:
        t.work &= ~WORK_SIGNAL


def set_blocked(t: Task, mask: int) -> None:
    """Replace the mask; signals for the process that `t` no longer takes are offered to other threads."""
    mask &= ~UNBLOCKABLE
    newly = mask & ~t.blocked & t.group.pending.mask
    t.blocked = mask
    recalculate(t)
    if newly:
        retarget(t, newly)


def retarget(t: Task, signals: int) -> None:
    """Let other threads look at what is pending for the process (kernel/signal.c: retarget_shared_pending)."""
    for other in t.group.tasks:
        if other is not t and signals & ~other.blocked and not other.work & WORK_SIGNAL:
            signals &= other.blocked
            signal_send.notice(other)
            if not signals:
                return


def set_temporary_mask(t: Task, mask: int) -> None:
    """A mask for one call. The first setting of a call saves the old one."""
    if not t.work & WORK_MASK:
        t.saved_mask = t.blocked
        t.work |= WORK_MASK
    set_blocked(t, mask)


def _restore_mask(t: Task) -> None:
    t.work &= ~WORK_MASK
    set_blocked(t, t.saved_mask)


# --- dequeuing ---


def dequeue(t: Task, wanted: int) -> SignalInfo | None:
    """Take the next signal in `wanted`: the thread's own first, then the process's."""
    info = t.pending.take(wanted & SYNCHRONOUS) or t.pending.take(wanted) or t.group.pending.take(wanted)
    if info is not None:
        if info.timer is not None:
            timer: PosixTimer = info.timer  # type: ignore[assignment]
            timer.signal_taken(info)
        elif info.signo == SIGALRM and t.group.real_timer is not None:
            t.group.real_timer.signal_taken()
        recalculate(t)
    return info


def _next_handled(t: Task) -> tuple[SignalInfo, SigAction] | None:
    """The next signal that has a handler; default actions are taken here. None: look at `t.work` again."""
    group = t.group
    while True:
        info = dequeue(t, ~t.blocked)
        if info is None:
            t.work &= ~WORK_SIGNAL
            return None
        signo = info.signo
        bit = 1 << (signo - 1)
        action = group.sighand.actions[signo]
        handler = action.handler
        if handler == SIG_IGN:
            continue
        if t.kernel.trace is not None:
            t.kernel.trace.signal(t, signal_name(signo))
        if handler != SIG_DFL:
            if action.flags & SA_RESETHAND:
                group.sighand.actions[signo] = SigAction(SIG_DFL, action.flags, action.restorer, action.mask)
            return info, action
        if bit & IGNORED_BY_DEFAULT or (group.unkillable and not (info.outside and bit & UNBLOCKABLE)):
            continue
        if bit & STOP_SIGNALS:
            if signo != SIGSTOP and group.pgrp.is_orphaned():
                continue
            job_control.begin_stop(group, signo)
            return None
        group.begin_exit(signo)
        return None


# --- back to guest code ---


def return_to_guest(t: Task) -> None:
    """Let a stopped thread go. `t.result` is its call's result, or None when it was not in a call."""
    if t.parked == PARK_DEAD:
        return
    thread = t.thread
    if not thread.whole():
        _make_whole(t)
        return
    thread.settle()
    if t.result is not None:
        if t.work & WORK_MASK and t.result not in _INTERRUPTED:
            _restore_mask(t)
        thread.set_reg(RAX, t.result & 0xFFFFFFFFFFFFFFFF)
    while True:
        while t.work & (WORK_KILL | WORK_STOP | WORK_SIGNAL):
            if t.work & WORK_KILL:
                t.exit()
                return
            if t.work & WORK_STOP:
                job_control.halt(t)
                return
            found = _next_handled(t)
            if found is not None:
                _deliver(t, found[0], found[1])
        _settle(t, None)
        if not t.work & WORK_MASK:
            break
        _restore_mask(t)
    t.parked = PARK_NONE
    thread.resume()


def _make_whole(t: Task) -> None:
    """Its registers are about to be set, or written to a frame."""
    t.parked = PARK_PENDING
    t.host_op = True

    def done() -> None:
        t.host_op = False
        if t.parked != PARK_DEAD:
            t.parked = PARK_NONE
            return_to_guest(t)

    t.thread.make_whole(done)


def _settle(t: Task, action: SigAction | None) -> None:
    """Decide the restart of the call that is being left; `action` is the handler that runs, if one does."""
    result = t.result
    t.result = None
    if result is None or result not in _RESTARTS:
        return
    restart = action is None or result == -ERESTARTNOINTR or (result == -ERESTARTSYS and action.flags & SA_RESTART != 0)
    thread = t.thread
    if not restart:
        thread.set_reg(RAX, -errno.EINTR & 0xFFFFFFFFFFFFFFFF)
        return
    thread.set_reg(RAX, NR_RESTART_SYSCALL if result == -ERESTART_RESTARTBLOCK else t.nr)
    thread.set_reg(RIP, (thread.get_reg(RIP) - SYSCALL_INSN_SIZE) & 0xFFFFFFFFFFFFFFFF)


def _deliver(t: Task, info: SignalInfo, action: SigAction) -> None:
    """Build the handler's frame; a stack that can't take it is a SIGSEGV (kernel/signal.c: signal_setup_done)."""
    _settle(t, action)
    mask = t.saved_mask if t.work & WORK_MASK else t.blocked
    if not push_signal_frame(t, info, action, mask):
        if not t.space.alive():
            t.group.begin_exit(SIGKILL)
            return
        if info.signo == SIGSEGV:
            t.group.sighand.actions[SIGSEGV] = DEFAULT_ACTION
        signal_send.force(t, SignalInfo(SIGSEGV, SI_KERNEL))
        return
    t.work &= ~WORK_MASK
    blocked = t.blocked | action.mask
    if not action.flags & SA_NODEFER:
        blocked |= 1 << (info.signo - 1)
    set_blocked(t, blocked)
