"""One heap of timers, with cheap re-arming.

A timer that is moved later leaves its old heap entry behind; the entry is discarded, or put back
at the right place, when it comes up. So re-arming a retransmission timer for every
acknowledgement costs one attribute store.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Callable, Final

NEVER: Final = 1 << 62
COMPACT_MIN: Final = 256
"""A heap this small is never searched for cancelled timers."""


def _nothing() -> None:
    """What a closed timer calls."""


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

    def close(self) -> None:
        """Never fire again: what it would have called is held no longer, though the queue may hold the timer."""
        self.deadline = None
        self._callback = _nothing


class TimerQueue:
    """Timers in order of (deadline, insertion). `on_earlier` is called with a deadline that comes before all others: for
    who waits for the first one."""

    __slots__ = ("on_earlier", "_heap", "_count", "_compact_at")

    def __init__(self) -> None:
        self.on_earlier: Callable[[int], None] | None = None
        self._heap: list[tuple[int, int, Timer]] = []
        self._count = 0
        self._compact_at = COMPACT_MIN

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
        heappush(self._heap, (deadline, self._count, timer))
        if len(self._heap) > self._compact_at:
            self._compact()
        if self.on_earlier is not None and self._heap and self._heap[0][2] is timer:
            self.on_earlier(deadline)

    def _compact(self) -> None:
        """Forget cancelled timers, whose entries would keep their owners alive until they come up."""
        kept: list[tuple[int, int, Timer]] = []
        for entry in self._heap:
            timer = entry[2]
            if timer._queued_at != entry[0]:
                continue
            if timer.deadline is None:
                timer._queued_at = None
            else:
                kept.append(entry)
        heapify(kept)
        self._heap[:] = kept
        self._compact_at = max(COMPACT_MIN, 2 * len(kept))

    def _settle(self) -> Timer | None:
        """Bring the heap's top in line with what its timer says now."""
        heap = self._heap
        while heap:
            at, _, timer = heap[0]
            if timer._queued_at != at:
                heappop(heap)
            elif timer.deadline is None:
                heappop(heap)
                timer._queued_at = None
            elif timer.deadline > at:
                heappop(heap)
                self._push(timer, timer.deadline)
            else:
                return timer
        return None

    def earliest(self) -> int:
        """A time before which nothing fires, without a look at what was cancelled or moved; NEVER when there is none."""
        heap = self._heap
        return heap[0][0] if heap else NEVER

    def next_deadline(self) -> int | None:
        """When the next timer fires, or None."""
        timer = self._settle()
        return None if timer is None else timer.deadline

    def run(self, now: int, most: int = NEVER) -> int:
        """Fire what is due at `now`, in order, `most` of it; how many fired. Timers armed meanwhile for `now` or earlier
        fire too."""
        fired = 0
        while fired < most:
            timer = self._settle()
            if timer is None or timer.deadline is None or timer.deadline > now:
                return fired
            heappop(self._heap)
            timer._queued_at = None
            timer.deadline = None
            timer._callback()
            fired += 1
        return fired
