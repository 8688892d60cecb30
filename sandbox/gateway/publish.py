"""Published ports: host sockets whose connections and datagrams are fed into the guest's stack.

The host sockets are bound before the sandbox gives up its privileges, so that an address in use is an error at start.
To the guest a connection comes from the gateway's address.
"""

from __future__ import annotations

import _socket
import errno
from typing import TYPE_CHECKING, Final

from sandbox.gateway import address_plan as plan
from sandbox.gateway import host_socket
from sandbox.gateway.inbound import InboundStream
from sandbox.reactor import READ
from tcpip.addr import AF_INET, SockAddr
from tcpip.clock import NS_PER_S
from tcpip.errors import NetworkError
from tcpip.sockopt import SOCK_DGRAM
from tcpip.transport.endpoint import AGAIN
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.gateway.gateway import Gateway
    from tcpip.transport.endpoint import Endpoint

MAX_PEERS: Final = 256
IDLE_NS: Final = 120 * NS_PER_S
_BUFFER: Final = memoryview(bytearray(65536))


class PublishError(ValueError):
    """A rule that cannot be read, or a host port that cannot be had."""


class PublishRule:
    """[ADDR:]HOSTPORT:GUESTPORT[/tcp|/udp]; ADDR is 127.0.0.1 when it is left out."""

    __slots__ = ("text", "address", "host_port", "guest_port", "datagram")

    def __init__(self, text: str) -> None:
        """Raises PublishError."""
        self.text = text
        ports, slash, protocol = text.partition("/")
        if slash and protocol not in ("tcp", "udp"):
            raise PublishError(f"{text!r}: neither tcp nor udp")
        self.datagram = protocol == "udp"
        host, colon, guest = ports.rpartition(":")
        address, _, host_port = host.rpartition(":")
        self.address = address.removeprefix("[").removesuffix("]") or "127.0.0.1"
        if not colon or not _is_port(host_port) or not _is_port(guest):
            raise PublishError(f"{text!r}: the form is [ADDR:]HOSTPORT:GUESTPORT[/tcp|/udp]")
        self.host_port, self.guest_port = int(host_port), int(guest)

    def open(self) -> _socket.socket:
        """The bound host socket. PublishError."""
        try:
            return host_socket.open_listener(self.address, self.host_port, self.datagram)
        except OSError as error:
            reason = "address in use" if error.errno == errno.EADDRINUSE else str(error.strerror or error)
            raise PublishError(f"{self.text!r}: {self.address} port {self.host_port}: {reason}") from None


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= 65535


class PublishedStream(InboundStream):
    """A TCP port."""

    def __init__(self, gateway: Gateway, sock: _socket.socket, guest_port: int) -> None:
        super().__init__(gateway.stack, gateway.reactor, gateway.counters, sock)
        self._targets = [SockAddr(plan.GUEST4, guest_port)]

    def targets(self, sock: _socket.socket) -> list[SockAddr]:
        return self._targets


class _Peer:
    __slots__ = ("endpoint", "used")

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.used = 0


class PublishedDatagrams:
    """A UDP port: each peer on the host's side has a port of the gateway's."""

    def __init__(self, gateway: Gateway, sock: _socket.socket, guest_port: int) -> None:
        self._gateway = gateway
        self._sock = sock
        self._fd = sock.fileno()
        self._guest_port = guest_port
        self._peers: dict[object, _Peer] = {}
        gateway.reactor.watch(self._fd, READ, self._from_host)

    def _from_host(self, events: int) -> None:
        for _ in range(64):
            try:
                data, address = self._sock.recvfrom(65536)
            except OSError:
                return
            peer = self._peers.pop(address, None) or self._new_peer(address)
            self._peers[address] = peer
            peer.used = self._gateway.now()
            self._gateway.counters.bytes_in += len(data)
            try:
                peer.endpoint.send(data)
            except NetworkError:
                continue  # the guest has nobody at that port

    def _new_peer(self, address: object) -> _Peer:
        now = self._gateway.now()
        oldest = next(iter(self._peers), None)
        while oldest is not None and (len(self._peers) >= MAX_PEERS or self._peers[oldest].used + IDLE_NS <= now):
            self._peers.pop(oldest).endpoint.close()
            oldest = next(iter(self._peers), None)
        endpoint = self._gateway.stack.new_endpoint(AF_INET, SOCK_DGRAM, 0)
        endpoint.bind(SockAddr(plan.GATEWAY4, 0))
        endpoint.connect(SockAddr(plan.GUEST4, self._guest_port))
        endpoint.queue.add(EVENT_IN, lambda mask: self._from_guest(endpoint, address))
        self._gateway.counters.flows += 1
        return _Peer(endpoint)

    def _from_guest(self, endpoint: Endpoint, address: object) -> None:
        try:
            while (count := endpoint.recv_into(_BUFFER)) != AGAIN:
                self._gateway.counters.bytes_out += count
                try:
                    self._sock.sendto(_BUFFER[:count], address)  # type: ignore[call-overload]
                except OSError:
                    continue  # lost on the way
        except NetworkError:
            return

    def close(self) -> None:
        """Stop."""
        self._gateway.reactor.unwatch(self._fd)
        self._sock.close()
        for peer in self._peers.values():
            peer.endpoint.close()
