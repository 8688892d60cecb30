"""How many threads of the sandbox wait at futexes, where guests can read it and the stub does (stub/futex.c).

A word for each place that a futex has in its page: whatever mapping or process a waiter and its waker come by, that they have
in common. Places of different futexes coincide, and so a count may be too high: then the sentry is asked, as ever. It is never
too low: whoever waits is counted before it is looked whether it has to.

    waker, in the guest            the sentry, for who is to wait
    change the word                raise the count
    barrier                        barrier
    read the count: 0, nobody      read the word: as it was, wait

If the waker reads 0, its barrier comes before the sentry's in the one order that all barriers have, and the sentry reads the word
as it was changed (Linux: kernel/futex/waitwake.c has the same of hb->waiters). A count that is above 0 already has been
since such a barrier, and needs none.
"""

from __future__ import annotations

import mmap
from typing import Final

from sandbox.platform import hostcalls
from sandbox.platform.base import Waiters
from sandbox.platform.lane.layout import CONTROL_FUTEXES

_PLACES: Final = 1024  # 4096 bytes, 4 each


class FutexCounts(Waiters):
    """In the control pages."""

    __slots__ = ("_counts",)

    def __init__(self, control: mmap.mmap) -> None:
        self._counts = memoryview(control)[CONTROL_FUTEXES : CONTROL_FUTEXES + 4 * _PLACES].cast("I")

    def came(self, address: int) -> None:
        place = address >> 2 & 0x3FF
        before = self._counts[place]
        self._counts[place] = before + 1
        if not before:
            hostcalls.locked()

    def left(self, address: int) -> None:
        place = address >> 2 & 0x3FF
        self._counts[place] -= 1

    def close(self) -> None:
        """The pages go."""
        self._counts.release()
