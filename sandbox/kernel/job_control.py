"""Group stop and continue, and what the parent hears of it (kernel/signal.c: do_signal_stop, prepare_signal)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.abi.linux.signal import CLD_CONTINUED, CLD_STOPPED, SA_NOCLDSTOP, SIG_IGN, SIGCHLD, SIGCONT
from sandbox.kernel import trace_stop
from sandbox.kernel.signal_info import SignalInfo
from sandbox.kernel.task_state import PARK_BLOCK, PARK_DEAD, PARK_NONE, PARK_STOP, WORK_STOP
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup


def begin_stop(group: ThreadGroup, signo: int) -> None:
    """A stop signal's default action: every thread comes to a halt."""
    if group.exiting:
        return
    if not group.stopped:
        group.stop_signal = signo
        group.continued = False
    for task in group.tasks:
        task.work |= WORK_STOP
        if task.ptrace is not None and task.ptrace.seized:
            trace_stop.notify(task, task.ptrace)
        elif task.parked == PARK_NONE:
            task.thread.interrupt()
        elif task.parked == PARK_BLOCK:
            task.woken(0)


def halt(t: Task) -> None:
    """`t` has noticed the stop; its thread is left stopped. The last one makes the stop complete."""
    t.parked = PARK_STOP
    check_stop_complete(t.group)


def check_stop_complete(group: ThreadGroup, tell: bool = True) -> None:
    """Tell the parent once every live thread has halted (or did, and goes on as its tracer wants)."""
    if group.stopped or not group.stop_signal or not group.tasks:
        return
    for task in group.tasks:
        if task.work & WORK_STOP and task.parked != PARK_STOP and task.parked != PARK_DEAD:
            return
    group.stopped = True
    group.stop_reported = False
    if group.parent is not None:
        group.parent.child_news = True
    if tell:
        _tell_parent(group, CLD_STOPPED, group.stop_signal)


def continue_group(group: ThreadGroup) -> None:
    """SIGCONT was sent: the stop ends even if the signal is blocked or ignored."""
    was_stopped, was_stopping = group.stopped, group.stop_signal != 0
    if not was_stopping:
        return
    group.stop_signal = 0
    group.stopped = False
    group.stop_reported = True
    for task in group.tasks:
        task.work &= ~WORK_STOP
        if task.parked == PARK_STOP:
            task.parked = PARK_NONE
            task.kernel.reactor.call_soon(task.go_on)
        elif task.ptrace is not None and task.ptrace.seized:
            trace_stop.notify(task, task.ptrace)
    if was_stopped:
        group.continued = True
        if group.parent is not None:
            group.parent.child_news = True
        _tell_parent(group, CLD_CONTINUED, SIGCONT)


def _tell_parent(group: ThreadGroup, code: int, signo: int) -> None:
    """SIGCHLD unless SA_NOCLDSTOP, and wake who waits (kernel/signal.c: do_notify_parent_cldstop)."""
    parent = group.parent
    if parent is None or parent.exited:
        return
    action = parent.sighand.actions[SIGCHLD]
    if action.handler != SIG_IGN and not action.flags & SA_NOCLDSTOP:
        info = SignalInfo(SIGCHLD, code, pid=group.ids.number_in(parent.pids), uid=group.leader.creds.uid, status=signo)
        ticks = group.cpu_ns() // 10_000_000
        info.utime = ticks
        parent.send_signal(info)
    parent.wait_queue.notify(EVENT_IN)
