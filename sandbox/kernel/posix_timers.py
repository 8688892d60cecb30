"""POSIX timers: timer_create(2) and its kin (kernel/time/posix-timers.c).

At most one signal of a timer is queued; further expiries are counted as its overrun, which is put
into the siginfo when the signal is taken. A signal that is for the process goes to a thread that runs, if one does
(since Linux 6.4: the thread whose time the timer used up, not the leader that may sleep).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.signal import SI_TIMER, SIGEV_NONE, SIGEV_THREAD_ID
from sandbox.abi.linux.time import CLOCK_REALTIME, CLOCK_TAI
from sandbox.kernel.interval_timer import CPU_SLICE_NS, MIN_PERIOD_NS, rest_ns
from sandbox.kernel.signal_info import SignalInfo

if TYPE_CHECKING:
    from sandbox.kernel.signal_queue import SignalCount
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup
    from tcpip.timers import Timer

MAX_OVERRUN: Final = 0x7FFFFFFF


class PosixTimer:
    """`next_ns` is the next expiry on `clock`, None while disarmed. `runs`: whose processor time the clock counts; when that
    has ended the timer stands still."""

    __slots__ = (
        "group",
        "timer_id",
        "clock",
        "runs",
        "notify",
        "signo",
        "value",
        "target",
        "interval_ns",
        "next_ns",
        "overrun",
        "last_overrun",
        "queued",
        "charged",
        "_sent_ns",
        "_timer",
    )

    def __init__(
        self,
        group: ThreadGroup,
        timer_id: int,
        clock: int,
        runs: Task | ThreadGroup | None,
        notify: int,
        signo: int,
        value: int,
        target: Task | None,
        charged: SignalCount,
    ) -> None:
        self.group = group
        self.timer_id = timer_id
        self.clock = clock
        self.runs = runs
        self.notify = notify
        self.signo = signo
        self.value = value
        self.target = target  # SIGEV_THREAD_ID
        self.interval_ns = 0
        self.next_ns: int | None = None
        self.overrun = 0
        self.last_overrun = 0
        self.queued = False
        self.charged = charged  # its signal has a place for as long as it is there (sigqueue_alloc)
        charged.queued += 1
        self._sent_ns = 0  # when its signal was queued, on the kernel's clock
        self._timer: Timer = group.kernel.timers.timer(self._fire)

    def now(self) -> int:
        """The timer's clock."""
        if self.runs is not None:
            return self.runs.cpu_ns()
        if self.clock in (CLOCK_REALTIME, CLOCK_TAI):
            return self.group.kernel.clock.realtime_ns()
        return self.group.kernel.clock.now_ns()

    def stands_still(self) -> bool:
        """Whose processor time it counts has ended."""
        return self.runs is not None and self.runs.ended()

    def get(self) -> tuple[int, int]:
        """(interval, time left), ns."""
        if self.next_ns is None or self.stands_still():
            return self.interval_ns, 0
        left = self.next_ns - self.now()
        if left <= 0 and self.notify == SIGEV_NONE:
            if not self.interval_ns:
                return 0, 0
            left = self.interval_ns - (-left) % self.interval_ns
        return self.interval_ns, max(1, left)

    def set(self, interval_ns: int, value_ns: int, absolute: bool) -> None:
        """timer_settime(2): 0 disarms."""
        self._timer.cancel()
        self._drop_signal()
        self.interval_ns = interval_ns
        self.overrun = self.last_overrun = 0
        if value_ns == 0:
            self.next_ns = None
            return
        self.next_ns = value_ns if absolute else self.now() + value_ns
        self._arm()

    def delete(self) -> None:
        """timer_delete(2)."""
        self.charged.queued -= 1
        self.next_ns = None
        self._timer.close()
        self._drop_signal()

    def _drop_signal(self) -> None:
        if self.queued:
            self.queued = False
            self.group.pending.discard_timer(self)
            if self.target is not None:
                self.target.pending.discard_timer(self)

    def _arm(self, rest: int = MIN_PERIOD_NS) -> None:
        """Periodic timers `rest` ns from now at the earliest."""
        if self.next_ns is None or self.notify == SIGEV_NONE:
            return
        left = max(rest if self.interval_ns else 0, self.next_ns - self.now())
        if self.runs is not None:
            left = max(left // self.group.kernel.cpus, CPU_SLICE_NS)
        self._timer.arm(self.group.kernel.clock.now_ns() + left)

    def _fire(self) -> None:
        due = self.next_ns
        if due is None or self.stands_still():
            return
        now = self.now()
        if now < due:
            self._arm()
            return
        missed = 0
        if self.interval_ns:
            missed = (now - due) // self.interval_ns
            self.next_ns = due + (missed + 1) * self.interval_ns
        else:
            self.next_ns = None
        if self.queued:
            self.overrun = min(self.overrun + missed + 1, MAX_OVERRUN)
        else:
            self.overrun = min(missed, MAX_OVERRUN)
            self._send()
        # While the signal waits to be taken nobody needs the timer: `signal_taken` counts what passed.
        if not self.queued:
            self._arm()

    def _send(self) -> None:
        info = SignalInfo(self.signo, SI_TIMER, value=self.value)
        info.timer_id = self.timer_id
        info.timer = self
        self.queued = True
        self._sent_ns = self.group.kernel.clock.now_ns()
        if self.notify & SIGEV_THREAD_ID and self.target is not None:
            self.target.send_signal(info)
            if not self.target.pending.mask >> (self.signo - 1) & 1:
                self.queued = False
        else:
            self.group.send_signal(info, to_running=True)
            if not self.group.pending.mask >> (self.signo - 1) & 1:
                self.queued = False

    def signal_taken(self, info: SignalInfo) -> None:
        """The queued signal is being delivered: fill in the overrun, go on counting."""
        self.queued = False
        if self.next_ns is not None and self.interval_ns:
            late = self.now() - self.next_ns
            if late >= 0:
                missed = late // self.interval_ns + 1
                self.overrun = min(self.overrun + missed, MAX_OVERRUN)
                self.next_ns += missed * self.interval_ns
            self._arm(rest_ns(self.group.kernel.clock.now_ns() - self._sent_ns))
        self.last_overrun = self.overrun
        info.overrun = self.overrun
        self.overrun = 0
