"""asyncio's DatagramTransport over a datagram socket of a stack."""

from __future__ import annotations

import asyncio
import collections
from typing import Any, Final

from tcpip.adapters.aio_base import MAX_SIZE, StackTransport
from tcpip.adapters.stack_socket import Address, StackSocket
from tcpip.waiter import EVENT_IN

READS_PER_EVENT: Final = 64


class EndpointDatagramTransport(StackTransport, asyncio.DatagramTransport):
    """Errors of sending and of the path go to `error_received`. What there is no room for in the socket waits here."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: StackSocket,
        protocol: asyncio.BaseProtocol,
        address: Address | None = None,
        waiter: asyncio.Future[None] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        """`address`: the only one to send to, of a socket that is not connected."""
        self._address = address
        self._buffer: collections.deque[tuple[bytes, Address | None]] = collections.deque()
        self._buffered = 0
        super().__init__(loop, sock, protocol, waiter, extra, None)

    def _ready(self) -> None:
        self._scheduled = False
        self._drain()
        for _ in range(READS_PER_EVENT):
            if self._closing or self._sock is None:
                return
            try:
                data, address = self._sock.recvfrom(MAX_SIZE)
            except BlockingIOError:
                return
            except OSError as error:
                self._protocol.error_received(error)
            else:
                self._protocol.datagram_received(data, address)
        self._event(EVENT_IN)

    def sendto(self, data: Any, addr: Any = None) -> None:
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._address:
            if addr not in (None, self._address):
                raise ValueError(f"Invalid address: must be None or {self._address}")
            addr = self._address
        if self._conn_lost:
            self._lost_write()
            return
        self._buffer.append((bytes(data), addr))
        self._buffered += len(data)
        if len(self._buffer) == 1:
            self._drain()
        self._maybe_pause_protocol()

    def _drain(self) -> None:
        """Send what waits, until there is no room."""
        while self._buffer and self._sock is not None and not self._conn_lost:
            data, address = self._buffer[0]
            try:
                if address is None or self._extra["peername"]:
                    self._sock.send(data)
                else:
                    self._sock.sendto(data, address)
            except BlockingIOError:
                return
            except OSError as error:
                self._protocol.error_received(error)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                self._fatal_error(error, "Fatal write error on datagram transport")
                return
            if self._buffer:  # the protocol may have closed us
                self._buffer.popleft()
                self._buffered -= len(data)
        self._maybe_resume_protocol()
        if self._closing and not self._buffer and not self._conn_lost:
            self._lose(None)

    def get_write_buffer_size(self) -> int:
        return self._buffered

    def _has_unsent(self) -> bool:
        return bool(self._buffer)

    def _drop_unsent(self) -> None:
        self._buffer.clear()
        self._buffered = 0
