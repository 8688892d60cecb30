"""Interval timers: alarm(2), setitimer(2) (kernel/time/itimer.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.signal import SI_KERNEL
from sandbox.kernel.signal_info import SignalInfo

if TYPE_CHECKING:
    from sandbox.kernel.thread_group import ThreadGroup
    from tcpip.timers import Timer

CPU_SLICE_NS: Final = 4_000_000  # how often a processor-time timer looks, at least (a tick at HZ=250)

MIN_PERIOD_NS: Final = 50_000  # a periodic timer is not looked at more often; what passes meanwhile is overrun
MAX_REST_NS: Final = 2_000_000


def rest_ns(latency_ns: int) -> int:
    """How long a periodic timer waits after its signal was taken, `latency_ns` after it was sent: what a signal costs here
    may be more than the period, and the process has to get on with what it does between two of them."""
    return min(max(2 * latency_ns, MIN_PERIOD_NS), MAX_REST_NS)


class IntervalTimer:
    """One of a process's three timers. `cpu`: it counts processor time instead of wall time.

    `next_ns` is the next expiry on the timer's own clock, None while disarmed. Once expired, a periodic timer of wall
    time rests until a signal of its number is taken (kernel/signal.c: dequeue_signal): `sent_ns` is since when.
    """

    __slots__ = ("group", "signo", "cpu", "next_ns", "interval_ns", "sent_ns", "_timer")

    def __init__(self, group: ThreadGroup, signo: int, cpu: bool) -> None:
        self.group = group
        self.signo = signo
        self.cpu = cpu
        self.next_ns: int | None = None
        self.interval_ns = 0
        self.sent_ns: int | None = None
        self._timer: Timer = group.kernel.timers.timer(self._fire)

    def _now(self) -> int:
        return self.group.cpu_ns() if self.cpu else self.group.kernel.clock.now_ns()

    def get(self) -> tuple[int, int]:
        """(interval, time left), ns; 0 left: disarmed."""
        if self.next_ns is None or self.sent_ns is not None:
            return self.interval_ns, 0
        return self.interval_ns, max(1000, self.next_ns - self._now())

    def set(self, interval_ns: int, value_ns: int) -> None:
        """Arm it `value_ns` from now, 0 disarms."""
        self.interval_ns = interval_ns
        if value_ns == 0:
            self.cancel()
            return
        self.next_ns = self._now() + value_ns
        self.sent_ns = None
        self._arm()

    def cancel(self) -> None:
        """Disarm."""
        self.next_ns = self.sent_ns = None
        self._timer.cancel()

    def close(self) -> None:
        """The process has ended: nothing of it is held by a timer that was far away."""
        self.cancel()
        self._timer.close()

    def signal_taken(self) -> None:
        """A signal of its number has been dequeued: go on, without what has passed meanwhile."""
        due, sent = self.next_ns, self.sent_ns
        if due is None or sent is None:
            return
        self.sent_ns = None
        now = self._now()
        if now >= due:
            self.next_ns = due = due + ((now - due) // self.interval_ns + 1) * self.interval_ns
        self._timer.arm(max(due, now + rest_ns(now - sent)))

    def _arm(self) -> None:
        if self.next_ns is None:
            return
        if self.cpu:
            left = max(0, self.next_ns - self._now())
            self._timer.arm(self.group.kernel.clock.now_ns() + max(CPU_SLICE_NS, left // self.group.kernel.cpus))
        else:
            self._timer.arm(self.next_ns)

    def _fire(self) -> None:
        due = self.next_ns
        if due is None:
            return
        now = self._now()
        if now < due:
            self._arm()
            return
        if self.interval_ns:
            self.next_ns = due + ((now - due) // self.interval_ns + 1) * self.interval_ns
            if self.cpu:
                self._arm()
            else:
                self.sent_ns = now
        else:
            self.next_ns = None
        self.group.send_signal(SignalInfo(self.signo, SI_KERNEL), to_running=self.cpu)
