"""IGMP messages as a host sends and reads them.

Implements: RFC 2236 2, RFC 3376 4.1, 4.2.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from tcpip.checksum import checksum, partial_sum
from tcpip.errors import DropReason, Malformed
from tcpip.header.group_record import Record, pack

QUERY: Final = 0x11
V1_REPORT: Final = 0x12
V2_REPORT: Final = 0x16
V2_LEAVE: Final = 0x17
V3_REPORT: Final = 0x22

FIXED: Final = Struct("!BBH4s")


class IgmpMessage:
    """The eight bytes that all versions share; `version` of a query as RFC 3376 7.1 tells them apart. Of version 3:
    `robustness` of the querier, 0 when it does not say, and the `sources` it asks for."""

    __slots__ = ("type", "max_response", "group", "version", "robustness", "sources")

    def __init__(self, message_type: int, max_response: int, group: bytes, version: int = 2) -> None:
        self.type = message_type
        self.max_response = max_response
        self.group = group
        self.version = version
        self.robustness = 0
        self.sources: list[bytes] = []

    @classmethod
    def parse(cls, data: bytes | memoryview) -> IgmpMessage:
        """From the start of the message, checksum included. Malformed."""
        if len(data) < 8:
            raise Malformed(DropReason.TRUNCATED)
        if partial_sum(data):
            raise Malformed(DropReason.BAD_CHECKSUM)
        message_type, max_response, _, group = FIXED.unpack_from(data)
        version = 3 if len(data) >= 12 else 2 if max_response else 1
        message = cls(message_type, max_response, group, version)
        if message_type == QUERY and len(data) != 8:
            count = int.from_bytes(data[10:12], "big")
            if len(data) < 12 + count * 4:
                raise Malformed(DropReason.TRUNCATED)
            message.robustness = data[8] & 7
            message.sources = [bytes(data[at : at + 4]) for at in range(12, 12 + count * 4, 4)]
        return message

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


def v3_reports(records: list[Record], room: int) -> list[bytes]:
    """Version 3 reports of at most `room` bytes each, with their checksums."""
    reports = []
    for count, packed in pack(records, room - 8):
        body = bytearray(b"\x22\0\0\0\0\0" + count.to_bytes(2, "big") + packed)
        body[2:4] = checksum(body).to_bytes(2, "big")
        reports.append(bytes(body))
    return reports
