"""Bringing all threads of a process to a stop at once, so that its code can be changed (patching.py).

Those that run are interrupted. Each comes with something, the interrupt or a request of its own, and that is kept, not
handed to the kernel, until the last one has come; then what is to be done is done, and all that was kept is handed on. Where
one does not come soon (it has no processor, or it is in a long order), nothing is done, and what was kept is handed on all
the same: nobody waits longer than BOUND for it, and the next attempt comes later each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from sandbox.platform.lane.layout import KIND_DONE, KIND_READY, LANE_KIND

if TYPE_CHECKING:
    from sandbox.platform.lane.space import LaneSpace
    from sandbox.platform.lane.thread import LaneThread
    from sandbox.reactor import Reactor

BOUND: Final = 20_000_000  # ns
GAP: Final = 1_000_000  # ns between two of a process
GAP_MOST: Final = 2_000_000_000
MOST: Final = 64  # more threads that run are not stopped for this
_NOT_KEPT: Final = (KIND_DONE, KIND_READY)  # the end of what the kernel has ordered


class Standstill:
    """Of one process. `then` is called once, with all its threads stopped."""

    __slots__ = ("space", "then", "kept", "told", "reached")

    def __init__(self, space: LaneSpace, then: Callable[[], None]) -> None:
        self.space = space
        self.then = then
        self.kept: dict[LaneThread, object] = {}  # and whose threads they were when they came
        self.told: dict[LaneThread, int] = {}  # that were interrupted, and what they had asked last
        self.reached = False

    def hurry(self) -> bool:
        """Interrupt who runs and does not know yet; True when nobody runs."""
        quiet = True
        for thread in self.space.threads.values():
            if not thread.stopped:
                quiet = False
                if self.told.get(thread) != thread.seen:
                    self.told[thread] = thread.seen
                    thread.nudge()
        return quiet


class Standstills:
    """`reached` and `missed`: how many, for the metrics."""

    def __init__(self, reactor: Reactor, serve: Callable[[LaneThread], None]) -> None:
        """`serve`: hand a request on; what it raises is nobody else's affair."""
        self.under_way: dict[LaneSpace, Standstill] = {}
        self.reached = 0
        self.missed = 0
        self._reactor = reactor
        self._serve = serve

    def begin(self, thread: LaneThread, then: Callable[[], None], soon: bool = False) -> bool:
        """Keep this thread's request, and call `then` when all others have stopped, too. `then` leads to `end`. False: not
        now. `soon`: however short ago the last one was; when it is missed, the request is handed on all the same."""
        space = thread.space
        patches = space.patches
        now = self._reactor.clock.now_ns()
        running = sum(not other.stopped for other in space.threads.values())
        if space in self.under_way or (now < patches.still_next and not soon) or running > MOST or space.busy:
            return False
        still = Standstill(space, then)
        still.kept[thread] = thread.owner
        self.under_way[space] = still
        self._reactor.call_after(BOUND, lambda: self._late(still))
        still.hurry()
        return True

    def keep(self, thread: LaneThread) -> bool:
        """A request has come from a process that is brought to a stop. True: it is handed on later."""
        still = self.under_way[thread.space]
        if thread.words[LANE_KIND] in _NOT_KEPT:
            return False
        still.kept[thread] = thread.owner
        if not still.reached and still.hurry():
            still.reached = True
            self.reached += 1
            thread.space.patches.still_gap = GAP
            still.then()
        return True

    def postpone(self, thread: LaneThread) -> None:
        """Hand this thread's request on a little later."""
        owner = thread.owner
        self._reactor.call_after(GAP, lambda: self._hand_on(thread, owner))

    def _hand_on(self, thread: LaneThread, owner: object) -> None:
        if thread.stopped and thread.owner is owner and not thread.released and not thread.space.dead:
            self._serve(thread)

    def drop(self, thread: LaneThread) -> None:
        """What was kept of it is handed on by somebody else."""
        still = self.under_way.get(thread.space)
        if still is not None:
            still.kept.pop(thread, None)

    def end(self, space: LaneSpace) -> None:
        """Hand on what was kept."""
        still = self.under_way.pop(space, None)
        if still is None:
            return
        patches = space.patches
        patches.still_next = self._reactor.clock.now_ns() + patches.still_gap
        for thread, owner in still.kept.items():
            self._hand_on(thread, owner)

    def _late(self, still: Standstill) -> None:
        if self.under_way.get(still.space) is not still:
            return
        patches = still.space.patches
        if not still.reached:
            self.missed += 1
            patches.still_gap = min(2 * patches.still_gap, GAP_MOST)
        self.end(still.space)
