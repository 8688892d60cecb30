"""What Docker's resolver (embedded_resolver.py) asks the servers of the outside, led back to the sandbox.

It asks from the container's network namespace, whose addresses and routes the sandbox has taken over. Rules of routing
there make every address local to what is sent to port 53 in the namespace itself, and the sentry's sockets at port 53 take it: each
question goes on from the guest's stack to the server that was meant. Source: ip-rule(8), ip(7) (IP_TRANSPARENT, IP_PKTINFO).
"""

from __future__ import annotations

import _socket
import struct
from typing import TYPE_CHECKING, Final

from sandbox.gateway import host_socket
from sandbox.gateway.egress_guard import DNS_PORT
from sandbox.gateway.inbound import InboundStream
from sandbox.gateway.policy import never_leaves
from sandbox.reactor import READ
from tcpip import errors
from tcpip.addr import AF_INET, IPV4_LOOPBACK, SockAddr, parse
from tcpip.clock import NS_PER_S
from tcpip.errors import NetworkError
from tcpip.sockopt import IPPROTO_TCP, IPPROTO_UDP, SOCK_DGRAM
from tcpip.transport.endpoint import AGAIN
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.gateway.counters import Counters
    from sandbox.reactor import Reactor
    from tcpip.stack.stack import Stack
    from tcpip.transport.endpoint import Endpoint

TABLE: Final = 53
PRIORITY: Final = 53
IP_PKTINFO: Final = 8
IP_TRANSPARENT: Final = 19
MAX_QUESTIONS: Final = 256
IDLE_NS: Final = 30 * NS_PER_S
_PKTINFO: Final = struct.Struct("=i4s4s")  # struct in_pktinfo
_BUFFER: Final = memoryview(bytearray(65536))


def lead_here() -> None:
    """Questions that are sent in this network namespace, to whatever address, are received in it. OSError."""
    from sandbox.gateway.host_rtnetlink import RtNetlink

    with RtNetlink() as host:
        host.add_local_route(_socket.if_nametoindex("lo"), IPV4_LOOPBACK, TABLE)
        for protocol in (IPPROTO_TCP, IPPROTO_UDP):
            host.add_rule(AF_INET, PRIORITY, TABLE, protocol, DNS_PORT)


def open_socket(datagram: bool) -> _socket.socket:
    """Takes and answers for every address. OSError."""
    sock = host_socket.open_datagram(AF_INET) if datagram else host_socket.open_stream(AF_INET)
    sock.setsockopt(_socket.IPPROTO_IP, IP_TRANSPARENT, 1)
    if datagram:
        sock.setsockopt(_socket.IPPROTO_IP, IP_PKTINFO, 1)
    sock.bind(("0.0.0.0", DNS_PORT))
    if not datagram:
        sock.listen(16)
    return sock


class UpstreamStream(InboundStream):
    """By TCP."""

    def targets(self, sock: _socket.socket) -> list[SockAddr]:
        server = parse(sock.getsockname()[0])
        if never_leaves(server):
            raise NetworkError(errors.NETWORK_UNREACHABLE)
        return [SockAddr(server, DNS_PORT)]


class _Question:
    """The endpoint that one socket of the resolver's has inside."""

    __slots__ = ("endpoint", "used")

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.used = 0


class UpstreamDatagrams:
    """By UDP. `stack`: the guest's."""

    def __init__(self, stack: Stack, reactor: Reactor, counters: Counters, sock: _socket.socket) -> None:
        self._stack = stack
        self._reactor = reactor
        self._counters = counters
        self._sock = sock
        self._fd = sock.fileno()
        self._questions: dict[tuple[tuple[str, int], bytes], _Question] = {}  # the longest idle first
        reactor.watch(self._fd, READ, self._from_resolver)

    def _from_resolver(self, events: int) -> None:
        for _ in range(64):
            try:
                data, ancillary, _, peer = self._sock.recvmsg(65536, _socket.CMSG_SPACE(_PKTINFO.size))
            except OSError:
                return
            server = next((_PKTINFO.unpack(text)[2] for _, kind, text in ancillary if kind == IP_PKTINFO), b"")
            if server and not never_leaves(server):
                self._ask(data, peer, server)

    def _ask(self, data: bytes, peer: tuple[str, int], server: bytes) -> None:
        key = (peer, server)
        try:
            question = self._questions.pop(key, None) or self._new(peer, server)
            self._questions[key] = question
            question.used = self._stack.clock.now_ns()
            self._counters.bytes_out += len(data)
            question.endpoint.send(data)
        except NetworkError:
            return  # no way there: as if it were lost

    def _new(self, peer: tuple[str, int], server: bytes) -> _Question:
        now = self._stack.clock.now_ns()
        oldest = next(iter(self._questions), None)
        while oldest and (len(self._questions) >= MAX_QUESTIONS or self._questions[oldest].used + IDLE_NS <= now):
            self._questions.pop(oldest).endpoint.close()
            oldest = next(iter(self._questions), None)
        endpoint = self._stack.new_endpoint(AF_INET, SOCK_DGRAM, 0)
        try:
            endpoint.connect(SockAddr(server, DNS_PORT))
        except NetworkError:
            endpoint.close()
            raise
        endpoint.queue.add(EVENT_IN, lambda mask: self._from_server(endpoint, peer, server))
        self._counters.flows += 1
        return _Question(endpoint)

    def _from_server(self, endpoint: Endpoint, peer: tuple[str, int], server: bytes) -> None:
        source = [(_socket.IPPROTO_IP, IP_PKTINFO, _PKTINFO.pack(0, server, server))]
        try:
            while (count := endpoint.recv_into(_BUFFER)) != AGAIN:
                self._counters.bytes_in += count
                try:
                    self._sock.sendmsg([_BUFFER[:count]], source, 0, peer)
                except OSError:
                    continue  # lost on the way
        except NetworkError:
            return

    def close(self) -> None:
        """Stop."""
        self._reactor.unwatch(self._fd)
        self._sock.close()
        for question in self._questions.values():
            question.endpoint.close()
