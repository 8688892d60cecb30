"""The packet that an ICMP error quotes, and its translation back to what its sender knows.

Implements: RFC 5508 4 (ICMP errors through a translator), RFC 792 and RFC 4443 2.4 (c) (what is quoted).
"""

from __future__ import annotations

from tcpip.checksum import partial_sum
from tcpip.errors import Malformed
from tcpip.filter import flow_tuple
from tcpip.filter.flow_tuple import FlowTuple
from tcpip.filter.packet import SRC, FilteredPacket, adjust, set_address
from tcpip.header.ipv6_ext import upper_layer
from tcpip.sockopt import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP

_CSUM_AT = {IPPROTO_TCP: 16, IPPROTO_UDP: 6, IPPROTO_ICMP: 2, IPPROTO_ICMPV6: 2}


class Quoted:
    """Where the quoted headers are in the error packet's data, and whose they are."""

    __slots__ = ("network", "transport", "flow")

    def __init__(self, network: int, transport: int, flow: FlowTuple) -> None:
        self.network = network
        self.transport = transport
        self.flow = flow


def read_quoted(pkt: FilteredPacket) -> Quoted | None:
    """None when the quote is too short, no first fragment, or has no tuple."""
    data, at, end = pkt.data, pkt.transport + 8, pkt.end
    if pkt.four:
        if end - at < 28 or data[at] >> 4 != 4 or data[at + 6] & 0x1F or data[at + 7]:
            return None
        header = (data[at] & 15) * 4
        if header < 20 or end - at < header + 8:
            return None
        protocol, inner = data[at + 9], at + header
        src, dst = data[at + 12 : at + 16], data[at + 16 : at + 20]
    else:
        if end - at < 48 or data[at] >> 4 != 6:
            return None
        src, dst = data[at + 8 : at + 24], data[at + 24 : at + 40]
        try:
            protocol, inner, _ = upper_layer(data, at + 40, end, data[at + 6])
        except Malformed:
            return None
    flow = flow_tuple.read(data, inner, end, protocol, src, dst)
    return None if flow is None else Quoted(at, inner, flow)


def rewrite_quoted(pkt: FilteredPacket, which: int, addr: bytes, port: int) -> None:
    """Another address and port in the quoted headers: their checksums and the message's own are kept right."""
    quoted = read_quoted(pkt)
    if quoted is None:
        return
    start = pkt.transport
    cut = pkt.end if pkt.end - start < 256 else start + 256
    head = bytearray(pkt.data[:cut])
    before = partial_sum(head[start:])
    pseudo = set_address(head, quoted.network, which, addr)
    protocol = quoted.flow[0]
    at = quoted.transport
    changed = 0
    if protocol in _CSUM_AT:
        where = at + 4 if protocol in flow_tuple.REQUESTS else at if which == SRC else at + 2
        changed = port - (head[where] << 8 | head[where + 1])
        head[where : where + 2] = port.to_bytes(2, "big")
        field = at + _CSUM_AT[protocol]
        if field + 2 <= cut and not (protocol == IPPROTO_UDP and not any(head[field : field + 2])):
            adjust(head, field, changed if protocol == IPPROTO_ICMP else changed + pseudo)
    delta = partial_sum(head[start:]) - before
    if not pkt.checksum_is_partial():
        adjust(head, start + 2, delta)
    pkt.replace(head, cut)
