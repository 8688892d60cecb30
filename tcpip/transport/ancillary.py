"""Control messages that come with a received datagram, in the order in which Linux puts them.

Source: net/socket.c: __sock_recv_cmsgs, net/ipv4/ip_sockglue.c: ip_cmsg_recv_offset, net/ipv6/datagram.c:
ip6_datagram_recv_ctl, RFC 3542, RFC 2292.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from tcpip import sockopt as so
from tcpip.addr import AF_INET, AF_INET6, is_link_local, v4_mapped
from tcpip.errors import NetworkError
from tcpip.header.ipv4 import OPTION_RECORD_ROUTE, OPTION_TIMESTAMP, parse_options
from tcpip.header.ipv6_ext import DESTINATION, HOP_BY_HOP, ROUTING
from tcpip.transport.sent_headers import SentOptions, compiled_options
from tcpip.transport.socket_level import timestamp_message
from tcpip.transport.timestamping import stamp_message, wants_received

if TYPE_CHECKING:
    from tcpip.buffer import RxPacket
    from tcpip.transport.datagram import Datagram, DatagramEndpoint
    from tcpip.transport.endpoint import Control
    from tcpip.transport.socket_options import SocketOptions

RETURNED_OPTIONS: Final = frozenset((OPTION_RECORD_ROUTE, OPTION_TIMESTAMP))
_INT: Final = struct.Struct("=i")
_UINT: Final = struct.Struct("=I")
_PKTINFO: Final = struct.Struct("=i4s4s")
_PKTINFO6: Final = struct.Struct("=16si")
_TIMEVAL: Final = struct.Struct("=qq")
_SOCKADDR_IN: Final = struct.Struct("=H2s4s8x")
_SOCKADDR_IN6: Final = struct.Struct("=H2sI16sI")
_IPV6_HEADER: Final = 40
_FLOWINFO: Final = 0x0FFFFFFF

# Which header each option is about: as RFC 3542 and as RFC 2292 number them.
_HEADERS: Final = (
    ((so.IPV6_RECVHOPOPTS, so.IPV6_HOPOPTS), HOP_BY_HOP),
    ((so.IPV6_RECVDSTOPTS, so.IPV6_DSTOPTS), DESTINATION),
    ((so.IPV6_RECVRTHDR, so.IPV6_RTHDR), ROUTING),
)
_HEADERS_2292: Final = (
    (so.IPV6_2292HOPOPTS, HOP_BY_HOP),
    (so.IPV6_2292DSTOPTS, DESTINATION),
    (so.IPV6_2292RTHDR, ROUTING),
)


def options_to_return(options: bytes) -> bytes:
    """What an answer would carry (IP_RETOPTS): a recorded route and timestamps, padded (net/ipv4/ip_options.c)."""
    kept = [bytes((o.kind, len(o.data) + 2)) + o.data for o in parse_options(options) if o.kind in RETURNED_OPTIONS]
    whole = b"".join(kept)
    return whole + bytes(-len(whole) % 4)


def echoed_options(pkt: RxPacket) -> SentOptions | None:
    """What answers to a SYN, and the connection, send (tcp_v4_save_options); None for nothing."""
    at = pkt.network + 20
    if len(pkt.src) == 16 or pkt.transport == at:
        return None
    try:
        return compiled_options(options_to_return(pkt.data[at : pkt.transport]), True)
    except NetworkError:
        return None


def received_control(ep: DatagramEndpoint, got: Datagram) -> list[Control]:
    """All that the endpoint's options ask for."""
    o = ep.options
    control: list[Control] = []
    if o.timestamp:
        seconds, ns = divmod(got.time_ns, 10**9)
        part = ns if o.timestamp_ns else ns // 1000
        control.append((so.SOL_SOCKET, timestamp_message(o), _TIMEVAL.pack(seconds, part)))
    if o.kept:
        if wants_received(o):
            control.append(stamp_message(o, got.time_ns))
        if o.kept.get((so.SOL_SOCKET, so.SO_RXQ_OVFL)) and got.drops:
            control.append((so.SOL_SOCKET, so.SO_RXQ_OVFL, _UINT.pack(got.drops & 0xFFFFFFFF)))
        if o.kept.get((so.SOL_SOCKET, so.SO_RCVMARK)):
            control.append((so.SOL_SOCKET, so.SO_MARK, _UINT.pack(got.mark)))
    if got.segment_size:
        control.append((so.IPPROTO_UDP, so.UDP_GRO, _INT.pack(got.segment_size)))
    if ep.family == AF_INET6:
        if o.pktinfo6:
            dst = got.dst if len(got.dst) == 16 else v4_mapped(got.dst)
            control.append((so.SOL_IPV6, so.IPV6_PKTINFO, _PKTINFO6.pack(dst, got.nic)))
        if len(got.src) == 16:
            if o.recv_hop_limit:
                control.append((so.SOL_IPV6, so.IPV6_HOPLIMIT, _INT.pack(got.ttl)))
            if o.recv_traffic_class:
                control.append((so.SOL_IPV6, so.IPV6_TCLASS, _INT.pack(got.tos)))
            if o.kept:
                control.extend(_more_ipv6(o, got))
    if len(got.src) == 4:
        control.extend(_ipv4(ep, got))
    return control


def _ipv4(ep: DatagramEndpoint, got: Datagram) -> Iterator[Control]:
    o = ep.options
    if o.pktinfo:
        specific = got.dst if got.dst in ep.stack.local else ep.source_on(got.nic)
        yield so.SOL_IP, so.IP_PKTINFO, _PKTINFO.pack(got.nic, specific, got.dst)
    if o.recv_ttl:
        yield so.SOL_IP, so.IP_TTL, _INT.pack(got.ttl)
    if o.recv_tos:
        yield so.SOL_IP, so.IP_TOS, bytes((got.tos,))
    if got.ip_options:
        if o.recv_options:
            yield so.SOL_IP, so.IP_RECVOPTS, got.ip_options
        if o.return_options:
            yield so.SOL_IP, so.IP_RETOPTS, options_to_return(got.ip_options)
    if o.kept.get((so.SOL_IP, so.IP_RECVORIGDSTADDR)):
        yield so.SOL_IP, so.IP_RECVORIGDSTADDR, _SOCKADDR_IN.pack(AF_INET, got.dst_port, got.dst)
    if got.largest and o.kept.get((so.SOL_IP, so.IP_RECVFRAGSIZE)):
        yield so.SOL_IP, so.IP_RECVFRAGSIZE, _INT.pack(got.largest)


def _more_ipv6(o: SocketOptions, got: Datagram) -> Iterator[Control]:
    """The flow label, extension headers, and what RFC 2292 had other numbers for."""
    kept = o.kept
    flow = int.from_bytes(got.packet[got.network : got.network + 4], "big") & _FLOWINFO
    if kept.get((so.SOL_IPV6, so.IPV6_FLOWINFO)) and flow:
        yield so.SOL_IPV6, so.IPV6_FLOWINFO, flow.to_bytes(4, "big")
    headers = extension_headers(got)
    for (wanted, message), kind in _HEADERS:
        if kept.get((so.SOL_IPV6, wanted)):
            yield from ((so.SOL_IPV6, message, data) for found, data in headers if found == kind)
    if kept.get((so.SOL_IPV6, so.IPV6_2292PKTINFO)):
        yield so.SOL_IPV6, so.IPV6_2292PKTINFO, _PKTINFO6.pack(got.dst, got.nic)
    if kept.get((so.SOL_IPV6, so.IPV6_2292HOPLIMIT)):
        yield so.SOL_IPV6, so.IPV6_2292HOPLIMIT, _INT.pack(got.ttl)
    for wanted, kind in _HEADERS_2292:
        if kept.get((so.SOL_IPV6, wanted)):
            yield from ((so.SOL_IPV6, wanted, data) for found, data in headers if found == kind)
    if kept.get((so.SOL_IPV6, so.IPV6_RECVORIGDSTADDR)):
        scope = got.nic if is_link_local(got.dst) else 0
        yield so.SOL_IPV6, so.IPV6_RECVORIGDSTADDR, _SOCKADDR_IN6.pack(AF_INET6, got.dst_port, 0, got.dst, scope)
    if got.largest and kept.get((so.SOL_IPV6, so.IPV6_RECVFRAGSIZE)):
        yield so.SOL_IPV6, so.IPV6_RECVFRAGSIZE, _INT.pack(got.largest)


def extension_headers(got: Datagram) -> list[tuple[int, bytes]]:
    """Type and bytes of each header between the IPv6 header and the transport's; the stack has checked the chain."""
    found: list[tuple[int, bytes]] = []
    at = got.network + _IPV6_HEADER
    if at + 8 > got.transport:
        return found
    kind = got.packet[got.network + 6]
    while at + 8 <= got.transport and kind in (HOP_BY_HOP, DESTINATION, ROUTING):
        size = (got.packet[at + 1] + 1) * 8
        found.append((kind, got.packet[at : at + size]))
        kind, at = got.packet[at], at + size
    return found
