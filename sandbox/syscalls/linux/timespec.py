"""Times that cross the system-call border: timespec, timeval, itimerspec."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.abi.linux.time import ITIMERSPEC, NS_PER_S, TIMESPEC
from sandbox.errors import SyscallError
from sandbox.kernel.task import Task

KTIME_MAX: Final = (1 << 63) - 1


def read_timespec(t: Task, addr: int) -> int:
    """ns; EFAULT, EINVAL for negative seconds or a fraction out of range."""
    seconds, fraction = TIMESPEC.unpack(t.copy_in(addr, 16))
    return timespec_ns(seconds, fraction)


def timespec_ns(seconds: int, fraction: int) -> int:
    """ns, at most KTIME_MAX; EINVAL (include/linux/time64.h: timespec64_valid)."""
    if seconds < 0 or not 0 <= fraction < NS_PER_S:
        raise SyscallError(errno.EINVAL)
    return min(seconds * NS_PER_S + fraction, KTIME_MAX)


def timeval_ns(seconds: int, micros: int) -> int:
    """ns; EINVAL."""
    if seconds < 0 or not 0 <= micros < 1_000_000:
        raise SyscallError(errno.EINVAL)
    return min(seconds * NS_PER_S + micros * 1000, KTIME_MAX)


def pack_timespec(ns: int) -> bytes:
    """struct timespec."""
    return TIMESPEC.pack(ns // NS_PER_S, ns % NS_PER_S)


def pack_timeval(ns: int) -> bytes:
    """struct timeval."""
    return TIMESPEC.pack(ns // NS_PER_S, ns % NS_PER_S // 1000)


def read_itimerspec(t: Task, addr: int) -> tuple[int, int]:
    """(interval, value), ns; EFAULT, EINVAL."""
    isec, insec, vsec, vnsec = ITIMERSPEC.unpack(t.copy_in(addr, 32))
    value = timespec_ns(vsec, vnsec)
    return timespec_ns(isec, insec), value


def pack_itimerspec(interval: int, value: int) -> bytes:
    """struct itimerspec."""
    return pack_timespec(interval) + pack_timespec(value)
