"""The shim's event loop: one thread, so that it can fork at any time."""

from __future__ import annotations

import os
import select
import signal
import time
from typing import Callable, Final

READ: Final = select.POLLIN
WRITE: Final = select.POLLOUT


class Loop:
    """Descriptors, timers, and children that have ended (every one is told to `on_child`). What one of them was to do and
    failed in an unforeseen way is told to `on_bug`; the others' containers must not end with it."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._watched: dict[int, Callable[[int], None]] = {}
        self._timers: list[tuple[float, Callable[[], None]]] = []
        self.on_child: Callable[[int, int], None] = lambda pid, status: None
        self.on_bug: Callable[[Exception], None] = _raise
        self.running = True
        self._wake, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._wake_write = write
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _noted)
        self.watch(self._wake, READ, self._signalled)

    def watch(self, fd: int, mask: int, ready: Callable[[int], None]) -> None:
        """Call `ready(mask)` when it is."""
        self._watched[fd] = ready
        self._poll.register(fd, mask)

    def change(self, fd: int, mask: int) -> None:
        """Wait for other events."""
        if fd in self._watched:
            self._poll.modify(fd, mask)

    def unwatch(self, fd: int) -> None:
        """Harmless when it is not watched."""
        if self._watched.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def call_after(self, seconds: float, function: Callable[[], None]) -> None:
        """Once."""
        self._timers.append((time.monotonic() + seconds, function))
        self._timers.sort(key=lambda timer: timer[0])

    def run(self) -> None:
        """Until `running` is false."""
        while self.running:
            bound = None
            if self._timers:
                bound = max(0.0, self._timers[0][0] - time.monotonic()) * 1000
            for fd, mask in self._poll.poll(bound):
                ready = self._watched.get(fd)
                if ready is not None and not self._guarded(ready, mask):
                    self.unwatch(fd)  # it would be ready again at once
            while self._timers and self._timers[0][0] <= time.monotonic():
                self._guarded(self._timers.pop(0)[1])

    def _guarded(self, function: Callable[..., None], *arguments: int) -> bool:
        try:
            function(*arguments)
        except Exception as bug:  # noqa: BLE001
            self.on_bug(bug)
            return False
        return True

    def _signalled(self, mask: int) -> None:
        try:
            os.read(self._wake, 512)
        except BlockingIOError:
            return
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._guarded(self.on_child, pid, status)

    def forget(self) -> None:
        """In a child: the loop is its parent's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _raise(bug: Exception) -> None:
    raise bug


def _noted(number: int, frame: object) -> None:
    """The wake-up descriptor says it; nothing to do here."""
