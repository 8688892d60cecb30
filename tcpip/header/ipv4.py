"""The IPv4 header and its options.

Implements: RFC 791 3.1, RFC 1122 3.2.1, RFC 6864 (identification).
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from tcpip.checksum import checksum, partial_sum
from tcpip.errors import DropReason, Malformed

MIN_LEN: Final = 20
MAX_PACKET: Final = 65535
FLAG_DF: Final = 0x4000
FLAG_MF: Final = 0x2000
OFFSET_MASK: Final = 0x1FFF

OPTION_END: Final = 0
OPTION_NOP: Final = 1
OPTION_RECORD_ROUTE: Final = 7
OPTION_TIMESTAMP: Final = 68
OPTION_LOOSE_SOURCE: Final = 131
OPTION_STRICT_SOURCE: Final = 137
OPTION_ROUTER_ALERT: Final = 148
COPIED: Final = 0x80
"""Set in the kind of options that go into every fragment."""

FIXED: Final = Struct("!BBHHHBBH4s4s")


class Ipv4Option:
    """One option: kind and the bytes behind kind and length."""

    __slots__ = ("kind", "data")

    def __init__(self, kind: int, data: bytes) -> None:
        self.kind = kind
        self.data = data


def parse_options(data: bytes) -> list[Ipv4Option]:
    """The options up to the end marker; NOPs are left out. Malformed on a bad length."""
    options: list[Ipv4Option] = []
    at = 0
    while at < len(data):
        kind = data[at]
        if kind == OPTION_END:
            break
        if kind == OPTION_NOP:
            at += 1
            continue
        if at + 1 >= len(data):
            raise Malformed(DropReason.BAD_OPTION)
        length = data[at + 1]
        if length < 2 or at + length > len(data):
            raise Malformed(DropReason.BAD_OPTION)
        options.append(Ipv4Option(kind, data[at + 2 : at + length]))
        at += length
    return options


class Ipv4Header:
    """`options` are the raw bytes, a multiple of 4. `offset` is in bytes. `total_len` and the checksum are as on the wire."""

    __slots__ = (
        "tos",
        "total_len",
        "ident",
        "dont_fragment",
        "more",
        "offset",
        "ttl",
        "protocol",
        "src",
        "dst",
        "options",
    )

    def __init__(
        self,
        src: bytes,
        dst: bytes,
        protocol: int,
        total_len: int,
        ttl: int = 64,
        tos: int = 0,
        ident: int = 0,
        dont_fragment: bool = False,
        more: bool = False,
        offset: int = 0,
        options: bytes = b"",
    ) -> None:
        self.src = src
        self.dst = dst
        self.protocol = protocol
        self.total_len = total_len
        self.ttl = ttl
        self.tos = tos
        self.ident = ident
        self.dont_fragment = dont_fragment
        self.more = more
        self.offset = offset
        self.options = options

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Ipv4Header:
        """From the start of an IPv4 packet; checks version, lengths and checksum. Malformed."""
        if len(data) < MIN_LEN:
            raise Malformed(DropReason.TRUNCATED)
        first, tos, total_len, ident, fragment, ttl, protocol, _, src, dst = FIXED.unpack_from(data)
        if first >> 4 != 4:
            raise Malformed(DropReason.BAD_VERSION)
        header_len = (first & 15) * 4
        if header_len < MIN_LEN or header_len > len(data):
            raise Malformed(DropReason.BAD_HEADER_LENGTH)
        if total_len < header_len or total_len > len(data):
            raise Malformed(DropReason.BAD_LENGTH)
        if partial_sum(data[:header_len]):
            raise Malformed(DropReason.BAD_CHECKSUM)
        return cls(
            src,
            dst,
            protocol,
            total_len,
            ttl,
            tos,
            ident,
            fragment & FLAG_DF != 0,
            fragment & FLAG_MF != 0,
            (fragment & OFFSET_MASK) * 8,
            bytes(data[MIN_LEN:header_len]),
        )

    def wire_len(self) -> int:
        return MIN_LEN + len(self.options)

    def emit(self, out: bytearray, at: int) -> None:
        """With its checksum."""
        fragment = self.offset >> 3 | (FLAG_DF if self.dont_fragment else 0) | (FLAG_MF if self.more else 0)
        size = self.wire_len()
        FIXED.pack_into(
            out,
            at,
            0x40 | size >> 2,
            self.tos,
            self.total_len,
            self.ident,
            fragment,
            self.ttl,
            self.protocol,
            0,
            self.src,
            self.dst,
        )
        out[at + MIN_LEN : at + size] = self.options
        value = checksum(out[at : at + size])
        out[at + 10] = value >> 8
        out[at + 11] = value & 255
