"""Who traces whom: attaching, letting go, and the end of either side (kernel/ptrace.c: __ptrace_link, __ptrace_unlink,
exit_ptrace; kernel/exit.c: exit_notify)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.abi.linux.ptrace import PTRACE_O_EXITKILL
from sandbox.abi.linux.signal import SA_NOCLDWAIT, SI_KERNEL, SIG_IGN, SIGCHLD, SIGKILL, SIGSTOP
from sandbox.kernel import signal_send, task_exit, trace_stop
from sandbox.kernel.signal_info import SignalInfo
from sandbox.kernel.task_state import (
    PARK_BLOCK,
    PARK_DEAD,
    PARK_NONE,
    PARK_PENDING,
    PARK_STOP,
    WORK_PTRACE,
    WORK_STOP,
    WORK_TRAP,
)
from sandbox.kernel.tracee import Tracee
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup
    from sandbox.platform.base import AddressSpace


def link(t: Task, tracer: Task, seized: bool, options: int, creds: Credentials) -> Tracee:
    """`t` is traced from now on; `creds` are those of who asked for it."""
    tracee = t.ptrace = Tracee(tracer, seized, options, t.table(), creds)
    tracee.in_call = t.parked in (PARK_BLOCK, PARK_PENDING)
    tracer.tracees[t] = None
    t.use_table(t.kernel.traced_handlers)
    t.thread.unlearn()
    t.work |= WORK_PTRACE
    t.space.show_code(True)
    return tracee


def attach(t: Task, tracer: Task, seized: bool, options: int) -> None:
    """PTRACE_ATTACH, PTRACE_SEIZE; what is stopped already comes to report that."""
    tracee = link(t, tracer, seized, options, tracer.creds)
    if not seized:
        signal_send.send_to_task(t, SignalInfo(SIGSTOP, SI_KERNEL))
    if t.parked == PARK_STOP:
        tracee.trap = True
        tracee.trap_signo = t.group.stop_signal
        t.work = t.work & ~WORK_STOP | WORK_TRAP
        t.parked = PARK_NONE
        t.kernel.reactor.call_soon(t.go_on)


def inherit(t: Task, child: Task) -> None:
    """A new thread or process is traced as its maker is (ptrace_init_task)."""
    old = t.ptrace
    if old is None:
        return
    tracee = link(child, old.tracer, old.seized, old.options, old.creds)
    if old.seized:
        trace_stop.set_trap(child, tracee)
    else:
        signal_send.send_to_task(child, SignalInfo(SIGSTOP, SI_KERNEL))


def unlink(t: Task) -> None:
    """Not traced any more. A thread that is stopped for its tracer goes on, maybe to where the group is stopped."""
    tracee = t.ptrace
    if tracee is None:
        return
    t.ptrace = None
    tracee.tracer.tracees.pop(t, None)
    if t.parked == PARK_DEAD:
        return
    t.use_table(tracee.below)
    t.work &= ~WORK_TRAP
    if t.group.stop_signal:
        t.work |= WORK_STOP
    leave_code(t, t.space)
    if tracee.stopped:
        trace_stop.resume(t, tracee)
    elif t.work & WORK_STOP:
        if t.parked == PARK_NONE:
            t.thread.interrupt()
        elif t.parked == PARK_BLOCK:
            t.woken(0)


def leave_code(t: Task, space: AddressSpace) -> None:
    """`t` is not traced any more, or not in this memory: is there another who is?"""
    if not any(other.ptrace is not None for other in t.kernel.spaces.get(space, ())):
        space.show_code(False)


def reparented(t: Task) -> bool:
    """It is traced by somebody else than its parent (ptrace_reparented)."""
    return t.ptrace is not None and t.ptrace.tracer.group is not t.group.parent


# --- ends ---


def tracer_exited(tracer: Task) -> None:
    """What it traced is free, or dies with it (PTRACE_O_EXITKILL)."""
    for t in list(tracer.tracees):
        tracee = t.ptrace
        assert tracee is not None
        if tracee.options & PTRACE_O_EXITKILL and t.parked != PARK_DEAD:
            t.group.send_signal(SignalInfo(SIGKILL, SI_KERNEL))
        release(t)


def release(t: Task) -> None:
    """Let go of it; of a thread that has ended nothing is left, and of a process the parent hears now."""
    tracee = t.ptrace
    was_elsewhere = reparented(t)
    unlink(t)
    if tracee is not None and tracee.zombie:
        for ns, number in t.ids.levels:
            ns.held.pop(number, None)
        group = t.group
        group.zombie_threads -= 1
        if group.exited and not group.zombie_threads:
            task_exit.tell_end(group)
        task_exit.let_execute(group)
    elif was_elsewhere and t.group.exited and t is t.group.leader and not t.group.reaped:
        task_exit.notify_parent(t.group)


def thread_exited(t: Task) -> None:
    """A traced thread has ended. One that is not the leader is a zombie for its tracer; number `tid` is not free."""
    tracee, group = t.ptrace, t.group
    assert tracee is not None
    tracee.stopped = False
    tracee.then = None
    tracee.exit_status = group.exit_status if group.exiting else t.exit_status
    leave_code(t, t.space)
    if t is group.leader:
        return
    if _ignores_children(tracee.tracer.group):
        unlink(t)
        return
    tracee.zombie = True
    group.zombie_threads += 1
    for ns, number in t.ids.levels:
        ns.held[number] = t.ids
    told = tracee.tracer.group
    _tell(told, task_exit.exit_info_of(t.ids.number_in(told.pids), t.creds.uid, tracee.exit_status, SIGCHLD))


def group_exited(group: ThreadGroup) -> bool:
    """The leader is traced by another than its parent: tell that one first. True: the parent has to wait."""
    leader = group.leader
    tracee = leader.ptrace
    if tracee is None or not reparented(leader):
        return False
    if _ignores_children(tracee.tracer.group):
        unlink(leader)
        return False
    _tell(tracee.tracer.group, task_exit.exit_info(group, SIGCHLD, tracee.tracer.pids))
    return True


def _ignores_children(group: ThreadGroup) -> bool:
    action = group.sighand.actions[SIGCHLD]
    return action.handler == SIG_IGN or action.flags & SA_NOCLDWAIT != 0


def _tell(group: ThreadGroup, info: SignalInfo) -> None:
    if not group.exited:
        group.send_signal(info)
        group.wait_queue.notify(EVENT_IN)
