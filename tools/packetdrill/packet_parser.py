"""Packet lines: `> [ect0] P. 1:1001(1000) ack 1 win 257 <nop,nop,TS val 1 ecr 2>`, `< udp (100)`, `< icmp unreachable …`."""

from __future__ import annotations

from typing import Final

from tools.packetdrill import icmp_names, lexer, syntax
from tools.packetdrill.cursor import Cursor
from tools.packetdrill.errors import ScriptError
from tools.packetdrill.option_parser import parse_tcp_options
from tools.packetdrill.syntax import NO_CHECK, IcmpSpec, IpInfo, Packet, TcpSpec, UdpSpec

U8: Final = 0xFF
U16: Final = 0xFFFF
U32: Final = 0xFFFFFFFF
ENCAPSULATIONS: Final = ("gre", "GREv0", "mpls", "ipv4", "ipv6", "psp")
ECN_CODES: Final = {"noecn": 0, "ect1": 1, "ect0": 2, "ce": 3}
TCP_FLAGS: Final = frozenset("FSRP.UEWA")


def parse_packet(cursor: Cursor, ipv6: bool) -> Packet:
    """From the direction to the end of the packet."""
    inbound = cursor.next().text == "<"
    if cursor.take_word("inject"):
        if not inbound:
            raise cursor.fail("an inbound packet behind 'inject'")
    _refuse_encapsulation(cursor)
    quoted = _quoted(cursor) if cursor.peek().is_symbol("[") and _quotes(cursor) else None
    if quoted is not None:
        if not cursor.take_word("icmp"):
            raise cursor.fail("'icmp'")
        return Packet(inbound, IpInfo(), _icmp(cursor, ipv6, quoted))
    ip = _ip_info(cursor)
    _refuse_encapsulation(cursor)
    if ip.check == syntax.ECN_ECT01 and inbound:
        raise ScriptError("[ect01] can only be used with outbound packets", cursor.peek().line)
    if cursor.take_word("udp"):
        ports = _ports(cursor)
        length = _in_parentheses(cursor, "UDP payload size")
        return Packet(inbound, ip, UdpSpec(length), ports)
    if cursor.take_word("icmp"):
        return Packet(inbound, ip, _icmp(cursor, ipv6))
    ports = _ports(cursor)
    body = _tcp(cursor, inbound)
    if cursor.peek().is_symbol("{"):
        raise ScriptError("packet mutation {…} is not supported", cursor.peek().line)
    return Packet(inbound, ip, body, ports)


def _refuse_encapsulation(cursor: Cursor) -> None:
    if cursor.peek().is_word(*ENCAPSULATIONS):
        raise ScriptError(f"encapsulation {cursor.peek().text!r} is not supported", cursor.peek().line)


def _ip_info(cursor: Cursor) -> IpInfo:
    info = IpInfo()
    closing = ")" if cursor.peek().is_symbol("(") else "]"
    if not (cursor.take_symbol("(") or cursor.take_symbol("[")):
        return info
    while not cursor.take_symbol(closing):
        token = cursor.expect(lexer.WORD)
        if token.text in ECN_CODES:
            info.check, info.tos = syntax.ECN_BITS, ECN_CODES[token.text]
        elif token.text == "ect01":
            info.check = syntax.ECN_ECT01
        elif token.text == "tos":
            info.check, info.tos = syntax.ECN_TOS, cursor.integer(0, U8, "tos")
        elif token.text == "flowlabel":
            info.flow_label = cursor.integer(0, 0xFFFFF, "flowlabel")
        elif token.text in ("ttl", "hlim"):
            info.ttl = cursor.integer(0, U8, "ttl")
        else:
            raise ScriptError(f"unknown IP field {token.text!r}", token.line)
        if not cursor.peek().is_symbol(closing):
            cursor.expect_symbol(",")
    return info


def _ports(cursor: Cursor) -> tuple[int, int]:
    """`1000 > 8080`, `192.0.2.1:1000 > 192.168.0.1:8080`, or nothing."""
    here, behind = cursor.peek(), cursor.peek(1)
    if here.kind == lexer.INTEGER and behind.is_symbol(">"):
        source = cursor.integer(0, U16, "src port")
        cursor.expect_symbol(">")
        return source, cursor.integer(0, U16, "dst port")
    if here.kind in (lexer.IPV4, lexer.IPV6):
        source = _address_and_port(cursor)
        cursor.expect_symbol(">")
        return source, _address_and_port(cursor)
    return 0, 0


def _address_and_port(cursor: Cursor) -> int:
    cursor.expect(lexer.IPV4, lexer.IPV6)
    if not cursor.take_symbol(":"):
        cursor.expect_symbol(".")
    return cursor.integer(0, U16, "port")


def _in_parentheses(cursor: Cursor, what: str) -> int:
    cursor.expect_symbol("(")
    number = cursor.integer(0, U16, what)
    cursor.expect_symbol(")")
    return number


def _tcp(cursor: Cursor, inbound: bool) -> TcpSpec:
    flags, ace = _flags(cursor)
    seq, length = _sequence(cursor)
    spec = TcpSpec(flags, seq, length, ace=ace)
    if cursor.take_word("ack"):
        spec.ack = cursor.integer(0, U32, "TCP ack sequence number")
    if cursor.take_word("win"):
        spec.window = cursor.integer(0, U16, "TCP window value")
    if cursor.take_word("urg"):
        spec.urgent = cursor.integer(0, U16, "urg_ptr value")
    line = cursor.peek().line
    if cursor.peek().is_symbol("<") and _opens_options(cursor):
        spec.options = parse_tcp_options(cursor)
        if spec.options is None and inbound:
            raise ScriptError("<...> for TCP options can only be used with outbound packets", line)
        if spec.options is not None and len(spec.options) % 4:
            raise ScriptError("TCP options are not padded correctly to a multiple of 4 bytes", line)
        if spec.options is not None and len(spec.options) > 40:
            raise ScriptError("TCP option list too long", line)
    return spec


def _opens_options(cursor: Cursor) -> bool:
    """A `<` behind a packet opens its options; events begin with a time, never with `<`."""
    return cursor.peek(1).kind in (lexer.ELLIPSIS, lexer.WORD)


def _flags(cursor: Cursor) -> tuple[str, int]:
    """Flags, and the ACE count of AccECN written behind them, else NO_CHECK."""
    token = cursor.peek()
    text = ""
    if token.kind == lexer.WORD:
        text = cursor.next().text
    if cursor.take_symbol("-"):
        return "", NO_CHECK
    if cursor.take_symbol("."):
        text += "."
        if cursor.peek().kind == lexer.WORD:
            text += cursor.next().text  # P.U, as tcpdump has it
    elif cursor.peek().kind == lexer.FLOAT:
        text += cursor.next().text
    digits = "".join(letter for letter in text if letter.isdigit())
    letters = "".join(letter for letter in text if not letter.isdigit())
    if not text or len(digits) > 1 or (digits and int(digits) > 7) or not set(letters) <= TCP_FLAGS:
        raise ScriptError(f"invalid TCP flags {text or token.text!r}", token.line)
    return letters, int(digits) if digits else NO_CHECK


def _sequence(cursor: Cursor) -> tuple[int, int]:
    """`start:end(length)`."""
    line = cursor.peek().line
    start = cursor.integer(0, U32, "TCP start sequence number")
    cursor.expect_symbol(":")
    end = cursor.integer(0, U32, "TCP end sequence number")
    length = _in_parentheses(cursor, "TCP payload size")
    if (start + length) & U32 != end:
        raise ScriptError("inconsistent TCP sequence numbers and payload size", line)
    return start, length


def _quotes(cursor: Cursor) -> bool:
    """`[1:1001(1000)] icmp …`, as older scripts have it: a bracket that opens no IP fields."""
    inside = cursor.peek(1)
    return inside.kind == lexer.INTEGER or inside.is_word("udp", "raw")


def _quoted(cursor: Cursor) -> tuple[str, int, int]:
    """`[udp (100)]`, `[raw (100)]`, `[1:1001(1000)]`: protocol, sequence number, length."""
    cursor.expect_symbol("[")
    protocol, seq = "tcp", 0
    if cursor.take_word("udp", "raw"):
        protocol = cursor.previous().text
        length = _in_parentheses(cursor, "payload size")
    else:
        seq, length = _sequence(cursor)
    cursor.expect_symbol("]")
    return protocol, seq, length


def _icmp(cursor: Cursor, ipv6: bool, quoted: tuple[str, int, int] | None = None) -> IcmpSpec:
    name = cursor.expect(lexer.WORD)
    code = ""
    if cursor.peek().kind == lexer.WORD and not cursor.peek().is_word("mtu", "id"):
        code = cursor.next().text
    spec = IcmpSpec(*icmp_names.lookup(name.text, code, ipv6, name.line))
    if cursor.take_word("mtu"):
        spec.mtu = cursor.integer(0, U32 if ipv6 else U16, "ICMP MTU")
    if cursor.take_word("id"):
        spec.ident = cursor.integer(0, U16, "ICMP echo id")
    if cursor.peek().is_symbol("[") and quoted is None:
        quoted = _quoted(cursor)
    if quoted is not None:
        spec.quoted, spec.seq, spec.length = quoted
    return spec
