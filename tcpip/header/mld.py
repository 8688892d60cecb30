"""Multicast listener discovery, as bodies of ICMPv6 messages. The records of reports are in `group_record`.

Implements: RFC 2710 3, RFC 3810 5.1.
"""

from __future__ import annotations

from tcpip.errors import DropReason, Malformed


class MldQuery:
    """A query; `group` all zero for a general one. Of version 2: `robustness` of the querier, 0 when it does not say, and
    the `sources` it asks for."""

    __slots__ = ("max_response", "group", "version", "robustness", "sources")

    def __init__(self, max_response: int, group: bytes, version: int) -> None:
        self.max_response = max_response
        self.group = group
        self.version = version
        self.robustness = 0
        self.sources: list[bytes] = []

    @classmethod
    def parse(cls, rest: int, body: bytes | memoryview) -> MldQuery:
        """From the ICMPv6 header's second half and what follows; Malformed."""
        if len(body) != 16 and len(body) < 20:
            raise Malformed(DropReason.TRUNCATED)
        query = cls(rest >> 16, bytes(body[:16]), 2 if len(body) >= 20 else 1)
        if query.version == 2:
            count = int.from_bytes(body[18:20], "big")
            if len(body) < 20 + count * 16:
                raise Malformed(DropReason.TRUNCATED)
            query.robustness = body[16] & 7
            query.sources = [bytes(body[at : at + 16]) for at in range(20, 20 + count * 16, 16)]
        return query

    def max_response_ns(self) -> int:
        """RFC 3810 5.1.3."""
        ms = self.max_response
        if self.version == 2 and ms >= 0x8000:
            ms = (ms & 0xFFF | 0x1000) << ((ms >> 12 & 7) + 3)
        return ms * 1_000_000
