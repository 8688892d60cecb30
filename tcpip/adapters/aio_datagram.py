"""asyncio's DatagramTransport over a datagram endpoint of ours."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from tcpip import errors
from tcpip.adapters.aio_transport import name_of
from tcpip.adapters.oserror import os_error
from tcpip.addr import SockAddr, parse
from tcpip.errors import NetworkError
from tcpip.transport.endpoint import Endpoint
from tcpip.waiter import EVENT_ERR, EVENT_IN

MAX_DATAGRAM: Final = 65536


class EndpointDatagramTransport(asyncio.DatagramTransport):
    """`sendto` hands to the stack at once, so nothing is ever buffered here."""

    def __init__(self, loop: asyncio.AbstractEventLoop, endpoint: Endpoint, protocol: asyncio.DatagramProtocol) -> None:
        super().__init__({"endpoint": endpoint, "sockname": name_of(endpoint.getsockname())})
        self._loop = loop
        self._endpoint = endpoint
        self._protocol = protocol
        self._closed = False
        self._scheduled = False
        self._scratch = memoryview(bytearray(MAX_DATAGRAM))
        self._waiter = endpoint.queue.add(EVENT_IN, self._event)
        loop.call_soon(protocol.connection_made, self)
        self._event(EVENT_IN)

    def _event(self, mask: int) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._ready)

    def _ready(self) -> None:
        self._scheduled = False
        while not self._closed:
            try:
                got = self._endpoint.recvmsg(self._scratch)
            except NetworkError as error:
                if error.error is errors.WOULD_BLOCK:
                    return
                self._protocol.error_received(os_error(error))
                if not self._endpoint.readiness() & (EVENT_IN | EVENT_ERR):
                    return
                continue
            if got.address is not None:
                self._protocol.datagram_received(bytes(self._scratch[: got.length]), name_of(got.address))

    def sendto(self, data: Any, addr: Any = None) -> None:
        """`addr`: (address literal, port, ...); OSErrors go to `error_received`, as asyncio's own does."""
        try:
            self._endpoint.sendmsg(bytes(data), None if addr is None else SockAddr(parse(addr[0]), *addr[1:2]))
        except NetworkError as error:
            self._protocol.error_received(os_error(error))

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._endpoint.queue.remove(self._waiter)
            self._endpoint.close()
            self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()
