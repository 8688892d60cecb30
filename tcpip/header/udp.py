"""The UDP header.

Implements: RFC 768.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from tcpip.errors import DropReason, Malformed

HEADER_LEN: Final = 8
CHECKSUM_OFFSET: Final = 6
FIXED: Final = Struct("!HHHH")


class UdpHeader:
    """`length` counts header and data; `checksum` 0 means none was computed."""

    __slots__ = ("src_port", "dst_port", "length", "checksum")

    def __init__(self, src_port: int, dst_port: int, length: int, checksum: int = 0) -> None:
        self.src_port = src_port
        self.dst_port = dst_port
        self.length = length
        self.checksum = checksum

    @classmethod
    def parse(cls, data: bytes | memoryview) -> UdpHeader:
        """From the start of a datagram; Malformed when `length` does not fit."""
        if len(data) < HEADER_LEN:
            raise Malformed(DropReason.TRUNCATED)
        src_port, dst_port, length, value = FIXED.unpack_from(data)
        if length < HEADER_LEN or length > len(data):
            raise Malformed(DropReason.BAD_LENGTH)
        return cls(src_port, dst_port, length, value)

    def wire_len(self) -> int:
        return HEADER_LEN

    def emit(self, out: bytearray, at: int) -> None:
        FIXED.pack_into(out, at, self.src_port, self.dst_port, self.length, self.checksum)
