"""TCP options as bytes: walking them, moving numbers in them, and saying them as tcpdump does."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from tools.packetdrill.option_parser import (
    ACCECN_0,
    ACCECN_1,
    END,
    EXPERIMENTAL,
    FAST_OPEN,
    FAST_OPEN_MAGIC,
    MD5,
    MSS,
    NOP,
    SACK,
    SACK_PERMITTED,
    TIMESTAMPS,
    WINDOW_SCALE,
)

U32: Final = 0xFFFFFFFF


def walk(options: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(kind, where its body begins, body); stops at what is malformed. Every END and NOP is one."""
    at = 0
    while at < len(options):
        kind = options[at]
        if kind in (END, NOP):
            yield kind, at + 1, b""
            at += 1
            continue
        if at + 1 >= len(options) or options[at + 1] < 2 or at + options[at + 1] > len(options):
            return
        end = at + options[at + 1]
        yield kind, at + 2, options[at + 2 : end]
        at = end


def timestamp(options: bytes) -> tuple[int, int] | None:
    """(val, ecr) of the timestamp option."""
    for kind, _, body in walk(options):
        if kind == TIMESTAMPS and len(body) == 8:
            return struct.unpack("!II", body)
    return None


def with_timestamp(options: bytes, val: int, ecr: int) -> bytes:
    """The same with other values in the timestamp option."""
    for kind, at, body in walk(options):
        if kind == TIMESTAMPS and len(body) == 8:
            return options[:at] + struct.pack("!II", val & U32, ecr & U32) + options[at + 8 :]
    return options


def shift_sacks(options: bytes, by: int) -> bytes:
    """The same with SACK blocks moved by `by`."""
    out = bytearray(options)
    for kind, at, body in walk(options):
        if kind == SACK:
            for edge in range(0, len(body) // 4 * 4, 4):
                (value,) = struct.unpack_from("!I", body, edge)
                struct.pack_into("!I", out, at + edge, value + by & U32)
    return bytes(out)


def to_text(options: bytes) -> str:
    """`mss 1460,nop,wscale 7` …"""
    return ",".join(_one(kind, body) for kind, _, body in walk(options))


def _one(kind: int, body: bytes) -> str:
    simple = {END: "eol", NOP: "nop", SACK_PERMITTED: "sackOK"}.get(kind)
    if simple:
        return simple
    if kind == MSS and len(body) == 2:
        return f"mss {struct.unpack('!H', body)[0]}"
    if kind == WINDOW_SCALE and len(body) == 1:
        return f"wscale {body[0]}"
    if kind == TIMESTAMPS and len(body) == 8:
        return "TS val {} ecr {}".format(*struct.unpack("!II", body))
    if kind == SACK and len(body) % 8 == 0:
        edges = struct.unpack(f"!{len(body) // 4}I", body)
        return "sack " + " ".join(f"{left}:{right}" for left, right in zip(edges[::2], edges[1::2], strict=True))
    if kind == FAST_OPEN:
        return f"FO {body.hex()}".rstrip()
    if kind == EXPERIMENTAL and body[:2] == FAST_OPEN_MAGIC:
        return f"FOEXP {body[2:].hex()}".rstrip()
    if kind == MD5:
        return f"md5 {body.hex()}".rstrip()
    if kind in (ACCECN_0, ACCECN_1):
        names = ("e0b", "ceb", "e1b") if kind == ACCECN_0 else ("e1b", "ceb", "e0b")
        counters = [int.from_bytes(body[at : at + 3], "big") for at in range(0, len(body), 3)]
        return " ".join(["ECN", *(f"{name} {number}" for name, number in zip(names, counters, strict=False))])
    return f"option {kind} {body.hex()}".rstrip()
