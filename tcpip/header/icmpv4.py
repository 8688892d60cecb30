"""ICMPv4 messages: eight bytes of header, the last four of them by type, and a body.

Implements: RFC 792, RFC 1191 4 (next-hop MTU), RFC 1122 3.2.2.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from tcpip.errors import DropReason, Malformed

HEADER_LEN: Final = 8
CHECKSUM_OFFSET: Final = 2
FIXED: Final = Struct("!BBHI")

ECHO_REPLY: Final = 0
DEST_UNREACHABLE: Final = 3
SOURCE_QUENCH: Final = 4
REDIRECT: Final = 5
ECHO_REQUEST: Final = 8
TIME_EXCEEDED: Final = 11
PARAMETER_PROBLEM: Final = 12
TIMESTAMP: Final = 13
TIMESTAMP_REPLY: Final = 14
ERRORS: Final = frozenset((3, 4, 5, 11, 12))

NET_UNREACHABLE: Final = 0
HOST_UNREACHABLE: Final = 1
PROTOCOL_UNREACHABLE: Final = 2
PORT_UNREACHABLE: Final = 3
FRAGMENTATION_NEEDED: Final = 4


class Icmpv4Message:
    """`rest` is the header's second half: identifier and sequence, a pointer, or unused and MTU. `body` follows."""

    __slots__ = ("type", "code", "checksum", "rest", "body")

    def __init__(self, message_type: int, code: int, rest: int, body: bytes | memoryview, checksum: int = 0) -> None:
        self.type = message_type
        self.code = code
        self.checksum = checksum
        self.rest = rest
        self.body = body

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Icmpv4Message:
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
