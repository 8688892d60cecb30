"""Descriptors of processes that have ended: a few are closed at once, very many in portions, so that others have their turn."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sandbox.reactor import Reactor
    from sandbox.vfs.file_description import FileDescription

AT_ONCE_NS: Final = 20_000_000  # what the end of a process may take for it
PORTION_NS: Final = 4_000_000
_BETWEEN: Final = 64  # descriptors between two looks at the clock


class Closing:
    """One per sandbox. Linux, too, closes files of who has ended a moment later where that suits it (delayed_fput)."""

    __slots__ = ("_reactor", "_files")

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._files: deque[FileDescription] = deque()

    def drop(self, files: list[FileDescription]) -> None:
        """A reference to each of them goes, in order."""
        waiting = self._files
        waits = bool(waiting)
        waiting.extend(files)
        if not waits and self._some(AT_ONCE_NS):
            self._reactor.call_soon(self._go_on)

    def _go_on(self) -> None:
        if self._some(PORTION_NS):
            self._reactor.call_soon(self._go_on)

    def _some(self, ns: int) -> bool:
        """True: there is more."""
        waiting, clock = self._files, self._reactor.clock
        until = clock.now_ns() + ns
        while waiting:
            for _ in range(min(_BETWEEN, len(waiting))):
                waiting.popleft().drop()
            if clock.now_ns() > until:
                break
        return bool(waiting)

    def finish(self) -> None:
        """Now, all that is left."""
        while self._files:
            self._files.popleft().drop()
