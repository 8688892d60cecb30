"""Clocks of processor time (include/linux/posix-timers_types.h, kernel/time/posix-cpu-timers.c: pid_for_clock)."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.abi.linux.time import CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID
from sandbox.errors import SyscallError
from sandbox.kernel.task import Task
from sandbox.kernel.thread_group import ThreadGroup

_FD: Final = 3  # a clock that belongs to a descriptor
_PER_THREAD: Final = 4


def runs_of(t: Task, clock: int) -> Task | ThreadGroup | None:
    """Whose processor time `clock` is; None: it is no such clock. A negative id is made from a process's or thread's number
    (~number << 3 | kind), 0 of which is the caller's. EINVAL: nobody has this number, or the thread is of another process."""
    if clock == CLOCK_PROCESS_CPUTIME_ID:
        return t.group
    if clock == CLOCK_THREAD_CPUTIME_ID:
        return t
    if clock >= 0 or clock & 3 == _FD:
        return None
    number = ~(clock >> 3)
    if clock & _PER_THREAD:
        task = t if number == 0 else t.pids.tasks.get(number)
        if task is None or task.group is not t.group:
            raise SyscallError(errno.EINVAL)
        return task
    group = t.group if number == 0 else t.pids.groups.get(number)
    if group is None:
        raise SyscallError(errno.EINVAL)
    return group
