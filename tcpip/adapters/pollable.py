"""A descriptor of the system's that poll(2), select(2) and epoll(7) find ready when a socket of a stack is.

It is one end of a pair of Unix sockets: a byte in it makes it readable, what it has sent and nobody has read makes it
unwritable. Nobody reads from or writes to it but this module. What errors, ends of connections and urgent data are
by themselves (`POLLERR`, `POLLHUP`, `POLLPRI`) it can't say: as for select(2), errors make it readable and writable, ends readable.
"""

from __future__ import annotations

import socket
from typing import Final

from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT, EVENT_RDHUP

READABLE: Final = EVENT_IN | EVENT_RDHUP | EVENT_HUP | EVENT_ERR
WRITABLE: Final = EVENT_OUT | EVENT_ERR
_FILL: Final = bytes(1024)
_LEAST: Final = 1
"""Of SO_SNDBUF: the system makes it the least that it allows, a few kilobytes."""


class Pollable:
    """`fileno` is the descriptor; `show(state)` has it polled as `state`, of tcpip.waiter's bits. Starts as writable."""

    def __init__(self) -> None:
        self._shown, self._far = socket.socketpair()
        for end in (self._shown, self._far):
            end.setblocking(False)
        self._shown.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LEAST)
        self._readable = False
        self._writable = True

    def fileno(self) -> int:
        """-1 once closed."""
        return self._shown.fileno()

    def show(self, state: int) -> None:
        """Costs nothing as long as nothing has changed."""
        if (readable := bool(state & READABLE)) is not self._readable:
            self._readable = readable
            if readable:
                self._far.send(b"\0")
            else:
                self._shown.recv(1)
        if (writable := bool(state & WRITABLE)) is not self._writable:
            self._writable = writable
            if writable:
                self._drain()
            else:
                self._fill()

    def _fill(self) -> None:
        try:
            while True:
                self._shown.send(_FILL)
        except BlockingIOError:
            pass

    def _drain(self) -> None:
        try:
            while self._far.recv(1 << 16):
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Both ends."""
        self._shown.close()
        self._far.close()
