"""Generating signals: who gets it, whether it is ignored, what it wakes (kernel/signal.c: send_signal_locked)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.abi.linux.signal import (
    CORE_SIGNALS,
    IGNORED_BY_DEFAULT,
    SIG_DFL,
    SIG_IGN,
    SIGCONT,
    SIGKILL,
    STOP_SIGNALS,
    UNBLOCKABLE,
    sigmask,
)
from sandbox.kernel import job_control
from sandbox.kernel.rlimits import RLIM_INFINITY, RLIMIT_SIGPENDING
from sandbox.kernel.signal_queue import DEFAULT_ACTION, SignalCount
from sandbox.kernel.task_state import PARK_BLOCK, PARK_DEAD, PARK_NONE, PARK_STOP, PARK_TRACED, WORK_SIGNAL, WORK_STOP
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.kernel.signal_info import SignalInfo
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup

_CONT_BIT = sigmask(SIGCONT)


def send_to_group(group: ThreadGroup, info: SignalInfo, to_running: bool = False) -> bool:
    """To the process. False: a queued signal found no room (RLIMIT_SIGPENDING)."""
    if info.sender is not None and info.sender.ns is not group.pids:
        _cross(group, info)
    if info.user is not group.leader.creds.user:
        info.translate(group.leader.creds.user)
    if group.exited or not _prepare(group, info.signo) or is_ignored(group.leader, info):
        return True
    if not group.pending.add(info, count_of(group.leader), group.rlimits.get(RLIMIT_SIGPENDING)):
        return False
    if len(group.signal_queue):
        group.signal_queue.notify(EVENT_IN)
    target = (_running(group, info.signo) if to_running else None) or _choose(group, info.signo)
    if target is not None:
        _complete(target, info)
    return True


def send_to_task(t: Task, info: SignalInfo) -> bool:
    """To one thread. False: a queued signal found no room."""
    group = t.group
    if info.sender is not None and info.sender.ns is not group.pids:
        _cross(group, info)
    if info.user is not t.creds.user:
        info.translate(t.creds.user)
    if t.parked == PARK_DEAD or not _prepare(group, info.signo) or is_ignored(t, info):
        return True
    if not t.pending.add(info, count_of(t), group.rlimits.get(RLIMIT_SIGPENDING)):
        return False
    if len(group.signal_queue):
        group.signal_queue.notify(EVENT_IN)
    if _wants(t, info.signo):
        _complete(t, info)
    return True


def _cross(group: ThreadGroup, info: SignalInfo) -> None:
    """From another PID namespace: a sender whom the receiver does not see has number 0, and may kill and stop even
    process 1 (send_signal_locked)."""
    if info.sender is not None and not info.sender.number_in(group.pids):
        info.outside = True
        info.pid = 0
        if info.raw is not None:
            info.raw = info.raw[:16] + bytes(4) + info.raw[20:]


def count_of(t: Task) -> SignalCount:
    """What is queued for `t`'s user."""
    counts, uid = t.kernel.queued_signals, t.creds.uid
    count = counts.get(uid)
    if count is None:
        count = counts[uid] = SignalCount()
    return count


def force(t: Task, info: SignalInfo) -> None:
    """A signal that the thread's own doing raised: unblocked, and default where it was blocked or ignored."""
    group, signo = t.group, info.signo
    bit = 1 << (signo - 1)
    action = group.sighand.actions[signo]
    if t.blocked & bit or action.handler == SIG_IGN:
        group.sighand.actions[signo] = action = DEFAULT_ACTION
        t.blocked &= ~bit
    if action.handler == SIG_DFL and t.ptrace is None:
        group.unkillable = False
    t.pending.discard(bit)
    t.pending.add(info, count_of(t), RLIM_INFINITY)
    t.work |= WORK_SIGNAL


def is_ignored(t: Task, info: SignalInfo) -> bool:
    """The signal would have no effect, so it isn't even queued (kernel/signal.c: sig_ignored)."""
    signo = info.signo
    bit = 1 << (signo - 1)
    if t.lent:
        t.thread.take_back()
    if (t.blocked | t.real_blocked) & bit:
        return False
    if t.ptrace is not None and signo != SIGKILL:
        return False  # the tracer wants to know
    group = t.group
    handler = group.sighand.actions[signo].handler
    if group.unkillable and handler == SIG_DFL and not (info.outside and bit & UNBLOCKABLE):
        return True
    return handler == SIG_IGN or (handler == SIG_DFL and bit & IGNORED_BY_DEFAULT != 0)


def _prepare(group: ThreadGroup, signo: int) -> bool:
    """Stop and continue signals cancel each other when they are sent. False: the process is dying, drop it."""
    if group.exiting:
        return False
    if group.core is not None:
        if signo == SIGKILL:
            group.begin_exit(SIGKILL)
        return False
    bit = 1 << (signo - 1)
    if bit & STOP_SIGNALS:
        discard_everywhere(group, _CONT_BIT)
    elif signo == SIGCONT:
        discard_everywhere(group, STOP_SIGNALS)
        job_control.continue_group(group)
    return True


def discard_everywhere(group: ThreadGroup, signals: int) -> None:
    """Flush signals from the process's queue and all its threads' queues."""
    group.pending.discard(signals)
    for task in group.tasks:
        task.pending.discard(signals)


def _wants(t: Task, signo: int) -> bool:
    """The thread could take it now (kernel/signal.c: wants_signal)."""
    if t.lent:
        t.thread.take_back()
    if t.blocked >> (signo - 1) & 1 or t.parked == PARK_DEAD:
        return False
    stopped = t.parked == PARK_TRACED or (t.parked == PARK_STOP and t.work & WORK_STOP)
    return signo == SIGKILL or not stopped


def _choose(group: ThreadGroup, signo: int) -> Task | None:
    """The leader first, then a thread with nothing pending yet, then any that may take it."""
    second: Task | None = None
    leader = group.leader
    if _wants(leader, signo):
        if not leader.work & WORK_SIGNAL:
            return leader
        second = leader
    for task in group.tasks:
        if _wants(task, signo):
            if not task.work & WORK_SIGNAL:
                return task
            second = second or task
    return second


def _running(group: ThreadGroup, signo: int) -> Task | None:
    """Who has used the processors most since it was last chosen: where Linux's tick finds the current thread, so that
    a profiler's samples are where the time goes (kernel/time/posix-cpu-timers.c: check_process_timers)."""
    best: Task | None = None
    most = used = 0
    for task in group.tasks:
        if task.parked == PARK_NONE and _wants(task, signo):
            now = task.cpu_ns()
            if best is None or now - task.sampled_ns > most:
                best, most, used = task, now - task.sampled_ns, now
    if best is not None:
        best.sampled_ns = used
    return best


def _complete(t: Task, info: SignalInfo) -> None:
    """Kill the process at once if that is what the signal means, else make the thread look at it."""
    group, signo = t.group, info.signo
    bit = 1 << (signo - 1)
    if (
        group.sighand.actions[signo].handler == SIG_DFL
        and not bit & (IGNORED_BY_DEFAULT | STOP_SIGNALS | CORE_SIGNALS)
        and not t.real_blocked & bit
        and (t.ptrace is None or signo == SIGKILL)
        and not (group.unkillable and not (info.outside and signo == SIGKILL))
    ):
        if t.kernel.trace is not None and signo != SIGKILL:
            t.kernel.trace.signal(t, info)
        group.begin_exit(signo)
        return
    notice(t)


def notice(t: Task) -> None:
    """A deliverable signal is pending for `t`: interrupt it wherever it is."""
    t.work |= WORK_SIGNAL
    parked = t.parked
    if parked == PARK_NONE:
        t.thread.interrupt()
    elif parked == PARK_BLOCK:
        t.woken(0)
