"""The sandbox's end of the control socket.

Connections are few, each holds at most a frame of input and a bounded backlog of output, and only the owner of the
sandbox and root may connect. While the sandbox is paused its event loop stands still and `serve_while` serves
these descriptors alone.
"""

from __future__ import annotations

import _socket
import os
import select
import struct
from typing import Callable, Final

from sandbox.control import wire
from sandbox.control.backlog import send_pending
from sandbox.control.wire import BadFrame, Body, Decoder, Frame
from sandbox.reactor import READ, WRITE, Reactor

CONNECTIONS: Final = 256
BACKLOG: Final = 2 * wire.BODY_LIMIT  # bytes that a peer may leave unread
_CREDENTIALS: Final = struct.Struct("=iII")
READ_SIZE: Final = 1 << 16

Serve = Callable[["Connection", Frame], None]


class Connection:
    """One client. `on_close` runs once, when it is gone."""

    def __init__(self, server: ControlServer, sock: _socket.socket) -> None:
        self.server = server
        self.fd = sock.fileno()
        self.on_close: list[Callable[[], None]] = []
        self.on_frame: Callable[[Frame], bool] | None = None  # takes frames that belong to what hangs on it
        self._socket = sock
        self._decoder = Decoder()
        self._out = bytearray()
        self.mask = READ
        self.closed = False

    def answer(self, body: Body | None = None, kind: int = wire.OK) -> None:
        """Send; what does not go at once goes later."""
        if self.closed:
            return
        try:
            self._out += wire.encode(kind, body or {})
        except BadFrame as error:
            self._out += wire.encode(wire.REFUSED, {"code": "too-large", "message": str(error)})
        self._flush()

    def refuse(self, code: str, message: str) -> None:
        """An error."""
        self.answer({"code": code, "message": message}, wire.REFUSED)

    def ready(self, mask: int) -> None:
        """From the event loop."""
        if mask & WRITE:
            self._flush()
        if not self.closed and mask & ~WRITE:
            self._read()

    def _flush(self) -> None:
        if not send_pending(self._socket, self._out, BACKLOG):
            self.close()
            return
        self._want(READ | WRITE if self._out else READ)

    def _want(self, mask: int) -> None:
        if mask != self.mask:
            self.mask = mask
            self.server.reactor.change(self.fd, mask)

    def _read(self) -> None:
        try:
            data, ancillary, flags, _ = self._socket.recvmsg(READ_SIZE, wire.ANCILLARY, _socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except OSError:
            data, ancillary, flags = b"", [], 0
        fds = wire.received(ancillary)
        if not data:
            for fd in fds:
                os.close(fd)
            self.close()
            return
        try:
            self._decoder.feed(data, fds)
            if flags & _socket.MSG_CTRUNC:
                raise BadFrame("more descriptors than there is room for")
            while not self.closed:
                frame = self._decoder.next()
                if frame is None:
                    break
                self._take(frame)
        except BadFrame as error:
            self.refuse("bad-message", str(error))
            self.close()

    def _take(self, frame: Frame) -> None:
        try:
            if self.on_frame is None or not self.on_frame(frame):
                self.server.serve(self, frame)
        finally:
            frame.close()

    def close(self) -> None:
        """Hang up."""
        if self.closed:
            return
        self.closed = True
        self.server.forget(self)
        self._decoder.close()
        self._socket.close()
        waiting, self.on_close = self.on_close, []
        for function in waiting:
            function()


class ControlServer:
    """Listens on the donated descriptor `fd`; `serve(connection, frame)` answers requests."""

    def __init__(self, reactor: Reactor, fd: int, serve: Serve) -> None:
        self.reactor = reactor
        self.serve = serve
        self._listener = _socket.socket(fileno=fd)
        self._listener.setblocking(False)
        self._users = (0, os.geteuid())
        self.connections: dict[int, Connection] = {}
        reactor.watch(fd, READ, self._accept)

    def _accept(self, mask: int) -> None:
        try:
            fd, _ = self._listener._accept()  # type: ignore[attr-defined]  # what socket.accept wraps
        except OSError:
            return
        sock = _socket.socket(fileno=fd)
        sock.setblocking(False)
        _, uid, _ = _CREDENTIALS.unpack(
            sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, _CREDENTIALS.size)  # unix(7)
        )
        if uid not in self._users or len(self.connections) >= CONNECTIONS:
            sock.close()
            return
        connection = self.connections[fd] = Connection(self, sock)
        self.reactor.watch(fd, READ, connection.ready)

    def forget(self, connection: Connection) -> None:
        """It is being closed."""
        if self.connections.pop(connection.fd, None) is not None:
            self.reactor.unwatch(connection.fd)

    def serve_while(self, condition: Callable[[], bool]) -> None:
        """Serve this socket and nothing else of the event loop as long as `condition()` holds."""
        listener = self._listener.fileno()
        while condition():
            poll = select.poll()  # EPOLLIN and EPOLLOUT are POLLIN and POLLOUT
            poll.register(listener, READ)
            for connection in self.connections.values():
                poll.register(connection.fd, connection.mask)
            for fd, mask in poll.poll():
                if fd == listener:
                    self._accept(mask)
                elif fd in self.connections:
                    self.connections[fd].ready(mask)

    def close(self) -> None:
        """Everybody is hung up on; what they have not read is sent while it can be."""
        for connection in list(self.connections.values()):
            connection.close()
        self.reactor.unwatch(self._listener.fileno())
        self._listener.close()
