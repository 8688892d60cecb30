"""Event: something of which a file tells those who wait for it (kernfs_notify)."""

from __future__ import annotations

from typing import Protocol

from tcpip.waiter import EVENT_ERR, EVENT_PRI, WaitQueue


class Directory(Protocol):
    """Where the file is."""

    def changed(self, name: bytes) -> None:
        """The file of that name says something new."""

    def is_watched(self, name: bytes) -> bool:
        """Somebody is told then."""


class Event:
    """`count` grows each time."""

    __slots__ = ("count", "queue", "_directory", "_name")

    def __init__(self) -> None:
        self.count = 0
        self.queue = WaitQueue()
        self._directory: Directory | None = None
        self._name = b""

    def shown_in(self, directory: Directory, name: bytes) -> None:
        """A file in a directory tells of it."""
        self._directory, self._name = directory, name

    def is_awaited(self) -> bool:
        """Somebody waits for it, or watches the file."""
        return len(self.queue) > 0 or self._directory is not None and self._directory.is_watched(self._name)

    def happened(self) -> None:
        """Wake up."""
        self.count += 1
        self.queue.notify(EVENT_PRI | EVENT_ERR)
        if self._directory is not None:
            self._directory.changed(self._name)
