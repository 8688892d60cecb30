"""ICMPv6: answering echo requests, reporting errors, handing received errors to the transport that caused them.

Neighbour discovery and listener discovery messages go to `ndp` and `mld`.
Implements: RFC 4443, RFC 8201 4 (packet too big), RFC 4890 in what a host answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.addr import is_multicast
from tcpip.buffer import TO_HOST, RxPacket, TxPacket
from tcpip.errors import DropReason, Malformed, NetError, NetworkError
from tcpip.header import icmpv6 as wire
from tcpip.header.ipv6_ext import DESTINATION, FRAGMENT, HOP_BY_HOP, ROUTING, walk
from tcpip.network import mld, ndp
from tcpip.sockopt import IPPROTO_ICMPV6
from tcpip.stack.route_flow import RouteFlow
from tcpip.transport.flow_labels import REFLECT_ECHO, label_in
from tcpip.transport.protocol import IcmpError, TransportProtocol, transport_checksum_ok

if TYPE_CHECKING:
    from tcpip.stack.stack import Stack
    from tcpip.stats import IcmpCounters
    from tcpip.transport.endpoint import Endpoint

MAX_ERROR: Final = 1280
MIN_MTU: Final = 1280
RATEMASK: Final = bytes([kind < 128 and kind != wire.PACKET_TOO_BIG for kind in range(256)])
"""By type whether it is limited, as usual: errors but those that path MTU discovery needs."""
INTERVAL_MS: Final = 100
"""As Linux 6.18 has it; 6.6 had 1000, and less for hosts that are reached by a shorter prefix."""
_EXTENSIONS: Final = frozenset((HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION))

_UNREACHABLE: Final[tuple[tuple[NetError, bool], ...]] = (
    (errors.NETWORK_UNREACHABLE, False),
    (errors.PERMISSION_DENIED, True),
    (errors.HOST_UNREACHABLE, False),
    (errors.HOST_UNREACHABLE, False),
    (errors.CONNECTION_REFUSED, True),
    (errors.PERMISSION_DENIED, True),
    (errors.PERMISSION_DENIED, True),
)
"""Error and hardness by code (net/ipv6/icmp.c:tab_unreach)."""


class ICMPv6(TransportProtocol):
    """Protocol 58."""

    number = IPPROTO_ICMPV6

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.ratemask: bytes = RATEMASK
        self.interval_ms: int = INTERVAL_MS  # net.ipv6.icmp.ratelimit
        self.ignore_echo: int = 0  # net.ipv6.icmp.echo_ignore_all
        self.ignore_multicast: int = 0

    def new_endpoint(self, family: int) -> Endpoint:
        from tcpip.transport.ping import PingEndpoint

        return PingEndpoint(self.stack, family)

    def deliver(self, pkt: RxPacket) -> None:
        own = self._counters(pkt)
        for stats in own:
            stats.inc("InMsgs")
        if not transport_checksum_ok(pkt):
            for stats in own:
                stats.inc("InCsumErrors")
                stats.inc("InErrors")
            raise Malformed(DropReason.BAD_CHECKSUM)
        message = wire.Icmpv6Message.parse(memoryview(pkt.data)[pkt.transport : pkt.end])
        kind = message.type
        for stats in own:
            stats.count_received(kind)
        nic = pkt.nic
        if nic is None:
            return
        if kind == wire.ECHO_REQUEST:
            self._echo(pkt, message)
        elif kind == wire.ECHO_REPLY:
            self.stack.pings.deliver(pkt, message.rest >> 16)
        elif kind < 128:
            self._received_error(pkt, message)
        elif wire.ROUTER_SOLICITATION <= kind <= wire.REDIRECT:
            ndp.handle_message(nic, pkt, message)
        elif kind == wire.MLD_QUERY:
            mld.handle_query(nic, pkt, message)
        elif kind == wire.MLD_REPORT:
            mld.handle_report(nic, message)
        else:
            self.stack.stats.drop(DropReason.UNKNOWN_MESSAGE, pkt)

    def _counters(self, pkt: RxPacket) -> list[IcmpCounters]:
        """The stack's, and those of whose message it is (icmp6_dev)."""
        nic = pkt.nic
        if nic is None:
            return [self.stack.stats.icmp6]
        device = nic.counts_for(pkt.dst) if nic.loopback else nic
        return [self.stack.stats.icmp6, device.stats6.icmp6]

    def expects_error(self, error: IcmpError) -> bool:
        return self.stack.pings.sender_of(error, wire.ECHO_REQUEST) is not None

    def deliver_error(self, error: IcmpError) -> None:
        self.stack.pings.deliver_error(error, wire.ECHO_REQUEST)

    def _echo(self, pkt: RxPacket, request: wire.Icmpv6Message) -> None:
        """RFC 4443 4.2; a request to a multicast group is answered from a unicast address, as it allows."""
        if self.ignore_echo or (self.ignore_multicast and pkt.kind != TO_HOST):
            return
        if not self._may_send(pkt, wire.ECHO_REPLY):
            return
        source = pkt.dst if pkt.kind == TO_HOST and not self.stack.is_anycast(pkt.dst) else b""
        self.send(wire.ECHO_REPLY, 0, request.rest, [request.body], pkt.src, source, pkt)

    def _may_send(self, cause: RxPacket, kind: int) -> bool:
        """Whether the limits let an answer to `cause` go (net/ipv6/icmp.c: icmpv6_global_allow, icmpv6_xrlim_allow)."""
        stack = self.stack
        return not self.ratemask[kind] or stack.icmpv4.within_limits(cause, self.interval_ms, stack.stats.icmp6)

    def send(
        self, kind: int, code: int, rest: int, body: list[bytes | memoryview], dst: bytes, src: bytes, cause: RxPacket
    ) -> None:
        """A message in answer to `cause`, back out of its NIC where the address needs one."""
        header = bytearray(wire.HEADER_LEN)
        wire.Icmpv6Message(kind, code, rest, b"").emit(header, 0)
        self.stack.stats.icmp6.count_sent(kind)
        nic = cause.nic.number if cause.nic is not None and dst[0] == 0xFE else 0
        size = sum([len(part) for part in body])
        pkt = TxPacket(header, body, size, wire.CHECKSUM_OFFSET)
        tos = cause.tos if kind == wire.ECHO_REPLY else 0
        if kind == wire.ECHO_REPLY and self.stack.flow_labels.reflect & REFLECT_ECHO:
            tos |= label_in(cause) << 8
        try:
            route = self.stack.find_route(dst, src, nic, 0, RouteFlow(tos & 0xFF, IPPROTO_ICMPV6))
            route.device().icmp6.count_sent(kind)
            route.write_packet(pkt, IPPROTO_ICMPV6, tos=tos, dont_fragment=False)
        except NetworkError:
            self.stack.stats.icmp6.inc("OutErrors")
            if cause.nic is not None:
                cause.nic.stats6.icmp6.inc("OutErrors")
            self.stack.stats.drop(DropReason.NO_ROUTE, pkt)

    def send_error(self, pkt: RxPacket, kind: int, code: int, rest: int) -> None:
        """Report trouble with a received packet to its sender, unless RFC 4443 2.4 (e) forbids it."""
        src = pkt.src
        if len(src) != 16 or is_multicast(src) or not any(src):
            return
        exempt = kind == wire.PACKET_TOO_BIG or (kind == wire.PARAMETER_PROBLEM and code == 2)
        if (pkt.kind != TO_HOST or is_multicast(pkt.dst)) and not exempt:
            return
        if pkt.protocol == IPPROTO_ICMPV6 and (
            pkt.transport >= pkt.end or pkt.data[pkt.transport] < 128 or pkt.data[pkt.transport] == wire.REDIRECT
        ):
            return
        if not self._may_send(pkt, kind):
            return
        quoted = pkt.data[pkt.network : min(pkt.end, pkt.network + MAX_ERROR - 48)]
        source = pkt.dst if pkt.dst in self.stack.local else b""
        netfilter = self.stack.netfilter
        before = netfilter.answer_to(pkt.track) if netfilter is not None else None
        self.send(kind, code, rest, [quoted], src, source, pkt)
        if netfilter is not None:
            netfilter.answer_to(before)

    def _received_error(self, pkt: RxPacket, message: wire.Icmpv6Message) -> None:
        stack = self.stack
        body = bytes(message.body)
        if len(body) < 48 or body[0] >> 4 != 6:
            for stats in self._counters(pkt):
                stats.inc("InErrors")
            raise Malformed(DropReason.TRUNCATED)
        src, dst = body[8:24], body[24:40]
        if src not in stack.local and (pkt.nic is None or not pkt.nic.promiscuous):
            raise Malformed(DropReason.NOT_FOR_US)
        protocol, at = body[6], 40
        if protocol in _EXTENSIONS:
            chain = walk(body, protocol, 40, len(body), 6, False)
            protocol, at = chain.protocol, chain.at
            if chain.fragment is not None:
                if chain.fragment.offset:
                    raise Malformed(DropReason.NOT_FOR_US)
                protocol, at = chain.fragment.next_header, at + 8
        if len(body) < at + 8:
            for stats in self._counters(pkt):
                stats.inc("InErrors")
            raise Malformed(DropReason.TRUNCATED)
        mtu = 0
        if message.type == wire.DEST_UNREACHABLE:
            if message.code >= len(_UNREACHABLE):
                raise Malformed(DropReason.UNKNOWN_MESSAGE)
            error, hard = _UNREACHABLE[message.code]
        elif message.type == wire.PACKET_TOO_BIG:
            error, hard = errors.MESSAGE_TOO_LONG, False
            mtu = max(message.rest, MIN_MTU)
        elif message.type == wire.TIME_EXCEEDED:
            error, hard = errors.HOST_UNREACHABLE, False
        else:
            error, hard = errors.PROTOCOL_ERROR, True
        owner = stack.protocols.get(protocol)
        if owner is not None and pkt.nic is not None:
            report = IcmpError(
                error, hard, message.type, message.code, mtu, src, dst, protocol, body[at:], pkt.src, pkt.nic, at
            )
            if message.type in (wire.DEST_UNREACHABLE, wire.TIME_EXCEEDED):
                report.original = (message.rest >> 24) * 8  # RFC 4884
            report.ttl, report.tos = pkt.ttl, pkt.tos
            stack.report_error(owner, report)
