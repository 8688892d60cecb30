"""Routes of sockets that put options or extension headers of their own between the IP header and the transport's.

Implements: RFC 3542 6 - 9, RFC 8200 4.1 (order), RFC 791 3.1 (recorded routes, timestamps), RFC 8754 4.1 (segment routing
headers), RFC 2711 and RFC 2113 in that such options are sent as they are given.
Source: net/ipv6/exthdrs.c: ipv6_push_nfrag_opts, ipv6_push_frag_opts, net/ipv4/ip_options.c: ip_options_build.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip.buffer import CSUM_PARTIAL, TxPacket
from tcpip.checksum import partial_sum
from tcpip.clock import NS_PER_MS
from tcpip.errors import NetworkError
from tcpip.header.ethernet import TYPE_IPV4, TYPE_IPV6
from tcpip.header.ipv4 import FIXED as FIXED_V4
from tcpip.header.ipv4 import FLAG_DF
from tcpip.header.ipv6 import FIXED as FIXED_V6
from tcpip.network.ipv4 import MS_PER_DAY, IPv4Route
from tcpip.network.ipv6 import IPv6Route

if TYPE_CHECKING:
    from tcpip.stack.route import Route
    from tcpip.transport.sent_headers import SentHeaders, SentOptions

_U16: Final = Struct("!H")


def prepared(route: Route, pkt: TxPacket, protocol: int, size: int) -> int:
    """The length of what lies above `size` bytes of headers, whose checksum is left to be completed. MESSAGE_TOO_LONG."""
    if route.generation != route.stack.generation:
        route.refresh()
    header = pkt.header
    upper = len(header) + pkt.payload_len
    if upper + size > 65535:
        raise NetworkError(errors.MESSAGE_TOO_LONG)
    offset = pkt.csum_offset
    if offset >= 0:
        header[offset : offset + 2] = _U16.pack((route.pseudo + protocol + upper) % 0xFFFF)  # type: ignore[index]
        pkt.csum = CSUM_PARTIAL
    return upper


def leave(route: Route, pkt: TxPacket, protocol: int, dont_fragment: bool) -> None:
    """By way of the filter, where there is one."""
    netfilter = route.stack.netfilter
    if netfilter is not None:
        netfilter.send(route, pkt, protocol, dont_fragment)
    else:
        route.transmit(pkt, dont_fragment)


class IPv6HeadersRoute(IPv6Route):
    """`dst` is the final destination, `first` where the packet goes: a segment routing header's active segment."""

    __slots__ = ("headers", "first")

    def __init__(self, base: Route, headers: SentHeaders) -> None:
        way = base.stack.find_route(headers.first_hop, base.src, 0, base.mark) if headers.first_hop else base
        super().__init__(way.stack, way.nic, base.src, base.dst, way.next_hop, way.local, way.broadcast)
        self.metrics, self.mark, self._mtu = way.metrics, way.mark, way._mtu
        self.headers = headers
        self.first = headers.first_hop or base.dst
        self.ip_header_len = 40 + headers.size
        self.plain = False

    def refresh(self) -> None:
        dst, self.dst = self.dst, self.first
        try:
            super().refresh()
        finally:
            self.dst = dst

    def gso_limit(self) -> int:
        """Links cut super-segments behind headers without extensions only."""
        return self.mtu()

    def write_packet(
        self, pkt: TxPacket, protocol: int, ttl: int = -1, tos: int = 0, dont_fragment: bool = True
    ) -> None:
        header = pkt.header
        upper = prepared(self, pkt, protocol, self.headers.size)
        first, chain = self.headers.chain(protocol, self.dst)
        limit = (self.metrics.hop_limit or self.nic.hop_limit) if ttl < 0 else ttl
        fixed = FIXED_V6.pack(
            self.flow_word(tos, protocol, header), len(chain) + upper, first, limit, self.src, self.first
        )
        pkt.header = fixed + chain + header
        pkt.transport = 40 + len(chain)
        pkt.ethertype = TYPE_IPV6
        self.stack.stats.ip6.inc("OutRequests")
        self.stack.stats.ip6.inc("OutOctets", len(pkt))
        self.device().count_out(len(pkt), False)
        leave(self, pkt, protocol, dont_fragment)


class IPv4OptionsRoute(IPv4Route):
    """Options go into every packet; recorded routes and timestamps begin with this host's."""

    __slots__ = ("options",)

    def __init__(self, base: Route, options: SentOptions) -> None:
        super().__init__(base.stack, base.nic, base.src, base.dst, base.next_hop, base.local, base.broadcast)
        self.metrics, self.mark, self._mtu = base.metrics, base.mark, base._mtu
        self.options = options
        self.ip_header_len = 20 + len(options.data)
        self.plain = False

    def gso_limit(self) -> int:
        return self.mtu()

    def write_packet(
        self, pkt: TxPacket, protocol: int, ttl: int = -1, tos: int = 0, dont_fragment: bool = True
    ) -> None:
        header = pkt.header
        size = self.ip_header_len
        upper = prepared(self, pkt, protocol, size)
        self.ident = ident = (self.ident + 1) & 0xFFFF
        limit = (self.metrics.hop_limit or self.stack.default_ttl) if ttl < 0 else ttl
        fragment = FLAG_DF if dont_fragment else 0
        time = self.stack.clock.realtime_ns() // NS_PER_MS % MS_PER_DAY
        data = self.options.filled(self.src, time)
        fields = (0x40 | size >> 2, tos, size + upper, ident, fragment, limit, protocol)
        bare = FIXED_V4.pack(*fields, 0, self.src, self.dst) + data
        checksum = 0xFFFF - (partial_sum(bare) or 0xFFFF)
        pkt.header = FIXED_V4.pack(*fields, checksum, self.src, self.dst) + data + header
        pkt.transport = size
        pkt.ethertype = TYPE_IPV4
        self.stack.stats.ip.inc("OutRequests")
        self.stack.stats.ip_ext.inc("OutOctets", len(pkt))
        leave(self, pkt, protocol, dont_fragment)


def lengthened(route: Route, options: SentOptions | None, headers: SentHeaders | None) -> Route:
    """`route` with what a socket adds to packets of its family. NETWORK_UNREACHABLE when there is no way to the first hop."""
    if len(route.dst) == 4:
        return route if options is None else IPv4OptionsRoute(route, options)
    return route if headers is None else IPv6HeadersRoute(route, headers)
