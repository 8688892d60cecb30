"""TCP from the guest to the outside: a SYN waits until the host's connect has an answer, then the guest gets the same.

Accepted: a listener of the gateway's stack at the destination's address takes the SYN, and a `Pump` joins the two
connections. Refused: nobody listens there, so the stack resets. Unreachable: ICMP says so.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.gateway import host_socket, icmp_reply
from sandbox.gateway.pump import Pump
from sandbox.reactor import WRITE
from tcpip.addr import AF_INET, AF_INET6, SockAddr
from tcpip.clock import NS_PER_S
from tcpip.errors import NetworkError
from tcpip.sockopt import IP_FREEBIND, IPPROTO_TCP, IPV6_V6ONLY, SO_REUSEADDR, SOCK_STREAM, SOL_IP, SOL_IPV6, SOL_SOCKET
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    import _socket

    from sandbox.gateway.flow_key import FlowKey
    from sandbox.gateway.gateway import Gateway
    from tcpip.buffer import RxPacket
    from tcpip.stack.stack import Stack
    from tcpip.transport.endpoint import Endpoint

MAX_CONNECTIONS: Final = 4096
MAX_CONNECTING: Final = 512
TCP_NODELAY: Final = 1
HANDSHAKE_NS: Final = 30 * NS_PER_S
_CAUSES: Final = {
    errno.ENETUNREACH: icmp_reply.NO_ROUTE,
    errno.EADDRNOTAVAIL: icmp_reply.NO_ROUTE,
    errno.EHOSTUNREACH: icmp_reply.HOST,
    errno.ETIMEDOUT: icmp_reply.HOST,
    errno.EACCES: icmp_reply.PROHIBITED,
    errno.EPERM: icmp_reply.PROHIBITED,
}


def transparent_endpoint(stack: Stack, kind: int, address: bytes, port: int) -> Endpoint:
    """An endpoint of the gateway bound to an address of the outside."""
    family = AF_INET if len(address) == 4 else AF_INET6
    endpoint = stack.new_endpoint(family, kind, 0)
    endpoint.set_option(SOL_SOCKET, SO_REUSEADDR, 1)  # connections accepted earlier hold the port
    endpoint.set_option(SOL_IP, IP_FREEBIND, 1)
    if family == AF_INET6:
        endpoint.set_option(SOL_IPV6, IPV6_V6ONLY, 1)
    return endpoint


class Attempt:
    """A connect of the host's under way for the guest's SYN."""

    __slots__ = ("flow", "syn", "sock", "fd", "left", "number")

    def __init__(self, flow: FlowKey, syn: RxPacket, left: list[tuple[int, str, int]]) -> None:
        self.flow = flow
        self.syn = syn
        self.left = left  # targets still to be tried
        self.sock: _socket.socket | None = None
        self.fd = -1
        self.number = 0  # errno of the last one


class Door:
    """A listener at one outside address and port; `guests` are about to come through."""

    __slots__ = ("endpoint", "guests")

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.guests = 0


class TcpEgress:
    """All TCP connections that the guest opened through the gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._attempts: dict[bytes, Attempt] = {}
        self._doors: dict[tuple[bytes, int], Door] = {}
        # Host sockets whose guests' handshakes are under way, by (address, port) outside and inside; and until when.
        self._waiting: dict[tuple[bytes, int, bytes, int], tuple[_socket.socket, int]] = {}
        self.pumps: set[Pump] = set()

    # --- a SYN ---

    def syn(self, flow: FlowKey, pkt: RxPacket) -> None:
        """The policy permits it. A SYN that was sent again while its attempt runs is dropped."""
        if flow.key in self._attempts:
            return
        if len(self.pumps) + len(self._waiting) >= MAX_CONNECTIONS or len(self._attempts) >= MAX_CONNECTING:
            self._gateway.pass_on(pkt)  # nobody listens: a reset
            return
        attempt = Attempt(flow, pkt, host_socket.targets(flow.dst, flow.dst_port))
        self._attempts[flow.key] = attempt
        self._next_target(attempt)

    def _next_target(self, attempt: Attempt) -> None:
        while attempt.left:
            family, address, port = attempt.left.pop(0)
            try:
                sock = host_socket.open_stream(family)
            except OSError as error:
                attempt.number = error.errno or errno.EIO
                continue
            number = sock.connect_ex((address, port))
            if number == errno.EINPROGRESS:
                attempt.sock, attempt.fd = sock, sock.fileno()
                self._gateway.reactor.watch(attempt.fd, WRITE, lambda events: self._answered(attempt))
                return
            if number == 0:
                self._connected(attempt, sock)
                return
            sock.close()
            attempt.number = number
        self._failed(attempt)

    def _answered(self, attempt: Attempt) -> None:
        sock = attempt.sock
        if sock is None:
            return
        attempt.sock = None
        self._gateway.reactor.unwatch(attempt.fd)
        number = sock.getsockopt(1, 4)  # SOL_SOCKET, SO_ERROR
        if number:
            sock.close()
            attempt.number = number
            self._next_target(attempt)
        else:
            self._connected(attempt, sock)

    def _failed(self, attempt: Attempt) -> None:
        del self._attempts[attempt.flow.key]
        cause = _CAUSES.get(attempt.number)
        if cause is None:
            self._gateway.pass_on(attempt.syn)
        else:
            self._gateway.write_frame(icmp_reply.unreachable(attempt.flow, attempt.syn.data, cause))

    # --- the guest's side ---

    def _connected(self, attempt: Attempt, sock: _socket.socket) -> None:
        del self._attempts[attempt.flow.key]
        flow, gateway = attempt.flow, self._gateway
        where = (flow.dst, flow.dst_port)
        door = self._doors.get(where)
        if door is None:
            try:
                endpoint = transparent_endpoint(gateway.stack, SOCK_STREAM, *where)
                endpoint.bind(SockAddr(*where))
                endpoint.listen(128)
            except NetworkError as error:
                gateway.warn(f"gateway: no listener: {error}")
                sock.close()
                gateway.pass_on(attempt.syn)
                return
            door = self._doors[where] = Door(endpoint)
            endpoint.queue.add(EVENT_IN, lambda mask: self._arrived(where))
        key = (*where, flow.src, flow.src_port)
        old = self._waiting.pop(key, None)
        if old is None:
            door.guests += 1
        else:
            old[0].close()
        self._waiting[key] = (sock, gateway.now() + HANDSHAKE_NS)
        gateway.expect_sweep()
        gateway.pass_on(attempt.syn)

    def _arrived(self, where: tuple[bytes, int]) -> None:
        """The handshake with the guest is complete."""
        door = self._doors.get(where)
        while door is not None and self._doors.get(where) is door:
            try:
                endpoint = door.endpoint.accept()
            except NetworkError:
                return
            self._join(where, endpoint)

    def _join(self, where: tuple[bytes, int], endpoint: Endpoint) -> None:
        try:
            peer = endpoint.getpeername()
        except NetworkError:
            endpoint.close()  # reset before we looked; the sweep finds the host's side
            return
        sock = self._take((*where, peer.addr, peer.port))
        if sock is None:
            endpoint.close()
            return
        gateway = self._gateway
        gateway.counters.connections += 1
        endpoint.set_option(IPPROTO_TCP, TCP_NODELAY, 1)
        pump = Pump(gateway.reactor, gateway.counters, endpoint, sock, self.pumps.discard)
        if not pump.closed:
            self.pumps.add(pump)

    def _take(self, key: tuple[bytes, int, bytes, int]) -> _socket.socket | None:
        """The host's side of a guest that is through, or gone; nobody else expected: the door is closed."""
        waiting = self._waiting.pop(key, None)
        if waiting is None:
            return None
        where = key[:2]
        door = self._doors[where]
        door.guests -= 1
        if not door.guests:
            del self._doors[where]
            door.endpoint.close()
        return waiting[0]

    def sweep(self, now: int) -> bool:
        """Give up on guests that never finished the handshake; True: there are some left to watch."""
        for key, (_, until) in list(self._waiting.items()):
            if until <= now:
                sock = self._take(key)
                if sock is not None:
                    sock.close()
        return bool(self._waiting)

    def close(self) -> None:
        """The sandbox ends."""
        for attempt in self._attempts.values():
            if attempt.sock is not None:
                self._gateway.reactor.unwatch(attempt.fd)
                attempt.sock.close()
        for sock, _ in self._waiting.values():
            sock.close()
        for pump in list(self.pumps):
            pump.close()
        self._attempts.clear()
        self._waiting.clear()
        self._doors.clear()
