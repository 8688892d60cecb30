"""Reading and setting clocks, sleeping (time(7))."""

from __future__ import annotations

import errno
import struct
from typing import Final

from sandbox.abi.linux.time import (
    CLOCK_BOOTTIME,
    CLOCK_BOOTTIME_ALARM,
    CLOCK_MONOTONIC,
    CLOCK_MONOTONIC_COARSE,
    CLOCK_MONOTONIC_RAW,
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_REALTIME,
    CLOCK_REALTIME_ALARM,
    CLOCK_REALTIME_COARSE,
    CLOCK_TAI,
    CLOCK_THREAD_CPUTIME_ID,
    NS_PER_S,
    TIMER_ABSTIME,
)
from sandbox.errors import SyscallError
from sandbox.kernel.control import ERESTART_RESTARTBLOCK, ERESTARTNOHAND, Block, Result
from sandbox.kernel.interval_timer import CPU_SLICE_NS
from sandbox.kernel.task import Task
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.linux.cpu_clocks import runs_of
from sandbox.syscalls.linux.timespec import pack_timespec, pack_timeval, read_timespec
from sandbox.syscalls.row import FULL, PARTIAL, REFUSED, Arg, Row, reads, writes

REALTIME_CLOCKS: Final = frozenset((CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_REALTIME_ALARM, CLOCK_TAI))
MONOTONIC_CLOCKS: Final = frozenset(
    (CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_BOOTTIME_ALARM)
)
SLEEPABLE: Final = frozenset(
    (CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM)
)
COARSE_NS: Final = 4_000_000
_TIMEVAL: Final = struct.Struct("<qq")
_MAX_SETTABLE_S: Final = ((1 << 63) - 1) // NS_PER_S - 30 * 365 * 24 * 3600  # TIME_SETTOD_SEC_MAX


def read_clock(t: Task, clock: int) -> int:
    """ns; EINVAL for a clock that doesn't exist."""
    if clock in MONOTONIC_CLOCKS:
        return t.kernel.monotonic_ns() + t.ns.time.offset(clock)
    if clock in REALTIME_CLOCKS:
        return t.kernel.clock.realtime_ns()
    runs = runs_of(t, clock)
    if runs is None:
        raise SyscallError(errno.EINVAL)
    return runs.cpu_ns()


def sys_clock_gettime(t: Task, a: SyscallArgs) -> Result:
    """clock_gettime(2)."""
    t.copy_out(a.addr(1), pack_timespec(read_clock(t, a.int(0))))
    return 0


def sys_clock_getres(t: Task, a: SyscallArgs) -> Result:
    """clock_getres(2)."""
    clock = a.int(0)
    if clock < 0 or clock in (CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID):
        read_clock(t, clock)
    elif clock not in MONOTONIC_CLOCKS and clock not in REALTIME_CLOCKS:
        return -errno.EINVAL
    if a.addr(1):
        coarse = clock in (CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE)
        t.copy_out(a.addr(1), pack_timespec(COARSE_NS if coarse else 1))
    return 0


def sys_clock_settime(t: Task, a: SyscallArgs) -> Result:
    """clock_settime(2): the sandbox's clock is the host's."""
    clock = a.int(0)
    if clock != CLOCK_REALTIME and clock >= 0:
        read_clock(t, clock)
        return -errno.EINVAL
    read_timespec(t, a.addr(1))
    return -errno.EPERM


def sys_gettimeofday(t: Task, a: SyscallArgs) -> Result:
    """gettimeofday(2)."""
    if a.addr(0):
        t.copy_out(a.addr(0), pack_timeval(t.kernel.clock.realtime_ns()))
    if a.addr(1):
        t.copy_out(a.addr(1), bytes(8))
    return 0


def sys_settimeofday(t: Task, a: SyscallArgs) -> Result:
    """settimeofday(2). EINVAL for what is no time, before the privilege is asked for."""
    valid = True
    if a.addr(0):
        seconds, microseconds = _TIMEVAL.unpack(t.copy_in(a.addr(0), 16))
        if not 0 <= microseconds < 1_000_000:
            return -errno.EINVAL
        valid = 0 <= seconds < _MAX_SETTABLE_S
    if a.addr(1):
        t.copy_in(a.addr(1), 8)
    if not valid:
        return -errno.EINVAL
    return -errno.EPERM


def sys_time(t: Task, a: SyscallArgs) -> Result:
    """time(2)."""
    now = t.kernel.clock.realtime_ns() // NS_PER_S
    if a.addr(0):
        t.copy_out(a.addr(0), now.to_bytes(8, "little"))
    return now


def to_monotonic(t: Task, clock: int, deadline: int) -> int:
    """An absolute time of `clock`, as the caller reads it, on the kernel's monotonic clock."""
    if clock in REALTIME_CLOCKS:
        return deadline - t.kernel.clock.realtime_ns() + t.kernel.clock.now_ns()
    return t.ns.time.outside(clock, deadline)


class _Sleep:
    """`deadline`: ns, monotonic. `remaining_at`: where the rest of a relative sleep is stored, 0 nowhere."""

    __slots__ = ("deadline", "remaining_at")

    def __init__(self, deadline: int, remaining_at: int) -> None:
        self.deadline = deadline
        self.remaining_at = remaining_at


class _CpuSleep:
    """`until`: ns on the processor-time clock `clock`. `remaining_at` as for `_Sleep`; -1: absolute."""

    __slots__ = ("clock", "until", "remaining_at")

    def __init__(self, clock: int, until: int, remaining_at: int) -> None:
        self.clock = clock
        self.until = until
        self.remaining_at = remaining_at


def sys_nanosleep(t: Task, a: SyscallArgs) -> Result:
    """nanosleep(2)."""
    if a.state is None:
        a.state = _Sleep(t.kernel.clock.now_ns() + read_timespec(t, a.addr(0)), a.addr(1))
    return _sleep(t, a)


def sys_clock_nanosleep(t: Task, a: SyscallArgs) -> Result:
    """clock_nanosleep(2)."""
    if a.state is None:
        clock, flags = a.int(0), a.int(1)
        if clock not in SLEEPABLE:
            return _cpu_sleep(t, a, clock)
        request = read_timespec(t, a.addr(2))
        if flags & TIMER_ABSTIME:
            a.state = _Sleep(to_monotonic(t, clock, request), -1)
        else:
            a.state = _Sleep(t.kernel.clock.now_ns() + request, a.addr(3))
    return _sleep(t, a)


def _cpu_sleep(t: Task, a: SyscallArgs, clock: int) -> Result:
    """Until a process has used so much of the processors. EOPNOTSUPP for clocks that nobody can wait for, EINVAL for
    the caller's own thread's."""
    if clock == CLOCK_THREAD_CPUTIME_ID or clock > CLOCK_PROCESS_CPUTIME_ID:
        read_clock(t, clock)
        return -errno.EOPNOTSUPP
    request, now = read_timespec(t, a.addr(2)), read_clock(t, clock)
    if clock & 4 and ~(clock >> 3) in (0, t.ids.number_in(t.pids)):
        return -errno.EINVAL
    absolute = a.int(1) & TIMER_ABSTIME != 0
    a.state = _CpuSleep(clock, request if absolute else now + request, -1 if absolute else a.addr(3))
    return _cpu_wait(t, a)


def _cpu_wait(t: Task, a: SyscallArgs) -> Result:
    """Look again when that time can have been used at the earliest."""
    state = a.state
    assert isinstance(state, _CpuSleep)
    try:
        left = state.until - read_clock(t, state.clock)
    except SyscallError:
        return -errno.ESRCH  # the process is gone
    if left <= 0:
        return 0
    kernel = t.kernel
    return Block((), kernel.clock.now_ns() + max(CPU_SLICE_NS, left // kernel.cpus), on_interrupt=_cpu_interrupted)


def _cpu_interrupted(t: Task, a: SyscallArgs) -> int:
    state = a.state
    assert isinstance(state, _CpuSleep)
    try:
        left = max(0, state.until - read_clock(t, state.clock))
        return _interrupted(t, state.remaining_at, left)
    except SyscallError as error:
        return -error.errno


def _sleep(t: Task, a: SyscallArgs) -> Result:
    state = a.state
    if isinstance(state, _CpuSleep):
        return _cpu_wait(t, a)
    assert isinstance(state, _Sleep)
    if a.timed_out or state.deadline <= t.kernel.clock.now_ns():
        return 0
    return Block((), state.deadline, on_interrupt=_sleep_interrupted)


def _sleep_interrupted(t: Task, a: SyscallArgs) -> int:
    state = a.state
    assert isinstance(state, _Sleep)
    return _interrupted(t, state.remaining_at, max(0, state.deadline - t.kernel.clock.now_ns()))


def _interrupted(t: Task, remaining_at: int, left: int) -> int:
    """A sleep with `left` ns to go: a relative one says so and goes on after a stop, an absolute one starts anew."""
    if remaining_at < 0:
        return -ERESTARTNOHAND
    if left == 0:
        return 0
    if remaining_at:
        try:
            t.copy_out(remaining_at, pack_timespec(left))
        except SyscallError as error:
            return -error.errno
    return -ERESTART_RESTARTBLOCK


def sys_restart_syscall(t: Task, a: SyscallArgs) -> Result:
    """restart_syscall(2): go on with the call that a stop interrupted."""
    saved = t.restart_block
    if saved is None:
        return -errno.EINTR
    t.restart_block = None
    t.nr = saved.nr
    a.raw = saved.raw
    a.state = saved.state
    return t.kernel.run_handler(t)


_TIMEX: Final = struct.Struct("<I4xqqqqi4xqqqqqq")  # modes … tick; 208 bytes in all
_TIMEX_SIZE: Final = 208
_ADJ_OFFSET_SINGLESHOT: Final = 0x0001
_ADJ_OFFSET_READONLY: Final = 0x2000
_ADJ_ADJTIME: Final = 0x8000
_STA_UNSYNC: Final = 0x40
_TIME_ERROR: Final = 5


def _adjust(t: Task, addr: int) -> int:
    """Answer a query with an unsynchronised clock; refuse every change."""
    raw = bytearray(t.copy_in(addr, _TIMEX_SIZE))
    modes = int.from_bytes(raw[:4], "little")
    if modes & _ADJ_ADJTIME and not modes & _ADJ_OFFSET_SINGLESHOT:
        return -errno.EINVAL
    if modes and not (modes & _ADJ_ADJTIME and modes & _ADJ_OFFSET_READONLY):
        return -errno.EPERM
    now = t.kernel.clock.realtime_ns()
    seconds, micros = now // NS_PER_S, now % NS_PER_S // 1000
    _TIMEX.pack_into(raw, 0, 0, 0, 0, 16_000_000, 16_000_000, _STA_UNSYNC, 2, 1, 32_768_000, seconds, micros, 10_000)
    raw[_TIMEX.size :] = bytes(_TIMEX_SIZE - _TIMEX.size)
    t.copy_out(addr, raw)
    return _TIME_ERROR


def sys_adjtimex(t: Task, a: SyscallArgs) -> Result:
    """adjtimex(2)."""
    return _adjust(t, a.addr(0))


def sys_clock_adjtime(t: Task, a: SyscallArgs) -> Result:
    """clock_adjtime(2)."""
    if a.int(0) == CLOCK_REALTIME:
        return _adjust(t, a.addr(1))
    t.copy_in(a.addr(1), _TIMEX_SIZE)
    read_clock(t, a.int(0))
    return -errno.EOPNOTSUPP


_HOST: Final = "the clock is the host's: setting it is EPERM"

ROWS: Final[tuple[Row, ...]] = (
    Row(35, "nanosleep", sys_nanosleep, FULL, (Arg.STRUCT_IN, Arg.STRUCT_OUT), copies=(reads(0, 16),)),
    Row(96, "gettimeofday", sys_gettimeofday, FULL, (Arg.STRUCT_OUT, Arg.STRUCT_OUT), copies=(writes(0, 16),)),
    Row(159, "adjtimex", sys_adjtimex, PARTIAL, (Arg.STRUCT_IN,), _HOST),
    Row(164, "settimeofday", sys_settimeofday, REFUSED, (Arg.STRUCT_IN, Arg.STRUCT_IN), _HOST),
    Row(201, "time", sys_time, FULL, (Arg.STRUCT_OUT,), copies=(writes(0, 8),)),
    Row(219, "restart_syscall", sys_restart_syscall, FULL, ()),
    Row(227, "clock_settime", sys_clock_settime, REFUSED, (Arg.INT, Arg.STRUCT_IN), _HOST),
    Row(228, "clock_gettime", sys_clock_gettime, FULL, (Arg.INT, Arg.STRUCT_OUT), copies=(writes(1, 16),)),
    Row(229, "clock_getres", sys_clock_getres, FULL, (Arg.INT, Arg.STRUCT_OUT)),
    Row(
        230,
        "clock_nanosleep",
        sys_clock_nanosleep,
        FULL,
        (Arg.INT, Arg.HEX, Arg.STRUCT_IN, Arg.STRUCT_OUT),
        copies=(reads(2, 16),),
    ),
    Row(305, "clock_adjtime", sys_clock_adjtime, PARTIAL, (Arg.INT, Arg.STRUCT_IN), _HOST),
)
