"""A stack under asyncio: `open_connection` and `start_server` with asyncio's own streams, connections, servers, datagrams.

    async with Runner(stack):
        reader, writer = await open_connection(stack, "10.9.0.1", 80)

Hosts are address literals, or "localhost"; the stack resolves no names. OSErrors are those of the standard library.
"""

from __future__ import annotations

import asyncio
import ssl as ssl_module
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tcpip.adapters.aio_datagram import EndpointDatagramTransport
from tcpip.adapters.aio_runner import Runner
from tcpip.adapters.aio_transport import EndpointTransport, connect_endpoint, name_of
from tcpip.adapters.oserror import os_error
from tcpip.addr import AF_INET, AF_INET6, IPV4_ANY, IPV4_LOOPBACK, SockAddr, parse
from tcpip.errors import NetworkError
from tcpip.sockopt import SO_REUSEADDR, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET
from tcpip.stack.stack import Stack
from tcpip.transport.endpoint import Endpoint
from tcpip.waiter import EVENT_IN

__all__ = [
    "Runner",
    "Server",
    "create_connection",
    "create_datagram_endpoint",
    "create_server",
    "open_connection",
    "start_server",
]

P = TypeVar("P", bound=asyncio.BaseProtocol)
D = TypeVar("D", bound=asyncio.DatagramProtocol)


def address_of(stack: Stack, host: str | None, port: int) -> SockAddr:
    """A literal (with %scope for link-local addresses), "localhost", or nothing: all of IPv4's."""
    if not host:
        return SockAddr(IPV4_ANY, port)
    if host == "localhost":
        return SockAddr(IPV4_LOOPBACK, port)
    literal, _, scope = host.partition("%")
    number = 0
    if scope:
        nic = stack.find_nic(scope)
        number = nic.number if nic is not None else int(scope) if scope.isdecimal() else 0
    return SockAddr(parse(literal), port, number)


def _family(address: SockAddr) -> int:
    return AF_INET if len(address.addr) == 4 else AF_INET6


async def create_connection(
    stack: Stack,
    factory: Callable[[], P],
    host: str,
    port: int,
    *,
    ssl: ssl_module.SSLContext | None = None,
    server_hostname: str | None = None,
    local_addr: tuple[str, int] | None = None,
) -> tuple[asyncio.Transport, P]:
    """As loop.create_connection."""
    loop = asyncio.get_running_loop()
    address = address_of(stack, host, port)
    try:
        endpoint = stack.new_endpoint(_family(address), SOCK_STREAM)
        if local_addr is not None:
            endpoint.bind(address_of(stack, *local_addr))
    except NetworkError as error:
        raise os_error(error) from None
    await connect_endpoint(loop, endpoint, address)
    protocol = factory()
    if ssl is None:
        return EndpointTransport(loop, endpoint, protocol), protocol
    plain = EndpointTransport(loop, endpoint, asyncio.Protocol())
    upgraded = await loop.start_tls(plain, protocol, ssl, server_hostname=server_hostname or host)
    if upgraded is None:
        raise ConnectionResetError("connection closed during the TLS handshake")
    protocol.connection_made(upgraded)
    return upgraded, protocol


async def open_connection(
    stack: Stack,
    host: str,
    port: int,
    *,
    limit: int = 65536,
    ssl: ssl_module.SSLContext | None = None,
    server_hostname: str | None = None,
    local_addr: tuple[str, int] | None = None,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """As asyncio.open_connection."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=limit, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await create_connection(
        stack, lambda: protocol, host, port, ssl=ssl, server_hostname=server_hostname, local_addr=local_addr
    )
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


class Server(asyncio.AbstractServer):
    """A listening endpoint; `close` stops accepting, connections go on."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, endpoint: Endpoint, factory: Callable[[], asyncio.BaseProtocol]
    ) -> None:
        self._loop = loop
        self.endpoint = endpoint
        self._factory = factory
        self._transports: set[EndpointTransport] = set()
        self._serving = True
        self._scheduled = False
        self._closed: asyncio.Future[None] = loop.create_future()
        self._waiter = endpoint.queue.add(EVENT_IN, self._event)
        self._event(EVENT_IN)

    @property
    def sockname(self) -> tuple[str, int] | tuple[str, int, int, int]:
        """Where it listens."""
        return name_of(self.endpoint.getsockname())

    def _event(self, mask: int) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._accept)

    def _accept(self) -> None:
        self._scheduled = False
        while self._serving:
            try:
                connection = self.endpoint.accept()
            except NetworkError:
                return
            self._transports.add(EndpointTransport(self._loop, connection, self._factory(), self))

    def forget(self, transport: EndpointTransport) -> None:
        """A connection has ended."""
        self._transports.discard(transport)
        self._maybe_closed()

    def _maybe_closed(self) -> None:
        if not self._serving and not self._transports and not self._closed.done():
            self._closed.set_result(None)

    def close(self) -> None:
        if self._serving:
            self._serving = False
            self.endpoint.queue.remove(self._waiter)
            self.endpoint.close()
            self._maybe_closed()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def is_serving(self) -> bool:
        return self._serving

    async def start_serving(self) -> None:
        """It serves from the start."""

    async def serve_forever(self) -> None:
        try:
            await asyncio.shield(self._closed)
        except asyncio.CancelledError:
            self.close()
            raise

    async def wait_closed(self) -> None:
        await asyncio.shield(self._closed)


async def create_server(
    stack: Stack,
    factory: Callable[[], asyncio.BaseProtocol],
    host: str | None = None,
    port: int = 0,
    *,
    backlog: int = 100,
) -> Server:
    """As loop.create_server, on one address. `host` None listens on all of IPv4, "::" on both families."""
    address = address_of(stack, host, port)
    try:
        endpoint = stack.new_endpoint(_family(address), SOCK_STREAM)
        endpoint.set_option(SOL_SOCKET, SO_REUSEADDR, 1)
        endpoint.bind(address)
        endpoint.listen(backlog)
    except NetworkError as error:
        raise os_error(error) from None
    return Server(asyncio.get_running_loop(), endpoint, factory)


async def start_server(
    stack: Stack,
    connected: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None] | None],
    host: str | None = None,
    port: int = 0,
    *,
    limit: int = 65536,
    backlog: int = 100,
) -> Server:
    """As asyncio.start_server."""
    loop = asyncio.get_running_loop()

    def factory() -> asyncio.StreamReaderProtocol:
        reader = asyncio.StreamReader(limit=limit, loop=loop)
        return asyncio.StreamReaderProtocol(reader, connected, loop=loop)

    return await create_server(stack, factory, host, port, backlog=backlog)


async def create_datagram_endpoint(
    stack: Stack,
    factory: Callable[[], D],
    local_addr: tuple[str, int] | None = None,
    remote_addr: tuple[str, int] | None = None,
    *,
    options: tuple[tuple[int, int, Any], ...] = (),
) -> tuple[EndpointDatagramTransport, D]:
    """As loop.create_datagram_endpoint; `options` are (level, name, value) set before binding."""
    loop = asyncio.get_running_loop()
    local = None if local_addr is None else address_of(stack, *local_addr)
    remote = None if remote_addr is None else address_of(stack, *remote_addr)
    known = local or remote or SockAddr(IPV4_ANY, 0)
    try:
        endpoint = stack.new_endpoint(_family(known), SOCK_DGRAM)
        for level, name, value in options:
            endpoint.set_option(level, name, value)
        if local is not None:
            endpoint.bind(local)
        if remote is not None:
            endpoint.connect(remote)
    except NetworkError as error:
        raise os_error(error) from None
    protocol = factory()
    return EndpointDatagramTransport(loop, endpoint, protocol), protocol
