"""Which child has something to report (kernel/exit.c: do_wait)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.signal import CLD_CONTINUED, CLD_STOPPED, SIGCHLD, SIGCONT
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
from sandbox.kernel import task_exit
from sandbox.kernel.signal_info import SignalInfo

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup


class WaitTarget:
    """Whom a wait asks about: `kind` is P_ALL, P_PID (`group`: the process, None if there is none) or P_PGID."""

    __slots__ = ("kind", "group", "pgid", "options", "nonblocking")

    def __init__(self, kind: int, options: int, group: ThreadGroup | None = None, pgid: int = 0) -> None:
        self.kind = kind
        self.options = options
        self.group = group
        self.pgid = pgid
        self.nonblocking = False  # a pidfd with O_NONBLOCK: EAGAIN instead of a wait

    def _eligible(self, t: Task, child: ThreadGroup) -> bool:
        if self.kind == P_PGID and child.pgrp.pgid != self.pgid:
            return False
        options = self.options
        if options & WNOTHREAD and child.parent_task is not t:
            return False
        if options & WALL:
            return True
        return (child.exit_signal != SIGCHLD) == bool(options & WCLONE)

    def children(self, t: Task) -> list[ThreadGroup]:
        """The children that the wait is about."""
        if self.kind not in (P_ALL, P_PGID):
            group = self.group
            if group is None or group.reaped or group.parent is not t.group or not self._eligible(t, group):
                return []
            return [group]
        return [child for child in t.group.children if self._eligible(t, child)]


class WaitReport:
    """What one child reports. `status` is wait4(2)'s."""

    __slots__ = ("group", "status", "info")

    def __init__(self, group: ThreadGroup, status: int, info: SignalInfo) -> None:
        self.group = group
        self.status = status
        self.info = info


def poll_children(t: Task, target: WaitTarget) -> WaitReport | int:
    """The first report, consumed unless WNOWAIT; 0 when there is nothing yet, -ECHILD when there never will be."""
    children = target.children(t)
    if not children:
        return -errno.ECHILD
    options = target.options
    hopeless = 0
    for child in children:
        if child.exited:
            if options & WEXITED:
                return _exited(child, options)
            hopeless += 1  # a zombie will never stop or continue
        elif options & WUNTRACED and child.stopped and not child.stop_reported:
            if not options & WNOWAIT:
                child.stop_reported = True
            return _changed(child, CLD_STOPPED, child.stop_signal, child.stop_signal << 8 | 0x7F)
        elif options & WCONTINUED and child.continued:
            if not options & WNOWAIT:
                child.continued = False
            return _changed(child, CLD_CONTINUED, SIGCONT, 0xFFFF)
    return -errno.ECHILD if hopeless == len(children) else 0


def _exited(child: ThreadGroup, options: int) -> WaitReport:
    report = WaitReport(child, child.exit_status, task_exit.exit_info(child, SIGCHLD))
    if not options & WNOWAIT:
        task_exit.reap(child)
    return report


def _changed(child: ThreadGroup, code: int, signo: int, status: int) -> WaitReport:
    info = SignalInfo(SIGCHLD, code, pid=child.pid, uid=child.leader.creds.uid, status=signo)
    return WaitReport(child, status, info)
