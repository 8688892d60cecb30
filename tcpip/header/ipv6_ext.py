"""IPv6 extension headers: the walk along the chain, and the fragment header.

Implements: RFC 8200 4, RFC 5095 (routing type 0 is refused), RFC 7112 in that a fragment must hold the chain it names.
Deviates: authentication and encapsulation headers end the walk as unknown protocols.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from tcpip.errors import DropReason, Malformed

HOP_BY_HOP: Final = 0
ROUTING: Final = 43
FRAGMENT: Final = 44
NO_NEXT: Final = 59
DESTINATION: Final = 60
MAX_HEADERS: Final = 8
"""Longest chain accepted; each costs a step."""
MAX_OPTIONS: Final = 8
"""Padding aside, as RFC 8504 5.3 lets a host limit them."""

FRAGMENT_FIXED: Final = Struct("!BBHI")
FRAGMENT_LEN: Final = 8


class FragmentHeader:
    """`offset` in bytes."""

    __slots__ = ("next_header", "offset", "more", "ident")

    def __init__(self, next_header: int, offset: int, more: bool, ident: int) -> None:
        self.next_header = next_header
        self.offset = offset
        self.more = more
        self.ident = ident

    @classmethod
    def parse(cls, data: bytes | memoryview, at: int = 0) -> FragmentHeader:
        """Malformed when there are no 8 bytes at `at`."""
        if len(data) < at + FRAGMENT_LEN:
            raise Malformed(DropReason.TRUNCATED)
        next_header, _, field, ident = FRAGMENT_FIXED.unpack_from(data, at)
        return cls(next_header, field & 0xFFF8, field & 1 != 0, ident)

    def wire_len(self) -> int:
        return FRAGMENT_LEN

    def emit(self, out: bytearray, at: int) -> None:
        FRAGMENT_FIXED.pack_into(out, at, self.next_header, 0, self.offset | int(self.more), self.ident)


class Chain:
    """Where the walk ended: the upper protocol and its offset, or the fragment header met on the way.

    `pointer` is the offset of the next-header field that named `protocol`. `report` is an ICMPv6 parameter problem
    (code, pointer) that the sender must get, or None.
    """

    __slots__ = ("protocol", "at", "pointer", "fragment", "report", "router_alert")

    def __init__(self, protocol: int, at: int, pointer: int) -> None:
        self.protocol = protocol
        self.at = at
        self.pointer = pointer
        self.fragment: FragmentHeader | None = None
        self.report: tuple[int, int] | None = None
        self.router_alert = False


def upper_layer(data: bytes, at: int, end: int, protocol: int, pointer: int = 0) -> tuple[int, int, int]:
    """Protocol and offset behind the headers that a router does not look into, and where that protocol is named.

    A fragment header is an upper protocol too. Malformed.
    """
    for _ in range(MAX_HEADERS + 1):
        if protocol not in (HOP_BY_HOP, ROUTING, DESTINATION):
            return protocol, at, pointer
        if at + 8 > end or at + (data[at + 1] + 1) * 8 > end:
            break
        pointer = at
        protocol, at = data[at], at + (data[at + 1] + 1) * 8
    raise Malformed(DropReason.BAD_EXTENSION_HEADER)


def walk(data: bytes | memoryview, first: int, at: int, end: int, pointer: int, to_multicast: bool) -> Chain:
    """Follow the chain from header type `first` at `at`. Malformed, or a Chain; with `report` set the packet is to be dropped."""
    chain = Chain(first, at, pointer)
    for _ in range(MAX_HEADERS):
        kind = chain.protocol
        if kind == FRAGMENT:
            if chain.at + FRAGMENT_LEN > end:
                raise Malformed(DropReason.TRUNCATED)
            chain.fragment = FragmentHeader.parse(data, chain.at)
            return chain
        if kind not in (HOP_BY_HOP, ROUTING, DESTINATION):
            return chain
        if kind == HOP_BY_HOP and chain.pointer != pointer:
            chain.report = (1, chain.pointer)
            return chain
        if chain.at + 8 > end:
            raise Malformed(DropReason.TRUNCATED)
        length = (data[chain.at + 1] + 1) * 8
        if chain.at + length > end:
            raise Malformed(DropReason.BAD_EXTENSION_HEADER)
        if kind == ROUTING:
            if data[chain.at + 3]:
                chain.report = (0, chain.at + 2)
                return chain
        else:
            _check_options(data, chain, length, to_multicast)
            if chain.report is not None:
                return chain
        chain.protocol = data[chain.at]
        chain.pointer = chain.at
        chain.at += length
    raise Malformed(DropReason.BAD_EXTENSION_HEADER)


def _check_options(data: bytes | memoryview, chain: Chain, length: int, to_multicast: bool) -> None:
    """Options of a hop-by-hop or destination header: unknown ones act as their top two bits say (RFC 8200 4.2)."""
    at = chain.at + 2
    end = chain.at + length
    seen = 0
    while at < end:
        kind = data[at]
        if kind == 0:
            at += 1
            continue
        if at + 2 > end or at + 2 + data[at + 1] > end:
            raise Malformed(DropReason.BAD_OPTION)
        if kind == 5 and chain.protocol == HOP_BY_HOP:
            chain.router_alert = True
        elif kind != 1:
            seen += 1
            action = kind >> 6
            if seen > MAX_OPTIONS or action == 1 or (action == 3 and to_multicast):
                raise Malformed(DropReason.BAD_OPTION)
            if action in (2, 3):
                chain.report = (2, at)
                return
        at += 2 + data[at + 1]
