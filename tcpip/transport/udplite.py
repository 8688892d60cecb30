"""UDP-Lite: UDP whose checksum may cover the beginning of a datagram only.

Implements: RFC 3828; the socket interface of Linux (udplite(7)). Ports are its own. Deviates: no super-datagrams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import sockopt as so
from tcpip.addr import is_multicast
from tcpip.buffer import CSUM_NONE, TO_HOST, RxPacket, TxPacket
from tcpip.checksum import finish, partial_sum, pseudo_sum
from tcpip.errors import DropReason, Malformed
from tcpip.header.udp import CHECKSUM_OFFSET, FIXED, HEADER_LEN
from tcpip.sockopt import IPPROTO_UDP, IPPROTO_UDPLITE
from tcpip.transport.demux import Demuxer
from tcpip.transport.option_values import int_value
from tcpip.transport.udp import UdpEndpoint
from tcpip.transport.udp_protocol import UdpProtocol

if TYPE_CHECKING:
    from tcpip.stack.route import Route
    from tcpip.stack.stack import Stack

SEND_COVERAGE: Final = 10  # UDPLITE_SEND_CSCOV
RECEIVE_COVERAGE: Final = 11  # UDPLITE_RECV_CSCOV
_LEVELS: Final = (IPPROTO_UDP, IPPROTO_UDPLITE)


class UdpLiteProtocol(UdpProtocol):
    """Protocol 136 of one stack."""

    number = IPPROTO_UDPLITE

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
        self.stats4, self.stats6 = stack.stats.udplite, stack.stats.udplite6

    def new_endpoint(self, family: int) -> UdpEndpoint:
        return UdpLiteEndpoint(self, family)

    def deliver(self, pkt: RxPacket) -> None:
        stats = self.stats4 if len(pkt.dst) == 4 else self.stats6
        at, size = pkt.transport, pkt.end - pkt.transport
        if size < HEADER_LEN:
            stats.inc("InErrors")
            raise Malformed(DropReason.TRUNCATED)
        _, dst_port, coverage, checksum = FIXED.unpack_from(pkt.data, at)
        if coverage == 0:
            coverage = size
        if not HEADER_LEN <= coverage <= size:
            stats.inc("InErrors")
            raise Malformed(DropReason.BAD_LENGTH)
        if not checksum or (pkt.csum == CSUM_NONE and not _holds(pkt, coverage, size)):
            stats.inc("InCsumErrors")
            stats.inc("InErrors")
            raise Malformed(DropReason.BAD_CHECKSUM)
        if pkt.kind != TO_HOST and (is_multicast(pkt.dst) or pkt.dst[0] != 127):
            self._deliver_to_all(pkt, dst_port)
            return
        handler = self.demux.connected.get(pkt.key) or self.demux.find_listener(pkt, dst_port)
        if handler is None:
            stats.inc("NoPorts")
            self.stack.port_unreachable(pkt)
            raise Malformed(DropReason.NO_ENDPOINT)
        handler.handle_packet(pkt)


def _holds(pkt: RxPacket, coverage: int, size: int) -> bool:
    covered = memoryview(pkt.data)[pkt.transport : pkt.transport + coverage]
    total = pseudo_sum(pkt.src, pkt.dst, IPPROTO_UDPLITE, size) + partial_sum(covered)
    return total % 0xFFFF == 0


class UdpLiteEndpoint(UdpEndpoint):
    """socket(AF_INET*, SOCK_DGRAM, IPPROTO_UDPLITE). `sends`, `takes`: bytes that are covered, and have to be, -1 where
    nobody has said; 0 is all of them."""

    __slots__ = ("home", "sends", "takes")

    def __init__(self, home: UdpLiteProtocol, family: int) -> None:
        super().__init__(home.stack, family, IPPROTO_UDPLITE)
        self.home = home
        self.stats4, self.stats6 = home.stats4, home.stats6
        self.sends = self.takes = -1

    def demux(self) -> Demuxer:
        return self.home.demux

    def handle_packet(self, pkt: RxPacket) -> None:
        coverage, size = FIXED.unpack_from(pkt.data, pkt.transport)[2], pkt.end - pkt.transport
        if 0 < coverage < size and self.takes >= 0 and (not self.takes or coverage < self.takes):
            (self.stats4 if len(pkt.dst) == 4 else self.stats6).inc("InErrors")
            return
        super().handle_packet(pkt)

    def _unchecked(self, route: Route) -> bool:
        return False

    def _transmit(
        self, route: Route, port: int, payload: bytes, ttl: int, tos: int, stamps: int = 0, whole: int = -1
    ) -> None:
        four, o = len(route.dst) == 4, self.options
        if ttl < 0 and route.multicast:
            ttl = o.multicast_ttl if four else o.multicast_hops
        elif ttl < 0:
            ttl = o.ttl if four else o.hop_limit
        if tos < 0:
            tos = o.tos if four else o.traffic_class
        discover = o.pmtudisc if four else o.pmtudisc6
        size = HEADER_LEN + len(payload)
        fits = route.ip_header_len + size <= route.mtu()
        if not fits:
            self._check_may_be_cut(route, discover, whole)
        dont_fragment = fits and discover in (so.PMTUDISC_WANT, so.PMTUDISC_DO, so.PMTUDISC_PROBE)
        if dont_fragment and discover == so.PMTUDISC_WANT and route.metrics.mtu_locked():
            dont_fragment = False
        said = self.sends if 0 <= self.sends < size else size
        header = bytearray(FIXED.pack(self.local_port, port, said & 0xFFFF, 0))
        covered = said or size
        total = pseudo_sum(route.src, route.dst, IPPROTO_UDPLITE, size) + partial_sum(header)
        value = finish(total + partial_sum(payload[: covered - HEADER_LEN])) or 0xFFFF
        header[CHECKSUM_OFFSET:] = value.to_bytes(2, "big")
        (self.stats4 if four else self.stats6).inc("OutDatagrams")
        pkt = TxPacket(header, [payload], len(payload), -1)
        pkt.socket = o
        if route.multicast or route.broadcast:
            self._loop_back(route, pkt, ttl, tos)
            if ttl == 0 and route.multicast:
                return
        route.write_packet(pkt, IPPROTO_UDPLITE, ttl, tos, dont_fragment)

    def set_option(self, level: int, name: int, value: int | bytes) -> None:
        if level not in _LEVELS:
            super().set_option(level, name, value)
        elif name in (SEND_COVERAGE, RECEIVE_COVERAGE):
            number = int_value(value)
            coverage = 0 if not number else min(max(number, HEADER_LEN), 0xFFFF)
            if name == SEND_COVERAGE:
                self.sends = coverage
            else:
                self.takes = coverage
        else:
            super().set_option(IPPROTO_UDP, name, value)

    def get_option(self, level: int, name: int) -> int | bytes:
        if level not in _LEVELS:
            return super().get_option(level, name)
        if name in (SEND_COVERAGE, RECEIVE_COVERAGE):
            return max(self.sends if name == SEND_COVERAGE else self.takes, 0)
        return super().get_option(IPPROTO_UDP, name)


def udplite_of(stack: Stack) -> UdpLiteProtocol:
    """The stack's; it has it from when it is first asked for."""
    known = stack.protocols.get(IPPROTO_UDPLITE)
    if not isinstance(known, UdpLiteProtocol):
        known = UdpLiteProtocol(stack)
        stack.add_protocol(known)
    return known
