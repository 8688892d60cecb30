"""The stops of a traced thread, and how it goes on from them (kernel/signal.c: ptrace_stop, ptrace_signal,
do_jobctl_trap; include/linux/ptrace.h: ptrace_event)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.ptrace import (
    PTRACE_EVENT_EXEC,
    PTRACE_EVENT_EXIT,
    PTRACE_EVENT_SECCOMP,
    PTRACE_EVENT_STOP,
    PTRACE_EVENTMSG_SYSCALL_ENTRY,
    PTRACE_EVENTMSG_SYSCALL_EXIT,
    PTRACE_O_TRACESYSGOOD,
    PTRACE_SYSCALL_INFO_ENTRY,
    PTRACE_SYSCALL_INFO_EXIT,
    PTRACE_SYSCALL_INFO_NONE,
    PTRACE_SYSCALL_INFO_SECCOMP,
)
from sandbox.abi.linux.signal import (
    CLD_STOPPED,
    CLD_TRAPPED,
    SA_NOCLDSTOP,
    SI_KERNEL,
    SI_USER,
    SIG_IGN,
    SIGCHLD,
    SIGINFO_HEAD,
    SIGINFO_SIZE,
    SIGTRAP,
    TRAP_BRKPT,
)
from sandbox.arch.amd64 import EFLAGS, EFLAGS_TF, RAX, RIP
from sandbox.kernel import job_control, signal_send, task_block, task_signals
from sandbox.kernel.pid_namespace import Pid
from sandbox.kernel.signal_info import SignalInfo
from sandbox.kernel.task_state import PARK_BLOCK, PARK_DEAD, PARK_NONE, PARK_TRACED, WORK_KILL, WORK_STOP, WORK_TRAP
from sandbox.kernel.tracee import STOPS_AT_CALLS, Tracee
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.kernel.tracee import Then
    from sandbox.platform.base import GuestThread

_SIGN: Final = 1 << 63


def stop(t: Task, tracee: Tracee, code: int, info: SignalInfo | None, then: Then, why: int = CLD_TRAPPED) -> None:
    """Halt `t`, tell the tracer, and go on with `then` when it lets it go. A thread that has to end does that."""
    if t.work & WORK_KILL and not tracee.ending:
        t.exit()
        return
    clear_step(t, tracee)
    t.space.show_code(True)
    t.parked = PARK_TRACED
    tracee.stopped = True
    tracee.exit_code = code
    tracee.info = info
    tracee.then = then
    tracee.trap = False
    if info is not None and info.code >> 8 == PTRACE_EVENT_STOP:
        tracee.notify = False
    _recalculate_trap(t, tracee)
    if why == CLD_STOPPED and t.work & WORK_STOP:
        t.work &= ~WORK_STOP
        tell_tracer(t, tracee, why, t.group.stop_signal)
        job_control.check_stop_complete(t.group, tracee.tracer.group is not t.group.parent)
    else:
        tell_tracer(t, tracee, why, code & 0x7F)


def clear_step(t: Task, tracee: Tracee) -> None:
    """The guest does not see the flag that makes it trap after one instruction."""
    if tracee.forced_tf:
        tracee.forced_tf = False
        tracee.hid_tf = True
        t.thread.set_reg(EFLAGS, t.thread.get_reg(EFLAGS) & ~EFLAGS_TF)


def hide_step(t: Task, threads: tuple[GuestThread, ...]) -> None:
    """The platform has copied registers as they were when the call began."""
    if t.ptrace is not None and t.ptrace.hid_tf:
        for thread in threads:
            thread.set_reg(EFLAGS, thread.get_reg(EFLAGS) & ~EFLAGS_TF)


def tell_tracer(t: Task, tracee: Tracee, code: int, status: int) -> None:
    """SIGCHLD and a wake-up (do_notify_parent_cldstop)."""
    group = tracee.tracer.group
    if group.exited:
        return
    action = group.sighand.actions[SIGCHLD]
    if action.handler != SIG_IGN and not action.flags & SA_NOCLDSTOP:
        info = SignalInfo(SIGCHLD, code, pid=t.ids.number_in(group.pids), uid=t.creds.uid, status=status)
        info.utime = t.group.cpu_ns() // 10_000_000
        group.send_signal(info)
    group.wait_queue.notify(EVENT_IN)


def resume(t: Task, tracee: Tracee) -> None:
    """Go on from the stop, with `exit_code` as the tracer has left it."""
    then, code, info = tracee.then, tracee.exit_code, tracee.info
    assert then is not None
    tracee.stopped = tracee.listening = False
    tracee.exit_code = tracee.message = 0
    tracee.info = tracee.then = None
    tracee.kind = PTRACE_SYSCALL_INFO_NONE
    t.parked = PARK_NONE
    go_on = then

    def run() -> None:
        if t.parked != PARK_DEAD:
            task_signals.recalculate(t)
            go_on(code, info)

    t.kernel.reactor.call_soon(run)


def _notified(t: Task, signo: int, code: int) -> SignalInfo:
    """What PTRACE_GETSIGINFO tells of a stop that is no signal's (ptrace_do_notify)."""
    info = SignalInfo(signo, code, pid=t.tid, uid=t.creds.uid)
    head: bytes = SIGINFO_HEAD.pack(signo, 0, code)
    info.raw = (
        head.ljust(16, b"\0") + t.tid.to_bytes(4, "little") + t.creds.user.uids.shown(t.creds.uid).to_bytes(4, "little")
    ).ljust(SIGINFO_SIZE, b"\0")
    return info


def call_of(t: Task, tracee: Tracee) -> None:
    """orig_rax at a stop on the way back to guest code."""
    tracee.orig_rax = t.nr if t.result is not None else -1


def take_registers(t: Task, tracee: Tracee) -> None:
    """What the tracer has made of the call that is being left."""
    orig = tracee.orig_rax & 0xFFFFFFFF
    if orig == 0xFFFFFFFF:
        t.result = None
        return
    value = t.thread.get_reg(RAX)
    t.nr = orig
    t.result = value - (1 << 64) if value & _SIGN else value


# --- calls ---


def at_entry(t: Task, tracee: Tracee, then: Callable[[], None]) -> None:
    """The stop before a call; `then` makes it, with what the registers say."""
    code = SIGTRAP | (0x80 if tracee.options & PTRACE_O_TRACESYSGOOD else 0)

    def go_on(signo: int, info: SignalInfo | None) -> None:
        _send(t, signo)
        then()

    tracee.orig_rax = t.nr
    stop(t, tracee, code, _notified(t, SIGTRAP, code), go_on)
    tracee.message = PTRACE_EVENTMSG_SYSCALL_ENTRY
    tracee.kind = PTRACE_SYSCALL_INFO_ENTRY if code & 0x80 else PTRACE_SYSCALL_INFO_NONE


def at_exit(t: Task, tracee: Tracee) -> bool:
    """The call is over (its result is in rax). True: stopped; `return_to_guest` begins anew after it."""
    tracee.in_call = False
    if tracee.mode != STOPS_AT_CALLS:
        if tracee.step:
            signal_send.force(t, SignalInfo(SIGTRAP, TRAP_BRKPT, addr=t.thread.get_reg(RIP)))
        return False
    code = SIGTRAP | (0x80 if tracee.options & PTRACE_O_TRACESYSGOOD else 0)

    def go_on(signo: int, info: SignalInfo | None) -> None:
        take_registers(t, tracee)
        _send(t, signo)
        task_signals.return_to_guest(t)

    call_of(t, tracee)
    stop(t, tracee, code, _notified(t, SIGTRAP, code), go_on)
    tracee.message = PTRACE_EVENTMSG_SYSCALL_EXIT
    tracee.kind = PTRACE_SYSCALL_INFO_EXIT if code & 0x80 else PTRACE_SYSCALL_INFO_NONE
    return True


def _send(t: Task, signo: int) -> None:
    """Not the same as going on with a signal, "but it will do for normal use" (ptrace_report_syscall)."""
    if signo:
        signal_send.send_to_task(t, SignalInfo(signo, SI_KERNEL))


# --- signals ---


def at_signal(t: Task, tracee: Tracee, info: SignalInfo) -> None:
    """The stop before a signal is delivered: the tracer may have another one, or none."""

    def go_on(signo: int, told: SignalInfo | None) -> None:
        take_registers(t, tracee)
        if signo:
            _decide(t, tracee, signo, told or info)
        task_signals.return_to_guest(t)

    call_of(t, tracee)
    stop(t, tracee, info.signo, info, go_on)


def _decide(t: Task, tracee: Tracee, signo: int, info: SignalInfo) -> None:
    if signo != info.signo:
        info = SignalInfo(signo, SI_USER, pid=tracee.tracer.group.ids.number_in(t.pids), uid=tracee.tracer.creds.uid)
    if t.blocked >> (signo - 1) & 1:
        signal_send.send_to_task(t, info)
    else:
        t.decided = info
        task_signals.recalculate(t)


def after_delivery(t: Task, tracee: Tracee) -> None:
    """A thread that is stepped stops at the first instruction of the handler (signal_setup_done)."""

    def go_on(signo: int, info: SignalInfo | None) -> None:
        take_registers(t, tracee)
        task_signals.return_to_guest(t)

    t.result = None
    call_of(t, tracee)
    stop(t, tracee, SIGTRAP, _notified(t, SIGTRAP, SIGTRAP), go_on)


# --- group stops and PTRACE_INTERRUPT ---


def at_trap(t: Task, tracee: Tracee) -> None:
    """do_jobctl_trap: a group stop, or the one that PTRACE_INTERRUPT or SIGCONT asked for."""
    group = t.group

    def go_on(signo: int, info: SignalInfo | None) -> None:
        take_registers(t, tracee)
        task_signals.return_to_guest(t)

    call_of(t, tracee)
    if tracee.seized:
        signo = group.stop_signal or SIGTRAP
        code = signo | PTRACE_EVENT_STOP << 8
        stop(t, tracee, code, _notified(t, signo, code), go_on, CLD_STOPPED)
    else:
        stop(t, tracee, group.stop_signal or tracee.trap_signo, None, go_on, CLD_STOPPED)


def set_trap(t: Task, tracee: Tracee) -> None:
    """It is to stop soon, wherever it is (JOBCTL_TRAP_STOP)."""
    tracee.trap = True
    tracee.trap_signo = t.group.stop_signal
    _recalculate_trap(t, tracee)
    _kick(t, tracee)


def notify(t: Task, tracee: Tracee) -> None:
    """A seized thread reports that a group stop begins or ends (ptrace_trap_notify)."""
    tracee.notify = True
    _recalculate_trap(t, tracee)
    _kick(t, tracee)


def _kick(t: Task, tracee: Tracee) -> None:
    if t.parked == PARK_NONE:
        t.thread.interrupt()
    elif t.parked == PARK_BLOCK:
        t.woken(0)
    elif tracee.listening:
        resume(t, tracee)


def _recalculate_trap(t: Task, tracee: Tracee) -> None:
    if tracee.trap or tracee.notify:
        t.work |= WORK_TRAP
    else:
        t.work &= ~WORK_TRAP


# --- events ---


def event(t: Task, number: int, message: int | Pid, then: Callable[[], None]) -> bool:
    """A stop inside a call, if there is an event and the tracer asked for it; `then` goes on with the call. False: it did not.

    A `message` that names a task is told as the tracer sees it (ptrace_event_pid)."""
    tracee = t.ptrace
    if tracee is None or not number or not tracee.wants(number):
        return False
    tracee.orig_rax = t.nr
    code = SIGTRAP | number << 8

    def go_on(signo: int, info: SignalInfo | None) -> None:
        if number == PTRACE_EVENT_SECCOMP:
            _send(t, signo)
        then()

    stop(t, tracee, code, _notified(t, SIGTRAP, code), go_on)
    tracee.message = message.number_in(tracee.tracer.pids) if isinstance(message, Pid) else message
    if number == PTRACE_EVENT_SECCOMP:
        tracee.kind = PTRACE_SYSCALL_INFO_SECCOMP
    return True


def executed(t: Task, old: Pid, then: Callable[[], None]) -> None:
    """execve(2) has succeeded: an event, or SIGTRAP where the tracer knows of no events."""
    tracee = t.ptrace
    if tracee is not None:
        tracee.debug = None  # flush_ptrace_hw_breakpoint
    if tracee is None or event(t, PTRACE_EVENT_EXEC, old, then):
        if tracee is None:
            then()
        return
    if not tracee.seized:
        signal_send.send_to_task(t, SignalInfo(SIGTRAP, SI_USER, t.pid, t.creds.uid))
    then()


def at_end(t: Task, outside: bool) -> bool:
    """PTRACE_EVENT_EXIT of a thread that has to end; `outside`: not found in its own call. True: it ends later."""
    tracee, group = t.ptrace, t.group
    if tracee is None or not tracee.wants(PTRACE_EVENT_EXIT):
        return False
    if tracee.ending:
        return tracee.stopped and tracee.killed
    if outside and t.parked == PARK_NONE:
        t.thread.interrupt()
        return True
    if not t.thread.whole():
        _make_whole(t)
        return True
    tracee.orig_rax = t.nr if t.result is not None or t.block is not None else -1
    task_block.abandon(t)
    tracee.ending = True
    tracee.killed = group.exiting or t.work & WORK_KILL != 0
    code = SIGTRAP | PTRACE_EVENT_EXIT << 8
    stop(t, tracee, code, _notified(t, SIGTRAP, code), lambda signo, info: t.exit())
    tracee.message = group.exit_status if group.exiting else t.exit_status
    return True


def _make_whole(t: Task) -> None:
    """It came without a frame: its tracer is to see its registers."""
    t.host_op = True

    def done() -> None:
        t.host_op = False
        t.exit()

    t.thread.make_whole(done)
