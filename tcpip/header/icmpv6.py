"""ICMPv6 messages: type, code, checksum, four bytes by type, and a body.

Implements: RFC 4443 2.1, 3, 4.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from tcpip.errors import DropReason, Malformed

HEADER_LEN: Final = 8
CHECKSUM_OFFSET: Final = 2
FIXED: Final = Struct("!BBHI")

DEST_UNREACHABLE: Final = 1
PACKET_TOO_BIG: Final = 2
TIME_EXCEEDED: Final = 3
PARAMETER_PROBLEM: Final = 4
ECHO_REQUEST: Final = 128
ECHO_REPLY: Final = 129
MLD_QUERY: Final = 130
MLD_REPORT: Final = 131
MLD_DONE: Final = 132
ROUTER_SOLICITATION: Final = 133
ROUTER_ADVERTISEMENT: Final = 134
NEIGHBOR_SOLICITATION: Final = 135
NEIGHBOR_ADVERTISEMENT: Final = 136
REDIRECT: Final = 137
MLDV2_REPORT: Final = 143

NO_ROUTE: Final = 0
ADMIN_PROHIBITED: Final = 1
BEYOND_SCOPE: Final = 2
ADDRESS_UNREACHABLE: Final = 3
PORT_UNREACHABLE: Final = 4


class Icmpv6Message:
    """`rest` is the header's second half as an int; types below 128 are errors."""

    __slots__ = ("type", "code", "checksum", "rest", "body")

    def __init__(self, message_type: int, code: int, rest: int, body: bytes | memoryview, checksum: int = 0) -> None:
        self.type = message_type
        self.code = code
        self.checksum = checksum
        self.rest = rest
        self.body = body

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Icmpv6Message:
        """From the start of the message; the checksum is checked by the caller. Malformed."""
        if len(data) < HEADER_LEN:
            raise Malformed(DropReason.TRUNCATED)
        message_type, code, value, rest = FIXED.unpack_from(data)
        return cls(message_type, code, rest, data[HEADER_LEN:], value)

    def wire_len(self) -> int:
        return HEADER_LEN + len(self.body)

    def emit(self, out: bytearray, at: int) -> None:
        """With `checksum` as it stands."""
        FIXED.pack_into(out, at, self.type, self.code, self.checksum, self.rest)
        out[at + HEADER_LEN : at + HEADER_LEN + len(self.body)] = self.body
