"""An event loop whose network is a stack: libraries that know nothing of us talk over it.

    with asyncio.Runner(loop_factory=lambda: StackEventLoop(stack)) as runner:
        runner.run(main())

Descriptors, pipes, processes, signals and Unix sockets are the system's, as in every loop. `new_socket` makes the sockets that
`sock_*` take. With a `ThreadedStack` several loops and threads share one stack.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
import ssl as ssl_module
from asyncio import exceptions
from collections.abc import Callable, Sequence
from typing import Any

from tcpip.adapters import aio_connect
from tcpip.adapters.aio_datagram import EndpointDatagramTransport
from tcpip.adapters.aio_runner import Runner
from tcpip.adapters.aio_server import Server
from tcpip.adapters.aio_transport import EndpointTransport, make_transport
from tcpip.adapters.names import INFO, Hosts, get_address_info, get_name_info
from tcpip.adapters.stack_host import StackHost
from tcpip.adapters.stack_selector import StackSelector
from tcpip.adapters.stack_socket import StackSocket, open_endpoint
from tcpip.stack.stack import Stack

Factory = Callable[[], Any]


class StackEventLoop(asyncio.SelectorEventLoop):
    """`hosts`: the names that it resolves beside "localhost"."""

    def __init__(
        self, stack: Stack | StackHost, hosts: Hosts | None = None, selector: selectors.BaseSelector | None = None
    ) -> None:
        super().__init__(StackSelector(selector))
        self.hosts: Hosts = hosts if hosts is not None else {}
        self.host = stack if isinstance(stack, StackHost) else StackHost(stack)
        self._driver = None if self.host.threaded else Runner(self.host.stack, self)

    def close(self) -> None:
        if self._driver is not None and not self.is_running() and not self.is_closed():
            self._driver.close()
        super().close()

    def new_socket(
        self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, protocol: int = 0
    ) -> StackSocket:
        """A non-blocking one of the stack. OSError."""
        sock = StackSocket(self.host, open_endpoint(self.host, family, kind, protocol))
        sock.setblocking(False)
        return sock

    # Names.

    async def getaddrinfo(  # type: ignore[override]
        self, host: Any, port: Any, *, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> list[INFO]:
        return get_address_info(self.host.stack, self.hosts, host, port, family, type, proto, flags)

    async def getnameinfo(self, sockaddr: tuple[Any, ...], flags: int = 0) -> tuple[str, str]:
        return get_name_info(self.hosts, sockaddr, flags)

    # Connections.

    async def create_connection(
        self,
        protocol_factory: Factory,
        host: Any = None,
        port: Any = None,
        *,
        ssl: ssl_module.SSLContext | bool | None = None,
        family: int = 0,
        proto: int = 0,
        flags: int = 0,
        sock: Any = None,
        local_addr: tuple[str, int] | None = None,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        happy_eyeballs_delay: float | None = None,
        interleave: int | None = None,
        all_errors: bool = False,
    ) -> tuple[asyncio.Transport, Any]:
        tls: dict[str, Any] = {
            "server_hostname": server_hostname,
            "ssl_handshake_timeout": ssl_handshake_timeout,
            "ssl_shutdown_timeout": ssl_shutdown_timeout,
        }
        named = host is not None or port is not None
        if not named and not isinstance(sock, StackSocket):
            return await super().create_connection(protocol_factory, ssl=ssl, sock=sock, **tls)
        if ssl and server_hostname is None:
            if not host:
                raise ValueError("You must set server_hostname when using ssl without a host")
            tls["server_hostname"] = host
        _check_tls(ssl, **tls)
        if named:
            if sock is not None:
                raise ValueError("host/port and sock can not be specified at the same time")
            ask = {"family": family, "type": socket.SOCK_STREAM, "proto": proto, "flags": flags}
            infos = await aio_connect.resolved(self, host, port, **ask)
            local = None if local_addr is None else await aio_connect.resolved(self, *local_addr, **ask)
            if happy_eyeballs_delay is not None and interleave is None:
                interleave = 1
            infos = aio_connect.interleaved(infos, interleave) if interleave else infos
            sock = await aio_connect.connect_to_one(self, infos, local, happy_eyeballs_delay, all_errors)
        elif sock.type != socket.SOCK_STREAM:
            raise ValueError(f"A Stream Socket was expected, got {sock!r}")
        return await self._transport_over(sock, protocol_factory, ssl, **tls)

    async def connect_accepted_socket(  # type: ignore[override]
        self, protocol_factory: Factory, sock: Any, *, ssl: ssl_module.SSLContext | None = None, **tls: Any
    ) -> tuple[asyncio.Transport, Any]:
        if not isinstance(sock, StackSocket):
            return await super().connect_accepted_socket(protocol_factory, sock, ssl=ssl, **tls)
        if sock.type != socket.SOCK_STREAM:
            raise ValueError(f"A Stream Socket was expected, got {sock!r}")
        _check_tls(ssl, **tls)
        return await self._transport_over(sock, protocol_factory, ssl, server_side=True, **tls)

    async def _transport_over(
        self, sock: StackSocket, factory: Factory, ssl: ssl_module.SSLContext | bool | None, **tls: Any
    ) -> tuple[asyncio.Transport, Any]:
        sock.setblocking(False)
        protocol, waiter = factory(), self.create_future()
        context = ssl_module.create_default_context() if ssl is True else ssl or None
        transport = make_transport(self, sock, protocol, waiter, ssl=context, **tls)
        try:
            await waiter
        except BaseException:
            transport.close()
            raise
        return transport, protocol

    async def create_server(  # type: ignore[override]
        self,
        protocol_factory: Factory,
        host: str | Sequence[str] | None = None,
        port: Any = None,
        *,
        family: int = socket.AF_UNSPEC,
        flags: int = socket.AI_PASSIVE,
        sock: Any = None,
        backlog: int = 100,
        ssl: ssl_module.SSLContext | None = None,
        reuse_address: bool | None = None,
        reuse_port: bool | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        start_serving: bool = True,
        **options: Any,
    ) -> Any:
        tls: dict[str, Any] = {
            "ssl_handshake_timeout": ssl_handshake_timeout,
            "ssl_shutdown_timeout": ssl_shutdown_timeout,
        }
        named = host is not None or port is not None
        if not named and not isinstance(sock, StackSocket):
            options |= tls | {"ssl": ssl, "backlog": backlog, "start_serving": start_serving}
            return await super().create_server(protocol_factory, sock=sock, **options)
        if isinstance(ssl, bool):
            raise TypeError("ssl argument must be an SSLContext or None")
        _check_tls(ssl, **tls)
        if named:
            if sock is not None:
                raise ValueError("host/port and sock can not be specified at the same time")
            infos = await aio_connect.resolved_hosts(self, host, port, family, flags)
            sockets = aio_connect.bound(self, infos, reuse_address is not False, bool(reuse_port), **options)
        elif sock.type != socket.SOCK_STREAM:
            raise ValueError(f"A Stream Socket was expected, got {sock!r}")
        else:
            sock.setblocking(False)
            sockets = [sock]
        server = Server(self, sockets, protocol_factory, backlog, ssl, **tls)
        if start_serving:
            await server.start_serving()
        return server

    # Datagrams.

    async def create_datagram_endpoint(
        self,
        protocol_factory: Factory,
        local_addr: Any = None,
        remote_addr: Any = None,
        *,
        family: int = 0,
        proto: int = 0,
        flags: int = 0,
        reuse_port: bool | None = None,
        allow_broadcast: bool | None = None,
        sock: Any = None,
        **options: Any,
    ) -> tuple[Any, Any]:
        modifiers: dict[str, Any] = {
            "local_addr": local_addr,
            "remote_addr": remote_addr,
            "family": family,
            "proto": proto,
            "flags": flags,
            "reuse_port": reuse_port,
            "allow_broadcast": allow_broadcast,
        }
        ours = isinstance(sock, StackSocket)
        if family == socket.AF_UNIX or (sock is not None and not ours):
            return await super().create_datagram_endpoint(protocol_factory, sock=sock, **modifiers, **options)
        remote = None
        if sock is None:
            sock, remote = await aio_connect.datagram_socket(self, **modifiers)
        else:
            given = ", ".join(f"{name}={value}" for name, value in modifiers.items() if value)
            if given:
                raise ValueError(f"socket modifier keyword arguments can not be used when sock is specified. ({given})")
            if sock.type != socket.SOCK_DGRAM:
                raise ValueError(f"A UDP Socket was expected, got {sock!r}")
            sock.setblocking(False)
        protocol, waiter = protocol_factory(), self.create_future()
        transport = EndpointDatagramTransport(self, sock, protocol, remote, waiter)
        try:
            await waiter
        except BaseException:
            transport.close()
            raise
        return transport, protocol

    # What the standard loop would do with the descriptor.

    async def sendfile(
        self, transport: Any, file: Any, offset: int = 0, count: int | None = None, *, fallback: bool = True
    ) -> int:
        if isinstance(transport, EndpointTransport) and not transport.is_closing() and not fallback:
            raise exceptions.SendfileNotAvailableError("sendfile(2) into a stack is not supported")
        return await super().sendfile(transport, file, offset, count, fallback=fallback)

    async def _sock_sendfile_native(self, sock: Any, file: Any, offset: int, count: int | None) -> int:
        if isinstance(sock, StackSocket):
            raise exceptions.SendfileNotAvailableError("sendfile(2) into a stack is not supported")
        sent: int = await super()._sock_sendfile_native(sock, file, offset, count)  # type: ignore[misc]
        return sent


def _check_tls(ssl: object, *, server_hostname: str | None = None, **timeouts: float | None) -> None:
    """What means nothing without TLS. ValueError."""
    given = {"server_hostname": server_hostname, **timeouts}
    for name, value in given.items():
        if value is not None and not ssl:
            raise ValueError(f"{name} is only meaningful with ssl")
