"""poll(2) that looks for a moment before it sleeps, as long as what it waits for keeps coming soon.

A processor that sleeps takes tens of microseconds to wake, in a virtual machine more; a peer that answers at once is there
sooner than that. So once a few waits in a row have been short, the next ones begin with a look that sleeps not at all; some
that find nothing end that. Linux does the same for sockets (`net.core.busy_poll`) and idle processors (haltpoll), after a
fixed time and by doubling; here it is on or off.

For a loop of your own that waits for one answer at a time. Where many connections are served, what comes during a sleep is
handled in one batch, and looking only makes the batches smaller; threads that share the interpreter gain nothing either.
"""

from __future__ import annotations

import os
import select
from time import perf_counter_ns
from typing import Final

LOOK_NS: Final = 80_000
SOON_NS: Final = 150_000  # a sleep that was so short, the wake-up in it, is one that a look might have saved
AFTER: Final = 4  # such sleeps in a row before looking begins
IN_VAIN: Final = 4  # looks in a row before it ends


class LookingPoll:
    """As select.poll, level-triggered. On one processor it never looks: whoever is to answer needs that."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._never = len(os.sched_getaffinity(0)) < 2
        self._looking = False
        self._row = 0  # short sleeps, or looks in vain

    def register(self, fd: int, mask: int) -> None:
        """As select.poll's."""
        self._poll.register(fd, mask)

    def unregister(self, fd: int) -> None:
        """As select.poll's. KeyError."""
        self._poll.unregister(fd)

    def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
        """What is ready, within `timeout` ms (None: for ever). OSError as select.poll."""
        poll = self._poll.poll
        if self._never or (timeout is not None and timeout <= 0):
            return poll(timeout)
        began = perf_counter_ns()
        if self._looking:
            until = began + LOOK_NS
            if timeout is not None:
                until = min(until, began + int(timeout * 1e6))
            while True:
                ready = poll(0)
                if ready:
                    self._row = 0
                    return ready
                now = perf_counter_ns()
                if now >= until:
                    break
            if timeout is not None:
                timeout = max(0.0, timeout - (now - began) / 1e6)
        ready = poll(timeout)
        took = perf_counter_ns() - began
        if ready or took >= SOON_NS:
            self._learn(took)
        return ready

    def _learn(self, took: int) -> None:
        """From a wait that was slept through, at least in part, and that no near time-out has ended."""
        if self._looking == (took < SOON_NS):
            self._row = 0
            return
        self._row += 1
        if self._row >= (IN_VAIN if self._looking else AFTER):
            self._looking = not self._looking
            self._row = 0
