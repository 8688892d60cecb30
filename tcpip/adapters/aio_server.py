"""asyncio's Server over listening sockets of a stack."""

from __future__ import annotations

import asyncio
import functools
import ssl as ssl_module
from asyncio.trsock import TransportSocket
from collections.abc import Callable
from typing import Any

from tcpip.adapters.aio_base import set_result
from tcpip.adapters.aio_transport import make_transport
from tcpip.adapters.stack_socket import StackSocket
from tcpip.transport.endpoint import Endpoint
from tcpip.waiter import EVENT_IN, Waiter


class Server(asyncio.AbstractServer):
    """`close` stops accepting, connections go on; `wait_closed` waits for their end. `sockets`: bound, not listening yet."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sockets: list[StackSocket],
        factory: Callable[[], asyncio.BaseProtocol],
        backlog: int,
        ssl: ssl_module.SSLContext | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> None:
        self._loop = loop
        self._sockets: list[StackSocket] | None = sockets
        self._factory = factory
        self._backlog = backlog
        self._tls: dict[str, Any] = {
            "ssl": ssl,
            "ssl_handshake_timeout": ssl_handshake_timeout,
            "ssl_shutdown_timeout": ssl_shutdown_timeout,
        }
        self._transports: set[asyncio.BaseTransport] = set()
        self._listening: dict[StackSocket, Waiter] = {}
        self._scheduled: set[StackSocket] = set()
        self._serving = False
        self._forever: asyncio.Future[None] | None = None
        self._ended = False
        self._awaited: list[asyncio.Future[None]] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} sockets={self.sockets!r}>"

    @property
    def sockets(self) -> tuple[TransportSocket, ...]:
        return tuple(TransportSocket(sock) for sock in self._sockets or ())  # type: ignore[arg-type]

    @property
    def endpoint(self) -> Endpoint:
        """The first one that listens."""
        assert self._sockets
        return self._sockets[0].endpoint

    @property
    def sockname(self) -> tuple[Any, ...]:
        """Where the first one listens."""
        assert self._sockets
        return self._sockets[0].getsockname()

    def listen(self) -> None:
        """Begin, if it has not begun. OSError."""
        if self._serving or self._sockets is None:
            return
        for sock in self._sockets:
            sock.listen(self._backlog)
        self._serving = True
        for sock in self._sockets:
            event = functools.partial(self._event, sock)
            with sock.host.lock:
                self._listening[sock] = sock.endpoint.queue.add(EVENT_IN, event)
            event(EVENT_IN)

    def _event(self, sock: StackSocket, mask: int) -> None:
        """Called from inside the stack: only take note."""
        if sock not in self._scheduled:
            self._scheduled.add(sock)
            soon = self._loop.call_soon_threadsafe if sock.host.threaded else self._loop.call_soon
            try:
                soon(self._accept, sock)
            except RuntimeError:
                if not self._loop.is_closed():
                    raise

    def _accept(self, sock: StackSocket) -> None:
        self._scheduled.discard(sock)
        while self._serving:
            try:
                connection, peer = sock.accept()
            except OSError:  # there is none, or it is gone again
                return
            self._connected(connection, peer)

    def _connected(self, connection: StackSocket, peer: tuple[Any, ...]) -> None:
        waiter: asyncio.Future[None] = self._loop.create_future()
        transport: asyncio.Transport | None = None
        try:
            connection.setblocking(False)
            transport = make_transport(
                self._loop,
                connection,
                self._factory(),
                waiter,
                server_side=True,
                extra={"peername": peer},
                server=self,
                **self._tls,
            )
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            connection.close()
            self._failed(error, transport)
        else:
            waiter.add_done_callback(functools.partial(self._handshake_done, transport))

    def _handshake_done(self, transport: asyncio.Transport, waiter: asyncio.Future[None]) -> None:
        error = None if waiter.cancelled() else waiter.exception()
        if error is not None:
            transport.close()
            self._failed(error, transport)

    def _failed(self, error: BaseException, transport: asyncio.Transport | None) -> None:
        if self._loop.get_debug():
            message = "Error on transport creation for incoming connection"
            self._loop.call_exception_handler({"message": message, "exception": error, "transport": transport})

    def attach(self, transport: asyncio.BaseTransport) -> None:
        """A connection has begun."""
        self._transports.add(transport)

    def detach(self, transport: asyncio.BaseTransport) -> None:
        """A connection has ended."""
        self._transports.discard(transport)
        self._maybe_closed()

    def _maybe_closed(self) -> None:
        if self._sockets is None and not self._transports:
            self._ended = True
            for waiter in self._awaited:
                set_result(waiter)
            self._awaited.clear()

    def close(self) -> None:
        sockets, self._sockets = self._sockets, None
        if sockets is None:
            return
        self._serving = False
        for sock, waiter in self._listening.items():
            with sock.host.lock:
                sock.endpoint.queue.remove(waiter)
        self._listening.clear()
        for sock in sockets:
            sock.close()
        if self._forever is not None and not self._forever.done():
            self._forever.cancel()
        self._maybe_closed()

    def close_clients(self) -> None:
        """Close the transports of all connections."""
        for transport in list(self._transports):
            transport.close()

    def abort_clients(self) -> None:
        """Reset all connections."""
        for transport in list(self._transports):
            if isinstance(transport, asyncio.Transport):
                transport.abort()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def is_serving(self) -> bool:
        return self._serving

    async def start_serving(self) -> None:
        self.listen()
        await asyncio.sleep(0)

    async def serve_forever(self) -> None:
        if self._forever is not None:
            raise RuntimeError(f"server {self!r} is already being awaited on serve_forever()")
        if self._sockets is None:
            raise RuntimeError(f"server {self!r} is closed")
        self.listen()
        self._forever = self._loop.create_future()
        try:
            await self._forever
        except asyncio.CancelledError:
            self.close()
            await self.wait_closed()
            raise
        finally:
            self._forever = None

    async def wait_closed(self) -> None:
        if not self._ended:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._awaited.append(waiter)
            await waiter
