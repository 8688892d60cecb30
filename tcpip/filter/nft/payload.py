"""Bytes of the packet's headers, IPv6 extension headers and TCP options.

Source: net/netfilter/nft_payload.c, nft_exthdr.c.
Deviates: no inner headers of tunnels, no SCTP.
"""

from __future__ import annotations

from typing import Final

from tcpip.checksum import partial_sum
from tcpip.filter.nft.machine import BREAK, Evaluation, Expression
from tcpip.filter.packet import FilteredPacket, adjust
from tcpip.sockopt import IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP

LINK, NETWORK, TRANSPORT = range(3)
CSUM_NONE, CSUM_INET = range(2)
PSEUDO_HEADER: Final = 1
IPV6_HEADER, TCP_OPTION, IPV4_OPTION = range(3)
PRESENT: Final = 1
_L4_CSUM_AT: Final = {IPPROTO_TCP: 16, IPPROTO_UDP: 6, IPPROTO_ICMPV6: 2}
_HOP, _ROUTING, _FRAGMENT, _DESTINATION = 0, 43, 44, 60
_EXTENSIONS: Final = frozenset((_HOP, _ROUTING, _FRAGMENT, _DESTINATION, 51))


def start_of(pkt: FilteredPacket, base: int) -> int:
    """Where a header begins in `pkt.data`; -1: the packet has none."""
    if base == NETWORK:
        return pkt.network
    if base == TRANSPORT:
        return -1 if pkt.later_fragment() else pkt.transport
    rx = pkt.rx
    return rx.link if rx is not None and rx.network - rx.link >= 14 else -1


class PayloadLoad(Expression):
    """`length` bytes at `offset` of a header into a register."""

    def __init__(self, at: int, base: int, offset: int, length: int) -> None:
        super().__init__("payload")
        self.at = at
        self.base = base
        self.offset = offset
        self.length = length

    def evaluate(self, e: Evaluation) -> None:
        pkt = e.pkt
        base = self.base
        start = pkt.network if base == NETWORK else start_of(pkt, base)
        value = pkt.read(start + self.offset, self.length) if start >= 0 else b""
        if len(value) < self.length:
            e.code = BREAK
        else:
            e.store(self.at, value)


class PayloadStore(Expression):
    """A register into `length` bytes at `offset`; checksums follow as `csum_type`, `csum_offset` and `csum_flags` say."""

    def __init__(
        self, source: int, base: int, offset: int, length: int, csum_type: int, csum_offset: int, csum_flags: int
    ) -> None:
        super().__init__("payload")
        self.source = source
        self.base = base
        self.offset = offset
        self.length = length
        self.csum_type = csum_type
        self.csum_offset = csum_offset
        self.csum_flags = csum_flags

    def evaluate(self, e: Evaluation) -> None:
        pkt = e.pkt
        start = start_of(pkt, self.base)
        at = start + self.offset
        pkt.need(at + self.length)
        if start < 0 or self.base == LINK or at + self.length > pkt.end:
            e.code = BREAK
            return
        head = bytearray(pkt.data[: pkt.end])
        before = bytes(head[at : at + self.length])
        after = bytes(e.registers[self.source : self.source + self.length])
        delta = _sum_at(after, at - start) - _sum_at(before, at - start)
        head[at : at + self.length] = after
        field = start + self.csum_offset
        if self.csum_type == CSUM_INET and field + 2 <= pkt.end:
            covered_by_transport = self.base == TRANSPORT and pkt.checksum_is_partial()
            zero = self.base == TRANSPORT and pkt.protocol == IPPROTO_UDP and not any(head[field : field + 2])
            if not covered_by_transport and not zero:
                adjust(head, field, delta)
        if self.csum_flags & PSEUDO_HEADER and self.base == NETWORK:
            _adjust_transport(pkt, head, delta)
        pkt.replace(head, pkt.end)


def _sum_at(value: bytes, offset: int) -> int:
    """The sum of 16-bit words, of which the first may begin at an odd place."""
    padded = bytes(offset & 1) + value
    return partial_sum(padded + bytes(len(padded) & 1))


def _adjust_transport(pkt: FilteredPacket, head: bytearray, delta: int) -> None:
    field = _L4_CSUM_AT.get(pkt.protocol, -1)
    at = pkt.transport + field
    if field < 0 or at + 2 > pkt.end or pkt.later_fragment():
        return
    old = head[at] << 8 | head[at + 1]
    if pkt.checksum_is_partial():
        head[at : at + 2] = ((old + delta) % 0xFFFF).to_bytes(2, "big")
    elif old or pkt.protocol != IPPROTO_UDP:
        adjust(head, at, delta)


class ExtensionLoad(Expression):
    """`length` bytes at `offset` of an IPv6 extension header or TCP option of kind `kind`; PRESENT: whether it is there."""

    def __init__(self, at: int, kind: int, offset: int, length: int, flags: int, op: int) -> None:
        super().__init__("exthdr")
        self.at = at
        self.kind = kind
        self.offset = offset
        self.length = length
        self.flags = flags
        self.op = op

    def evaluate(self, e: Evaluation) -> None:
        found = tcp_option(e.pkt, self.kind) if self.op == TCP_OPTION else _extension(e.pkt, self.kind)
        if self.flags & PRESENT:
            e.store(self.at, bytes((found is not None,)))
        elif found is None or len(found) < self.offset + self.length:
            e.code = BREAK
        else:
            e.store(self.at, found[self.offset : self.offset + self.length])


def tcp_options(pkt: FilteredPacket) -> bytes:
    """The option bytes of a TCP segment; empty when it is none or cut short."""
    if pkt.protocol != IPPROTO_TCP or pkt.later_fragment():
        return b""
    fixed = pkt.read(pkt.transport, 20)
    if len(fixed) < 20:
        return b""
    return pkt.read(pkt.transport + 20, max((fixed[12] >> 4) * 4 - 20, 0))


def option_at(options: bytes, kind: int) -> int:
    """Where the option of that kind begins, or -1."""
    at = 0
    while at < len(options):
        if options[at] == kind:
            return at
        if options[at] == 1:
            at += 1
            continue
        if options[at] == 0 or at + 1 >= len(options) or options[at + 1] < 2:
            break
        at += options[at + 1]
    return -1


def tcp_option(pkt: FilteredPacket, kind: int) -> bytes | None:
    """The whole option."""
    options = tcp_options(pkt)
    at = option_at(options, kind)
    if at < 0:
        return None
    size = 1 if kind < 2 or at + 1 >= len(options) else options[at + 1]
    return options[at : at + size]


def _extension(pkt: FilteredPacket, kind: int) -> bytes | None:
    """The whole extension header."""
    if pkt.four:
        return None
    data, at, next_header = pkt.data, pkt.network + 40, pkt.data[pkt.network + 6]
    while next_header in _EXTENSIONS and at + 8 <= min(pkt.transport, len(data)):
        size = (
            8 if next_header == _FRAGMENT else (data[at + 1] + 2) * 4 if next_header == 51 else (data[at + 1] + 1) * 8
        )
        if next_header == kind:
            return data[at : at + size]
        next_header, at = data[at], at + size
    return None


class TcpOptionStore(Expression):
    """A register into a TCP option: of the maximum segment size only a lower value (nft_exthdr_tcp_set_eval)."""

    def __init__(self, source: int, kind: int, offset: int, length: int) -> None:
        super().__init__("exthdr")
        self.source = source
        self.kind = kind
        self.offset = offset
        self.length = length

    def evaluate(self, e: Evaluation) -> None:
        value = bytes(e.registers[self.source : self.source + self.length])
        if not set_tcp_option(e.pkt, self.kind, self.offset, value):
            e.code = BREAK


def set_tcp_option(pkt: FilteredPacket, kind: int, offset: int, value: bytes) -> bool:
    """Write into an option that is there; False: it is not."""
    options = tcp_options(pkt)
    at = option_at(options, kind)
    where = pkt.transport + 20 + at + offset
    pkt.need(where + len(value))
    if at < 0 or at + 1 >= len(options) or offset + len(value) > options[at + 1] or where + len(value) > pkt.end:
        return False
    head = bytearray(pkt.data[: pkt.end])
    before = bytes(head[where : where + len(value)])
    if kind == 2 and len(value) == 2 and before <= value:
        return True
    head[where : where + len(value)] = value
    if not pkt.checksum_is_partial():
        odd = where - pkt.transport
        adjust(head, pkt.transport + 16, _sum_at(value, odd) - _sum_at(before, odd))
    pkt.replace(head, pkt.end)
    return True
