"""RLIMIT_CPU: SIGXCPU at the soft limit and every second after it, SIGKILL at the hard limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.abi.linux.signal import SI_KERNEL, SIGKILL, SIGXCPU
from sandbox.abi.linux.time import NS_PER_S
from sandbox.kernel.interval_timer import CPU_SLICE_NS
from sandbox.kernel.rlimits import RLIM_INFINITY, RLIMIT_CPU
from sandbox.kernel.signal_info import SignalInfo

if TYPE_CHECKING:
    from sandbox.kernel.thread_group import ThreadGroup
    from tcpip.timers import Timer


class CpuLimit:
    """Looks at the process's time when it may have reached a limit (kernel/time/posix-cpu-timers.c)."""

    __slots__ = ("group", "next_ns", "_timer")

    def __init__(self, group: ThreadGroup) -> None:
        self.group = group
        self.next_ns = 0  # processor time at which the next SIGXCPU is due
        self._timer: Timer = group.kernel.timers.timer(self._look)

    def update(self) -> None:
        """The limits have changed, or the process has just begun."""
        soft = self.group.rlimits.get(RLIMIT_CPU)
        if soft == RLIM_INFINITY and self.group.rlimits.hard[RLIMIT_CPU] == RLIM_INFINITY:
            self._timer.cancel()
            return
        self.next_ns = max(soft, 1) * NS_PER_S
        self._arm()

    def close(self) -> None:
        """The process has ended: nothing of it is held by a timer that was far away."""
        self._timer.close()

    def _arm(self) -> None:
        hard = self.group.rlimits.hard[RLIMIT_CPU]
        due = min(self.next_ns, hard * NS_PER_S)
        left = max(0, due - self.group.cpu_ns()) // self.group.kernel.cpus
        self._timer.arm(self.group.kernel.clock.now_ns() + max(CPU_SLICE_NS, left))

    def _look(self) -> None:
        group = self.group
        used = group.cpu_ns()
        if used >= group.rlimits.hard[RLIMIT_CPU] * NS_PER_S:
            group.send_signal(SignalInfo(SIGKILL, SI_KERNEL))
            return
        if used >= self.next_ns:
            group.send_signal(SignalInfo(SIGXCPU, SI_KERNEL), to_running=True)
            self.next_ns += NS_PER_S
        self._arm()


def limit_cpu(group: ThreadGroup) -> None:
    """Begin to watch the process if it has a limit."""
    limits = group.rlimits
    if group.cpu_limit is None:
        if limits.soft[RLIMIT_CPU] == limits.hard[RLIMIT_CPU] == RLIM_INFINITY:
            return
        group.cpu_limit = CpuLimit(group)
    group.cpu_limit.update()
