"""Beginning to trace, and what may be asked of a tracee that runs (kernel/ptrace.c: ptrace_attach, ptrace_traceme)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.ptrace import PTRACE_O_MASK, PTRACE_O_SUSPEND_SECCOMP
from sandbox.abi.linux.signal import SI_USER, SIGKILL
from sandbox.errors import SyscallError
from sandbox.kernel import signal_send, trace_link, trace_stop
from sandbox.kernel.signal_info import SignalInfo
from sandbox.kernel.task_state import PARK_DEAD
from sandbox.ptrace.access import may_inspect

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.kernel.tracee import Tracee


def find(t: Task, tid: int) -> Task:
    """ESRCH."""
    task = t.pids.tasks.get(tid)
    if task is None:
        raise SyscallError(errno.ESRCH)
    return task


def tracee_of(t: Task, task: Task) -> Tracee:
    """ESRCH unless `t`, this very thread, traces it."""
    tracee = task.ptrace
    if tracee is None or tracee.tracer is not t or task.parked == PARK_DEAD:
        raise SyscallError(errno.ESRCH)
    return tracee


def trace_me(t: Task) -> int:
    """PTRACE_TRACEME: EPERM for who is traced already, or has no parent."""
    parent = t.group.parent_task
    if parent is None and t.group.parent is not None:
        parent = next(iter(t.group.parent.tasks), None)
    if t.ptrace is not None or parent is None or parent.parked == PARK_DEAD:
        return -errno.EPERM
    domain = parent.creds.landlock
    if domain is not None and (t.creds.landlock is None or not t.creds.landlock.within(domain)):
        return -errno.EPERM
    trace_link.link(t, parent, False, 0, t.creds)
    return 0


def check_options(options: int) -> None:
    """EINVAL; PTRACE_O_SUSPEND_SECCOMP too, as on a kernel without checkpointing."""
    if options & ~PTRACE_O_MASK or options & PTRACE_O_SUSPEND_SECCOMP:
        raise SyscallError(errno.EINVAL)


def attach(t: Task, tid: int, seize: bool, address: int, options: int) -> int:
    """PTRACE_ATTACH, PTRACE_SEIZE."""
    task = find(t, tid)
    if seize:
        if address or options & ~PTRACE_O_MASK:
            return -errno.EIO
        check_options(options)
    if task.group is t.group or not may_inspect(t, task) or task.parked == PARK_DEAD or task.ptrace is not None:
        return -errno.EPERM
    trace_link.attach(task, t, seize, options if seize else 0)
    return 0


def interrupt(t: Task, tid: int) -> int:
    """PTRACE_INTERRUPT: EIO for what was not seized."""
    task = find(t, tid)
    tracee = tracee_of(t, task)
    if not tracee.seized:
        return -errno.EIO
    trace_stop.set_trap(task, tracee)
    return 0


def kill(t: Task, tid: int) -> int:
    """PTRACE_KILL."""
    task = find(t, tid)
    tracee_of(t, task)
    signal_send.send_to_task(task, SignalInfo(SIGKILL, SI_USER, t.pid, t.creds.uid))
    return 0
