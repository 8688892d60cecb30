"""What a sandbox tells somebody for as long as he listens: bytes over a socket that was handed in, never waited for.

A reader that is slow loses whole pieces, which are counted; one that has hung up ends it.
"""

from __future__ import annotations

import _socket
from typing import TYPE_CHECKING, Callable, Final

from sandbox.reactor import READ, WRITE

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from sandbox.reactor import Reactor

BACKLOG: Final = 8 << 20
STREAMS_MOST: Final = 64


class OutStream:
    """`ended` is called once, when the reader is gone or `close` was called. The descriptor is this object's."""

    def __init__(self, reactor: Reactor, fd: int, ended: Callable[[], None]) -> None:
        self.dropped = 0
        self.closed = False
        self._reactor = reactor
        self._socket = _socket.socket(fileno=fd)
        self._socket.setblocking(False)
        self._fd = fd
        self._ended = ended
        self._out = bytearray()
        self._due = False
        self._mask = READ
        reactor.watch(fd, READ, self._ready)

    def write(self, data: Buffer, /) -> int:
        """A piece. It goes with what else is written in this turn of the event loop."""
        size = memoryview(data).nbytes
        if self.closed:
            return size
        if len(self._out) > BACKLOG:
            self.dropped += 1
            return size
        self._out += data
        if not self._due and self._mask == READ:
            self._due = True
            self._reactor.call_soon(self._flush)
        return size

    def flush(self) -> None:
        """What goes now goes now, not at the end of the turn."""
        if not self.closed and self._mask == READ:
            self._flush()

    def _flush(self) -> None:
        self._due = False
        try:
            while self._out and not self.closed:
                done = self._socket.send(self._out)
                del self._out[:done]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
        if not self.closed and (mask := READ | WRITE if self._out else READ) != self._mask:
            self._mask = mask
            self._reactor.change(self._fd, mask)

    def _ready(self, mask: int) -> None:
        if mask & WRITE:
            self._flush()
        if mask & ~WRITE and not self.closed:
            try:
                gone = not self._socket.recv(4096)
            except BlockingIOError:
                return
            except OSError:
                gone = True
            if gone:
                self.close()

    def close(self) -> None:
        """Harmless when repeated."""
        if self.closed:
            return
        self.closed = True
        self._reactor.unwatch(self._fd)
        self._socket.close()
        self._out.clear()
        self._ended()
