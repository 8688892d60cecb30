"""Waking threads that sleep at a word of the control pages, by the sentry or by another thread that is about to sleep.

A thread whose call waits sleeps with futex(2) at one of WAITS words, which all processes can see and only the sentry can
write. When it is answered the word changes. To wake it from the sentry's processor costs an interrupt of the other one; but
what has caused its answer is often a thread that goes to sleep itself a moment later (a pipe's other end, say). So while the
sentry looks it waits a few looks for such a thread and has that one do it, on its own processor, where the woken one
takes over. A thread that does not do what it was told delays the other for a bounded time: the sentry wakes it then.

Where other threads keep all processors it would only push one of them aside. So as long as these go on making calls it waits
for longer, half a millisecond at most: a server answers all who have asked before a client runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.platform import hostcalls
from sandbox.platform.lane import layout
from sandbox.platform.lane.layout import LANE_WAKE
from sandbox.platform.lane.regime import ROUNDS

if TYPE_CHECKING:
    from sandbox.platform.lane.thread import LaneThread

_PATIENCE: Final = 24 * ROUNDS  # empty looks in which somebody who goes to sleep may turn up
_HANDED: Final = 240 * ROUNDS  # empty looks after which it should have been woken
_OTHERS: Final = 50 if ROUNDS == 1 else 150  # requests of others in half a millisecond


class HandOver:
    """At most one answered thread at a time waits to be woken."""

    __slots__ = (
        "deferring",
        "due",
        "_control",
        "_address",
        "_next",
        "_sleeper",
        "_seen",
        "_handed",
        "left",
        "_active",
        "_room",
    )

    def __init__(self, control: memoryview, active: list[tuple[memoryview, LaneThread]], cpus: int) -> None:
        self._active = active
        self._room = cpus - 1  # processors beside the sentry's
        self._control = control
        self._address = hostcalls.address_of(control)
        self._next = 0
        self.deferring = False  # somebody calls `idle` and `flush`
        self.due = 0  # empty looks from now; 0: nobody waits
        self._sleeper: LaneThread | None = None
        self._seen = 0  # the request whose answer it is to find
        self._handed = False  # another thread was told to wake it
        self.left = 0  # requests of others until it is woken; 0: they do not matter

    def new_word(self) -> int:
        """Where the next thread sleeps. Threads share words when there are many; one too many that wakes sleeps again."""
        self._next = self._next % (layout.WAITS - 1) + 1  # 0 is nobody's
        return self._next

    def answered(self, thread: LaneThread) -> None:
        """Its answer is in the lane, and it sleeps or is about to."""
        word = layout.CONTROL_WAITS // 8 + thread.wait_word
        self._control[word] = self._control[word] + 1 & 0xFFFF_FFFF
        if not self.deferring:
            self._wake(thread)
            return
        if self._sleeper is not None:
            self.flush()
        self._sleeper = thread
        self._seen = thread.seen
        self._handed = False
        self.due = _PATIENCE
        self.left = _OTHERS if self._no_room(thread) else 0

    def _no_room(self, thread: LaneThread) -> bool:
        """Other threads keep all processors but the sentry's: it would have to push one of them aside."""
        room = self._room
        for _, other in self._active:
            if not other.stopped and other is not thread:
                room -= 1
                if room <= 0:
                    return True
        return False

    def served(self) -> None:
        """A request was served, while somebody waits for others to make fewer (`left`)."""
        self.left -= 1
        if not self.left:
            self.flush()
        elif not self._handed:
            self.due = _PATIENCE

    def take_over(self, words: memoryview) -> None:
        """The thread of this lane goes to sleep: it wakes who waits for that, if anybody does."""
        sleeper = self._sleeper
        if sleeper is None or self._handed:
            words[LANE_WAKE] = 0
            return
        words[LANE_WAKE] = sleeper.wait_word
        self._handed = True
        self.due = _HANDED

    def idle(self) -> None:
        """An empty look, while somebody is `due`."""
        self.due -= 1
        if not self.due:
            self.flush()

    def flush(self) -> None:
        """Wake who waits for it, now."""
        sleeper, self._sleeper = self._sleeper, None
        self.due = self.left = 0
        if sleeper is not None and not (self._handed and sleeper.seen != self._seen):
            self._wake(sleeper)

    def _wake(self, thread: LaneThread) -> None:
        hostcalls.futex_wake(self._address + layout.CONTROL_WAITS + 8 * thread.wait_word)
