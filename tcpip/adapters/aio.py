"""A stack under asyncio. Either the loop is the stack's, and libraries that know nothing of us talk over it (`StackEventLoop`),
or any loop runs any number of stacks, and the calls are functions that take the stack:

    async with Runner(stack):
        reader, writer = await open_connection(stack, "10.9.0.1", 80)

Hosts of these are address literals, or "localhost"; other names are socket.gaierror. OSErrors are those of the standard library.
"""

from __future__ import annotations

import asyncio
import ssl as ssl_module
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tcpip.adapters.aio_datagram import EndpointDatagramTransport
from tcpip.adapters.aio_loop import StackEventLoop
from tcpip.adapters.aio_runner import Runner
from tcpip.adapters.aio_server import Server
from tcpip.adapters.aio_transport import connect_endpoint, make_transport
from tcpip.adapters.names import address_of
from tcpip.adapters.oserror import os_error
from tcpip.adapters.stack_host import StackHost
from tcpip.adapters.stack_socket import StackSocket
from tcpip.addr import IPV4_ANY, SockAddr
from tcpip.errors import NetworkError
from tcpip.sockopt import SO_REUSEADDR, SO_REUSEPORT, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET
from tcpip.stack.stack import Stack

__all__ = [
    "Runner",
    "Server",
    "StackEventLoop",
    "create_connection",
    "create_datagram_endpoint",
    "create_server",
    "open_connection",
    "start_server",
]

P = TypeVar("P", bound=asyncio.BaseProtocol)
D = TypeVar("D", bound=asyncio.DatagramProtocol)


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
        endpoint = stack.new_endpoint(address.family, SOCK_STREAM)
        if local_addr is not None:
            endpoint.bind(address_of(stack, *local_addr))
    except NetworkError as error:
        raise os_error(error) from None
    await connect_endpoint(loop, endpoint, address)
    protocol, waiter = factory(), loop.create_future()
    name = server_hostname or host
    transport = make_transport(
        loop, StackSocket(StackHost(stack), endpoint), protocol, waiter, ssl=ssl, server_hostname=name if ssl else None
    )
    try:
        await waiter
    except BaseException:
        transport.close()
        raise
    return transport, protocol


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


async def create_server(
    stack: Stack,
    factory: Callable[[], asyncio.BaseProtocol],
    host: str | None = None,
    port: int = 0,
    *,
    backlog: int = 100,
    ssl: ssl_module.SSLContext | None = None,
    reuse_port: bool = False,
    start_serving: bool = True,
) -> Server:
    """As loop.create_server, on one address. `host` None listens on all of IPv4, "::" on both families."""
    address = address_of(stack, host, port)
    try:
        endpoint = stack.new_endpoint(address.family, SOCK_STREAM)
        endpoint.set_option(SOL_SOCKET, SO_REUSEADDR, 1)
        if reuse_port:
            endpoint.set_option(SOL_SOCKET, SO_REUSEPORT, 1)
        endpoint.bind(address)
    except NetworkError as error:
        raise os_error(error) from None
    sock = StackSocket(StackHost(stack), endpoint)
    server = Server(asyncio.get_running_loop(), [sock], factory, backlog, ssl)
    if start_serving:
        try:
            server.listen()
        except OSError:
            server.close()
            raise
    return server


async def start_server(
    stack: Stack,
    connected: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None] | None],
    host: str | None = None,
    port: int = 0,
    *,
    limit: int = 65536,
    backlog: int = 100,
    ssl: ssl_module.SSLContext | None = None,
) -> Server:
    """As asyncio.start_server."""
    loop = asyncio.get_running_loop()

    def factory() -> asyncio.StreamReaderProtocol:
        reader = asyncio.StreamReader(limit=limit, loop=loop)
        return asyncio.StreamReaderProtocol(reader, connected, loop=loop)

    return await create_server(stack, factory, host, port, backlog=backlog, ssl=ssl)


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
        endpoint = stack.new_endpoint(known.family, SOCK_DGRAM)
        for level, name, value in options:
            endpoint.set_option(level, name, value)
        if local is not None:
            endpoint.bind(local)
        if remote is not None:
            endpoint.connect(remote)
    except NetworkError as error:
        raise os_error(error) from None
    protocol, waiter = factory(), loop.create_future()
    transport = EndpointDatagramTransport(loop, StackSocket(StackHost(stack), endpoint), protocol, None, waiter)
    await waiter
    return transport, protocol
