"""ICMPv4: answering echo requests, reporting errors, and handing received errors to the transport that caused them.

Implements: RFC 792, RFC 1122 3.2.2, RFC 1191 (fragmentation needed), RFC 1812 4.3.2.8 (rate limit: `icmp_limits`).
Deviates: address masks are ignored, as on Linux.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.addr import is_multicast
from tcpip.buffer import TO_HOST, RxPacket, TxPacket
from tcpip.checksum import partial_sum
from tcpip.clock import NS_PER_MS
from tcpip.errors import DropReason, Malformed, NetError, NetworkError
from tcpip.header import icmpv4 as wire
from tcpip.header.ipv4 import FIXED, MIN_LEN, OFFSET_MASK
from tcpip.network.icmp_limits import PeerLimits, RateLimiter
from tcpip.network.ipv4 import MS_PER_DAY
from tcpip.sockopt import IPPROTO_ICMP
from tcpip.stack.route_flow import RouteFlow
from tcpip.transport.protocol import IcmpError, TransportProtocol

if TYPE_CHECKING:
    from tcpip.stack.stack import Stack
    from tcpip.stats import Counters
    from tcpip.transport.endpoint import Endpoint

INTERNET_CONTROL: Final = (
    0xC0  # the precedence of errors (RFC 1812 4.3.2.5); the rest of the type of service is as it came
)
TOS_MASK: Final = 0x1E
MAX_ERROR: Final = 576
"""Longest error packet, IP header included (RFC 1812 4.3.2.3)."""
RATEMASK: Final = (
    1 << wire.DEST_UNREACHABLE | 1 << wire.SOURCE_QUENCH | 1 << wire.TIME_EXCEEDED | 1 << wire.PARAMETER_PROBLEM
)
INTERVAL_MS: Final = 1000

_UNREACHABLE: Final[tuple[tuple[NetError, bool], ...]] = (
    (errors.NETWORK_UNREACHABLE, False),
    (errors.HOST_UNREACHABLE, False),
    (errors.PROTOCOL_UNREACHABLE, True),
    (errors.CONNECTION_REFUSED, True),
    (errors.MESSAGE_TOO_LONG, False),
    (errors.NOT_SUPPORTED, False),
    (errors.NETWORK_UNREACHABLE, True),
    (errors.HOST_DOWN, True),
    (errors.HOST_UNREACHABLE, True),
    (errors.NETWORK_UNREACHABLE, True),
    (errors.HOST_UNREACHABLE, True),
    (errors.NETWORK_UNREACHABLE, False),
    (errors.HOST_UNREACHABLE, False),
    (errors.HOST_UNREACHABLE, True),
    (errors.HOST_UNREACHABLE, True),
    (errors.HOST_UNREACHABLE, True),
)
"""Error and hardness by code (net/ipv4/icmp.c:icmp_err_convert)."""


class ICMPv4(TransportProtocol):
    """Protocol 1. Echo replies go to ping endpoints, errors to the transport they are about."""

    number = IPPROTO_ICMP

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.limiter = RateLimiter(stack.random)
        self.peers = PeerLimits()  # of IPv6, too
        self.ratemask: int = RATEMASK  # bit by type: what is limited
        self.interval_ms: int = INTERVAL_MS  # icmp_ratelimit
        self.ignore_echo: int = 0  # icmp_echo_ignore_all
        self.ignore_broadcasts: int = 1  # icmp_echo_ignore_broadcasts: echo and timestamp requests

    def new_endpoint(self, family: int) -> Endpoint:
        from tcpip.transport.ping import PingEndpoint

        return PingEndpoint(self.stack, family)

    def deliver(self, pkt: RxPacket) -> None:
        stats = self.stack.stats.icmp
        stats.inc("InMsgs")
        data = memoryview(pkt.data)[pkt.transport : pkt.end]
        if partial_sum(data):
            stats.inc("InCsumErrors")
            stats.inc("InErrors")
            raise Malformed(DropReason.BAD_CHECKSUM)
        message = wire.Icmpv4Message.parse(data)
        stats.count_received(message.type)
        if message.type == wire.ECHO_REQUEST:
            self._echo(pkt, message)
        elif message.type == wire.ECHO_REPLY:
            self.stack.pings.deliver(pkt, message.rest >> 16)
        elif message.type in (wire.DEST_UNREACHABLE, wire.TIME_EXCEEDED, wire.PARAMETER_PROBLEM, wire.REDIRECT):
            self._received_error(pkt, message)
        elif message.type == wire.TIMESTAMP and not message.code:
            self._timestamp(pkt, message)
        else:
            self.stack.stats.drop(DropReason.UNKNOWN_MESSAGE, pkt)

    def expects_error(self, error: IcmpError) -> bool:
        return self.stack.pings.sender_of(error, wire.ECHO_REQUEST) is not None

    def deliver_error(self, error: IcmpError) -> None:
        self.stack.pings.deliver_error(error, wire.ECHO_REQUEST)

    def _echo(self, pkt: RxPacket, request: wire.Icmpv4Message) -> None:
        """RFC 1122 3.2.2.6: the same data back; not for broadcast or multicast, as Linux has it by default."""
        if self.ignore_echo or (pkt.kind != TO_HOST and self.ignore_broadcasts):
            return
        self._reply(pkt, wire.ECHO_REPLY, request.rest, request.body)

    def _timestamp(self, pkt: RxPacket, request: wire.Icmpv4Message) -> None:
        """RFC 1122 3.2.2.8: milliseconds since midnight, when it came and when the answer goes."""
        if (pkt.kind != TO_HOST and self.ignore_broadcasts) or len(request.body) < 12:
            return
        now = (self.stack.clock.realtime_ns() // NS_PER_MS % MS_PER_DAY).to_bytes(4, "big")
        self._reply(pkt, wire.TIMESTAMP_REPLY, request.rest, bytes(request.body[:4]) + now + now)

    def _may_send(self, cause: RxPacket, kind: int, code: int) -> bool:
        """Whether the limits let an answer to `cause` go (net/ipv4/icmp.c: icmpv4_global_allow, icmpv4_xrlim_allow)."""
        if not self.ratemask >> kind & 1 or (kind == wire.DEST_UNREACHABLE and code == wire.FRAGMENTATION_NEEDED):
            return True
        return self.within_limits(cause, self.interval_ms, self.stack.stats.icmp)

    def within_limits(self, cause: RxPacket, interval_ms: int, counters: Counters) -> bool:
        """Whether the sum and the host that sent `cause` may have one message more, of IPv6 too; what may not is counted."""
        if cause.nic is not None and cause.nic.loopback:
            return True
        now = self.stack.clock.now_ns()
        if not self.limiter.allow(now):
            self.stack.stats.icmp.inc("OutRateLimitGlobal")
            return False
        if not self.peers.allow(cause.src, interval_ms * NS_PER_MS, now):
            counters.inc("OutRateLimitHost")
            return False
        return True

    def _reply(self, pkt: RxPacket, kind: int, rest: int, body: bytes | memoryview) -> None:
        if not self._may_send(pkt, kind, 0):
            return
        header = bytearray(wire.HEADER_LEN)
        wire.Icmpv4Message(kind, 0, rest, b"").emit(header, 0)
        total = partial_sum(header) + partial_sum(body)
        header[2:4] = (0xFFFF - (total % 0xFFFF or 0xFFFF)).to_bytes(2, "big")
        answer = TxPacket(bytes(header), [body], len(body))
        self._send(pkt.src, pkt.dst if pkt.kind == TO_HOST else b"", answer, pkt.tos, pkt)

    def _send(self, dst: bytes, src: bytes, pkt: TxPacket, tos: int, asked: RxPacket | None = None) -> None:
        """The answer to `asked` has its recorded route and timestamps (net/ipv4/icmp.c: icmp_reply)."""
        self.stack.stats.icmp.count_sent(pkt.header[0])
        try:
            route = self.stack.find_route(dst, src, 0, 0, RouteFlow(tos, IPPROTO_ICMP))
            if asked is not None and asked.transport > asked.network + MIN_LEN:
                from tcpip.network.longer_routes import lengthened
                from tcpip.transport.ancillary import echoed_options

                route = lengthened(route, echoed_options(asked), None)
            route.write_packet(pkt, IPPROTO_ICMP, tos=tos, dont_fragment=False)
        except NetworkError:
            self.stack.stats.icmp.inc("OutErrors")
            self.stack.stats.drop(DropReason.NO_ROUTE, pkt)

    def send_error(self, pkt: RxPacket, error_type: int, code: int, rest: int) -> None:
        """Report trouble with a received packet to its sender, unless RFC 1122 3.2.2 forbids it."""
        src = pkt.src
        if pkt.kind != TO_HOST or is_multicast(pkt.dst) or is_multicast(src) or src[0] in (0, 255):
            return
        if len(src) != 4 or pkt.dst == b"\xff\xff\xff\xff":
            return
        if (pkt.data[pkt.network + 6] << 8 | pkt.data[pkt.network + 7]) & OFFSET_MASK:
            return
        if pkt.protocol == IPPROTO_ICMP and (
            pkt.transport >= pkt.end or pkt.data[pkt.transport] in wire.ERRORS or pkt.data[pkt.transport] > 18
        ):
            return
        if not self._may_send(pkt, error_type, code):
            return
        quoted = pkt.data[pkt.network : min(pkt.end, pkt.network + MAX_ERROR - 28)]
        header = bytearray(wire.HEADER_LEN)
        wire.Icmpv4Message(error_type, code, rest, b"").emit(header, 0)
        total = partial_sum(header) + partial_sum(quoted)
        header[2:4] = (0xFFFF - (total % 0xFFFF or 0xFFFF)).to_bytes(2, "big")
        source = pkt.dst if pkt.dst in self.stack.local else b""
        netfilter = self.stack.netfilter
        before = netfilter.answer_to(pkt.track) if netfilter is not None else None
        tos = INTERNET_CONTROL | pkt.tos & TOS_MASK
        self._send(src, source, TxPacket(bytes(header), [quoted], len(quoted)), tos)
        if netfilter is not None:
            netfilter.answer_to(before)

    def _received_error(self, pkt: RxPacket, message: wire.Icmpv4Message) -> None:
        """Find out whose packet it quotes; quotes that are too short or not ours are dropped (RFC 5927)."""
        stack = self.stack
        body = bytes(message.body)
        if len(body) < 28 or body[0] >> 4 != 4:
            stack.stats.icmp.inc("InErrors")
            raise Malformed(DropReason.TRUNCATED)
        header_len = (body[0] & 15) * 4
        if header_len < 20 or len(body) < header_len + 8:
            stack.stats.icmp.inc("InErrors")
            raise Malformed(DropReason.BAD_HEADER_LENGTH)
        _, _, total, _, fragment, _, protocol, _, src, dst = FIXED.unpack_from(body)
        if fragment & OFFSET_MASK or (src not in stack.local and pkt.nic is not None and not pkt.nic.promiscuous):
            raise Malformed(DropReason.NOT_FOR_US)
        mtu = 0
        if message.type == wire.DEST_UNREACHABLE:
            if message.code >= len(_UNREACHABLE):
                raise Malformed(DropReason.UNKNOWN_MESSAGE)
            error, hard = _UNREACHABLE[message.code]
            if message.code == wire.FRAGMENTATION_NEEDED:
                mtu = plausible_mtu(message.rest & 0xFFFF, total)
        elif message.type == wire.TIME_EXCEEDED or message.type == wire.REDIRECT:
            error, hard = errors.HOST_UNREACHABLE, False
        else:
            error, hard = errors.PROTOCOL_ERROR, True
        if message.type == wire.REDIRECT:
            self._redirected(pkt, message, src, dst, protocol, body[header_len:])
            return
        owner = stack.protocols.get(protocol)
        if owner is not None and pkt.nic is not None:
            quoted = body[header_len:]
            report = IcmpError(
                error, hard, message.type, message.code, mtu, src, dst, protocol, quoted, pkt.src, pkt.nic, header_len
            )
            report.original = (message.rest >> 16 & 0xFF) * 4  # of the three types that RFC 4884 knows
            report.ttl, report.tos = pkt.ttl, pkt.tos
            stack.report_error(owner, report)

    def _redirected(
        self, pkt: RxPacket, message: wire.Icmpv4Message, src: bytes, dst: bytes, protocol: int, quoted: bytes
    ) -> None:
        if pkt.nic is None or message.code > 3:
            raise Malformed(DropReason.UNKNOWN_MESSAGE)
        error = IcmpError(
            errors.HOST_UNREACHABLE, False, wire.REDIRECT, message.code, 0, src, dst, protocol, quoted, pkt.src, pkt.nic
        )
        self.stack.redirects.received_v4(pkt, error, message.rest.to_bytes(4, "big"))


_PLATEAUS: Final = (32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296)


def plausible_mtu(mtu: int, total_len: int) -> int:
    """The next-hop MTU of a report; old routers leave it 0, then the next plateau below the packet (RFC 1191 5, 7)."""
    if mtu:
        return mtu
    return next((plateau for plateau in _PLATEAUS if plateau < total_len), 68)
