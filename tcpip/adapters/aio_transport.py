"""asyncio's Transport over a stream endpoint of ours."""

from __future__ import annotations

import asyncio
import collections
from collections.abc import Iterable
from typing import Any, Final

from tcpip import errors
from tcpip.adapters.oserror import os_error
from tcpip.addr import SockAddr, text
from tcpip.errors import NetworkError
from tcpip.sockopt import SHUT_WR
from tcpip.transport.endpoint import AGAIN, Endpoint
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT, EVENT_RDHUP, Waiter

READ_SIZE: Final = 256 * 1024
HIGH_WATER: Final = 64 * 1024
READS_PER_EVENT: Final = 8


def name_of(address: SockAddr) -> tuple[str, int] | tuple[str, int, int, int]:
    """A socket name as the standard library writes it."""
    if len(address.addr) == 4:
        return text(address.addr), address.port
    return text(address.addr), address.port, address.flowinfo, address.scope_id


class EndpointTransport(asyncio.Transport):
    """Flow control, half-close and extra info (`peername`, `sockname`, `endpoint`) as asyncio's own has them."""

    _start_tls_compatible = True

    def __init__(
        self, loop: asyncio.AbstractEventLoop, endpoint: Endpoint, protocol: asyncio.BaseProtocol, server: Any = None
    ) -> None:
        extra: dict[str, Any] = {"endpoint": endpoint, "sockname": name_of(endpoint.getsockname())}
        try:
            extra["peername"] = name_of(endpoint.getpeername())
        except NetworkError:
            extra["peername"] = None
        super().__init__(extra)
        self._loop = loop
        self._endpoint = endpoint
        self._server = server
        self._buffer: collections.deque[bytes | memoryview] = collections.deque()
        self._buffered = 0
        self._high, self._low = HIGH_WATER, HIGH_WATER // 4
        self._writing_paused = False
        self._reading_paused = False
        self._eof_received = False
        self._eof_wanted = False
        self._closing = False
        self._lost = False
        self._scheduled = False
        self._scratch = memoryview(bytearray(READ_SIZE))
        self.set_protocol(protocol)
        self._waiter: Waiter | None = endpoint.queue.add(EVENT_IN | EVENT_OUT | EVENT_RDHUP, self._event)
        loop.call_soon(self._start)

    def _start(self) -> None:
        if not self._lost:
            self._protocol.connection_made(self)
            self._ready()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol: Any = protocol
        self._buffered_protocol = isinstance(protocol, asyncio.BufferedProtocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self._protocol
        return protocol

    def _event(self, mask: int) -> None:
        """Called from inside the stack: only take note."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._ready)

    def _ready(self) -> None:
        self._scheduled = False
        if self._lost:
            return
        if self._buffer or self._eof_wanted:
            self._drain()
        if not self._reading_paused and not self._lost and not self._closing:
            self._read()
        if self._closing and not self._lost and self._endpoint.readiness() & (EVENT_ERR | EVENT_HUP):
            self._finish(self._pending_error())

    # Reading.

    def _read(self) -> None:
        try:
            for _ in range(READS_PER_EVENT):
                if self._eof_received or self._reading_paused or self._closing:
                    return
                if not self._read_once():
                    return
        except NetworkError as error:
            self._finish(os_error(error))
            return
        self._event(EVENT_IN)

    def _read_once(self) -> bool:
        """One read handed to the protocol; False when there is nothing more for now."""
        buffer = memoryview(self._protocol.get_buffer(-1)) if self._buffered_protocol else self._scratch
        count = self._endpoint.recv_into(buffer)
        if count == AGAIN:
            return False
        if count == 0:
            self._eof_received = True
            if not self._protocol.eof_received():
                self.close()
            return False
        if self._buffered_protocol:
            self._protocol.buffer_updated(count)
        else:
            self._protocol.data_received(bytes(buffer[:count]))
        return True

    def pause_reading(self) -> None:
        self._reading_paused = True

    def resume_reading(self) -> None:
        if self._reading_paused:
            self._reading_paused = False
            self._event(EVENT_IN)

    def is_reading(self) -> bool:
        return not self._reading_paused and not self._closing

    # Writing.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._eof_wanted:
            raise RuntimeError("write after write_eof")
        if self._lost or self._closing or not data:
            return
        if not isinstance(data, bytes):
            data = bytes(data)
        self._buffer.append(data)
        self._buffered += len(data)
        if len(self._buffer) == 1:
            self._drain()
        if self._buffered > self._high and not self._writing_paused and not self._lost:
            self._writing_paused = True
            self._protocol.pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def _drain(self) -> None:
        buffer = self._buffer
        try:
            while buffer:
                data = buffer[0]
                count = self._endpoint.send(data)
                if count == AGAIN:
                    return
                self._buffered -= count
                if count == len(data):
                    buffer.popleft()
                else:
                    buffer[0] = memoryview(data)[count:]
            if self._eof_wanted:
                self._eof_wanted = False
                self._endpoint.shutdown(SHUT_WR)
        except NetworkError as error:
            self._finish(os_error(error))
            return
        finally:
            if self._writing_paused and self._buffered <= self._low:
                self._writing_paused = False
                self._protocol.resume_writing()
        if self._closing:
            self._finish(None)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not self._closing and not self._lost:
            self._eof_wanted = True
            self._drain()

    def get_write_buffer_size(self) -> int:
        return self._buffered

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = high if high is not None else 4 * low if low is not None else HIGH_WATER
        self._low = low if low is not None else self._high // 4
        if not self._high >= self._low >= 0:
            raise ValueError(f"high ({self._high!r}) must be >= low ({self._low!r}) must be >= 0")

    # Ending.

    def is_closing(self) -> bool:
        return self._closing or self._lost

    def close(self) -> None:
        if not self._closing and not self._lost:
            self._closing = True
            if not self._buffer:
                self._finish(None)

    def abort(self) -> None:
        self._buffer.clear()
        self._buffered = 0
        if not self._lost:
            linger = (1).to_bytes(4, "little") + bytes(4)
            self._endpoint.set_option(1, 13, linger)
            self._finish(None)

    def _pending_error(self) -> OSError | None:
        error = self._endpoint.take_error()
        return None if error is None else os_error(error)

    def _finish(self, error: OSError | None) -> None:
        """The connection is over for the protocol; the endpoint says its goodbyes on its own."""
        if self._lost:
            return
        self._lost = self._closing = True
        if self._waiter is not None:
            self._endpoint.queue.remove(self._waiter)
            self._waiter = None
        self._buffer.clear()
        self._buffered = 0
        self._loop.call_soon(self._connection_lost, error)

    def _connection_lost(self, error: OSError | None) -> None:
        self._endpoint.close()
        self._protocol.connection_lost(error)
        if self._server is not None:
            self._server.forget(self)


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
