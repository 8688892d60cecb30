"""Everything networked in this process over one stack: the loops, and the sockets, servers and threads of the tests.

The tests bring peers of their own: threads with blocking sockets, select, TLS by `ssl.SSLContext.wrap_socket`, HTTP servers.
Their modules are given a `socket` and a `select` whose IPv4 and IPv6 sockets are the stack's; asyncio itself is not touched.
"""

from __future__ import annotations

import asyncio
import select
import selectors
import socket
import socketserver
import ssl
import types
from collections.abc import Iterable
from typing import Any, Final

from tcpip.adapters.aio_loop import StackEventLoop
from tcpip.adapters.monkey import INTERNET, socket_class
from tcpip.adapters.names import get_address_info
from tcpip.adapters.sockets import ThreadedStack
from tcpip.adapters.stack_selector import StackSelector
from tcpip.adapters.stack_socket import StackSocket
from tcpip.adapters.tls import wrap_socket
from tcpip.clock import MonotonicClock
from tcpip.stack.stack import Stack

HOST: Final = ThreadedStack(Stack(MonotonicClock()))
SOCKET_CLASS: Final = socket_class(HOST)


class Loop(StackEventLoop):
    """With the constructor of the standard one."""

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__(HOST, selector=selector)


class Policy(asyncio.DefaultEventLoopPolicy):
    """Makes loops of ours."""

    _loop_factory = Loop


def _create_server(
    address: Any,
    *,
    family: int = socket.AF_INET,
    backlog: int | None = None,
    reuse_port: bool = False,
    dualstack_ipv6: bool = False,
) -> Any:
    if family not in INTERNET:
        return socket.create_server(address, family=family, backlog=backlog)
    sock = SOCKET_CLASS(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(address)
    sock.listen(128 if backlog is None else backlog)
    return sock


def _get_address_info(
    host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
) -> list[tuple[Any, ...]]:
    return list(get_address_info(HOST.stack, {}, host, port, family, type, proto, flags))


def _socket_module() -> types.ModuleType:
    module = types.ModuleType("socket")
    module.__dict__.update(socket.__dict__)
    module.socket = SOCKET_CLASS  # type: ignore[attr-defined]
    module.create_server = _create_server  # type: ignore[attr-defined]
    module.create_connection = HOST.create_connection  # type: ignore[attr-defined]
    module.getaddrinfo = _get_address_info  # type: ignore[attr-defined]
    return module


def _select(read: Iterable[Any], write: Iterable[Any], other: Iterable[Any], timeout: float | None = None) -> Any:
    """select.select over both kinds of sockets."""
    selector = StackSelector(selectors.PollSelector())
    read, write = list(read), list(write)
    try:
        for thing in {*read, *write}:
            selector.register(thing, (thing in read) * selectors.EVENT_READ | (thing in write) * selectors.EVENT_WRITE)
        found = selector.select(timeout)
        return (
            [key.fileobj for key, events in found if events & selectors.EVENT_READ],
            [key.fileobj for key, events in found if events & selectors.EVENT_WRITE],
            [],
        )
    finally:
        selector.close()


def _select_module() -> types.ModuleType:
    module = types.ModuleType("select")
    module.__dict__.update(select.__dict__)
    module.select = _select  # type: ignore[attr-defined]
    return module


SOCKET: Final = _socket_module()
SELECT: Final = _select_module()
_real_wrap_socket: Final = ssl.SSLContext.wrap_socket


def _wrap_socket(self: ssl.SSLContext, sock: Any, server_side: bool = False, do_handshake_on_connect: bool = True,
                 suppress_ragged_eofs: bool = True, server_hostname: Any = None, session: Any = None) -> Any:  # fmt: skip
    sock = getattr(sock, "_TestSocketWrapper__sock", sock)  # what some tests have around a socket
    if isinstance(sock, StackSocket):
        return wrap_socket(sock, self, server_side, server_hostname, do_handshake_on_connect)
    return _real_wrap_socket(
        self, sock, server_side, do_handshake_on_connect, suppress_ragged_eofs, server_hostname, session
    )


def install() -> None:
    """Before the tests' modules are imported: what makes loops, and the peers that live in the standard library."""
    asyncio.set_event_loop_policy(Policy())
    asyncio.SelectorEventLoop = Loop  # type: ignore[misc,assignment]
    asyncio.DefaultEventLoopPolicy = Policy  # type: ignore[misc,assignment]
    ssl.SSLContext.wrap_socket = _wrap_socket  # type: ignore[method-assign,assignment]
    socketserver.socket = SOCKET  # type: ignore[attr-defined]
    socketserver._ServerSelector = StackSelector  # type: ignore[attr-defined]


def adapt(module: types.ModuleType) -> None:
    """A module of tests, or one that they use, gets the sockets."""
    if getattr(module, "socket", None) is socket:
        module.socket = SOCKET  # type: ignore[attr-defined]
    if getattr(module, "select", None) is select:
        module.select = SELECT  # type: ignore[attr-defined]


__all__ = ["HOST", "Loop", "adapt", "install"]
