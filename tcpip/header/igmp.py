"""IGMP messages as a host sends and reads them.

Implements: RFC 2236 2, RFC 3376 4.1, 4.2 (records without sources).
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from tcpip.checksum import checksum, partial_sum
from tcpip.errors import DropReason, Malformed

QUERY: Final = 0x11
V1_REPORT: Final = 0x12
V2_REPORT: Final = 0x16
V2_LEAVE: Final = 0x17
V3_REPORT: Final = 0x22

MODE_IS_EXCLUDE: Final = 2
CHANGE_TO_INCLUDE: Final = 3
CHANGE_TO_EXCLUDE: Final = 4

FIXED: Final = Struct("!BBH4s")


class IgmpMessage:
    """The eight bytes that all versions share; `version` of a query as RFC 3376 7.1 tells them apart."""

    __slots__ = ("type", "max_response", "group", "version")

    def __init__(self, message_type: int, max_response: int, group: bytes, version: int = 2) -> None:
        self.type = message_type
        self.max_response = max_response
        self.group = group
        self.version = version

    @classmethod
    def parse(cls, data: bytes | memoryview) -> IgmpMessage:
        """From the start of the message, checksum included. Malformed."""
        if len(data) < 8:
            raise Malformed(DropReason.TRUNCATED)
        if partial_sum(data):
            raise Malformed(DropReason.BAD_CHECKSUM)
        message_type, max_response, _, group = FIXED.unpack_from(data)
        version = 3 if len(data) >= 12 else 2 if max_response else 1
        return cls(message_type, max_response, group, version)

    def max_response_ns(self) -> int:
        """How long a report may be delayed; RFC 3376 4.1.1's floating point for version 3."""
        tenths = self.max_response
        if self.version == 1:
            tenths = 100
        elif self.version == 3 and tenths >= 128:
            tenths = (tenths & 15 | 16) << ((tenths >> 4 & 7) + 3)
        return tenths * 100_000_000

    def wire_len(self) -> int:
        return 8

    def emit(self, out: bytearray, at: int) -> None:
        """With its checksum."""
        FIXED.pack_into(out, at, self.type, self.max_response, 0, self.group)
        out[at + 2 : at + 4] = checksum(out[at : at + 8]).to_bytes(2, "big")


def v3_report(records: list[tuple[int, bytes]]) -> bytes:
    """A version 3 report of (record type, group), no sources, with its checksum."""
    body = bytearray(b"\x22\0\0\0\0\0" + len(records).to_bytes(2, "big"))
    for record_type, group in records:
        body += bytes((record_type, 0, 0, 0)) + group
    body[2:4] = checksum(body).to_bytes(2, "big")
    return bytes(body)
