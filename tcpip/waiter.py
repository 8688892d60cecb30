"""Readiness events and wait queues, shared by the stack and the kernel.

Masks are poll(2)'s bits. A queue calls its waiters in the order in which they came;
a callback may add and remove waiters, itself included.
"""

from __future__ import annotations

from typing import Callable, Final

EVENT_IN: Final = 0x0001
EVENT_PRI: Final = 0x0002
EVENT_OUT: Final = 0x0004
EVENT_ERR: Final = 0x0008
EVENT_HUP: Final = 0x0010
EVENT_NVAL: Final = 0x0020
EVENT_RDHUP: Final = 0x2000
EVENT_ALL: Final = 0x203F
EVENT_URGENT: Final = 0x10000
"""None of poll(2)'s: the peer has announced urgent data, which is a matter of SIGURG."""


class Waiter:
    """One registration on one queue: `callback(mask)` runs when `mask & self.mask` happens."""

    __slots__ = ("mask", "callback")

    def __init__(self, mask: int, callback: Callable[[int], None]) -> None:
        self.mask = mask
        self.callback = callback


class WaitQueue:
    """Who waits for one object. Errors and hang-ups reach every waiter, as poll(2) has it."""

    __slots__ = ("_waiters",)

    def __init__(self) -> None:
        self._waiters: dict[Waiter, None] = {}

    def add(self, mask: int, callback: Callable[[int], None]) -> Waiter:
        """Register; the result is the handle for `remove`."""
        waiter = Waiter(mask | EVENT_ERR | EVENT_HUP, callback)
        self._waiters[waiter] = None
        return waiter

    def remove(self, waiter: Waiter) -> None:
        """Forget a registration; harmless when it is gone already."""
        self._waiters.pop(waiter, None)

    def notify(self, mask: int) -> None:
        """Something in `mask` happened. Waiters that were added by a callback wait for the next time."""
        if not self._waiters:
            return
        for waiter in list(self._waiters):
            if waiter.mask & mask and waiter in self._waiters:
                waiter.callback(mask)

    def __len__(self) -> int:
        return len(self._waiters)
