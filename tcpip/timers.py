"""One heap of timers, with cheap re-arming.

A timer that is moved later leaves its old heap entry behind; the entry is discarded, or put back
at the right place, when it comes up. So re-arming a retransmission timer for every
acknowledgement costs one attribute store.
"""

from __future__ import annotations

import heapq
from typing import Callable


class Timer:
    """One single-shot timer. `deadline` is ns on the owner's clock, None while idle."""

    __slots__ = ("_queue", "_callback", "deadline", "_queued_at")

    def __init__(self, queue: TimerQueue, callback: Callable[[], None]) -> None:
        self._queue = queue
        self._callback = callback
        self.deadline: int | None = None
        self._queued_at: int | None = None

    def arm(self, deadline: int) -> None:
        """Fire once at `deadline`; replaces an earlier setting."""
        self.deadline = deadline
        if self._queued_at is None or deadline < self._queued_at:
            self._queue._push(self, deadline)

    def cancel(self) -> None:
        """Do not fire. Harmless when idle."""
        self.deadline = None


class TimerQueue:
    """Timers in order of (deadline, insertion)."""

    __slots__ = ("_heap", "_count")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Timer]] = []
        self._count = 0

    def __len__(self) -> int:
        """How many entries there are; some may be of timers that were cancelled or moved."""
        return len(self._heap)

    def timer(self, callback: Callable[[], None]) -> Timer:
        """A new idle timer that will call `callback`."""
        return Timer(self, callback)

    def after(self, deadline: int, callback: Callable[[], None]) -> Timer:
        """A new timer, armed."""
        timer = Timer(self, callback)
        timer.arm(deadline)
        return timer

    def _push(self, timer: Timer, deadline: int) -> None:
        self._count += 1
        timer._queued_at = deadline
        heapq.heappush(self._heap, (deadline, self._count, timer))

    def _settle(self) -> Timer | None:
        """Bring the heap's top in line with what its timer says now."""
        heap = self._heap
        while heap:
            at, _, timer = heap[0]
            if timer._queued_at != at:
                heapq.heappop(heap)
            elif timer.deadline is None:
                heapq.heappop(heap)
                timer._queued_at = None
            elif timer.deadline > at:
                heapq.heappop(heap)
                self._push(timer, timer.deadline)
            else:
                return timer
        return None

    def next_deadline(self) -> int | None:
        """When the next timer fires, or None."""
        timer = self._settle()
        return None if timer is None else timer.deadline

    def run(self, now: int) -> int:
        """Fire what is due at `now`, in order; how many fired. Timers armed meanwhile for `now` or earlier fire too."""
        fired = 0
        while True:
            timer = self._settle()
            if timer is None or timer.deadline is None or timer.deadline > now:
                return fired
            heapq.heappop(self._heap)
            timer._queued_at = None
            timer.deadline = None
            timer._callback()
            fired += 1
