"""The TCP header.

Implements: RFC 9293 3.1, RFC 3168 6.1 (ECE, CWR), RFC 9768's AE bit is kept as it is.
"""

from __future__ import annotations

import struct
from typing import Final

from tcpip.errors import DropReason, Malformed

FIN: Final = 0x001
SYN: Final = 0x002
RST: Final = 0x004
PSH: Final = 0x008
ACK: Final = 0x010
URG: Final = 0x020
ECE: Final = 0x040
CWR: Final = 0x080
FLAGS_MASK: Final = 0x1FF

MIN_LENGTH: Final = 20
MAX_LENGTH: Final = 60
CSUM_OFFSET: Final = 16
HEADER: Final = struct.Struct("!HHIIHHHH")
"""Source port, destination port, sequence, acknowledgement, offset and flags, window, checksum, urgent pointer."""

_FLAG_NAMES: Final = ((SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH"), (ACK, "ACK"), (URG, "URG"))


def flag_names(flags: int) -> str:
    """Flags for people: `SYN|ACK`."""
    return "|".join(name for bit, name in _FLAG_NAMES if flags & bit) or "none"


class TcpHeader:
    """One header. `options` are the bytes between the fixed part and the payload, a multiple of 4 long."""

    __slots__ = ("src_port", "dst_port", "seq", "ack", "flags", "window", "checksum", "urgent", "options")

    def __init__(
        self,
        src_port: int,
        dst_port: int,
        seq: int,
        ack: int,
        flags: int,
        window: int,
        options: bytes = b"",
        urgent: int = 0,
        checksum: int = 0,
    ) -> None:
        self.src_port = src_port
        self.dst_port = dst_port
        self.seq = seq
        self.ack = ack
        self.flags = flags
        self.window = window
        self.options = options
        self.urgent = urgent
        self.checksum = checksum

    @classmethod
    def parse(cls, data: bytes | memoryview, at: int = 0, end: int = -1) -> TcpHeader:
        """The header at data[at:end]; Malformed when it is cut short or its length lies."""
        if end < 0:
            end = len(data)
        if end - at < MIN_LENGTH:
            raise Malformed(DropReason.TRUNCATED)
        src, dst, seq, ack, word, window, checksum, urgent = HEADER.unpack_from(data, at)
        length = (word >> 12) * 4
        if length < MIN_LENGTH or at + length > end:
            raise Malformed(DropReason.BAD_HEADER_LENGTH)
        options = bytes(data[at + MIN_LENGTH : at + length])
        return cls(src, dst, seq, ack, word & FLAGS_MASK, window, options, urgent, checksum)

    def wire_len(self) -> int:
        """Bytes on the wire, options included."""
        return MIN_LENGTH + len(self.options)

    def emit(self, out: bytearray, at: int) -> None:
        """Write the header at out[at:]; the checksum as the field says."""
        HEADER.pack_into(
            out,
            at,
            self.src_port,
            self.dst_port,
            self.seq,
            self.ack,
            (self.wire_len() << 10) | self.flags,
            self.window,
            self.checksum,
            self.urgent,
        )
        out[at + MIN_LENGTH : at + self.wire_len()] = self.options
