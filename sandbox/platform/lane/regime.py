"""When to look at the lanes and when to sleep.

Three regimes, chosen from what was measured:

- *dense*: calls come within microseconds of each other and a CPU is free for the sentry: the sentry
  looks at the lanes without sleeping, nobody is woken;
- *sparse*: calls are far apart, or the sandbox has one CPU: nobody looks; a call parks at once and its
  notification wakes the sentry on the caller's own CPU (Linux 6.6), which costs a few microseconds
  where waking another CPU costs tens;
- *crowded*: more guest threads run than there are CPUs beside the sentry's: look, but briefly.

Looking also fails when other programs want the CPUs (threads then park although somebody looks, because
the sentry or they are not running), when most calls block, and when they need ordered calls. When many
notifications come although the sentry looks, or it serves few calls each time before it sleeps again, nobody looks
for a while.

Times are ns.
"""

from __future__ import annotations

import os
from typing import Final

from tcpip.native import is_compiled

DENSE_GAP: Final = 60_000  # mean gap between an answer and the next call below which looking pays
SPARSE_GAP: Final = 250_000
ROUNDS: Final = 6 if is_compiled() else 1  # that a compiled sentry makes while an interpreted one makes one
DENSE_ROUNDS: Final = 600 * ROUNDS  # empty rounds over the lanes before the sentry sleeps
CROWDED_ROUNDS: Final = 200 * ROUNDS
PAUSE_ROUNDS: Final = 40 * ROUNDS  # empty rounds after which what waits for more calls waits no longer
STUB_LOOKS: Final = 12000  # pauses before a thread parks, while the sentry is awake
PARK_WINDOW: Final = 64  # calls over which parked ones are counted
PARK_BOUND: Final = 16  # of them parked: looking does not work now
EPISODES: Final = 8  # stretches of looking, from waking to sleep, over which their yield is counted
EPISODE_CALLS: Final = 8  # calls in each on average that pay for moving a thread to another CPU and waking it there
PENALTY: Final = 4_000_000  # without looking, where it did not pay; twice as long each time
PENALTY_MOST: Final = 640_000_000
_DECAY: Final = 3  # a new gap counts 1/8
_LONGEST: Final = 4_000_000  # one long gap says no more than this

SPARSE: Final = 0
DENSE: Final = 1
CROWDED: Final = 2
REGIMES: Final = ("sparse", "dense", "crowded")


class Regime:
    """Fed with each wake-up and each round of looking; answers how many rounds to look."""

    __slots__ = (
        "enabled",
        "cpus",
        "gap",
        "last",
        "now",
        "entered",
        "residency",
        "_spending",
        "misses",
        "_episodes",
        "_yield",
        "_calls",
        "_parks",
        "_penalty",
        "_until",
    )

    def __init__(self, looking: bool) -> None:
        self.cpus = len(os.sched_getaffinity(0))
        self.enabled = looking and self.cpus > 1
        self.gap = 1_000_000
        self.last = 0
        self.now = SPARSE
        self.entered = 0
        self.residency = [0, 0, 0]  # ns spent in each; asleep it is sparse, whatever comes next
        self._spending = SPARSE
        self.misses = 0  # looks in a row that ended in sleep without having served anything
        self._episodes = 0
        self._yield = 0
        self._calls = 0
        self._parks = 0
        self._penalty = PENALTY
        self._until = 0  # do not look before

    def until(self, at: int) -> list[int]:
        """ns spent in each regime so far; the first from the first call on."""
        spent = list(self.residency)
        if self.entered:
            spent[self._spending] += at - self.entered
        return spent

    def _spend(self, regime: int, at: int) -> None:
        """The time from now on is this one's."""
        self.residency[self._spending] += at - self.entered
        self.entered = at
        self._spending = regime

    def woken_by_call(self, at: int) -> None:
        """A parked thread's notification came at `at`."""
        gap = at - self.last
        self.last = at
        if not self.entered:
            self.entered = at
        self.gap += (min(gap, _LONGEST) - self.gap) >> _DECAY

    def served(self, at: int) -> None:
        """The call that woke the sentry has its answer: the gap up to the next one begins, whatever it has cost."""
        self.last = at

    def notified_while_awake(self, at: int) -> bool:
        """A notification came although somebody looked: a thread that parked, or an ordered call; waking its thread
        on another CPU is what costs most. True: stop looking."""
        self._parks += 1
        self._calls += 1
        if self._parks < PARK_BOUND:
            return False
        self._stop(at)
        return True

    def _stop(self, at: int) -> None:
        """Looking does not pay: nobody looks for a while, longer each time."""
        self._parks = self._calls = self._episodes = self._yield = 0
        self._until = at + self._penalty
        self._penalty = min(self._penalty * 2, PENALTY_MOST)

    def goes_to_sleep(self, at: int) -> None:
        """A stretch of looking ends. When such stretches serve few calls each, the next ones are not begun."""
        self._spend(SPARSE, at)
        self._episodes += 1
        if self._episodes >= EPISODES:
            if self._yield < EPISODES * EPISODE_CALLS:
                self._stop(at)
            self._episodes = self._yield = 0

    def looked(self, served: int, at: int) -> None:
        """A stretch of looking served so many calls and ended at `at`."""
        gap = at - self.last
        self.last = at
        if served:
            self.misses = 0
            self._calls += served
            self._yield += served
            if self._calls > PARK_WINDOW:
                self._calls = self._parks = 0
                self._penalty = max(PENALTY, self._penalty // 2)
            mean = gap // served
            self.gap += (min(mean, _LONGEST) - self.gap) >> 1
        else:
            self.misses += 1

    def choose(self, running: int, at: int) -> int:
        """The regime from now on, with `running` guest threads that are not stopped."""
        if not self.enabled or at < self._until:
            chosen = SPARSE
        elif self.now == SPARSE:
            chosen = DENSE if self.gap < DENSE_GAP else SPARSE
        else:
            chosen = SPARSE if self.gap > SPARSE_GAP or self.misses > 3 else DENSE
        if chosen == DENSE and running >= self.cpus:
            chosen = CROWDED
        if chosen != self._spending:
            self._spend(chosen, at)
        if chosen != self.now:
            self.now = chosen
            if chosen == SPARSE:
                self.misses = 0
                self.gap = SPARSE_GAP
        return chosen
