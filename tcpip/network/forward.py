"""Forwarding between interfaces, when the stack is a router.

Implements: RFC 1812 5.2, 5.3.1 (TTL), 4.2.2.7 (fragmentation); RFC 8200 in what a router does to the fixed header.
Deviates: no option processing, no multicast forwarding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip import errors
from tcpip.addr import is_link_local
from tcpip.buffer import CSUM_PARTIAL, GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, RxPacket, TxPacket
from tcpip.errors import DropReason, Malformed, NetworkError
from tcpip.header import icmpv4, icmpv6
from tcpip.header.ipv4 import OPTION_ROUTER_ALERT, parse_options
from tcpip.header.ipv6_ext import HOP_BY_HOP
from tcpip.network import ipv4, ipv6
from tcpip.sockopt import IPPROTO_TCP, IPPROTO_UDP
from tcpip.stack.route import Route

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack

_CSUM_OFFSETS = {IPPROTO_TCP: 16, IPPROTO_UDP: 6}
_CODES_V4 = {errors.HOST_UNREACHABLE: icmpv4.HOST_UNREACHABLE, errors.PERMISSION_DENIED: 13}
_CODES_V6 = {errors.PERMISSION_DENIED: icmpv6.ADMIN_PROHIBITED}
"""What a reject route answers (net/ipv4/route.c:ip_error, net/ipv6/route.c:ip6_pkt_drop)."""


def _alerts(pkt: RxPacket) -> bool:
    """A router alert is among the options (RFC 2113)."""
    if pkt.transport == pkt.network + 20:
        return False
    options = parse_options(pkt.data[pkt.network + 20 : pkt.transport])
    return any(option.kind == OPTION_ROUTER_ALERT and option.data == b"\0\0" for option in options)


def _alert_value(pkt: RxPacket) -> int:
    """What the hop-by-hop router alert says (RFC 2711), -1 without one."""
    data, at = pkt.data, pkt.network + 40
    if data[pkt.network + 6] != HOP_BY_HOP or at + 8 > pkt.end:
        return -1
    end = min(at + (data[at + 1] + 1) * 8, pkt.end)
    at += 2
    while at + 4 <= end:
        if data[at] == 5 and data[at + 1] == 2:
            return data[at + 2] << 8 | data[at + 3]
        at += 1 if data[at] == 0 else 2 + data[at + 1]
    return -1


class Forwarder:
    """Takes packets that are for somebody else; `Stack.forwarding` and `forwarding_v6` turn it on."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def forward_v4(self, nic: Nic, pkt: RxPacket) -> None:
        """One IPv4 packet, header checked."""
        stack = self.stack
        if stack.raws.alerted and _alerts(pkt) and stack.raws.take_alert(pkt):
            return
        if pkt.ttl <= 1:
            stack.icmpv4.send_error(pkt, icmpv4.TIME_EXCEEDED, 0, 0)
            raise Malformed(DropReason.TTL_EXPIRED)
        if is_link_local(pkt.src) or is_link_local(pkt.dst):
            raise Malformed(DropReason.NOT_FOR_US)
        route = self._route(pkt)
        if route.broadcast:
            raise Malformed(DropReason.NOT_FOR_US)
        header = bytearray(pkt.data[pkt.network : pkt.transport])
        header[8] -= 1
        header[10:12] = b"\0\0"
        total = int.from_bytes(header, "big") % 0xFFFF
        header[10:12] = (0xFFFF - (total or 0xFFFF)).to_bytes(2, "big")
        out = self._packet(pkt, header)
        stack.stats.ip.inc("ForwDatagrams")
        stack.stats.ip_ext.inc("OutOctets", len(out))
        mtu = self._mtu(pkt, route)
        fits = self._fits(out, mtu)
        if not fits and header[6] & 0x40:
            stack.stats.ip.inc("FragFails")
            needed = icmpv4.FRAGMENTATION_NEEDED
            stack.icmpv4.send_error(pkt, icmpv4.DEST_UNREACHABLE, needed, route.mtu())
            raise Malformed(DropReason.TOO_BIG)
        if stack.netfilter is not None and pkt.track is not None:
            stack.netfilter.forward(pkt.track, out, pkt.protocol, route.nic)
        if route.nic is nic and nic.has_arp:
            stack.redirects.tell_v4(nic, pkt, route)
        neighbor = route.nic.neighbor_for(route)
        if fits:
            neighbor.send(out)
            return
        for piece in ipv4.fragment_packet(out, mtu, stack):
            neighbor.send(piece)

    def forward_v6(self, nic: Nic, pkt: RxPacket) -> None:
        """One IPv6 packet, header checked."""
        stack = self.stack
        if stack.raws.alerted6 and stack.raws.take_alert_6(pkt, _alert_value(pkt)):
            return
        if pkt.ttl <= 1:
            stack.icmpv6.send_error(pkt, icmpv6.TIME_EXCEEDED, 0, 0)
            raise Malformed(DropReason.TTL_EXPIRED)
        if is_link_local(pkt.src) or not any(pkt.src):
            raise Malformed(DropReason.NOT_FOR_US)
        route = self._route(pkt)
        header = bytearray(pkt.data[pkt.network : pkt.transport])
        header[7] -= 1
        out = self._packet(pkt, header)
        route.nic.count6("OutForwDatagrams")
        route.nic.count6("OutOctets", len(out))
        mtu = self._mtu(pkt, route)
        fits = self._fits(out, mtu)
        again = pkt.track is not None and pkt.track.max_fragment > 0 and len(header) == 40
        if not fits and not (again and route.mtu() >= 1280):
            nic.count6("InTooBigErrors")
            route.nic.count6("FragFails")
            stack.icmpv6.send_error(pkt, icmpv6.PACKET_TOO_BIG, 0, route.mtu())
            raise Malformed(DropReason.TOO_BIG)
        if stack.netfilter is not None and pkt.track is not None:
            stack.netfilter.forward(pkt.track, out, pkt.protocol, route.nic)
        if route.nic is nic and nic.has_arp:
            stack.redirects.tell_v6(nic, pkt, route)
        neighbor = route.nic.neighbor_for(route)
        if fits:
            neighbor.send(out)
            return
        for piece in ipv6.fragment_packet(out, max(mtu, 1280), route.nic):
            neighbor.send(piece)

    def _mtu(self, pkt: RxPacket, route: Route) -> int:
        """What was put together for the packet filter leaves in fragments no larger than it came in."""
        largest = pkt.track.max_fragment if pkt.track is not None else 0
        return min(route.mtu(), largest) if largest else route.mtu()

    def _route(self, pkt: RxPacket) -> Route:
        """Malformed when there is none, and who sent the packet is told, unless a blackhole took it."""
        refusal = errors.NETWORK_UNREACHABLE
        try:
            route = self.stack.forwarding_route(pkt)
            if not route.local and route.nic.up:
                return route
        except NetworkError as error:
            refusal = error.error
        stack = self.stack
        four = len(pkt.dst) == 4
        if four or pkt.nic is None:
            (stack.stats.ip if four else stack.stats.ip6).inc("OutNoRoutes")
        else:
            pkt.nic.count6("OutNoRoutes")
        if refusal is not errors.INVALID_ARGUMENT:
            if four:
                stack.icmpv4.send_error(pkt, icmpv4.DEST_UNREACHABLE, _CODES_V4.get(refusal, icmpv4.NET_UNREACHABLE), 0)
            else:
                stack.icmpv6.send_error(pkt, icmpv6.DEST_UNREACHABLE, _CODES_V6.get(refusal, icmpv6.NO_ROUTE), 0)
        raise Malformed(DropReason.NO_ROUTE)

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

    def _fits(self, out: TxPacket, mtu: int) -> bool:
        if out.gso_size:
            return out.gso_size + len(out.header) <= mtu
        return len(out) <= mtu
