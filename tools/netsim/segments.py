"""Frames taken apart by a reader of its own, so that the stack is not its own witness."""

from __future__ import annotations

import struct
from typing import Final

FIN: Final = 1
SYN: Final = 2
RST: Final = 4
ACK: Final = 16

_TCP: Final = struct.Struct("!HHIIHHHH")
HALF: Final = 1 << 31
MASK: Final = (1 << 32) - 1


class TcpSegment:
    """One TCP segment over IPv4 or IPv6; `ok` tells whether its checksums hold."""

    __slots__ = (
        "src",
        "dst",
        "sport",
        "dport",
        "seq",
        "ack",
        "flags",
        "window",
        "options",
        "payload",
        "header_len",
        "ok",
    )

    def __init__(self, src: bytes, dst: bytes, data: bytes, ok: bool) -> None:
        self.src, self.dst = src, dst
        self.sport, self.dport, self.seq, self.ack, word, self.window, _, _ = _TCP.unpack_from(data)
        self.flags = word & 0x1FF
        self.header_len = length = (word >> 12) * 4
        self.ok = ok and 20 <= length <= len(data)
        self.options = options_of(data[20:length]) if self.ok else {}
        self.payload = data[length:] if self.ok else b""


def options_of(data: bytes) -> dict[int, bytes]:
    """Kind to body."""
    found = {}
    at = 0
    while at < len(data) and data[at] != 0:
        if data[at] == 1:
            at += 1
            continue
        if at + 2 > len(data) or data[at + 1] < 2:
            break
        found[data[at]] = data[at + 2 : at + data[at + 1]]
        at += data[at + 1]
    return found


def sums_to_zero(data: bytes) -> bool:
    """The Internet checksum over all of it, its own field included, holds."""
    padded = data if len(data) % 2 == 0 else data + b"\0"
    return int.from_bytes(padded, "big") % 65535 == 0


def tcp_of(frame: bytes) -> TcpSegment | None:
    """The TCP segment in an Ethernet frame; None for anything else, fragments among it."""
    kind, packet = frame[12:14], frame[14:]
    if kind == b"\x08\0" and len(packet) >= 40 and packet[9] == 6 and packet[0] == 0x45:
        size = int.from_bytes(packet[2:4], "big")
        if int.from_bytes(packet[6:8], "big") & 0x3FFF or size > len(packet) or not sums_to_zero(packet[:20]):
            return None
        src, dst, body = packet[12:16], packet[16:20], packet[20:size]
    elif kind == b"\x86\xdd" and len(packet) >= 60 and packet[6] == 6 and packet[0] >> 4 == 6:
        size = 40 + int.from_bytes(packet[4:6], "big")
        if size > len(packet):
            return None
        src, dst, body = packet[8:24], packet[24:40], packet[40:size]
    else:
        return None
    if len(body) < 20:
        return None
    pseudo = src + dst + len(body).to_bytes(4, "big") + b"\0\0\0\x06"
    return TcpSegment(src, dst, body, sums_to_zero(pseudo + body))


def distance(later: int, earlier: int) -> int:
    """`later` - `earlier` of two wire sequence numbers that are less than 2**31 apart."""
    difference = (later - earlier) & MASK
    return difference - (1 << 32) if difference & HALF else difference
