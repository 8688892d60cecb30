"""TCP options.

A list of options is read as far as it makes sense: what comes after a bad length is ignored, as Linux does
(net/ipv4/tcp_input.c:tcp_parse_options), since a header must not become unusable through an option.
Implements: RFC 9293 3.2, RFC 7323 2.2, 3.2, RFC 2018 2, 3.
"""

from __future__ import annotations

import struct
from typing import Final

END: Final = 0
NOP: Final = 1
MSS: Final = 2
WINDOW_SCALE: Final = 3
SACK_PERMITTED: Final = 4
SACK: Final = 5
TIMESTAMPS: Final = 8
USER_TIMEOUT: Final = 28
FAST_OPEN: Final = 34
MD5_SIGNATURE: Final = 19

MAX_WINDOW_SCALE: Final = 14
TS_WORD: Final = 0x0101080A
"""NOP NOP kind length: how everybody aligns a timestamp option."""
TS_LENGTH: Final = 12
MAX_OPTIONS: Final = 40

_TS: Final = struct.Struct("!II")
_U16: Final = struct.Struct("!H")
_TS_OPTION: Final = struct.Struct("!III")
_BLOCK: Final = struct.Struct("!II")

SackBlock = tuple[int, int]
"""Left and right edge on the wire: [left, right)."""


class UnknownOption:
    """An option that means nothing to us, kept byte for byte."""

    __slots__ = ("kind", "data")

    def __init__(self, kind: int, data: bytes) -> None:
        self.kind = kind
        self.data = data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnknownOption) and (self.kind, self.data) == (other.kind, other.data)


class TcpOptions:
    """What the options of one segment say. `mss`, `window_scale` are -1 when absent; `timestamp` tells whether
    `ts_val` and `ts_ecr` are there, `signed` whether there is an MD5 signature (RFC 2385)."""

    __slots__ = ("mss", "window_scale", "sack_permitted", "timestamp", "ts_val", "ts_ecr", "sack", "signed", "unknown")

    def __init__(self) -> None:
        self.mss = -1
        self.window_scale = -1
        self.sack_permitted = False
        self.timestamp = False
        self.ts_val = 0
        self.ts_ecr = 0
        self.sack: list[SackBlock] = []
        self.signed = False
        self.unknown: list[UnknownOption] = []

    @classmethod
    def parse(cls, data: bytes | memoryview) -> TcpOptions:
        """Options of a segment; never raises."""
        options = cls()
        at = 0
        end = len(data)
        while at < end:
            kind = data[at]
            if kind == END:
                break
            if kind == NOP:
                at += 1
                continue
            if at + 2 > end:
                break
            length = data[at + 1]
            if length < 2 or at + length > end:
                break
            options._take(kind, bytes(data[at + 2 : at + length]))
            at += length
        return options

    def _take(self, kind: int, body: bytes) -> None:
        size = len(body)
        if kind == TIMESTAMPS and size == 8:
            self.timestamp = True
            self.ts_val, self.ts_ecr = _TS.unpack(body)
        elif kind == SACK and size and size % 8 == 0:
            self.sack = [_BLOCK.unpack_from(body, at) for at in range(0, size, 8)]
        elif kind == MSS and size == 2:
            self.mss = _U16.unpack(body)[0]
        elif kind == WINDOW_SCALE and size == 1:
            self.window_scale = min(body[0], MAX_WINDOW_SCALE)  # RFC 7323 2.3
        elif kind == SACK_PERMITTED and size == 0:
            self.sack_permitted = True
        else:
            self.signed = self.signed or kind == MD5_SIGNATURE
            self.unknown.append(UnknownOption(kind, body))

    def emit(self) -> bytes:
        """The options as bytes, aligned and padded to 4; at most `MAX_OPTIONS` when the caller was careful."""
        out = bytearray()
        if self.mss >= 0:
            out += bytes((MSS, 4)) + _U16.pack(self.mss)
        if self.sack_permitted:
            out += bytes((SACK_PERMITTED, 2)) if self.timestamp else bytes((NOP, NOP, SACK_PERMITTED, 2))
        if self.timestamp:
            if not self.sack_permitted:
                out += bytes((NOP, NOP))
            out += bytes((TIMESTAMPS, 10)) + _TS.pack(self.ts_val, self.ts_ecr)
        if self.window_scale >= 0:
            out += bytes((NOP, WINDOW_SCALE, 3, self.window_scale))
        if self.sack:
            out += emit_sack(self.sack)
        for unknown in self.unknown:
            out += bytes((unknown.kind, len(unknown.data) + 2)) + unknown.data
        out += bytes((NOP if self.unknown else END,)) * (-len(out) % 4)
        return bytes(out)


def emit_timestamp(ts_val: int, ts_ecr: int) -> bytes:
    """An aligned timestamp option, 12 bytes."""
    return _TS_OPTION.pack(TS_WORD, ts_val, ts_ecr)


def emit_sack(blocks: list[SackBlock]) -> bytes:
    """An aligned SACK option."""
    out = bytearray((NOP, NOP, SACK, 2 + 8 * len(blocks)))
    for left, right in blocks:
        out += _BLOCK.pack(left, right)
    return bytes(out)
