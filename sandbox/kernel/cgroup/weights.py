"""Weights: who gets the processors that several control groups want (Documentation/admin-guide/cgroup-v2.rst, Weights;
kernel/sched/fair.c: shares of task groups).

What the host's scheduler gives is corrected: from time to time it is looked at who runs, what each group should have got of
the processor time that all of them together have used, and what it has got. While more threads run than there are
processors, as many as are too many are held, of the groups that are furthest ahead of their part, until they are not. A
group that cannot use its part, because fewer of its threads run, leaves the rest to the others.

Groups compete where their parent passes the controller on; threads of the parent itself do beside them, each with the
weight of a group that has been given none. Where no two compete, nothing is looked at; while nobody runs, neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.sched import CPU_SHARES_USUAL
from sandbox.kernel.cgroup.held import ask, let_go, runs
from sandbox.kernel.task_state import PARK_HELD, WORK_CPU

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup, Hierarchy
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task
    from tcpip.timers import Timer

IDLE_SHARES: Final = 3  # WEIGHT_IDLEPRIO
LOOK_NS: Final = 10_000_000  # while there are too many threads
CALM_NS: Final = 50_000_000  # while there are not
IDLE_NS: Final = 100_000_000  # nobody has run for so long: nobody needs to look
SHARE: Final = 20  # a look takes at most one part in so many of the time
AHEAD_NS: Final = 3_000_000  # whose group has got so much more than its part is held
MOST_NS: Final = 100_000_000  # no more than so much is remembered


class Share:
    """Who competes: a group with all below it, or (`own`) the threads of a group beside those below."""

    __slots__ = ("cgroup", "own", "ahead_ns", "seen_ns", "rate", "running", "used_ns")

    def __init__(self, cgroup: Cgroup, own: bool) -> None:
        self.cgroup = cgroup
        self.own = own
        self.ahead_ns = 0.0  # of what it should have got
        self.seen_ns = -1  # its processor time at the last look; -1: there was none
        self.used_ns = 0  # since
        self.rate = 0.0  # processors that it should get
        self.running: list[Task] = []

    def cpu_ns(self) -> int:
        """Processor time that it has used."""
        used = self.cgroup.cpu_ns()
        if self.own:
            used -= sum(child.cpu_ns() for child in self.cgroup.children.values())
        return used


class Weights:
    """Of all groups of a sandbox. `_holding`: threads that may not go on."""

    __slots__ = (
        "kernel",
        "hierarchy",
        "watching",
        "active",
        "_shares",
        "_holding",
        "_contended",
        "_ran_at",
        "_charged_at",
        "_timer",
    )

    def __init__(self, kernel: Kernel, hierarchy: Hierarchy) -> None:
        self.kernel = kernel
        self.hierarchy = hierarchy
        self.watching = False  # some compete
        self.active = False  # it is looked at
        self._shares: dict[tuple[Cgroup, bool], Share] = {}
        self._holding: dict[Task, None] = {}
        self._contended = False
        self._ran_at = self._charged_at = 0
        self._timer: Timer = kernel.timers.timer(self._look)

    # --- who competes ---

    def changed(self, parent: Cgroup) -> None:
        """A group was made in `parent`, or that passes the controller on."""
        if not self.watching and _compete(parent):
            self.watching = True
            self._begin()

    def _begin(self) -> None:
        self.active = True
        self._contended = False
        now = self._ran_at = self.kernel.clock.now_ns()
        self._timer.arm(now + LOOK_NS)

    def admit(self, t: Task) -> bool:
        """`t` wants to go on. False: it is held until it may."""
        if not self.watching:
            return True
        if not self.active:
            self._begin()
        if t not in self._holding:
            return True
        t.parked = PARK_HELD
        return False

    # --- a look ---

    def _look(self) -> None:
        begin = self.kernel.clock.now_ns()
        if not any(_compete(cgroup) for cgroup in self.hierarchy.root.walk()):
            self._stop()
            return
        self._find()
        running = sum(len(share.running) for share in self._shares.values())
        if running:
            self._ran_at = begin
        elif begin - self._ran_at >= IDLE_NS:
            self._rest()
            return
        if running <= self.kernel.cpus:
            self._contended = False
            self._hold({})
        else:
            self._correct(running - self.kernel.cpus)
        now = self.kernel.clock.now_ns()
        self._timer.arm(now + max(LOOK_NS if self._contended else CALM_NS, (now - begin) * SHARE))

    def _correct(self, too_many: int) -> None:
        """Count what was used since the last look, and hold as many threads as are too many of those who are ahead."""
        self._charge(self._contended)
        self._contended = True
        self._divide(self.hierarchy.root, float(self.kernel.cpus))
        hold: dict[Task, None] = {}
        for share in sorted(self._shares.values(), key=_ahead, reverse=True):
            held = any(task in self._holding for task in share.running)
            if share.ahead_ns <= 0 or not (held or share.ahead_ns > AHEAD_NS):
                continue
            # Who was held goes on first, so that threads of one group take turns.
            for task in sorted(share.running, key=self._holding.__contains__)[:too_many]:
                hold[task] = None
            too_many -= len(share.running)
            if too_many <= 0:
                break
        self._hold(hold)

    def _find(self) -> None:
        """The shares there are now, with the threads that run."""
        found: dict[tuple[Cgroup, bool], Share] = {}
        for cgroup in self.hierarchy.root.walk():
            below = cgroup.competing()
            if below:
                self._take(found, cgroup, True)
            elif cgroup.parent is not None and cgroup.parent.competing():
                self._take(found, cgroup, False)
        self._shares = found

    def _take(self, found: dict[tuple[Cgroup, bool], Share], cgroup: Cgroup, own: bool) -> None:
        share = self._shares.get((cgroup, own)) or Share(cgroup, own)
        share.running = [t for t in (cgroup.own_tasks() if own else cgroup.all_tasks()) if self._runs(t)]
        found[cgroup, own] = share

    def _runs(self, t: Task) -> bool:
        return runs(t) or (t.parked == PARK_HELD and t in self._holding)

    def _charge(self, counts: bool) -> None:
        """`counts`: the last look was about who competes, too."""
        shares = self._shares.values()
        at = self.kernel.clock.now_ns()
        most = (
            at - self._charged_at
        ) * self.kernel.cpus  # what a group that was removed had used comes to its parent at once
        self._charged_at = at
        for share in shares:
            now = share.cpu_ns()
            share.used_ns = min(now - share.seen_ns, most) if share.seen_ns >= 0 else 0
            share.seen_ns = now
        if not counts:
            for share in shares:
                share.ahead_ns = 0.0
            return
        used, rates = sum(share.used_ns for share in shares), sum(share.rate for share in shares)
        for share in shares:
            part = used * share.rate / rates if rates else 0.0
            share.ahead_ns = min(max(share.ahead_ns + share.used_ns - part, -MOST_NS), MOST_NS)
            if not share.running and share.ahead_ns < 0:
                share.ahead_ns = 0.0  # who sleeps saves nothing up

    def _divide(self, cgroup: Cgroup, room: float) -> None:
        """`room` processors among those below `cgroup`, by weight, no more to each than it has threads that run."""
        below = cgroup.competing()
        if not below:
            self._shares[cgroup, False].rate = room
            return
        own = self._shares[cgroup, True]
        wants = [(child.weight_shares(), self._running(child)) for child in below]
        wants.append((CPU_SHARES_USUAL * len(own.running), len(own.running)))
        parts = divided(room, wants)
        own.rate = parts.pop()
        for child, part in zip(below, parts, strict=True):
            self._divide(child, part)

    def _running(self, cgroup: Cgroup) -> int:
        return sum(1 for t in cgroup.all_tasks() if self._runs(t))

    # --- threads ---

    def _hold(self, hold: dict[Task, None]) -> None:
        """These and no others."""
        before, self._holding = self._holding, hold
        for task in hold:
            if task not in before:
                ask(task)
        for task in before:
            if task not in hold:
                let_go(task)

    def _rest(self) -> None:
        """Nobody looks until somebody wants to run."""
        self.active = False
        self._timer.cancel()
        self._shares = {}
        self._hold({})
        for task in self.hierarchy.root.all_tasks():
            task.work |= WORK_CPU

    def _stop(self) -> None:
        """None compete any more."""
        self.watching = self.active = False
        self._timer.cancel()
        self._shares = {}
        self._hold({})


def divided(room: float, wants: list[tuple[int, int]]) -> list[float]:
    """`room` by weight among those who want at most so much: (weight, most) of each."""
    parts = [0.0] * len(wants)
    open_ = [index for index, (weight, most) in enumerate(wants) if most]
    while open_:
        total = sum(wants[index][0] for index in open_)
        full = [index for index in open_ if room * wants[index][0] >= wants[index][1] * total]
        if not full:
            for index in open_:
                parts[index] = room * wants[index][0] / total
            break
        for index in full:
            parts[index] = float(wants[index][1])
        room -= sum(wants[index][1] for index in full)
        open_ = [index for index in open_ if index not in full]
    return parts


def _compete(cgroup: Cgroup) -> bool:
    """Two of those below do, or may with what is in it."""
    below = len(cgroup.competing())
    return below > 1 or (below == 1 and cgroup.parent is not None)


def _ahead(share: Share) -> float:
    return share.ahead_ns
