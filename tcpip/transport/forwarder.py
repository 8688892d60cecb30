"""Flows to anybody, decided in Python: a function is asked about each TCP connection request and each first datagram
that reaches this stack and that nobody local takes. It accepts or refuses, at once or later.

Which packets reach it: those to the stack's own addresses, to any address on a promiscuous NIC, and those of `local`
routes. Implements: nothing of its own; RFC 9293 3.10.7.2 for what is accepted, by the listener's code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tcpip.addr import AF_INET, AF_INET6, SockAddr
from tcpip.buffer import RxPacket
from tcpip.clock import NS_PER_S
from tcpip.errors import Malformed, NetworkError
from tcpip.header import icmpv4, icmpv6
from tcpip.header.tcp import ACK, FIN, RST, SYN
from tcpip.sockopt import IPPROTO_TCP
from tcpip.transport.endpoint import Endpoint
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from tcpip.stack.stack import Stack
    from tcpip.transport.tcp.endpoint import TcpEndpoint

MAX_PENDING: Final = 1024
HANDSHAKE_TIMEOUT: Final = 30 * NS_PER_S

Ready = Callable[[Endpoint], None]
"""Given the endpoint of a flow: a TCP connection once its handshake is over."""
Gone = Callable[[], None]
"""The peer never finished its handshake."""


class FlowRequest:
    """Somebody wants to talk to `dst`. One of `accept`, `refuse`, `unreachable` and `drop` ends it."""

    __slots__ = ("forwarder", "pkt", "src", "src_port", "dst", "dst_port", "protocol")

    def __init__(self, forwarder: FlowForwarder, pkt: RxPacket) -> None:
        self.forwarder = forwarder
        self.pkt = pkt
        self.protocol = pkt.protocol
        self.src, self.dst = pkt.src, pkt.dst
        self.src_port = int.from_bytes(pkt.key[-4:-2], "big")
        self.dst_port = int.from_bytes(pkt.key[-2:], "big")

    def accept(self, ready: Ready, gone: Gone | None = None) -> None:
        """UDP: `ready` is called now, with a connected endpoint that has the datagram. TCP: after the handshake; `gone`
        when there is none within half a minute. What bind(2) and connect(2) raise, for UDP."""
        if self.protocol == IPPROTO_TCP:
            self.forwarder.start_handshake(self, ready, gone)
        else:
            self.forwarder.open_datagram(self, ready)

    def refuse(self) -> None:
        """A reset, or port unreachable."""
        self.drop()
        stack = self.forwarder.stack
        if self.protocol != IPPROTO_TCP:
            stack.port_unreachable(self.pkt)
            return
        from tcpip.transport.tcp.emit import reset_for
        from tcpip.transport.tcp.segment import Segment

        reset_for(stack, Segment(self.pkt, stack.clock.now_ns()))

    def unreachable(self, code: int) -> None:
        """ICMP destination unreachable with a code of the packet's family."""
        self.drop()
        stack = self.forwarder.stack
        if len(self.dst) == 4:
            stack.icmpv4.send_error(self.pkt, icmpv4.DEST_UNREACHABLE, code, 0)
        else:
            stack.icmpv6.send_error(self.pkt, icmpv6.DEST_UNREACHABLE, code, 0)

    def drop(self) -> None:
        """Say nothing; the same flow may ask again."""
        self.forwarder.pending.pop(self.pkt.key, None)


class FlowForwarder:
    """Made by `Stack.forward_flows`. `tcp` and `udp` are asked; None: as if nobody were there. TCP requests that are not
    decided yet are in `pending`, those whose handshakes are under way in `waiting`."""

    __slots__ = ("stack", "tcp", "udp", "pending", "waiting", "_listeners", "_timer")

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.tcp: Callable[[FlowRequest], None] | None = None
        self.udp: Callable[[FlowRequest], None] | None = None
        self.pending: dict[bytes, FlowRequest] = {}
        self.waiting: dict[bytes, tuple[Ready, Gone | None, int]] = {}
        self._listeners: dict[int, TcpEndpoint] = {}
        self._timer = stack.timers.timer(self._expire)

    # Asked by the protocols.

    def segment(self, pkt: RxPacket) -> bool:
        """A TCP segment that nobody takes: False leaves it to the protocol, which resets. A SYN that is sent again while
        its first is being decided is dropped."""
        flags = pkt.data[pkt.transport + 13]
        if self.tcp is None or flags & (FIN | SYN | RST | ACK) != SYN:
            return False
        if pkt.key in self.pending:
            return True
        if len(self.pending) >= MAX_PENDING:
            return False
        request = self.pending[pkt.key] = FlowRequest(self, pkt)
        self.tcp(request)
        return True

    def datagram(self, pkt: RxPacket) -> bool:
        """A UDP datagram that nobody takes; False: the protocol says so to its sender."""
        if self.udp is None:
            return False
        self.udp(FlowRequest(self, pkt))
        return True

    # For requests.

    def start_handshake(self, request: FlowRequest, ready: Ready, gone: Gone | None) -> None:
        """Let the listener's code answer the SYN."""
        request.drop()
        key = request.pkt.key
        old = self.waiting.pop(key, None)
        until = self.stack.clock.now_ns() + HANDSHAKE_TIMEOUT
        self.waiting[key] = (ready, gone, until)
        if self._timer.deadline is None:
            self._timer.arm(until)
        if old is not None and old[1] is not None:
            old[1]()
        try:
            self._listener(AF_INET if len(request.dst) == 4 else AF_INET6).handle_packet(request.pkt)
        except Malformed as error:
            self.stack.stats.drop(error.reason, request.pkt)
        self.stack.endpoints_pending()

    def _listener(self, family: int) -> TcpEndpoint:
        """It is bound to nothing: only SYNs that are handed to it reach it."""
        listener = self._listeners.get(family)
        if listener is None:
            listener = self._listeners[family] = self.stack.tcp.new_endpoint(family)
            listener.settings().transparent = True
            listener.listen_unbound()
            listener.queue.add(EVENT_IN, self._arrived)
        return listener

    def _arrived(self, mask: int) -> None:
        for listener in list(self._listeners.values()):
            while True:
                try:
                    endpoint = listener.accept()
                except NetworkError:
                    break
                known = self.waiting.pop(endpoint.key, None)
                if known is None:
                    endpoint.close()
                else:
                    known[0](endpoint)

    def open_datagram(self, request: FlowRequest, ready: Ready) -> None:
        """A connected endpoint at the address that was asked for."""
        endpoint = self.stack.udp.new_endpoint(AF_INET if len(request.dst) == 4 else AF_INET6)
        settings = endpoint.settings()
        settings.transparent = settings.reuse_addr = settings.v6only = True
        try:
            endpoint.bind(SockAddr(request.dst, request.dst_port))
            endpoint.connect(SockAddr(request.src, request.src_port))
        except NetworkError:
            endpoint.close()
            raise
        endpoint.handle_packet(request.pkt)
        ready(endpoint)

    def _expire(self) -> None:
        now = self.stack.clock.now_ns()
        for key, (_, gone, until) in list(self.waiting.items()):
            if until > now:
                self._timer.arm(until)
                break
            del self.waiting[key]
            if gone is not None:
                gone()

    def close(self) -> None:
        """Take nothing more; connections that there are go on."""
        self.tcp = self.udp = None
        self.pending.clear()
        self.waiting.clear()
        self._timer.cancel()
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()
