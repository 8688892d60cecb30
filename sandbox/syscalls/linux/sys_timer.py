"""Timers that signal: alarm(2), setitimer(2), timer_create(2)."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.abi.linux.signal import (
    NSIG,
    SIGALRM,
    SIGEV_NONE,
    SIGEV_SIGNAL,
    SIGEV_THREAD,
    SIGEV_THREAD_ID,
    SIGEVENT,
    SIGPROF,
    SIGVTALRM,
)
from sandbox.abi.linux.time import (
    CLOCK_BOOTTIME,
    CLOCK_BOOTTIME_ALARM,
    CLOCK_MONOTONIC,
    CLOCK_MONOTONIC_COARSE,
    CLOCK_MONOTONIC_RAW,
    CLOCK_REALTIME,
    CLOCK_REALTIME_ALARM,
    CLOCK_REALTIME_COARSE,
    CLOCK_TAI,
    ITIMER_PROF,
    ITIMER_REAL,
    ITIMER_VIRTUAL,
    ITIMERVAL,
    NS_PER_S,
    TIMER_ABSTIME,
)
from sandbox.errors import SyscallError
from sandbox.kernel import signal_send
from sandbox.kernel.control import Result
from sandbox.kernel.interval_timer import IntervalTimer
from sandbox.kernel.posix_timers import PosixTimer
from sandbox.kernel.rlimits import RLIMIT_SIGPENDING
from sandbox.kernel.task import Task
from sandbox.kernel.thread_group import ThreadGroup
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.linux.cpu_clocks import runs_of
from sandbox.syscalls.linux.timespec import pack_itimerspec, pack_timeval, read_itimerspec, timeval_ns
from sandbox.syscalls.row import FULL, Arg, Row, reads, writes

UNTIMED_CLOCKS: Final = frozenset((CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE))
TIMER_CLOCKS: Final = frozenset(
    (
        CLOCK_REALTIME,
        CLOCK_MONOTONIC,
        CLOCK_BOOTTIME,
        CLOCK_TAI,
        CLOCK_REALTIME_ALARM,
        CLOCK_BOOTTIME_ALARM,
    )
)
SIGEVENT_SIZE: Final = 64


def _interval_timer(group: ThreadGroup, which: int) -> IntervalTimer:
    """The timer, made when first used; EINVAL."""
    if which == ITIMER_REAL:
        if group.real_timer is None:
            group.real_timer = IntervalTimer(group, SIGALRM, False)
        return group.real_timer
    if which == ITIMER_VIRTUAL:
        if group.virtual_timer is None:
            group.virtual_timer = IntervalTimer(group, SIGVTALRM, True)
        return group.virtual_timer
    if which == ITIMER_PROF:
        if group.prof_timer is None:
            group.prof_timer = IntervalTimer(group, SIGPROF, True)
        return group.prof_timer
    raise SyscallError(errno.EINVAL)


def sys_alarm(t: Task, a: SyscallArgs) -> Result:
    """alarm(2)."""
    timer = _interval_timer(t.group, ITIMER_REAL)
    left = timer.get()[1]
    timer.set(0, a.uint(0) * NS_PER_S)
    seconds = left // NS_PER_S
    if (not seconds and left) or left % NS_PER_S >= NS_PER_S // 2:
        seconds += 1
    return seconds


def sys_getitimer(t: Task, a: SyscallArgs) -> Result:
    """getitimer(2)."""
    interval, left = _interval_timer(t.group, a.int(0)).get()
    t.copy_out(a.addr(1), pack_timeval(interval) + pack_timeval(left))
    return 0


def sys_setitimer(t: Task, a: SyscallArgs) -> Result:
    """setitimer(2)."""
    interval = value = 0
    if a.addr(1):
        isec, iusec, vsec, vusec = ITIMERVAL.unpack(t.copy_in(a.addr(1), 32))
        value, interval = timeval_ns(vsec, vusec), timeval_ns(isec, iusec)
    timer = _interval_timer(t.group, a.int(0))
    before = timer.get()
    timer.set(interval, value)
    if a.addr(2):
        t.copy_out(a.addr(2), pack_timeval(before[0]) + pack_timeval(before[1]))
    return 0


def sys_timer_create(t: Task, a: SyscallArgs) -> Result:
    """timer_create(2)."""
    clock, group = a.int(0), t.group
    notify, signo, value, target = SIGEV_SIGNAL, SIGALRM, -1, None
    if a.addr(1):
        raw = t.copy_in(a.addr(1), SIGEVENT_SIZE)
        value, signo, notify, tid = SIGEVENT.unpack_from(raw)
        if notify == SIGEV_SIGNAL | SIGEV_THREAD_ID:
            target = t.pids.tasks.get(tid)
            if target is None or target.group is not group:
                return -errno.EINVAL
        if notify not in (SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_SIGNAL | SIGEV_THREAD_ID):
            return -errno.EINVAL
        if notify != SIGEV_NONE and not 1 <= signo <= NSIG:
            return -errno.EINVAL
    runs = runs_of(t, clock)
    if runs is None and clock not in TIMER_CLOCKS:
        return -errno.EOPNOTSUPP if clock in UNTIMED_CLOCKS or clock < 0 else -errno.EINVAL
    charged = signal_send.count_of(t)
    if charged.queued >= group.rlimits.get(RLIMIT_SIGPENDING):
        return -errno.EAGAIN
    timer_id = group.next_timer_id
    if value == -1:
        value = timer_id
    t.copy_out(a.addr(2), timer_id.to_bytes(4, "little"))
    group.next_timer_id = timer_id + 1
    group.posix_timers[timer_id] = PosixTimer(group, timer_id, clock, runs, notify, signo, value, target, charged)
    return 0


def _timer(t: Task, timer_id: int) -> PosixTimer:
    timer = t.group.posix_timers.get(timer_id)
    if timer is None:
        raise SyscallError(errno.EINVAL)
    return timer


def sys_timer_settime(t: Task, a: SyscallArgs) -> Result:
    """timer_settime(2)."""
    if not a.addr(2):
        return -errno.EINVAL
    interval, value = read_itimerspec(t, a.addr(2))
    timer = _timer(t, a.int(0))
    if timer.stands_still():
        return -errno.ESRCH
    before = timer.get()
    absolute = a.int(1) & TIMER_ABSTIME != 0
    timer.set(interval, t.ns.time.outside(timer.clock, value) if absolute and value else value, absolute)
    if a.addr(3):
        t.copy_out(a.addr(3), pack_itimerspec(*before))
    return 0


def sys_timer_gettime(t: Task, a: SyscallArgs) -> Result:
    """timer_gettime(2)."""
    t.copy_out(a.addr(1), pack_itimerspec(*_timer(t, a.int(0)).get()))
    return 0


def sys_timer_getoverrun(t: Task, a: SyscallArgs) -> Result:
    """timer_getoverrun(2)."""
    return _timer(t, a.int(0)).last_overrun


def sys_timer_delete(t: Task, a: SyscallArgs) -> Result:
    """timer_delete(2)."""
    _timer(t, a.int(0)).delete()
    del t.group.posix_timers[a.int(0)]
    return 0


ROWS: Final[tuple[Row, ...]] = (
    Row(36, "getitimer", sys_getitimer, FULL, (Arg.INT, Arg.STRUCT_OUT)),
    Row(37, "alarm", sys_alarm, FULL, (Arg.UINT,)),
    Row(
        38,
        "setitimer",
        sys_setitimer,
        FULL,
        (Arg.INT, Arg.STRUCT_IN, Arg.STRUCT_OUT),
        copies=(reads(1, 32), writes(2, 32)),
    ),
    Row(222, "timer_create", sys_timer_create, FULL, (Arg.INT, Arg.STRUCT_IN, Arg.STRUCT_OUT)),
    Row(223, "timer_settime", sys_timer_settime, FULL, (Arg.INT, Arg.HEX, Arg.STRUCT_IN, Arg.STRUCT_OUT)),
    Row(224, "timer_gettime", sys_timer_gettime, FULL, (Arg.INT, Arg.STRUCT_OUT)),
    Row(225, "timer_getoverrun", sys_timer_getoverrun, FULL, (Arg.INT,)),
    Row(226, "timer_delete", sys_timer_delete, FULL, (Arg.INT,)),
)
