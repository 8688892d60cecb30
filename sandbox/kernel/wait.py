"""Which child has something to report (kernel/exit.c: do_wait)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.signal import CLD_CONTINUED, CLD_STOPPED, CLD_TRAPPED, SIGCHLD, SIGCONT
from sandbox.abi.linux.wait import (
    P_ALL,
    P_PGID,
    WALL,
    WCLONE,
    WCONTINUED,
    WEXITED,
    WNOTHREAD,
    WNOWAIT,
    WUNTRACED,
)
from sandbox.kernel import task_exit, trace_link
from sandbox.kernel.signal_info import SignalInfo

if TYPE_CHECKING:
    from sandbox.kernel.pid_namespace import Pid
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup


class WaitTarget:
    """Whom a wait asks about: `kind` is P_ALL, P_PID (`ids`: of the process, or of a traced thread; None: of nobody) or
    P_PGID (`ids`: of the process group)."""

    __slots__ = ("kind", "ids", "options", "nonblocking")

    def __init__(self, kind: int, options: int, ids: Pid | None = None) -> None:
        self.kind = kind
        self.options = options
        self.ids = ids
        self.nonblocking = False  # a pidfd with O_NONBLOCK: EAGAIN instead of a wait

    def _eligible(self, t: Task, child: ThreadGroup) -> bool:
        if self.kind == P_PGID and child.pgrp.ids is not self.ids:
            return False
        options = self.options
        if options & WNOTHREAD and child.parent_task is not t:
            return False
        if options & WALL:
            return True
        return (child.exit_signal != SIGCHLD) == bool(options & WCLONE)

    def many(self) -> bool:
        """It may be about any number of children."""
        return self.kind in (P_ALL, P_PGID)

    def children(self, t: Task) -> list[ThreadGroup]:
        """The children that the wait is about; where there is nothing new, one of them."""
        if not self.many():
            ids = self.ids
            group = ids.ns.groups.get(ids.number) if ids is not None else None
            if group is None or group.ids is not ids or group.parent is not t.group or not self._eligible(t, group):
                return []
            return [group]
        if t.group.child_news:
            return [child for child in t.group.children if self._eligible(t, child)]
        for child in t.group.children:
            if self._eligible(t, child):
                return [child]
        return []

    def tracees(self, t: Task) -> list[Task]:
        """The traced threads that it is about, whatever their exit signal."""
        tracers = [t] if self.options & WNOTHREAD else list(t.group.tasks)
        return [task for tracer in tracers for task in tracer.tracees if self._names(task)]

    def _names(self, task: Task) -> bool:
        if self.kind == P_ALL:
            return True
        return (task.group.pgrp.ids if self.kind == P_PGID else task.ids) is self.ids


class WaitReport:
    """What one child, or traced thread, reports. `status` is wait4(2)'s; `ended`: it is an end."""

    __slots__ = ("group", "pid", "status", "info", "ended")

    def __init__(self, group: ThreadGroup, pid: int, status: int, info: SignalInfo, ended: bool = False) -> None:
        self.group = group
        self.pid = pid
        self.status = status
        self.info = info
        self.ended = ended


def poll_children(t: Task, target: WaitTarget) -> WaitReport | int:
    """The first report, consumed unless WNOWAIT; 0 when there is nothing yet, -ECHILD when there never will be."""
    options = target.options
    hope = False
    for child in target.children(t):
        if child.exited:
            if child.zombie_threads:
                hope = True  # they come first (delay_group_leader)
            elif trace_link.reparented(child.leader):
                hope = True  # its tracer comes first
            elif options & WEXITED:
                return _exited(t, child, options)
            continue  # a zombie will never stop or continue
        hope = True
        traced = child.leader.ptrace is not None and not trace_link.reparented(child.leader)
        if options & WUNTRACED and child.stopped and not child.stop_reported and not traced:
            if not options & WNOWAIT:
                child.stop_reported = True
            return _changed(t, child, CLD_STOPPED, child.stop_signal, child.stop_signal << 8 | 0x7F)
        if options & WCONTINUED and child.continued:
            if not options & WNOWAIT:
                child.continued = False
            return _changed(t, child, CLD_CONTINUED, SIGCONT, 0xFFFF)
    if t.group.child_news and target.many():
        t.group.child_news = any(map(_has_news, t.group.children))
    tracees = target.tracees(t) if t.tracees or len(t.group.tasks) > 1 else ()
    for task in tracees:
        report = _of_tracee(t, task, options)
        if type(report) is WaitReport:
            return report
        hope = hope or report is not None
    return 0 if hope else -errno.ECHILD


def _has_news(child: ThreadGroup) -> bool:
    return child.exited or child.continued or (child.stopped and not child.stop_reported)


def _of_tracee(t: Task, task: Task, options: int) -> WaitReport | int | None:
    """0: nothing now; None: nothing ever."""
    tracee, group, number = task.ptrace, task.group, task.ids.number_in(t.pids)
    assert tracee is not None
    if tracee.zombie:
        if not options & WEXITED:
            return None
        info = task_exit.exit_info_of(number, task.creds.uid, tracee.exit_status, SIGCHLD)
        if not options & WNOWAIT:
            trace_link.release(task)
        return WaitReport(group, number, tracee.exit_status, info, True)
    if group.exited and task is group.leader:
        if not options & WEXITED:
            return None
        return 0 if group.zombie_threads else _exited(t, group, options)
    if not tracee.stopped or tracee.listening or not tracee.exit_code:
        return 0
    code = tracee.exit_code
    if not options & WNOWAIT:
        tracee.exit_code = 0
    info = SignalInfo(SIGCHLD, CLD_TRAPPED, pid=number, uid=task.creds.uid, status=code)
    return WaitReport(group, number, code << 8 | 0x7F, info)


def _exited(t: Task, child: ThreadGroup, options: int) -> WaitReport:
    info = task_exit.exit_info(child, SIGCHLD, t.pids)
    report = WaitReport(child, info.pid, child.exit_status, info, True)
    if not options & WNOWAIT:
        if trace_link.reparented(child.leader):
            trace_link.release(child.leader)  # the parent's turn
        else:
            task_exit.reap(child)
    return report


def _changed(t: Task, child: ThreadGroup, code: int, signo: int, status: int) -> WaitReport:
    info = SignalInfo(SIGCHLD, code, pid=child.ids.number_in(t.pids), uid=child.leader.creds.uid, status=signo)
    return WaitReport(child, info.pid, status, info)
