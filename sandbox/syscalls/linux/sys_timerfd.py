"""timerfd_create, timerfd_settime, timerfd_gettime (fs/timerfd.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_WAKE_ALARM
from sandbox.abi.linux.fcntl import O_CLOEXEC, O_NONBLOCK
from sandbox.abi.linux.time import (
    CLOCK_BOOTTIME,
    CLOCK_BOOTTIME_ALARM,
    CLOCK_MONOTONIC,
    CLOCK_REALTIME,
    CLOCK_REALTIME_ALARM,
)
from sandbox.errors import SyscallError
from sandbox.kernel.control import Result
from sandbox.syscalls.linux.timespec import pack_itimerspec, read_itimerspec
from sandbox.syscalls.row import PARTIAL, Arg, Row, reads, writes
from sandbox.vfs.timerfd import TimerFile

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

TFD_TIMER_ABSTIME: Final = 1
TFD_TIMER_CANCEL_ON_SET: Final = 2
_ALARMS: Final = (CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM)
_CLOCKS: Final = (CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, *_ALARMS)


def sys_timerfd_create(t: Task, a: SyscallArgs) -> Result:
    """timerfd_create(2)."""
    clock, flags = a.int(0), a.int(1)
    if flags & ~(O_CLOEXEC | O_NONBLOCK) or clock not in _CLOCKS:
        return -errno.EINVAL
    if clock in _ALARMS and not t.creds.has(CAP_WAKE_ALARM):
        return -errno.EPERM
    return t.fds.install(TimerFile(t.kernel, clock, flags & O_NONBLOCK), 0, flags & O_CLOEXEC != 0)


def _timer(t: Task, fd: int) -> TimerFile:
    file = t.fds.get_io(fd)
    if not isinstance(file, TimerFile):
        raise SyscallError(errno.EINVAL)
    return file


def sys_timerfd_settime(t: Task, a: SyscallArgs) -> Result:
    """timerfd_settime(2)."""
    interval, value = read_itimerspec(t, a.addr(2))
    flags = a.int(1)
    if flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET):
        return -errno.EINVAL
    file = _timer(t, a.uint(0))
    file.settime_flags = flags
    if flags & TFD_TIMER_ABSTIME and value:
        value = t.ns.time.outside(file.clock, value)
    old_interval, left = file.set(value, interval, flags & TFD_TIMER_ABSTIME != 0)
    if a.addr(3):
        t.copy_out(a.addr(3), pack_itimerspec(old_interval, left))
    return 0


def sys_timerfd_gettime(t: Task, a: SyscallArgs) -> Result:
    """timerfd_gettime(2)."""
    interval, left = _timer(t, a.uint(0)).get()
    t.copy_out(a.addr(1), pack_itimerspec(interval, left))
    return 0


_NOTE: Final = "TFD_TIMER_CANCEL_ON_SET never fires: nothing inside can set the clock"

ROWS: Final[tuple[Row, ...]] = (
    Row(283, "timerfd_create", sys_timerfd_create, PARTIAL, (Arg.INT, Arg.HEX), _NOTE),
    Row(
        286,
        "timerfd_settime",
        sys_timerfd_settime,
        PARTIAL,
        (Arg.FD, Arg.HEX, Arg.STRUCT_IN, Arg.STRUCT_OUT),
        _NOTE,
        copies=(reads(2, 32), writes(3, 32)),
    ),
    Row(287, "timerfd_gettime", sys_timerfd_gettime, PARTIAL, (Arg.FD, Arg.STRUCT_OUT), _NOTE),
)
