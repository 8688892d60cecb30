"""Forwarding between interfaces, when the stack is a router.

Implements: RFC 1812 5.2, 5.3.1 (TTL), 4.2.2.7 (fragmentation); RFC 8200 in what a router does to the fixed header.
Deviates: no redirects, no option processing, no multicast forwarding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip import errors
from tcpip.addr import is_link_local
from tcpip.buffer import CSUM_PARTIAL, GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, RxPacket, TxPacket
from tcpip.errors import DropReason, Malformed, NetworkError
from tcpip.header import icmpv4, icmpv6
from tcpip.network import ipv4
from tcpip.sockopt import IPPROTO_TCP, IPPROTO_UDP
from tcpip.stack.route import Route

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack

_CSUM_OFFSETS = {IPPROTO_TCP: 16, IPPROTO_UDP: 6}


class Forwarder:
    """Takes packets that are for somebody else; `Stack.forwarding` turns it on."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def forward_v4(self, nic: Nic, pkt: RxPacket) -> None:
        """One IPv4 packet, header checked."""
        stack = self.stack
        if pkt.ttl <= 1:
            stack.icmpv4.send_error(pkt, icmpv4.TIME_EXCEEDED, 0, 0)
            raise Malformed(DropReason.TTL_EXPIRED)
        if is_link_local(pkt.src) or is_link_local(pkt.dst):
            raise Malformed(DropReason.NOT_FOR_US)
        route = self._route(pkt)
        if route is None:
            stack.stats.ip.inc("OutNoRoutes")
            stack.icmpv4.send_error(pkt, icmpv4.DEST_UNREACHABLE, icmpv4.NET_UNREACHABLE, 0)
            raise Malformed(DropReason.NO_ROUTE)
        if route.broadcast:
            raise Malformed(DropReason.NOT_FOR_US)
        header = bytearray(pkt.data[pkt.network : pkt.transport])
        header[8] -= 1
        header[10:12] = b"\0\0"
        total = int.from_bytes(header, "big") % 0xFFFF
        header[10:12] = (0xFFFF - (total or 0xFFFF)).to_bytes(2, "big")
        out = self._packet(pkt, header)
        stack.stats.ip.inc("ForwDatagrams")
        if not self._fits(out, route):
            if header[6] & 0x40:
                needed = icmpv4.FRAGMENTATION_NEEDED
                stack.icmpv4.send_error(pkt, icmpv4.DEST_UNREACHABLE, needed, route.mtu())
                raise Malformed(DropReason.TOO_BIG)
            for piece in ipv4.fragment_packet(out, route.mtu(), stack):
                route.nic.neighbor_for(route).send(piece)
            return
        route.nic.neighbor_for(route).send(out)

    def forward_v6(self, nic: Nic, pkt: RxPacket) -> None:
        """One IPv6 packet, header checked."""
        stack = self.stack
        if pkt.ttl <= 1:
            stack.icmpv6.send_error(pkt, icmpv6.TIME_EXCEEDED, 0, 0)
            raise Malformed(DropReason.TTL_EXPIRED)
        if is_link_local(pkt.src) or not any(pkt.src):
            raise Malformed(DropReason.NOT_FOR_US)
        route = self._route(pkt)
        if route is None:
            stack.stats.ip6.inc("OutNoRoutes")
            stack.icmpv6.send_error(pkt, icmpv6.DEST_UNREACHABLE, icmpv6.NO_ROUTE, 0)
            raise Malformed(DropReason.NO_ROUTE)
        header = bytearray(pkt.data[pkt.network : pkt.transport])
        header[7] -= 1
        out = self._packet(pkt, header)
        stack.stats.ip6.inc("ForwDatagrams")
        if not self._fits(out, route):
            stack.icmpv6.send_error(pkt, icmpv6.PACKET_TOO_BIG, 0, route.mtu())
            raise Malformed(DropReason.TOO_BIG)
        route.nic.neighbor_for(route).send(out)

    def _route(self, pkt: RxPacket) -> Route | None:
        try:
            route = self.stack.find_route(pkt.dst)
        except NetworkError as error:
            if error.error is errors.ADDRESS_NOT_AVAILABLE:
                return None
            return None
        return None if route.local or not route.nic.up else route

    def _packet(self, pkt: RxPacket, header: bytearray) -> TxPacket:
        """The packet to send: offload state goes on with it."""
        body = pkt.payload(pkt.transport)
        out = TxPacket(bytes(header), [body], len(body))
        out.transport = len(header)
        out.ethertype = pkt.ethertype
        if pkt.gso_size and pkt.gso_type & 0x7F in (GSO_TCPV4, GSO_TCPV6) and len(body) > 20:
            split_at = (body[12] >> 4) * 4
            out.header = bytes(header) + bytes(body[:split_at])
            out.payload = [body[split_at:]]
            out.payload_len = len(body) - split_at
            out.gso_type, out.gso_size, out.csum_offset = pkt.gso_type & 0x7F, pkt.gso_size, 16
            out.csum = CSUM_PARTIAL
        elif pkt.csum == CSUM_PARTIAL and pkt.protocol in _CSUM_OFFSETS and len(body) >= 20:
            out.header = bytes(header) + bytes(body[:20])
            out.payload = [body[20:]]
            out.payload_len = len(body) - 20
            out.csum, out.csum_offset, out.gso_type = CSUM_PARTIAL, _CSUM_OFFSETS[pkt.protocol], GSO_NONE
        elif pkt.csum == CSUM_PARTIAL and pkt.protocol == IPPROTO_UDP and len(body) >= 8:
            out.header = bytes(header) + bytes(body[:8])
            out.payload = [body[8:]]
            out.payload_len = len(body) - 8
            out.csum, out.csum_offset = CSUM_PARTIAL, 6
            if pkt.gso_size and pkt.gso_type & 0x7F == GSO_UDP_L4:
                out.gso_type, out.gso_size = GSO_UDP_L4, pkt.gso_size
        return out

    def _fits(self, out: TxPacket, route: Route) -> bool:
        if out.gso_size:
            return out.gso_size + len(out.header) <= route.mtu()
        return len(out) <= route.mtu()
