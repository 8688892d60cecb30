"""TCP options between `<` and `>`: to bytes as they go on the wire."""

from __future__ import annotations

import struct
from typing import Final

from tools.packetdrill import lexer
from tools.packetdrill.cursor import Cursor
from tools.packetdrill.errors import ScriptError

END, NOP, MSS, WINDOW_SCALE, SACK_PERMITTED, SACK, TIMESTAMPS, MD5 = 0, 1, 2, 3, 4, 5, 8, 19
FAST_OPEN: Final = 34
EXPERIMENTAL: Final = 254
FAST_OPEN_MAGIC: Final = b"\xf9\x89"
ACCECN_0: Final = 172
ACCECN_1: Final = 174
_U16: Final = 0xFFFF
_U32: Final = 0xFFFFFFFF


def parse_tcp_options(cursor: Cursor) -> bytes | None:
    """None for `<...>`."""
    cursor.expect_symbol("<")
    if cursor.peek().kind == lexer.ELLIPSIS:
        cursor.next()
        cursor.expect_symbol(">")
        return None
    out = b""
    while True:
        out += _option(cursor)
        if cursor.take_symbol(">"):
            return out
        cursor.expect_symbol(",")


def _option(cursor: Cursor) -> bytes:
    token = cursor.expect(lexer.WORD)
    name = token.text
    if name == "nop":
        return bytes((NOP,))
    if name == "eol":
        return bytes((END,))
    if name == "mss":
        return struct.pack("!BBH", MSS, 4, cursor.integer(0, _U16, "mss value"))
    if name == "wscale":
        return bytes((WINDOW_SCALE, 3, cursor.integer(0, 255, "window scale shift count")))
    if name == "sackOK":
        return bytes((SACK_PERMITTED, 2))
    if name == "sack":
        return _sack(cursor)
    if name == "TS":
        return _timestamps(cursor)
    if name in ("FO", "FOEXP"):
        cookie = _hex_blob(cursor, True)
        if name == "FO":
            return bytes((FAST_OPEN, 2 + len(cookie))) + cookie
        return bytes((EXPERIMENTAL, 4 + len(cookie))) + FAST_OPEN_MAGIC + cookie
    if name == "md5":
        digest = _hex_blob(cursor, False)
        return bytes((MD5, 2 + len(digest))) + digest
    if name == "ECN":
        return _accecn(cursor)
    raise ScriptError(f"unknown TCP option {name!r}", token.line)


def _sack(cursor: Cursor) -> bytes:
    blocks = b""
    while cursor.peek().kind == lexer.INTEGER:
        left = cursor.integer(0, _U32, "TCP SACK left sequence number")
        cursor.expect_symbol(":")
        blocks += struct.pack("!II", left, cursor.integer(0, _U32, "TCP SACK right sequence number"))
    if not blocks:
        raise cursor.fail("a SACK block")
    return bytes((SACK, 2 + len(blocks))) + blocks


def _timestamps(cursor: Cursor) -> bytes:
    if not cursor.take_word("val"):
        raise cursor.fail("'val'")
    value = cursor.integer(0, _U32, "ts val")
    if not cursor.take_word("ecr"):
        raise cursor.fail("'ecr'")
    return struct.pack("!BBII", TIMESTAMPS, 10, value, cursor.integer(0, _U32, "ecr val"))


def _hex_blob(cursor: Cursor, optional: bool) -> bytes:
    token = cursor.peek()
    if token.kind not in (lexer.WORD, lexer.INTEGER, lexer.HEX):
        if optional:
            return b""
        raise cursor.fail("hexadecimal digits")
    text = cursor.next().text
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise ScriptError(f"{text!r} is not a valid hex string of whole bytes", token.line) from None


def _accecn(cursor: Cursor) -> bytes:
    """AccECN's option (draft-ietf-tcpm-accurate-ecn): three 24-bit counters in one of two orders."""
    counters: list[tuple[str, int]] = []
    while cursor.peek().kind == lexer.WORD and cursor.peek().text in ("e0b", "ceb", "e1b"):
        name = cursor.next().text
        counters.append((name, cursor.integer(0, 0xFFFFFF, f"AccECN counter {name}")))
    kind = ACCECN_1 if counters[:1] and counters[0][0] == "e1b" else ACCECN_0
    body = b"".join(number.to_bytes(3, "big") for _, number in counters)
    return bytes((kind, 2 + len(body))) + body
