"""Tokens to a script: options, events and their times. Packets are in packet_parser.py, calls in call_parser.py."""

from __future__ import annotations

from tools.packetdrill import lexer, syntax
from tools.packetdrill.call_parser import parse_call
from tools.packetdrill.cursor import Cursor
from tools.packetdrill.errors import ScriptError
from tools.packetdrill.packet_parser import parse_packet
from tools.packetdrill.syntax import Code, Command, Event, Packet, Script, When

OPTION_VALUES = (lexer.INTEGER, lexer.FLOAT, lexer.WORD, lexer.STRING, lexer.IPV4, lexer.IPV6, lexer.HEX)


def parse_options(text: str) -> list[tuple[str, str | None, int]]:
    """The `--name=value` lines at the top alone: they decide how the rest is read."""
    return _options(Cursor(lexer.tokenize(text, {})))


def parse_script(text: str, defines: dict[str, str], ipv6: bool) -> Script:
    """A whole script; `ipv6` says which ICMP it means. ScriptError with the line."""
    cursor = Cursor(lexer.tokenize(text, defines))
    script = Script(_options(cursor))
    token = cursor.peek()
    if token.kind == lexer.COMMAND:
        cursor.next()
        script.init = (Command(token.text), token.line)
    while cursor.peek().kind != lexer.END:
        token = cursor.peek()
        if token.kind == lexer.COMMAND:
            cursor.next()
            script.cleanup = (Command(token.text), token.line)
            cursor.expect(lexer.END)
            break
        script.events.append(_event(cursor, ipv6))
    if not script.events:
        raise ScriptError("a script without events", cursor.peek().line)
    return script


def _options(cursor: Cursor) -> list[tuple[str, str | None, int]]:
    options: list[tuple[str, str | None, int]] = []
    while cursor.peek().kind == lexer.OPTION:
        token = cursor.next()
        value = None
        if cursor.take_symbol("="):
            value = cursor.expect(*OPTION_VALUES).text
            while cursor.peek().is_symbol("-") or cursor.peek().is_symbol("/") or _continues(cursor):
                value += cursor.next().text  # ipv4-mapped-ipv6, 192.0.2.1/24
            if cursor.take_symbol("="):
                definition = cursor.expect(lexer.WORD, lexer.STRING, lexer.COMMAND, lexer.INTEGER)
                quote = {lexer.STRING: '"', lexer.COMMAND: "`"}.get(definition.kind, "")
                value += f"={quote}{definition.text}{quote}"
        options.append((token.text, value, token.line))
    return options


def _continues(cursor: Cursor) -> bool:
    """The next token is stuck to a dash or slash that was just taken."""
    return cursor.previous().kind == lexer.SYMBOL and cursor.previous().text in "-/"


def _event(cursor: Cursor, ipv6: bool) -> Event:
    line = cursor.peek().line
    when = _when(cursor)
    token = cursor.peek()
    action: syntax.Packet | syntax.Call | Command | Code
    if token.is_symbol("<") or token.is_symbol(">"):
        action = parse_packet(cursor, ipv6)
    elif token.kind == lexer.COMMAND:
        action = Command(cursor.next().text)
    elif token.kind == lexer.CODE:
        action = Code(cursor.next().text)
    else:
        action = parse_call(cursor)
    outbound = isinstance(action, Packet) and not action.inbound
    if when.kind == syntax.ANY and not outbound:
        raise ScriptError("event time <star> can only be used with outbound packets", line)
    if when.end != syntax.NO_CHECK and not outbound:
        raise ScriptError("event time range can only be used with outbound packets", line)
    return Event(line, when, action)


def _when(cursor: Cursor) -> When:
    if cursor.take_symbol("*"):
        return When(syntax.ANY)
    relative = cursor.take_symbol("+")
    at = cursor.time()
    end = syntax.NO_CHECK
    line = cursor.peek().line
    if cursor.take_symbol("~"):
        if relative != cursor.take_symbol("+"):
            raise ScriptError("a time range with one end relative and one absolute", line)
        end = cursor.time()
        if end < at:
            raise ScriptError("time range is backwards", line)
    return When(syntax.RELATIVE if relative else syntax.ABSOLUTE, at, end)
