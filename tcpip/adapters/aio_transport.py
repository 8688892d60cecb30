"""asyncio's Transport over a stream socket of a stack, and TLS over that."""

from __future__ import annotations

import asyncio
import collections
import ssl as ssl_module
from asyncio import constants, sslproto
from collections.abc import Iterable
from typing import Any, Final

from tcpip import errors
from tcpip.adapters.aio_base import MAX_SIZE, StackTransport, logger
from tcpip.adapters.names import name_of
from tcpip.adapters.oserror import os_error
from tcpip.adapters.stack_socket import StackSocket
from tcpip.addr import SockAddr
from tcpip.errors import NetworkError
from tcpip.sockopt import IPPROTO_TCP, SHUT_WR
from tcpip.transport.endpoint import AGAIN, Endpoint
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT

TCP_NODELAY: Final = 1

__all__ = ["EndpointTransport", "connect_endpoint", "make_transport", "name_of", "wait_for"]


class EndpointTransport(StackTransport, asyncio.Transport):
    """Flow control, half-close and errors as asyncio's own has them. With SO_LINGER of 0 seconds on its socket `abort` resets."""

    _start_tls_compatible = True
    _sendfile_compatible = constants._SendfileMode.FALLBACK

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: StackSocket,
        protocol: asyncio.BaseProtocol,
        waiter: asyncio.Future[None] | None = None,
        extra: dict[str, Any] | None = None,
        server: Any = None,
    ) -> None:
        self._buffer: collections.deque[bytes | memoryview] = collections.deque()
        self._buffered = 0
        self._reading_paused = False
        self._eof_received = False
        self._eof_written = False
        self._scratch = memoryview(bytearray(MAX_SIZE))
        super().__init__(loop, sock, protocol, waiter, extra, server)
        if sock.proto == IPPROTO_TCP:
            sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        super().set_protocol(protocol)
        self._buffered_protocol = isinstance(protocol, asyncio.BufferedProtocol)

    def _ready(self) -> None:
        self._scheduled = False
        if self._conn_lost:
            return
        if self._buffer:
            self._drain()
        if not self._conn_lost and self.is_reading():
            self._read()
        if self._closing and not self._conn_lost and self._endpoint.readiness() & (EVENT_ERR | EVENT_HUP):
            self._force_close(self._pending_error())

    # Reading.

    def _read(self) -> None:
        """One read each turn of the loop, as who awaits something that came with it must have its turn, too."""
        if self._eof_received:
            return
        try:
            buffer = self._protocol_buffer() if self._buffered_protocol else self._scratch
            with self._lock:
                count = self._endpoint.recv_into(buffer)
        except NetworkError as error:
            self._fatal_error(os_error(error), "Fatal read error on socket transport")
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fatal_error(error, "Fatal error: protocol.get_buffer() call failed.")
        else:
            if count != AGAIN:
                self._hand_over(buffer, count)

    def _protocol_buffer(self) -> memoryview:
        buffer = memoryview(self._protocol.get_buffer(-1)).cast("B")
        if not buffer:
            raise RuntimeError("get_buffer() returned an empty buffer")
        return buffer

    def _hand_over(self, buffer: memoryview, count: int) -> None:
        """Give the protocol what was read."""
        what = "eof_received" if count == 0 else "buffer_updated" if self._buffered_protocol else "data_received"
        try:
            if count == 0:
                self._eof_received = True
                if self._loop.get_debug():
                    logger.debug("%r received EOF", self)
                if not self._protocol.eof_received():
                    self.close()
                return
            self._event(EVENT_IN)
            if self._buffered_protocol:
                self._protocol.buffer_updated(count)
            else:
                self._protocol.data_received(bytes(buffer[:count]))
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fatal_error(error, f"Fatal error: protocol.{what}() call failed.")

    def pause_reading(self) -> None:
        if self.is_reading():
            self._reading_paused = True
            if self._loop.get_debug():
                logger.debug("%r pauses reading", self)

    def resume_reading(self) -> None:
        if self._reading_paused and not self._closing:
            self._reading_paused = False
            if self._connected:
                self._event(EVENT_IN)
            if self._loop.get_debug():
                logger.debug("%r resumes reading", self)

    def is_reading(self) -> bool:
        return not self._reading_paused and not self._closing

    # Writing.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._eof_written:
            raise RuntimeError("Cannot call write() after write_eof()")
        if not data:
            return
        if self._conn_lost:
            self._lost_write()
            return
        if not isinstance(data, bytes):
            data = bytes(data)
        self._buffer.append(data)
        self._buffered += len(data)
        if len(self._buffer) == 1:
            self._drain()
        self._maybe_pause_protocol()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def _drain(self) -> None:
        """Hand over what the endpoint takes; with the last of it go an end of file or a close that waited."""
        buffer = self._buffer
        try:
            with self._lock:
                while buffer:
                    data = buffer[0]
                    count = self._endpoint.send(data)
                    if count == AGAIN:
                        break
                    self._buffered -= count
                    if count == len(data):
                        buffer.popleft()
                    else:
                        buffer[0] = memoryview(data)[count:]
                if self._eof_written and not buffer:
                    self._endpoint.shutdown(SHUT_WR)
        except NetworkError as error:
            self._fatal_error(os_error(error), "Fatal write error on socket transport")
            return
        self._maybe_resume_protocol()
        if self._closing and not buffer and not self._conn_lost:
            self._lose(None)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not self._closing and not self._eof_written:
            self._eof_written = True
            if not self._buffer:
                self._drain()

    def get_write_buffer_size(self) -> int:
        return self._buffered

    # Ending.

    def _drop_unsent(self) -> None:
        self._buffer.clear()
        self._buffered = 0

    def _pending_error(self) -> OSError | None:
        with self._lock:
            error = self._endpoint.take_error()
        return None if error is None else os_error(error)


def make_transport(
    loop: asyncio.AbstractEventLoop,
    sock: StackSocket,
    protocol: asyncio.BaseProtocol,
    waiter: asyncio.Future[None],
    *,
    ssl: ssl_module.SSLContext | None = None,
    server_side: bool = False,
    server_hostname: str | None = None,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
    extra: dict[str, Any] | None = None,
    server: Any = None,
) -> asyncio.Transport:
    """What the protocol talks to. `waiter` is done when `connection_made` was called: with TLS, after the handshake."""
    if ssl is None:
        return EndpointTransport(loop, sock, protocol, waiter, extra, server)
    tls = sslproto.SSLProtocol(
        loop,
        protocol,
        ssl,
        waiter,
        server_side,
        server_hostname,
        ssl_handshake_timeout=ssl_handshake_timeout,  # type: ignore[arg-type]
        ssl_shutdown_timeout=ssl_shutdown_timeout,
    )
    EndpointTransport(loop, sock, tls, None, extra, server)
    transport: asyncio.Transport = tls._app_transport
    return transport


async def wait_for(loop: asyncio.AbstractEventLoop, endpoint: Endpoint, mask: int) -> None:
    """Until the endpoint has one of `mask`."""
    future: asyncio.Future[None] = loop.create_future()

    def wake(_: int) -> None:
        if not future.done():
            future.set_result(None)

    waiter = endpoint.queue.add(mask, wake)
    try:
        if not endpoint.readiness() & (mask | EVENT_ERR | EVENT_HUP):
            await future
    finally:
        endpoint.queue.remove(waiter)


async def connect_endpoint(loop: asyncio.AbstractEventLoop, endpoint: Endpoint, address: SockAddr) -> None:
    """Connect; OSError."""
    try:
        endpoint.connect(address)
    except NetworkError as error:
        if error.error is not errors.CONNECT_STARTED:
            endpoint.close()
            raise os_error(error) from None
        try:
            await wait_for(loop, endpoint, EVENT_OUT)
        except asyncio.CancelledError:
            endpoint.close()
            raise
        failure = endpoint.take_error()
        if failure is not None:
            endpoint.close()
            raise os_error(failure) from None
