"""Numbers of processes, groups and sessions; pidfd_open(2)."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.errors import SyscallError
from sandbox.kernel.control import Result
from sandbox.kernel.pidfd import O_NONBLOCK, PidFile, process_of
from sandbox.kernel.sessions import ProcessGroup, Session
from sandbox.kernel.task import Task
from sandbox.kernel.thread_group import ThreadGroup
from sandbox.ptrace.access import may_inspect
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.known import known
from sandbox.syscalls.row import FULL, PARTIAL, Arg, Row


def sys_getpid(t: Task, a: SyscallArgs) -> Result:
    """getpid(2)."""
    return known(t, t.pid)


def sys_gettid(t: Task, a: SyscallArgs) -> Result:
    """gettid(2)."""
    return known(t, t.tid)


def sys_getppid(t: Task, a: SyscallArgs) -> Result:
    """getppid(2): 0 for a process that came from outside, or whose parent is."""
    parent = t.group.parent
    return known(t, 0 if parent is None else parent.ids.number_in(t.pids))


def _group(t: Task, pid: int) -> ThreadGroup:
    """The process `pid` or the caller's for 0; any thread names its process; ESRCH."""
    if pid == 0:
        return t.group
    group = t.pids.groups.get(pid)
    if group is None:
        task = t.pids.tasks.get(pid)
        if task is None:
            raise SyscallError(errno.ESRCH)
        group = task.group
    return group


def sys_getpgid(t: Task, a: SyscallArgs) -> Result:
    """getpgid(2)."""
    return _group(t, a.int(0)).pgrp.ids.number_in(t.pids)


def sys_getpgrp(t: Task, a: SyscallArgs) -> Result:
    """getpgrp(2)."""
    return t.group.pgrp.ids.number_in(t.pids)


def sys_getsid(t: Task, a: SyscallArgs) -> Result:
    """getsid(2)."""
    return _group(t, a.int(0)).session.ids.number_in(t.pids)


def sys_setpgid(t: Task, a: SyscallArgs) -> Result:
    """setpgid(2)."""
    pid, pgid = a.int(0), a.int(1)
    pid = pid or t.pid
    pgid = pgid or pid
    if pgid < 0:
        return -errno.EINVAL
    pids = t.pids
    group = pids.groups.get(pid)
    if group is None:
        return -errno.EINVAL if pid in pids.tasks else -errno.ESRCH
    if group.parent is t.group:
        if group.session is not t.group.session:
            return -errno.EPERM
        if group.did_exec:
            return -errno.EACCES
    elif group is not t.group:
        return -errno.ESRCH
    session = group.session
    if session.leader is group:
        return -errno.EPERM
    target = pids.process_groups.get(pgid)
    if pgid != pid and (target is None or target.session is not t.group.session):
        return -errno.EPERM
    if target is not group.pgrp:
        old = group.pgrp
        (target or ProcessGroup(session, group)).join(group)
        old.leave(group)
    return 0


def sys_setsid(t: Task, a: SyscallArgs) -> Result:
    """setsid(2)."""
    group, pids = t.group, t.pids
    if group.session.leader is group or group.pid in pids.process_groups:
        return -errno.EPERM
    old = group.pgrp
    ProcessGroup(Session(group), group).join(group)
    old.leave(group)
    return group.pid


def sys_pidfd_open(t: Task, a: SyscallArgs) -> Result:
    """pidfd_open(2)."""
    pid, flags = a.int(0), a.uint(1)
    if flags & ~O_NONBLOCK or pid <= 0:
        return -errno.EINVAL
    group = t.pids.groups.get(pid)
    if group is None:
        return -errno.EINVAL if pid in t.pids.tasks else -errno.ESRCH
    return t.fds.install(PidFile(group, flags), cloexec=True)


def sys_pidfd_getfd(t: Task, a: SyscallArgs) -> Result:
    """pidfd_getfd(2): to those who might trace the process."""
    if a.uint(2):
        return -errno.EINVAL
    group = process_of(t, a.int(0))
    if group.exited:
        return -errno.ESRCH
    owner = next(iter(group.tasks))
    if not may_inspect(t, owner):
        return -errno.EPERM
    return t.fds.install(owner.fds.get(a.int(1)), cloexec=True)


ROWS: Final[tuple[Row, ...]] = (
    Row(39, "getpid", sys_getpid, FULL, ()),
    Row(109, "setpgid", sys_setpgid, FULL, (Arg.PID, Arg.PID)),
    Row(110, "getppid", sys_getppid, FULL, ()),
    Row(111, "getpgrp", sys_getpgrp, FULL, ()),
    Row(112, "setsid", sys_setsid, FULL, ()),
    Row(121, "getpgid", sys_getpgid, FULL, (Arg.PID,)),
    Row(124, "getsid", sys_getsid, FULL, (Arg.PID,)),
    Row(186, "gettid", sys_gettid, FULL, ()),
    Row(434, "pidfd_open", sys_pidfd_open, PARTIAL, (Arg.PID, Arg.HEX), "PIDFD_THREAD is refused with EINVAL"),
    Row(438, "pidfd_getfd", sys_pidfd_getfd, FULL, (Arg.FD, Arg.FD, Arg.HEX)),
)
