"""Sleeping, interval timers, POSIX timers."""

from __future__ import annotations

import errno
import struct

from sandbox.abi.linux.signal import SIGALRM, SIGUSR1
from sandbox.arch.amd64 import RDI, RIP, RSP

from .box import Box
from .numbers import (
    ALARM,
    CLOCK_NANOSLEEP,
    NANOSLEEP,
    PAUSE,
    RT_SIGPROCMASK,
    RT_SIGRETURN,
    RT_SIGTIMEDWAIT,
    TIMER_CREATE,
    TIMER_GETOVERRUN,
    TIMER_GETTIME,
    TIMER_SETTIME,
)

S = 1_000_000_000


def spec(box: Box, *ns: int) -> int:
    return box.put(box.init, b"".join(struct.pack("<qq", n // S, n % S) for n in ns))


def test_sleeps(box: Box) -> None:
    t = box.init
    assert box.call(t, NANOSLEEP, spec(box, 3 * S), 0) is None
    box.advance(3 * S - 1)
    assert not box.running(t)
    box.advance(1)
    assert box.running(t) and box.thread(t).result() == 0
    assert box.call(t, NANOSLEEP, box.put(t, struct.pack("<qq", -1, 0)), 0) == -errno.EINVAL
    assert box.call(t, NANOSLEEP, 8, 0) == -errno.EFAULT
    assert box.call(t, CLOCK_NANOSLEEP, 1, 1, spec(box, box.clock.now_ns() - 1), 0) == 0
    assert box.call(t, CLOCK_NANOSLEEP, 0, 1, spec(box, box.clock.realtime_ns() + S), 0) is None
    box.advance(S)
    assert box.thread(t).result() == 0
    assert box.call(t, CLOCK_NANOSLEEP, 3, 0, spec(box, S), 0) == -errno.EOPNOTSUPP
    assert box.call(t, CLOCK_NANOSLEEP, 4, 0, spec(box, S), 0) == -errno.EOPNOTSUPP
    assert box.call(t, CLOCK_NANOSLEEP, 77, 0, spec(box, S), 0) == -errno.EINVAL


def test_alarm_and_interval(box: Box) -> None:
    t, thread = box.init, box.thread(box.init)
    box.handle(t, SIGALRM)
    assert box.call(t, ALARM, 10) == 0
    box.advance(4 * S)
    assert box.call(t, ALARM, 1) == 6
    assert box.call(t, PAUSE) is None
    box.advance(S)
    assert thread.regs[RIP] == 0x400000 and thread.regs[RDI] == SIGALRM
    thread.regs[RSP] += 8
    box.call(t, RT_SIGRETURN)
    value = box.put(t, struct.pack("<qqqq", 0, 500_000, 0, 250_000))
    assert box.call(t, 38, 0, value, 0) == 0
    for wait in (250_000_000, 500_000_000, 500_000_000):
        assert box.call(t, PAUSE) is None
        box.advance(wait)
        assert thread.regs[RIP] == 0x400000
        thread.regs[RSP] += 8
        box.call(t, RT_SIGRETURN)
    assert box.call(t, 38, 3, value, 0) == -errno.EINVAL


def test_virtual_timer_counts_processor_time(box: Box) -> None:
    t = box.init
    box.handle(t, 26)
    box.call(t, 38, 1, box.put(t, struct.pack("<qqqq", 0, 0, 1, 0)), 0)
    box.advance(10 * S)
    assert not box.thread(t).interrupted
    box.thread(t).space.cpu_ns = 2 * S
    box.advance(S)
    assert box.thread(t).interrupted == 1


def test_posix_timer_with_overrun(box: Box) -> None:
    t = box.init
    box.call(t, RT_SIGPROCMASK, 0, box.put(t, (1 << SIGUSR1 - 1).to_bytes(8, "little")), 0, 8)
    event = box.put(t, struct.pack("<Qiii", 0x77, SIGUSR1, 0, 0).ljust(64, b"\0"))
    ident = box.room()
    assert box.call(t, TIMER_CREATE, 1, event, ident) == 0
    assert box.call(t, TIMER_SETTIME, 0, 0, spec(box, S, S), 0) == 0
    box.advance(S // 2)
    out = box.room()
    assert box.call(t, TIMER_GETTIME, 0, out) == 0
    assert struct.unpack("<qqqq", box.get(t, out, 32)) == (1, 0, 0, S // 2)
    box.advance(3 * S)
    info = box.room()
    wanted = box.put(t, (1 << SIGUSR1 - 1).to_bytes(8, "little"))
    assert box.call(t, RT_SIGTIMEDWAIT, wanted, info, 0, 8) == SIGUSR1
    assert struct.unpack("<iii4xiiQ", box.get(t, info, 32)) == (SIGUSR1, 0, -2, 0, 2, 0x77)
    assert box.call(t, TIMER_GETOVERRUN, 0) == 2
    assert box.call(t, RT_SIGTIMEDWAIT, wanted, info, spec(box, 0), 8) == -errno.EAGAIN
    box.advance(S)
    assert box.call(t, RT_SIGTIMEDWAIT, wanted, info, spec(box, 0), 8) == SIGUSR1


def test_timer_create_checks(box: Box) -> None:
    t = box.init
    ident = box.room()
    assert box.call(t, TIMER_CREATE, 99, 0, ident) == -errno.EINVAL
    assert box.call(t, TIMER_CREATE, 1, box.put(t, struct.pack("<Qiii", 0, 65, 0, 0).ljust(64, b"\0")), ident) == -22
    assert box.call(t, TIMER_CREATE, 1, box.put(t, struct.pack("<Qiii", 0, 10, 4, 99).ljust(64, b"\0")), ident) == -22
    assert box.call(t, TIMER_CREATE, 1, 0, 8) == -errno.EFAULT
    assert not t.group.posix_timers
    assert box.call(t, TIMER_SETTIME, 5, 0, spec(box, 0, 0), 0) == -errno.EINVAL


def test_timers_die_with_the_process(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    box.call(child, ALARM, 5)
    box.call(child, 231, 0)
    box.advance(10 * S)
    assert child.group.exit_status == 0


def test_processor_time_limit(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    box.handle(child, 24)
    assert box.call(child, 160, 0, box.put(child, struct.pack("<QQ", 2, 4))) == 0
    thread = box.thread(child)
    thread.space.cpu_ns = 3 * S
    box.advance(3 * S)
    assert thread.interrupted == 1
    thread.come()
    assert thread.regs[RDI] == 24
    thread.space.cpu_ns = 4 * S
    box.advance(2 * S)
    assert child.group.exit_status == 9


def test_tiny_periods_do_not_keep_the_kernel_busy(box: Box) -> None:
    t = box.init
    ignore = box.put(t, struct.pack("<QQQQ", 1, 0, 0, 0))
    assert box.call(t, 13, SIGALRM, ignore, 0, 8) == 0
    event = box.put(t, struct.pack("<Qiii", 0, SIGALRM, 0, 0).ljust(64, b"\0"))
    assert box.call(t, TIMER_CREATE, 1, event, box.room()) == 0
    assert box.call(t, TIMER_SETTIME, 0, 0, spec(box, 1, 1), 0) == 0
    assert box.call(t, 38, 0, box.put(t, struct.pack("<qqqq", 0, 1, 0, 1)), 0) == 0
    fired = 0
    for _ in range(100):
        box.clock.advance(1_000)
        fired += box.reactor.timers.run(box.clock.now_ns())
    assert fired <= 6


def test_a_process_gets_on_beside_an_interval_timer_of_no_period(box: Box) -> None:
    """Its signal is sent again only when the last one was taken, and not before as much time has passed again twice."""
    t, thread = box.init, box.thread(box.init)
    box.handle(t, SIGALRM)
    assert box.call(t, 38, 0, box.put(t, struct.pack("<qqqq", 0, 1, 0, 1)), 0) == 0
    for _ in range(3):
        box.advance(1_000)
        assert thread.interrupted == 1
        box.advance(400_000)  # it takes that long to get there
        assert thread.interrupted == 1
        thread.come()
        assert thread.regs[RDI] == SIGALRM
        thread.regs[RSP] += 8
        box.call(t, RT_SIGRETURN)
        box.advance(799_000)
        assert not thread.interrupted
