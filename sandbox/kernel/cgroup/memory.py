"""GroupMemory: what the files memory.* of a control group set and tell, apart from memory.max (mm/memcontrol.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.kernel.cgroup.events import Event
from sandbox.kernel.cgroup.held import ask, let_go
from sandbox.kernel.task_state import PARK_HELD

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task
    from sandbox.platform.base import AddressSpace

LONGEST_NS: Final = 2_000_000_000  # MEMCG_MAX_HIGH_DELAY_JIFFIES
SHORTEST_NS: Final = 10_000_000  # less is not worth it
LOOK_NS: Final = 2_000_000  # one that was held is looked at again so soon after
_PRECISION: Final = 20  # MEMCG_DELAY_PRECISION_SHIFT
_SCALE: Final = 14  # MEMCG_DELAY_SCALING_SHIFT
_BATCH: Final = 64  # MEMCG_CHARGE_BATCH, pages
_SECOND_NS: Final = 1_000_000_000


class MemoryEvents:
    """memory.events, and memory.events.local: of the group's own bound and processes."""

    __slots__ = (
        "high", "max", "oom", "kill", "group_kill", "local_high", "local_max", "local_oom", "local_kill", "local_group_kill", "changed",
    )  # fmt: skip

    def __init__(self) -> None:
        self.high = self.max = self.oom = self.kill = self.group_kill = 0
        self.local_high = self.local_max = self.local_oom = self.local_kill = self.local_group_kill = 0
        self.changed: Event = Event()


class GroupMemory:
    """Pages; None: no bound. Nothing is taken back from a process that has it, nor swapped: what is protected from that stays
    where it is as everything does, and a bound of what is swapped is never met."""

    __slots__ = ("high", "low", "min", "peak", "swap_high", "swap_max")

    def __init__(self) -> None:
        self.high: int | None = None
        self.low: int | None = 0
        self.min: int | None = 0
        self.peak = 0  # as far as it was seen
        self.swap_high: int | None = None
        self.swap_max: int | None = None

    def seen(self, pages: int) -> int:
        """So many are used now: the most that ever were."""
        self.peak = max(self.peak, pages)
        return self.peak


def slow_down(kernel: Kernel, cgroup: Cgroup, used: int, grown: list[tuple[AddressSpace, int]]) -> None:
    """`cgroup` uses more than memory.high: those who have got more pages, as `grown` says, wait for it."""
    high, now, exceeded = cgroup.memory.high, kernel.clock.now_ns(), False
    if high is None:
        return
    for space, pages in grown:
        if pages:
            exceeded = True
            delay = penalty_ns(used, high, pages)
            for task in kernel.spaces.get(space, ()) if delay else ():
                penalize(task, now + delay)
    if exceeded:
        cgroup.memory_events.local_high += 1
        for one in cgroup.ancestors():
            one.memory_events.high += 1
            one.memory_events.changed.happened()


def penalty_ns(used: int, high: int, grown: int) -> int:
    """How long one waits who has got `grown` pages, in a group that uses `used`: for little beyond the bound hardly at all, for
    a fifth of it minutes (calculate_high_delay)."""
    overage = (used - high << _PRECISION) // max(high, 1)
    delay = (overage * overage * _SECOND_NS >> _PRECISION + _SCALE) * grown // _BATCH
    return min(delay, LONGEST_NS) if delay > SHORTEST_NS else 0


def penalize(t: Task, until_ns: int) -> None:
    """`t` does not go on before `until_ns`, wherever it is now (mem_cgroup_handle_over_high)."""
    t.penalty_until = max(t.penalty_until, until_ns)
    ask(t)


def admit(t: Task) -> bool:
    """One that was penalized is about to go back to guest code. False: it is held, and only SIGKILL ends that."""
    kernel = t.kernel
    left = t.penalty_until - kernel.clock.now_ns()
    if not 0 < left <= LONGEST_NS:
        t.penalty_until = 0
        return True
    t.parked = PARK_HELD
    kernel.reactor.call_at(t.penalty_until, lambda: _over(kernel, t))
    return False


def _over(kernel: Kernel, t: Task) -> None:
    if t.parked == PARK_HELD and kernel.cgroups.on_bound is not None:
        kernel.cgroups.on_bound(LOOK_NS)
    let_go(t)
