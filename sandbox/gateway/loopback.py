"""Ways to what listens on the sandbox's loopback: for connections that the operator hands in, and, in a pod's network
namespace, for whoever connects to that namespace's own loopback.

An engine that forwards a port enters the pod's namespace and connects to 127.0.0.1 there (CRI: PortForward). The addresses
have gone to the sandbox, but not the loopback's: for each port that somebody inside listens on there is a listener of the
host's there, too. Nobody but who enters the namespace reaches it.

An ordinary user's engine publishes ports by a process that is in the namespace and connects to the container's address. There the address
is then the loopback's, too; as the routes have gone to the sandbox, the host's stack can answer nobody outside from it.
"""

from __future__ import annotations

import _socket
from typing import TYPE_CHECKING, Final

from sandbox.gateway import host_socket
from sandbox.gateway.inbound import Connector, InboundStream
from tcpip.addr import SockAddr, is_any, is_loopback, parse, unmapped

if TYPE_CHECKING:
    from sandbox.gateway.counters import Counters
    from sandbox.reactor import Reactor
    from tcpip.stack.stack import Stack

LOOPBACK4: Final = "127.0.0.1"
LOOPBACK6: Final = "::1"
MIRRORS_MOST: Final = 256
PORT_START: Final = "/proc/sys/net/ipv4/ip_unprivileged_port_start"


def targets_of(port: int) -> list[SockAddr]:
    """As engines try them."""
    return [SockAddr(parse(LOOPBACK4), port), SockAddr(parse(LOOPBACK6), port)]


class Forwarder(Connector):
    """Host sockets that are handed in, each with its port."""

    def __init__(self, stack: Stack, reactor: Reactor, counters: Counters) -> None:
        super().__init__(stack, reactor, counters)
        self._ports: dict[_socket.socket, int] = {}

    def forward(self, fd: int, port: int) -> None:
        """`fd`, which is this object's from now on, is a connected stream."""
        sock = _socket.socket(fileno=fd)
        self._ports[sock] = port
        self.take(sock)
        self._ports = {waiting: self._ports[waiting] for waiting in self._waiting}

    def targets(self, sock: _socket.socket) -> list[SockAddr]:
        return targets_of(self._ports[sock])


class MirrorStream(InboundStream):
    """One port of the namespace's loopback."""

    def __init__(self, stack: Stack, reactor: Reactor, counters: Counters, sock: _socket.socket, port: int) -> None:
        super().__init__(stack, reactor, counters, sock)
        self.users = 0
        self._targets = targets_of(port)

    def targets(self, sock: _socket.socket) -> list[SockAddr]:
        return self._targets


class Mirror:
    """A listener in the namespace for each port that guests listen on, as long as one does."""

    def __init__(self, stack: Stack, reactor: Reactor, counters: Counters, address: str = LOOPBACK4) -> None:
        self._address = address
        self._stack = stack
        self._reactor = reactor
        self._counters = counters
        self._streams: dict[int, MirrorStream] = {}

    def opened(self, where: SockAddr) -> int:
        """Somebody listens there: the port for `closed`; 0 when there is no listener for it."""
        address = unmapped(where.addr)
        if not (is_any(address) or is_loopback(address)):
            return 0
        stream = self._streams.get(where.port)
        if stream is None:
            if len(self._streams) >= MIRRORS_MOST:
                return 0
            try:
                sock = host_socket.open_listener(self._address, where.port)
            except OSError:  # somebody else's in that namespace, or no loopback there
                return 0
            stream = MirrorStream(self._stack, self._reactor, self._counters, sock, where.port)
            self._streams[where.port] = stream
        stream.users += 1
        return where.port

    def closed(self, port: int) -> None:
        """Somebody listens there no more."""
        stream = self._streams[port]
        stream.users -= 1
        if not stream.users:
            del self._streams[port]
            stream.stop()

    def close(self) -> None:
        """Of all; what runs ends with the sandbox."""
        for stream in self._streams.values():
            stream.close()
        self._streams = {}


def lead_here(addresses: list[bytes]) -> None:
    """What is sent in this network namespace to one of `addresses` (IPv4) is received in it. OSError."""
    from sandbox.gateway.host_rtnetlink import RtNetlink

    with RtNetlink() as host:
        for address in addresses:
            host.replace_address(_socket.if_nametoindex("lo"), address, 32)


def let_low_ports_be_bound() -> None:
    """By the sentry, which has no capabilities later, in the network namespace that it is in; other ports work without."""
    try:
        with open(PORT_START, "w", encoding="ascii") as file:
            file.write("0")
    except OSError:
        pass
