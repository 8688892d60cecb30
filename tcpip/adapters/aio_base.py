"""What the transports over a stack's sockets share: callbacks of the stack, errors, the way to `connection_lost`."""

from __future__ import annotations

import asyncio
import logging
from asyncio import transports
from asyncio.trsock import TransportSocket
from typing import TYPE_CHECKING, Any, Final

from tcpip.adapters.stack_socket import StackSocket
from tcpip.waiter import EVENT_IN, EVENT_OUT, EVENT_RDHUP, Waiter

MAX_SIZE: Final = 256 * 1024
LOST_WRITES_BEFORE_WARNING: Final = 5
logger = logging.getLogger("asyncio")


def set_result(future: asyncio.Future[None]) -> None:
    """Wake who awaits it, if it still does."""
    if not future.done():
        future.set_result(None)


class StackTransport(transports._FlowControlMixin):
    """Flow control of writers is the standard library's. Extra info: `socket`, `sockname`, `peername`, and `endpoint`."""

    _sock: StackSocket | None = None
    """None when all is over."""
    _extra: dict[str, Any]
    if TYPE_CHECKING:

        def _maybe_pause_protocol(self) -> None: ...

        def _maybe_resume_protocol(self) -> None: ...

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: StackSocket,
        protocol: asyncio.BaseProtocol,
        waiter: asyncio.Future[None] | None,
        extra: dict[str, Any] | None,
        server: Any,
    ) -> None:
        super().__init__(extra, loop)
        self._loop = loop
        self._extra["socket"] = TransportSocket(sock)  # type: ignore[arg-type]
        self._extra["endpoint"] = sock.endpoint
        for name, ask in (("sockname", sock.getsockname), ("peername", sock.getpeername)):
            try:
                self._extra.setdefault(name, ask())
            except OSError:
                self._extra[name] = None
        self._sock = sock
        self._lock = sock.host.lock
        self._endpoint = sock.endpoint
        self._call_soon = loop.call_soon_threadsafe if sock.host.threaded else loop.call_soon
        self._server = server
        self._closing = False
        self._conn_lost = 0
        self._scheduled = False
        self.set_protocol(protocol)
        if server is not None:
            server.attach(self)
        self._connected = False
        self._waiter: Waiter | None = None
        loop.call_soon(self._start, waiter)

    def _start(self, waiter: asyncio.Future[None] | None) -> None:
        """The protocol hears of its connection before of anything else."""
        try:
            self._protocol.connection_made(self)
        finally:
            self._connected = True
            if waiter is not None:
                set_result(waiter)  # who awaits it goes on before the first text is read
            if self._sock is not None and not self._conn_lost:
                with self._lock:
                    self._waiter = self._endpoint.queue.add(EVENT_IN | EVENT_OUT | EVENT_RDHUP, self._event)
                self._event(EVENT_IN)

    def _event(self, mask: int) -> None:
        """Called from inside the stack: only take note."""
        if not self._scheduled:
            self._scheduled = True
            try:
                self._call_soon(self._ready)
            except RuntimeError:
                if not self._loop.is_closed():
                    raise

    def _ready(self) -> None:
        raise NotImplementedError

    def _has_unsent(self) -> bool:
        return bool(self.get_write_buffer_size())

    def _drop_unsent(self) -> None:
        raise NotImplementedError

    def __repr__(self) -> str:
        state = "closed" if self._sock is None else "closing" if self._closing else "open"
        return (
            f"<{type(self).__name__} {state} sockname={self._extra['sockname']} peername={self._extra['peername']}"
            f" bufsize={self.get_write_buffer_size()}>"
        )

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol: Any = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    # Ending.

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """What is written is still sent."""
        if not self._closing:
            self._closing = True
            if not self._has_unsent():
                self._lose(None)

    def abort(self) -> None:
        self._force_close(None)

    def _lost_write(self) -> None:
        """Something was written to what is gone."""
        if self._conn_lost >= LOST_WRITES_BEFORE_WARNING:
            logger.warning("socket.send() raised exception.")
        self._conn_lost += 1

    def _fatal_error(self, error: BaseException, message: str = "Fatal error on transport") -> None:
        if isinstance(error, OSError):
            if self._loop.get_debug():
                logger.debug("%r: %s", self, message, exc_info=True)
        else:
            context = {"message": message, "exception": error, "transport": self, "protocol": self._protocol}
            self._loop.call_exception_handler(context)
        self._force_close(error)

    def _force_close(self, error: BaseException | None) -> None:
        if not self._conn_lost:
            self._drop_unsent()
            self._closing = True
            self._lose(error)

    def _lose(self, error: BaseException | None) -> None:
        """Over for the protocol, soon; the endpoint says its goodbyes on its own."""
        self._conn_lost += 1
        if self._waiter is not None:
            with self._lock:
                self._endpoint.queue.remove(self._waiter)
            self._waiter = None
        self._loop.call_soon(self._call_connection_lost, error)

    def _call_connection_lost(self, error: BaseException | None) -> None:
        sock, self._sock = self._sock, None
        try:
            self._protocol.connection_lost(error)
        finally:
            if sock is not None:
                sock.close()
            self._protocol = None
            if self._server is not None:
                self._server.detach(self)
                self._server = None
