"""The Ethernet II frame header.

Implements: RFC 894; IEEE 802.3 clause 3. Deviates: 802.1Q tags and 802.3 length frames are not decoded.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from tcpip.errors import DropReason, Malformed

HEADER_LEN: Final = 14
TYPE_IPV4: Final = 0x0800
TYPE_ARP: Final = 0x0806
TYPE_IPV6: Final = 0x86DD

FIXED: Final = Struct("!6s6sH")


class EthernetHeader:
    """Destination, source, type."""

    __slots__ = ("dst", "src", "ethertype")

    def __init__(self, dst: bytes, src: bytes, ethertype: int) -> None:
        self.dst = dst
        self.src = src
        self.ethertype = ethertype

    @classmethod
    def parse(cls, data: bytes | memoryview) -> EthernetHeader:
        """From the start of a frame; Malformed."""
        if len(data) < HEADER_LEN:
            raise Malformed(DropReason.TRUNCATED)
        dst, src, ethertype = FIXED.unpack_from(data)
        return cls(dst, src, ethertype)

    def wire_len(self) -> int:
        return HEADER_LEN

    def emit(self, out: bytearray, at: int) -> None:
        FIXED.pack_into(out, at, self.dst, self.src, self.ethertype)
