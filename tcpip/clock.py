"""Clocks: where the stack and the kernel read the time.

All times are integer nanoseconds since an arbitrary origin that never goes back.
Protocol code never reads a clock itself: it is handed `now` or an injected `Clock`.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from typing import Final

from tcpip.native import mypyc_attr

NS_PER_S: Final = 1_000_000_000
NS_PER_MS: Final = 1_000_000
NS_PER_US: Final = 1_000


@mypyc_attr(allow_interpreted_subclasses=True)
class Clock:
    """A source of monotonic and wall-clock time."""

    @abstractmethod
    def now_ns(self) -> int:
        """Monotonic time, ns."""

    @abstractmethod
    def realtime_ns(self) -> int:
        """Wall-clock time, ns since 1970-01-01T00:00:00Z."""


class MonotonicClock(Clock):
    """The host's CLOCK_MONOTONIC and CLOCK_REALTIME."""

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def realtime_ns(self) -> int:
        return time.time_ns()


class ManualClock(Clock):
    """A clock that moves only when told to; for tests and simulations."""

    def __init__(self, now_ns: int = 0, realtime_ns: int = 1_700_000_000 * NS_PER_S) -> None:
        self._now = now_ns
        self._wall_offset = realtime_ns - now_ns

    def now_ns(self) -> int:
        return self._now

    def realtime_ns(self) -> int:
        return self._now + self._wall_offset

    def advance(self, by_ns: int) -> None:
        """Move forward by `by_ns` >= 0. Timers are run by whoever owns them, not by the clock."""
        if by_ns < 0:
            raise ValueError("a clock does not go back")
        self._now += by_ns
