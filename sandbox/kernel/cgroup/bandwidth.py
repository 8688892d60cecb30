"""Bandwidth: how much processor time a control group may use in each period (kernel/sched/fair.c: CFS bandwidth control;
Documentation/scheduler/sched-bwc.rst).

Time is what the host has counted for the host processes of the guests, so that it is looked at from time to time: when the
group may have used up what it has, however many of its threads run. What it has used beyond is taken from the next period.
A group that has nothing left is throttled: threads that run are interrupted, and those that come back from a call are held
where they would go on, until there is more. One that waits in a call is left alone, and nobody is told.

A group in which nobody runs is not looked at: each of its threads has WORK_CPU, and the first that wants to run again
begins it anew. Where no group has a limit no thread ever has that.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.sched import CPU_LEAST_US, CPU_PERIOD_MOST_US, CPU_QUOTA_MOST_US
from sandbox.errors import SyscallError
from sandbox.kernel.cgroup import memory
from sandbox.kernel.cgroup.held import ask, let_go, runs
from sandbox.kernel.task_state import PARK_HELD, WORK_CPU

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task
    from tcpip.timers import Timer

DEFAULT_PERIOD_NS: Final = 100_000_000
SHORTEST_NS: Final = CPU_LEAST_US * 1000
LONGEST_NS: Final = CPU_PERIOD_MOST_US * 1000
MOST_NS: Final = CPU_QUOTA_MOST_US * 1000
SOONEST_NS: Final = 1_000_000  # between two looks
OTHERS_NS: Final = 250_000  # more for each group that is looked at: all of them together are not looked at all the time
SHARE: Final = 20  # a look takes at most one part in so many of the time
REST_NS: Final = (
    100_000_000  # but no longer is not looked, where one that took long has only waited for a processor itself
)
TASK_NS: Final = 20_000  # what a thread costs at most: it has a file of the host's procfs
IDLE_NS: Final = 100_000_000  # nobody has run for so long: nobody needs to look


class Bandwidth:
    """Of one group and those below. `quota_ns` None: no limit. The rest is what cpu.stat says.

    `_left_ns` is less than nothing where too much was used; `_kept_ns` is what there was when the period began."""

    __slots__ = (
        "kernel", "cgroup", "quota_ns", "period_ns", "burst_ns", "periods", "throttles", "throttled_ns", "bursts", "burst_used_ns",
        "throttled", "active", "_left_ns", "_kept_ns", "_seen_ns", "_period_at", "_used_at", "_held", "_held_at", "_timer",
    )  # fmt: skip

    def __init__(self, kernel: Kernel, cgroup: Cgroup) -> None:
        self.kernel = kernel
        self.cgroup = cgroup
        self.quota_ns: int | None = None
        self.period_ns = DEFAULT_PERIOD_NS
        self.burst_ns = 0
        self.periods = self.throttles = self.throttled_ns = 0
        self.bursts = self.burst_used_ns = 0
        self.throttled = False
        self.active = False  # it is looked at
        self._left_ns = self._kept_ns = 0
        self._seen_ns = 0  # processor time of the group at the last look
        self._period_at = 0
        self._used_at = 0  # when it was seen to have grown
        self._held: dict[Task, None] = {}
        self._held_at = 0
        self._timer: Timer = kernel.timers.timer(self._look)

    # --- settings ---

    def set(self, quota_ns: int | None, period_ns: int, burst_ns: int) -> None:
        """EINVAL (tg_set_cfs_bandwidth). It begins with a whole quota."""
        if not SHORTEST_NS <= period_ns <= LONGEST_NS:
            raise SyscallError(errno.EINVAL)
        if quota_ns is not None:
            if not SHORTEST_NS <= quota_ns <= MOST_NS or burst_ns > quota_ns or burst_ns + quota_ns > MOST_NS:
                raise SyscallError(errno.EINVAL)
        self.cgroup.hierarchy.cpu_bounds += (quota_ns is not None) - (self.quota_ns is not None)
        self.quota_ns, self.period_ns, self.burst_ns = quota_ns, period_ns, burst_ns
        now = self.kernel.clock.now_ns()
        self._activate(quota_ns is not None)
        self._left_ns = self._kept_ns = quota_ns or 0
        self._release(now)
        if quota_ns is None:
            self._timer.cancel()
            return
        self._seen_ns = self.cgroup.cpu_ns()
        self._period_at = self._used_at = now
        self._arm(now)

    def close(self) -> None:
        """The group is gone, or has the controller no longer."""
        self.set(None, DEFAULT_PERIOD_NS, 0)
        self._timer.close()

    # --- threads ---

    def admit(self, t: Task) -> bool:
        """`t` wants to go on. False: it is held until it may."""
        quota = self.quota_ns
        if quota is None:
            return True
        if not self.active:
            self._wake(quota)
        if not self.throttled:
            return True
        if not self._held:
            self._held_at = self.kernel.clock.now_ns()
        self._held[t] = None
        t.parked = PARK_HELD
        return False

    def _running(self) -> int:
        """How many threads of the group run, up to as many as there are processors."""
        found = 0
        for task in self.cgroup.all_tasks():
            if runs(task):
                found += 1
                if found == self.kernel.cpus:
                    break
        return found

    # --- time ---

    def _look(self) -> None:
        quota = self.quota_ns
        if quota is None:
            return
        begin = self.kernel.clock.now_ns()
        self._charge()
        if begin - self._period_at >= self.period_ns and self._next_period(begin, quota):
            self._rest()
            return
        if self._left_ns <= 0:
            self._throttle()
        self._arm(begin)

    def _arm(self, begin: int) -> None:
        """Look again when it may have used up what is left, or when there is more. This look has begun at `begin`."""
        due = self._period_at + self.period_ns
        running = 1 if self.throttled else max(1, self._running())
        soonest = SOONEST_NS + OTHERS_NS * (self.cgroup.hierarchy.cpu_looked_at - 1)
        now = self.kernel.clock.now_ns()
        if not self.throttled:
            due = min(due, now + self._left_ns // running)
        rest = (now - begin) * SHARE
        if rest > REST_NS:
            rest = min(rest, max(REST_NS, self.cgroup.tasks() * TASK_NS * SHARE))
        self._timer.arm(max(due, now + max(soonest, rest)))

    def _activate(self, active: bool) -> None:
        self.cgroup.hierarchy.cpu_looked_at += active - self.active
        self.active = active

    def _charge(self) -> None:
        used = self.cgroup.cpu_ns()
        if used > self._seen_ns:
            self._left_ns -= used - self._seen_ns
            self._seen_ns = used
            self._used_at = self.kernel.clock.now_ns()

    def _next_period(self, now: int, quota: int) -> bool:
        """One or more are over (do_sched_cfs_period_timer). True: nobody runs, nobody has for some time."""
        count = (now - self._period_at) // self.period_ns
        self._period_at += count * self.period_ns
        self.periods += count
        if self._held:
            self.throttles += count
        self._refill(quota, count)
        if self.throttled and self._left_ns > 0:
            self._release(now)
        return now - self._used_at >= IDLE_NS and not self.throttled and not self._running()

    def _refill(self, quota: int, count: int) -> None:
        beyond = self._kept_ns - max(0, self._left_ns) - quota
        if beyond > 0:
            self.bursts += 1
            self.burst_used_ns += beyond
        self._left_ns = min(self._left_ns + count * quota, quota + self.burst_ns)
        self._kept_ns = max(0, self._left_ns)

    def _rest(self) -> None:
        """Nobody looks until somebody wants to run."""
        self._activate(False)
        self._timer.cancel()
        for task in self.cgroup.all_tasks():
            task.work |= WORK_CPU

    def _wake(self, quota: int) -> None:
        """Somebody does: periods without anybody give no more than one does."""
        self._activate(True)
        now = self.kernel.clock.now_ns()
        self._charge()
        count = (now - self._period_at) // self.period_ns
        if count:
            self._period_at += count * self.period_ns
            self._refill(quota, 1)
        if self._left_ns <= 0:
            self._throttle()
        self._arm(now)

    def _throttle(self) -> None:
        self.throttled = True
        for task in self.cgroup.all_tasks():
            ask(task)

    def _release(self, now: int) -> None:
        self.throttled = False
        held, self._held = self._held, {}
        if held:
            self.throttled_ns += now - self._held_at
        for task in held:
            let_go(task)


def bandwidth_of(cgroup: Cgroup, kernel: Kernel) -> Bandwidth:
    """The group's, made when it is first set."""
    if cgroup.bandwidth is None:
        cgroup.bandwidth = Bandwidth(kernel, cgroup)
    return cgroup.bandwidth


def admit(t: Task) -> bool:
    """A thread with WORK_CPU is about to go back to guest code. False: one of its control groups is throttled, or it has got
    too much memory: it is held."""
    if t.penalty_until and not memory.admit(t):
        return False
    own = t.cgroup()
    weights = own.hierarchy.weights
    if weights is not None and not weights.admit(t):
        return False
    for cgroup in own.ancestors():
        if cgroup.bandwidth is not None and not cgroup.bandwidth.admit(t):
            return False
    t.work &= ~WORK_CPU
    return True


def follow(t: Task) -> None:
    """It has come to another control group: it asks there."""
    ask(t)
    let_go(t)
