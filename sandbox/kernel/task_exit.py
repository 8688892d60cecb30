"""The end of threads and processes (kernel/exit.c).

A thread ends where it is found; the kernel never waits for a host thread. When the last task of an
address space is gone the whole host process is killed, otherwise the one thread is released.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.ptrace import PTRACE_EVENT_VFORK_DONE
from sandbox.abi.linux.signal import (
    CLD_DUMPED,
    CLD_EXITED,
    CLD_KILLED,
    SA_NOCLDWAIT,
    SI_USER,
    SIG_IGN,
    SIGCHLD,
    SIGKILL,
    SIGRTMAX,
)
from sandbox.kernel import job_control, task_block, task_signals, trace_link, trace_stop
from sandbox.kernel.futex_robust import exit_futexes
from sandbox.kernel.ipc.sem_undo import leave_undo
from sandbox.kernel.ipc.shm import leave_segments
from sandbox.kernel.namespaces import leave
from sandbox.kernel.sessions import check_orphaned_by_exit
from sandbox.kernel.signal_info import SignalInfo
from sandbox.kernel.task_state import PARK_DEAD, PARK_PENDING, WORK_KILL
from sandbox.kernel.usage import keep
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.kernel.pid_namespace import PidNamespace
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup

HOST_OP_LIMIT_NS: Final = 2_000_000_000
WHOLE_OP_LIMIT_NS: Final = 20_000_000


def exit_task(t: Task, outside: bool = False) -> None:
    """One thread ends; `t.group.exit_status` or `t.exit_status` says how. Harmless when it has ended. `outside`: not found
    in its own call."""
    if t.parked == PARK_DEAD:
        return
    group, kernel = t.group, t.kernel
    if t.host_op:
        _end_later(t)
        return
    if t.going_on is not None:
        t.going_on()
    if group.core is not None and group.core.holds(t):
        return
    if t.ptrace is not None and trace_stop.at_end(t, outside):
        return
    task_block.abandon(t)
    t.parked = PARK_DEAD
    kernel.forget_timers(t)
    leave_memory(t)
    if kernel.trace is not None:
        kernel.trace.exited(t)
    last = len(group.tasks) == 1
    if last:
        if not group.exiting:
            group.exiting = True
            group.exit_status = t.exit_status
        _account(t)
        _record(t)
    _leave_space(t)
    leave_undo(t)
    leave_segments(t)
    t.fds.release(t)
    t.fs.release()
    t.ns.drop()
    leave(kernel, t.creds.user)
    _leave_rights(t, last)
    del group.tasks[t]
    if t is not group.leader:
        t.ids.forget_task(group.ids)
    if last:
        group.ids.forget_task(None)
    t.pending.discard(t.pending.mask)
    t.decided = None
    if t.tracees:
        trace_link.tracer_exited(t)
    if t.ptrace is not None:
        trace_link.thread_exited(t)
    _send_death_signals(t, group)
    if last:
        _group_exited(group)
        return
    if group.pending.mask & ~t.blocked:
        task_signals.retarget(t, group.pending.mask & ~t.blocked)
    job_control.check_stop_complete(group)
    let_execute(group)


def _end_later(t: Task) -> None:
    """What the platform does for it has to end first; then it comes here again. A process that spoils its own stub may
    never end it; and where the whole process ends, nobody needs what may take long (to fill terabytes with pages)."""
    if not t.dying:
        t.dying = True
        all_end = t.group.exiting and len(t.kernel.spaces.get(t.space, ())) == len(t.group.tasks)
        t.kernel.reactor.call_after(WHOLE_OP_LIMIT_NS if all_end else HOST_OP_LIMIT_NS, t.kill_if_stuck)
    t.work |= WORK_KILL
    let_execute(t.group)


def let_execute(group: ThreadGroup) -> None:
    """An execve waits until all other threads are gone, those too that a tracer has to wait for (de_thread), or until
    it is to end itself."""
    task = group.exec_task
    if group.exec_waiter is None or task is None or len(group.tasks) > 1:
        return
    if not group.zombie_threads or task.work & WORK_KILL:
        waiter, group.exec_waiter = group.exec_waiter, None
        waiter()


def _leave_rights(t: Task, last: bool) -> None:
    """Its keyrings and the rules that bound it. `last`: of its process."""
    if t.session_keyring is not None or t.thread_keyring is not None or t.group.process_keyring is not None:
        t.kernel.keys.leave(t, last)
    if t.creds.landlock is not None:
        t.creds.landlock.release()
    if t.seccomp is not None:
        t.seccomp.release()
        t.seccomp = None


def leave_memory(t: Task, executes: bool = False) -> None:
    """Its io_urings' requests, robust futexes, clear_child_tid, the parent of a vfork (kernel/fork.c: mm_release). It ends, or
    `executes` a program."""
    t.kernel.uring.leave(t, executes)
    if t.mm is not None:
        t.thread.collect()
        exit_futexes(t)
    finish_vfork(t)


def finish_vfork(t: Task) -> None:
    """The memory borrowed from the parent is given back: it goes on."""
    parent = t.vfork_parent
    if parent is not None:
        t.vfork_parent = None
        if parent.parked != PARK_PENDING:
            return  # dead, or at the stop at which its tracer hears of the child: it will not wait
        tid = t.ids.number_in(parent.pids)
        if not trace_stop.event(parent, PTRACE_EVENT_VFORK_DONE, t.ids, lambda: parent.complete(tid)):
            parent.complete(tid)


def _leave_space(t: Task) -> None:
    """The host's side of the end, after what its clock says was counted, and the VMAs with the last user."""
    t.group.use_past.voluntary += t.waits
    t.group.io.add(t.io)
    if t.subgroup is not None:
        t.subgroup.left_by(t)
    mm = t.mm
    t.mm = None
    if mm is not None:
        t.kernel.ipc.shm.actor.ids = t.group.ids
        mm.drop()
    if t.kernel.leave_space(t, t.space):
        t.space.kill()
    else:
        t.thread.release()


def _account(t: Task) -> None:
    group = t.group
    keep(group, t.thread.host_use())
    group.cpu_ns_past = group.cpu_ns()
    group.max_rss_pages = max(group.max_rss_pages, t.thread.peak_resident_pages())


def _record(t: Task) -> None:
    """For accounting of processes, in each PID namespace that has any."""
    group = t.group
    for ns, _number in group.ids.levels:
        if ns.acct is not None:
            if group.acct_pages < 0:
                group.acct_pages = t.mm.virtual_pages if t.mm is not None else 0
            ns.acct.record(t)


def _send_death_signals(t: Task, group: ThreadGroup) -> None:
    """PR_SET_PDEATHSIG of the children that this very thread made."""
    for child in list(group.children):
        if child.parent_task is t:
            child.parent_task = None
            for task in list(child.tasks):
                if task.pdeath_signal:
                    info = SignalInfo(task.pdeath_signal, SI_USER, group.ids.number_in(child.pids), t.creds.uid)
                    info.outside = not info.pid
                    child.send_signal(info)


def _group_exited(group: ThreadGroup) -> None:
    """The last thread is gone: process 1 of a namespace takes all others along, then it becomes a zombie."""
    pids = group.pids
    if group is pids.init and pids.level:
        pids.closed = True
        for other in list(pids.groups.values()):
            if other is not group and not other.exited:
                other.begin_exit(SIGKILL)
                other.finish_exit()
        for child in list(group.children):
            if child.exited and not trace_link.reparented(child.leader):
                reap(child)
        if len(pids.groups) > 1:
            pids.when_empty = lambda: _become_zombie(group)
            return
    _become_zombie(group)


def _become_zombie(group: ThreadGroup) -> None:
    """The process is a zombie, or nothing at all."""
    kernel = group.kernel
    group.exited = True
    group.stopped = False
    if group.parent is not None:
        group.parent.child_news = True
    pids = group.pids
    if pids.acct is not None and group is pids.init:
        pids.acct.end(group.leader)
    group.cgroup.ended()
    group.sighand.refs -= 1
    group.pending.discard(group.pending.mask)
    kernel.forget_group_timers(group)
    if group.session.leader is group:
        _session_leader_exited(group)
    check_orphaned_by_exit(group, None)
    if group is group.view.first:
        kernel.first_exited(group)
    _reparent_children(group)
    group.exit_queue.notify(EVENT_IN)
    if not group.zombie_threads:
        tell_end(group)


def tell_end(group: ThreadGroup) -> None:
    """It and all its threads have ended, and nobody has to be told of one of them before."""
    if not trace_link.group_exited(group):
        notify_parent(group)


def _session_leader_exited(group: ThreadGroup) -> None:
    session = group.session
    session.leader = None
    tty = session.tty
    if tty is not None:
        tty.session_leader_exited(session)
        session.tty = None


def notify_parent(group: ThreadGroup) -> None:
    """Exit signal and wake-up; reap at once when the parent does not want to know (do_notify_parent)."""
    parent = group.parent
    if parent is None:
        reap(group)
        return
    signo = group.exit_signal
    autoreap = parent.pids.closed and parent is parent.pids.init  # zap_pid_ns_processes
    if signo == SIGCHLD:
        action = parent.sighand.actions[SIGCHLD]
        if action.handler == SIG_IGN or action.flags & SA_NOCLDWAIT:
            autoreap = True
            if action.handler == SIG_IGN:
                signo = 0
    if 0 < signo <= SIGRTMAX and not parent.exited:  # clone(2) takes any low byte
        parent.send_signal(exit_info(group, signo, parent.pids))
    if autoreap:
        reap(group)
    parent.wait_queue.notify(EVENT_IN)


def exit_info(group: ThreadGroup, signo: int, pids: PidNamespace) -> SignalInfo:
    """siginfo of a child's end as told to somebody in `pids`; waitid(2) reports the same fields."""
    info = exit_info_of(group.ids.number_in(pids), group.leader.creds.uid, group.exit_status, signo)
    info.utime, info.stime = group.use_past.user_ns // 10_000_000, group.use_past.system_ns // 10_000_000
    return info


def exit_info_of(pid: int, uid: int, status: int, signo: int) -> SignalInfo:
    """The same of whatever has ended with that status."""
    if status & 0x7F:
        code, value = CLD_DUMPED if status & 0x80 else CLD_KILLED, status & 0x7F
    else:
        code, value = CLD_EXITED, status >> 8 & 0xFF
    return SignalInfo(signo, code, pid=pid, uid=uid, status=value)


def _reparent_children(group: ThreadGroup) -> None:
    """Children go to the nearest subreaper, else to init (kernel/exit.c: forget_original_parent)."""
    if not group.children:
        return
    reaper = find_reaper(group)
    children = list(group.children)
    group.children.clear()
    for child in children:
        child.parent = reaper
        for task in child.tasks:
            task.thread.unlearn()
        child.parent_task = reaper.leader if reaper is not None else None
        if reaper is not None:
            reaper.children[child] = None
            reaper.child_news = True
        if child.exited:
            if child.exit_signal:
                child.exit_signal = SIGCHLD
            if trace_link.reparented(child.leader):
                continue  # its tracer has not seen it yet
            notify_parent(child)
        else:
            child.exit_signal = SIGCHLD
            check_orphaned_by_exit(child, group)


def find_reaper(group: ThreadGroup) -> ThreadGroup | None:
    """Who adopts the children of `group`: of its PID namespace."""
    ancestor = group.parent
    while ancestor is not None and ancestor.pids.level == group.pids.level:
        if ancestor.child_subreaper and not ancestor.exited:
            return ancestor
        ancestor = ancestor.parent
    init = group.pids.init
    return init if init is not None and init is not group and not init.exited else None


def reap(group: ThreadGroup) -> None:
    """The zombie is gone: its number is free again."""
    if group.reaped:
        return
    group.reaped = True
    trace_link.unlink(group.leader)
    parent = group.parent
    if parent is not None:
        parent.children.pop(group, None)
        parent.child_cpu_ns += group.cpu_ns_past + group.child_cpu_ns
        parent.child_use.add(group.use_past)
        parent.child_use.add(group.child_use)
        parent.io.add(group.io)
        parent.child_max_rss_pages = max(parent.child_max_rss_pages, group.max_rss_pages, group.child_max_rss_pages)
    group.cgroup.leave(group)
    for ns, number in group.ids.levels:
        if ns.groups.get(number) is group:
            del ns.groups[number]
        ns.ended.add(group.use_past)
        if ns.when_empty is not None and len(ns.groups) == 1:
            group.kernel.reactor.call_soon(ns.when_empty)
            ns.when_empty = None
    group.ids.forget_views(None)
    group.pgrp.leave(group)
    if group.pids.level:
        leave(group.kernel, group.pids)


def space_gone(tasks: list[Task]) -> None:
    """The host process of these tasks has ended by itself: as if by SIGKILL."""
    for group in {task.group: None for task in tasks}:
        if not group.exiting:
            group.begin_exit(SIGKILL)
    for task in tasks:
        task.host_op = False
        if task.ptrace is not None:
            task.ptrace.options = 0  # there is nothing left to look at
        exit_task(task)
