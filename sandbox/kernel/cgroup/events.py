"""Event: something of which files tell those who wait for it (kernfs_notify)."""

from __future__ import annotations

from typing import Callable

from tcpip.waiter import EVENT_ERR, EVENT_PRI, WaitQueue


class Event:
    """`count` grows each time; `on_change`: who shows it has more to do (inotify)."""

    __slots__ = ("count", "queue", "on_change")

    def __init__(self) -> None:
        self.count = 0
        self.queue = WaitQueue()
        self.on_change: Callable[[], None] | None = None

    def happened(self) -> None:
        """Wake up."""
        self.count += 1
        self.queue.notify(EVENT_PRI | EVENT_ERR)
        if self.on_change is not None:
            self.on_change()
