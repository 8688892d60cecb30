"""Running a stack on an asyncio loop: descriptors of its links, its timers, and a flush after everything that queued packets."""

from __future__ import annotations

import asyncio
from types import TracebackType

from tcpip.link.base import LinkEndpoint
from tcpip.link.fdbased import FdLink
from tcpip.stack.stack import Stack


class Runner:
    """Drives `stack` on the running loop until `close`; one per stack. Also an async context manager.

    Links that are descriptors (tap, packet socket) are watched; links added later with `watch`.
    """

    def __init__(self, stack: Stack, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.stack = stack
        self.loop = loop or asyncio.get_running_loop()
        self._flushing = False
        self._driving = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0
        self._watched: dict[int, FdLink] = {}
        stack.on_output = self._schedule
        stack.timers.on_earlier = self._earlier
        for nic in stack.nics.values():
            self.watch(nic.link)
        self._schedule()

    def watch(self, link: LinkEndpoint) -> None:
        """Read a link whenever its descriptor has something; harmless for links without one."""
        inner: object = link
        while not isinstance(inner, FdLink):
            inner = getattr(inner, "inner", None)
            if inner is None:
                return
        fd = inner.fileno()
        if fd not in self._watched:
            self._watched[fd] = inner
            self.loop.add_reader(fd, self._readable, inner)

    def _readable(self, link: FdLink) -> None:
        self._driving = True
        link.receive()
        self._driving = False
        self._rearm()

    def _schedule(self) -> None:
        if not self._flushing:
            self._flushing = True
            self.loop.call_soon(self._flush)

    def _earlier(self, deadline: int) -> None:
        """A timer that the loop does not know of: packets of another stack of this process may have set it."""
        if not self._driving and (self._timer is None or deadline < self._timer_at):
            self._schedule()

    def _flush(self) -> None:
        self._flushing = False
        self._driving = True
        self.stack.flush()
        self._driving = False
        self._rearm()

    def _rearm(self) -> None:
        deadline = self.stack.next_deadline()
        if deadline is None:
            return
        if self._timer is not None:
            if self._timer_at <= deadline:
                return
            self._timer.cancel()
        delay = max(0, deadline - self.stack.clock.now_ns())
        self._timer_at = deadline
        self._timer = self.loop.call_later(delay / 1e9, self._run_timers)

    def _run_timers(self) -> None:
        self._timer = None
        self._driving = True
        self.stack.run_timers()
        self._driving = False
        self._rearm()

    def close(self) -> None:
        """Send what is queued and let go of the loop."""
        self.stack.flush()
        self.stack.on_output = None
        self.stack.timers.on_earlier = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for fd in self._watched:
            self.loop.remove_reader(fd)
        self._watched.clear()

    async def __aenter__(self) -> Runner:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
