"""asyncio in virtual time: nothing sleeps, the clock jumps to whatever comes next, and every run is the same.

    clock = ManualClock()
    virtual_time.run(clock, main(clock))

Stacks with this clock and a `Runner`, asyncio.sleep and timeouts all live in its time. Descriptors (a tap) and threads do
not: they would have to be waited for.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from tcpip.clock import NS_PER_S, ManualClock

T = TypeVar("T")


class _JumpingSelector(selectors.SelectSelector):
    """Lets the clock run where others wait."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is None:
            raise RuntimeError("deadlock: every task waits, and no timer runs")
        self._clock.advance(max(math.ceil(timeout * NS_PER_S), 1))
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is `clock`'s."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(_JumpingSelector(clock))
        self._virtual_clock = clock

    def time(self) -> float:
        return self._virtual_clock.now_ns() / NS_PER_S


def run(clock: ManualClock, main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` on `clock`. RuntimeError when everything waits for something that cannot happen."""
    loop = VirtualTimeLoop(clock)
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        asyncio.set_event_loop(None)
        loop.close()
