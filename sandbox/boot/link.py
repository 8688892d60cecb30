"""The sentry's end of the channel to the launcher."""

from __future__ import annotations

import select
from typing import Callable

from sandbox.boot import channel
from sandbox.boot.start_failure import StartFailure
from sandbox.reactor import READ, Reactor


class LauncherLink:
    """What goes up: started, failed, exited, notices. What comes down goes to the callbacks of `watch`."""

    def __init__(self, fd: int, reactor: Reactor) -> None:
        self._fd = fd
        self._reactor = reactor
        self._signal: Callable[[int], None] | None = None
        self._timeout: Callable[[], None] | None = None
        self._gone: Callable[[], None] | None = None
        self.window_changed: Callable[[bytes], None] | None = None  # struct winsize
        self.keys_granted: Callable[[], None] | None = None
        self.interrupt: Callable[[int], None] | None = None  # SIGINT, SIGQUIT of a terminal that is not raw
        self.before_exit: Callable[[], None] | None = None

    def watch(self, signal: Callable[[int], None], timeout: Callable[[], None], gone: Callable[[], None]) -> None:
        """Serve the channel from the event loop."""
        self._signal, self._timeout, self._gone = signal, timeout, gone
        self._reactor.watch(self._fd, READ, self._readable)

    def _readable(self, events: int) -> None:
        try:
            message = channel.receive(self._fd)
        except BlockingIOError:
            return
        if message is None:
            self._reactor.unwatch(self._fd)
            if self._gone is not None:
                self._gone()
            return
        kind, payload = message
        if kind == channel.SIGNAL and self._signal is not None and payload:
            self._signal(payload[0])
        elif kind == channel.TIMEOUT and self._timeout is not None:
            self._timeout()
        elif kind == channel.WINDOW and len(payload) == 8:
            if self.window_changed is not None:
                self.window_changed(payload)

        elif kind == channel.KEYS and self.keys_granted is not None:
            self.keys_granted()

    def want_keys(self) -> None:
        """A program waits for what is typed."""
        channel.send(self._fd, channel.WANTED)

    def let_hooks_run(self) -> None:
        """A container's namespaces are ready."""
        channel.send(self._fd, channel.READY)

    def wait_for(self, kind: bytes) -> None:
        """A word of the launcher's to go on. StartFailure when it is gone."""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        while True:
            poll.poll()
            try:
                message = channel.receive(self._fd)
            except BlockingIOError:
                continue
            if message is None:
                raise StartFailure("the launcher is gone")
            if message[0] == kind:
                return

    def created(self) -> None:
        """The first program is loaded and waits to be started."""
        channel.send(self._fd, channel.CREATED)

    def started(self) -> None:
        """The first program runs."""
        channel.send(self._fd, channel.STARTED)

    def failed(self, status: int, message: str) -> None:
        """It does not, and this is the exit status."""
        channel.send(self._fd, channel.FAILED, bytes([status]) + message.encode("utf-8", "backslashreplace"))

    def exited(self, wait_status: int) -> None:
        """It ended."""
        if self.before_exit is not None:
            self.before_exit()
        channel.send(self._fd, channel.EXITED, channel.pack_status(wait_status))

    def notice(self, line: str) -> None:
        """A line for the user, dropped if the launcher does not keep up."""
        channel.send(self._fd, channel.NOTICE, line.encode("utf-8", "backslashreplace"))

    def summary(self, text: str) -> None:
        """What happened, at the end."""
        channel.send(self._fd, channel.SUMMARY, text.encode("utf-8", "backslashreplace"))
