"""Multicast listener discovery, as bodies of ICMPv6 messages.

Implements: RFC 2710 3, RFC 3810 5.1, 5.2 (records without sources).
"""

from __future__ import annotations

from typing import Final

from tcpip.errors import DropReason, Malformed

MODE_IS_EXCLUDE: Final = 2
CHANGE_TO_INCLUDE: Final = 3
CHANGE_TO_EXCLUDE: Final = 4


class MldQuery:
    """A query; `group` all zero for a general one."""

    __slots__ = ("max_response", "group", "version")

    def __init__(self, max_response: int, group: bytes, version: int) -> None:
        self.max_response = max_response
        self.group = group
        self.version = version

    @classmethod
    def parse(cls, rest: int, body: bytes | memoryview) -> MldQuery:
        """From the ICMPv6 header's second half and what follows; Malformed."""
        if len(body) < 16:
            raise Malformed(DropReason.TRUNCATED)
        return cls(rest >> 16, bytes(body[:16]), 2 if len(body) >= 20 else 1)

    def max_response_ns(self) -> int:
        """RFC 3810 5.1.3."""
        ms = self.max_response
        if self.version == 2 and ms >= 0x8000:
            ms = (ms & 0xFFF | 0x1000) << ((ms >> 12 & 7) + 3)
        return ms * 1_000_000


def v2_report_records(records: list[tuple[int, bytes]]) -> bytes:
    """The body of a version 2 report of (record type, group), no sources; the count goes into the header's `rest`."""
    return b"".join(bytes((record_type, 0, 0, 0)) + group for record_type, group in records)
