"""Signal masks, dequeuing, default actions, and the way back to guest code.

`return_to_guest` is the one place where a thread with something pending is let go: it ends the
thread, halts it, builds handler frames, decides once whether an interrupted call is restarted, and
puts back a temporary mask (kernel/signal.c: get_signal; arch/x86/kernel/signal.c: handle_signal).
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.signal import (
    CORE_SIGNALS,
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
    SS_AUTODISARM,
    STOP_SIGNALS,
    UNBLOCKABLE,
)
from sandbox.arch.amd64 import RAX, RIP
from sandbox.arch.signal_frame import SignalFrame, take_fpu
from sandbox.kernel import job_control, signal_send, trace_stop
from sandbox.kernel.cgroup import bandwidth, freezer
from sandbox.kernel.control import ERESTART_RESTARTBLOCK, ERESTARTNOHAND, ERESTARTNOINTR, ERESTARTSYS
from sandbox.kernel.rlimits import RLIMIT_CORE
from sandbox.kernel.signal_info import SignalInfo
from sandbox.kernel.signal_queue import DEFAULT_ACTION, SigAction
from sandbox.kernel.task_state import (
    PARK_DEAD,
    PARK_DUMP,
    PARK_HELD,
    PARK_NONE,
    PARK_PENDING,
    PARK_TRACED,
    WORK_CPU,
    WORK_FREEZE,
    WORK_KILL,
    WORK_LEAVING,
    WORK_MASK,
    WORK_PTRACE,
    WORK_SAVE,
    WORK_SIGNAL,
    WORK_STOP,
    WORK_TRAP,
)
from sandbox.mm import op_unmap

if TYPE_CHECKING:
    from sandbox.kernel.control import Execute
    from sandbox.kernel.posix_timers import PosixTimer
    from sandbox.kernel.task import Task

NR_RESTART_SYSCALL: Final = 219
SYSCALL_INSN_SIZE: Final = 2
_RESTARTS: Final = frozenset((-ERESTARTSYS, -ERESTARTNOINTR, -ERESTARTNOHAND, -ERESTART_RESTARTBLOCK))
_INTERRUPTED: Final = _RESTARTS | {-errno.EINTR}
_LEFT: Final = (PARK_TRACED, PARK_HELD, PARK_DUMP, PARK_DEAD)  # it does not go on now


# --- masks ---


def recalculate(t: Task) -> None:
    """Is a signal deliverable? Called after every change of a mask or a queue (recalc_sigpending)."""
    if (t.pending.mask | t.group.pending.mask) & ~t.blocked or t.decided is not None:
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
        if other.lent:
            other.thread.take_back()
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
    info = t.pending.take(wanted) or t.group.pending.take(wanted)
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
        info, t.decided = t.decided, None
        if info is not None:
            recalculate(t)
        else:
            info = dequeue(t, ~t.blocked)
            if info is None:
                t.work &= ~WORK_SIGNAL
                return None
            if t.ptrace is not None and info.signo != SIGKILL:
                trace_stop.at_signal(t, t.ptrace, info)
                return None
        signo = info.signo
        bit = 1 << (signo - 1)
        action = group.sighand.actions[signo]
        handler = action.handler
        if handler == SIG_IGN:
            continue
        if t.kernel.trace is not None:
            t.kernel.trace.signal(t, info)
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
        if not bit & CORE_SIGNALS or not begin_core(t, info):
            end(t, signo)
        return None


def begin_core(t: Task, info: SignalInfo) -> bool:
    """The process leaves a core, and ends when that is written (core(5)). False: it does not."""
    if not t.group.rlimits.soft[RLIMIT_CORE] and t.kernel.settings.core_pattern[:1] != b"|":
        return False
    from sandbox.kernel.coredump.dump import begin

    return begin(t, info)


def end(t: Task, status: int) -> None:
    """The signal ends the process; `status` as wait(2) has it."""
    t.group.begin_exit(status)


# --- back to guest code ---


NO_FPU: Final = -1


def return_to_guest(t: Task, fpu: int = NO_FPU) -> None:
    """Let a stopped thread go. `t.result` is its call's result, or None when it was not in a call; `fpu`: where the
    floating-point state is that it is to have (arch/signal_frame.py: take_fpu)."""
    if t.parked == PARK_DEAD:
        return
    thread = t.thread
    if not thread.whole() and not _one_handler(t):
        _make_whole(t)
        return
    thread.settle()
    if t.result is not None:
        if t.work & WORK_MASK and t.result not in _INTERRUPTED:
            _restore_mask(t)
        thread.set_reg(RAX, t.result & 0xFFFFFFFFFFFFFFFF)
    if t.ptrace is not None and t.ptrace.in_call:
        if fpu != NO_FPU:
            _take_fpu(t, fpu)
            fpu = NO_FPU
        if trace_stop.at_exit(t, t.ptrace):
            return
    if fpu != NO_FPU and (not fpu or t.work):
        _take_fpu(t, fpu)
        fpu = NO_FPU
    frame: SignalFrame | None = None
    while True:
        while t.work & WORK_LEAVING:
            if frame is not None and not _write(t, frame):
                return
            frame = None
            if t.work & WORK_KILL:
                t.exit()
                return
            if t.work & (WORK_STOP | WORK_TRAP | WORK_FREEZE | WORK_SAVE):
                _halt(t)
                return
            found = _next_handled(t) if not t.work & WORK_CPU or bandwidth.admit(t) else None
            if t.parked in _LEFT:
                return
            if found is not None:
                frame = _deliver(t, found[0], found[1])
                if frame is not None and t.ptrace is not None and t.ptrace.step:
                    if _write(t, frame):
                        trace_stop.after_delivery(t, t.ptrace)
                    return
        if t.result is not None:
            _settle(t, None)
        if not t.work & WORK_MASK:
            break
        _restore_mask(t)
    t.parked = PARK_NONE
    if t.work & WORK_PTRACE:
        _leave_traced(t)
    if frame is not None:
        made = frame
        left = _lend(t, frame)
        thread.deliver(frame.address, frame.head, frame.fpu, lambda: _deliver_by_hand(t, made), left)
    elif fpu != NO_FPU:
        thread.resume_from(fpu, lambda: _return_by_hand(t, fpu))
    else:
        thread.resume()


def _halt(t: Task) -> None:
    halting = t.kernel.halting
    if halting is not None and t.work & WORK_SAVE:
        halting.halted(t)
    elif not t.work & (WORK_STOP | WORK_TRAP):
        freezer.halt(t)
    elif t.ptrace is not None:
        trace_stop.at_trap(t, t.ptrace)
    else:
        job_control.halt(t)


def _leave_traced(t: Task) -> None:
    """It goes back to guest code: for one instruction, if the tracer wants that."""
    tracee = t.ptrace
    if tracee is None:
        t.work &= ~WORK_PTRACE
    elif tracee.steps():
        from sandbox.ptrace import watch

        watch.go_on(t, tracee)
    elif tracee.hid_tf:
        trace_stop.hide_step(t, (t.thread,))
        tracee.hid_tf = False


def _one_handler(t: Task) -> bool:
    """All there is to do is to deliver one signal to its handler: no more of it is pending then."""
    if t.work & ~WORK_MASK != WORK_SIGNAL:
        return False
    ready = (t.pending.mask | t.group.pending.mask) & ~t.blocked
    if ready & (ready - 1):
        return False
    action = t.group.sighand.actions[ready.bit_length()]
    return action.handler not in (SIG_DFL, SIG_IGN) and not action.flags & SA_NODEFER


def _lend(t: Task, frame: SignalFrame) -> Callable[[bool], None] | None:
    """Let it return from this frame without asking, where that changes nothing that anybody waits for. Whoever wants to
    know its mask asks `take_back` first."""
    mask = frame.mask
    if t.work or t.ptrace is not None or t.kernel.trace is not None or t.handlers is not t.kernel.handlers:
        return None
    if (t.pending.mask | t.group.pending.mask) & ~mask or frame.undo[3] & SS_AUTODISARM:
        return None

    def left(has: bool) -> None:
        t.lent = False
        if has and t.parked != PARK_DEAD:
            t.restart_block = None
            set_blocked(t, mask)
            if t.work & WORK_SIGNAL:
                signal_send.notice(t)

    t.lent = True
    return left


def _take_fpu(t: Task, address: int) -> None:
    if not take_fpu(t, address):
        signal_send.force(t, SignalInfo(SIGSEGV, SI_KERNEL))


def _return_by_hand(t: Task, address: int) -> None:
    """The platform does not take the floating-point state of this frame."""
    if t.parked != PARK_DEAD:
        _take_fpu(t, address)
        return_to_guest(t)


def _deliver_by_hand(t: Task, frame: SignalFrame) -> None:
    """The platform does not write this frame. As if nothing had been done yet: its size may be another one, too."""
    if t.parked == PARK_DEAD:
        return
    frame.leave(t)
    if not frame.enter(t, len(t.thread.fpu_state())):
        _cannot_deliver(t, frame)
    elif not _write(t, frame):
        return
    return_to_guest(t)


def _write(t: Task, frame: SignalFrame) -> bool:
    """Write the frame now. False: it goes on when the stack has grown."""
    if frame.write(t):
        return True
    growth = op_unmap.grow(t, t.mm, frame.address) if t.mm is not None and not t.work & WORK_KILL else None
    if growth is None:
        _cannot_deliver(t, frame)
        return True

    def grown(done: bool) -> None:
        if not done or not frame.write(t):
            _cannot_deliver(t, frame)
        return_to_guest(t)

    grow_stack(t, growth, grown)
    return False


def grow_stack(t: Task, growth: Execute, done: Callable[[bool], None]) -> None:
    """Have a stack grow (mm/op_unmap.py: grow), then `done` with whether it has."""
    t.parked = PARK_PENDING
    t.host_op = True

    def executed(index: int, result: int) -> None:
        t.host_op = False
        if t.parked == PARK_DEAD:
            if growth.abandoned is not None:
                growth.abandoned(t, index, result)
            return
        t.parked = PARK_NONE
        done(t.kernel.run_finish(t, growth.finish, index, result) == 0)

    t.thread.execute(growth.orders, executed)


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


def _deliver(t: Task, info: SignalInfo, action: SigAction) -> SignalFrame | None:
    """Enter the handler; its frame is still to be written. None: there is no room for it."""
    _settle(t, action)
    frame = SignalFrame(info, action, t.saved_mask if t.work & WORK_MASK else t.blocked)
    if not frame.enter(t, t.thread.fpu_size()):
        _cannot_deliver(t, frame)
        return None
    t.work &= ~WORK_MASK
    blocked = t.blocked | action.mask
    if not action.flags & SA_NODEFER:
        blocked |= 1 << (info.signo - 1)
    set_blocked(t, blocked)
    return frame


def _cannot_deliver(t: Task, frame: SignalFrame) -> None:
    """A stack that can't take a frame is a SIGSEGV (kernel/signal.c: signal_setup_done)."""
    if frame.address:
        frame.leave(t)
        set_blocked(t, frame.mask)
    if not t.space.alive():
        t.group.begin_exit(SIGKILL)
        return
    if frame.info.signo == SIGSEGV:
        t.group.sighand.actions[SIGSEGV] = DEFAULT_ACTION
    signal_send.force(t, SignalInfo(SIGSEGV, SI_KERNEL))
