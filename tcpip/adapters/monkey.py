"""Libraries that make their sockets themselves, over a stack: the standard library's names lead to it for a while.

    with ThreadedStack(stack) as host, patched(host, {"server.test": ["10.9.0.1"]}):
        requests.get("http://server.test/")

In the whole process, until the end of the block, `socket.socket` makes IPv4 and IPv6 sockets of the stack and all others of
the system; names and services are looked up in the table that is given (`tcpip.adapters.names`); and
`ssl.SSLContext.wrap_socket` and `os.sendfile` take such sockets. What is built on these, `socket.create_connection`, `http.client`,
`socketserver`, `asyncio` with its standard loop, follows by itself, since the descriptors of a `ThreadedStack`'s sockets can be polled.

A library has to look names up in the module `socket` when it uses them: `from socket import socket` before the block keeps the
system's, and so do a class that was derived from `socket.socket` before it and methods taken from it: import such libraries (trio)
within the block. What reads and writes by the descriptor (`multiprocessing.connection`) cannot. Sockets that are there at the
end of the block stay what they are.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
from collections.abc import Iterator
from typing import Any, Final

from tcpip.adapters.names import Hosts, get_address_info, get_name_info
from tcpip.adapters.stack_host import StackHost
from tcpip.adapters.stack_socket import SENDFILE_SIZE, StackSocket, numbered, open_endpoint
from tcpip.adapters.tls import wrap_socket
from tcpip.transport.endpoint import Endpoint

INTERNET: Final = (socket.AF_INET, socket.AF_INET6)


def _is_the_systems(family: int, fileno: int | None) -> bool:
    """What socket.socket is asked for is no socket of a stack."""
    return fileno is not None or family not in (-1, *INTERNET)


class _Kind(type):
    """Calling the class in the place of socket.socket makes a socket of either kind, and both are instances of it."""

    def __call__(cls, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> Any:
        if "system" in cls.__dict__ and _is_the_systems(family, fileno):
            return cls.__dict__["system"](family, type, proto, fileno)
        return super().__call__(family, type, proto, fileno)

    def __instancecheck__(cls, thing: object) -> bool:
        if "system" not in cls.__dict__:
            return super().__instancecheck__(thing)
        return isinstance(thing, (StackSocket, cls.__dict__["system"]))


def socket_class(host: StackHost) -> Any:
    """A class like socket.socket whose IPv4 and IPv6 sockets are the stack's; of what derives from it there are no others."""

    class Socket(StackSocket, metaclass=_Kind):
        system = socket.socket

        def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:
            if _is_the_systems(family, fileno):
                name = self.__class__.__name__
                raise OSError(errno.EAFNOSUPPORT, f"{name} has IPv4 and IPv6 sockets of a stack only")
            family = socket.AF_INET if family == -1 else family
            kind = socket.SOCK_STREAM if type == -1 else type
            super().__init__(host, open_endpoint(host, family, kind, max(proto, 0)), host.threaded)

        def another(self, endpoint: Endpoint) -> Socket:
            made = Socket.__new__(Socket)
            StackSocket.__init__(made, host, endpoint, host.threaded)
            return made

    Socket.__name__ = Socket.__qualname__ = "socket"
    Socket.__doc__ = socket.socket.__doc__
    return Socket


class _Names:
    """What netdb(3) answers, from a table."""

    def __init__(self, host: StackHost, hosts: Hosts) -> None:
        self._host = host
        self._hosts = hosts

    def getaddrinfo(self, host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:
        return get_address_info(self._host.stack, self._hosts, host, port, family, type, proto, flags)

    def getnameinfo(self, address: tuple[Any, ...], flags: int) -> tuple[str, str]:
        return get_name_info(self._hosts, address, flags)

    def gethostbyname_ex(self, name: str) -> tuple[str, list[str], list[str]]:
        found = self.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
        return name, [], [str(info[4][0]) for info in found]

    def gethostbyname(self, name: str) -> str:
        return self.gethostbyname_ex(name)[2][0]

    def gethostbyaddr(self, name: str) -> tuple[str, list[str], list[str]]:
        address = self.getaddrinfo(name, None, 0, socket.SOCK_STREAM)[0][4]
        try:
            return get_name_info(self._hosts, address, socket.NI_NAMEREQD)[0], [], [str(address[0])]
        except socket.gaierror:
            raise socket.herror(1, "Unknown host") from None


def _wrapper(system: Any) -> Any:
    """In the place of ssl.SSLContext.wrap_socket."""

    def wrap(
        self: ssl.SSLContext,
        sock: Any,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: str | None = None,
        session: Any = None,
    ) -> Any:
        if not isinstance(sock, StackSocket):
            return system(
                self, sock, server_side, do_handshake_on_connect, suppress_ragged_eofs, server_hostname, session
            )
        if session is not None or not suppress_ragged_eofs:
            raise ValueError("over a stack there are no sessions to take up, and an end without a farewell is an end")
        return wrap_socket(sock, self, server_side, server_hostname, do_handshake_on_connect)

    return wrap


def _sender(system: Any) -> Any:
    """In the place of os.sendfile: libraries that find it give it the number of the socket."""

    def sendfile(out_fd: int, in_fd: int, offset: int | None, count: int, *more: Any, **by_name: Any) -> int:
        sock = numbered.get(out_fd)
        if sock is None:
            return int(system(out_fd, in_fd, offset, count, *more, **by_name))
        begin = os.lseek(in_fd, 0, os.SEEK_CUR) if offset is None else offset
        sent = sock.send(os.pread(in_fd, min(count, SENDFILE_SIZE), begin))
        if offset is None:
            os.lseek(in_fd, begin + sent, os.SEEK_SET)
        return sent

    return sendfile


@contextlib.contextmanager
def patched(host: StackHost, hosts: Hosts | None = None) -> Iterator[None]:
    """`host`: a `ThreadedStack`, or the `host` of a `StackEventLoop`, whose sockets do not block. `hosts`: name → addresses."""
    names = _Names(host, {} if hosts is None else hosts)
    with contextlib.ExitStack() as changes:

        def replace(owner: Any, name: str, value: Any) -> None:
            changes.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, value)

        for name in ("getaddrinfo", "getnameinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
            replace(socket, name, getattr(names, name))
        replace(ssl.SSLContext, "wrap_socket", _wrapper(ssl.SSLContext.wrap_socket))
        replace(os, "sendfile", _sender(os.sendfile))
        replace(socket, "socket", socket_class(host))
        yield
