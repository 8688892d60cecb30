"""The IPv6 fixed header.

Implements: RFC 8200 3.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from tcpip.errors import DropReason, Malformed

HEADER_LEN: Final = 40
FIXED: Final = Struct("!IHBB16s16s")


class Ipv6Header:
    """`payload_len` counts everything behind these 40 bytes."""

    __slots__ = ("traffic_class", "flow_label", "payload_len", "next_header", "hop_limit", "src", "dst")

    def __init__(
        self,
        src: bytes,
        dst: bytes,
        next_header: int,
        payload_len: int,
        hop_limit: int = 64,
        traffic_class: int = 0,
        flow_label: int = 0,
    ) -> None:
        self.src = src
        self.dst = dst
        self.next_header = next_header
        self.payload_len = payload_len
        self.hop_limit = hop_limit
        self.traffic_class = traffic_class
        self.flow_label = flow_label

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Ipv6Header:
        """From the start of an IPv6 packet; Malformed."""
        if len(data) < HEADER_LEN:
            raise Malformed(DropReason.TRUNCATED)
        first, payload_len, next_header, hop_limit, src, dst = FIXED.unpack_from(data)
        if first >> 28 != 6:
            raise Malformed(DropReason.BAD_VERSION)
        if payload_len > len(data) - HEADER_LEN:
            raise Malformed(DropReason.BAD_LENGTH)
        return cls(src, dst, next_header, payload_len, hop_limit, first >> 20 & 0xFF, first & 0xFFFFF)

    def wire_len(self) -> int:
        return HEADER_LEN

    def emit(self, out: bytearray, at: int) -> None:
        first = 6 << 28 | self.traffic_class << 20 | self.flow_label
        FIXED.pack_into(out, at, first, self.payload_len, self.next_header, self.hop_limit, self.src, self.dst)
