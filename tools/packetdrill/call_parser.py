"""System calls and the expressions in them."""

from __future__ import annotations

from typing import Any

from tools.packetdrill import lexer
from tools.packetdrill.cursor import Cursor
from tools.packetdrill.syntax import ELLIPSIS, NO_CHECK, Address, Call, Or, Struct, Word


def parse_call(cursor: Cursor) -> Call:
    """`[...end] name(arguments) = result [ERRNO] [(note)]`."""
    end = NO_CHECK
    if cursor.peek().kind == lexer.ELLIPSIS:
        cursor.next()
        end = cursor.time()
    name = cursor.expect(lexer.WORD).text
    cursor.expect_symbol("(")
    arguments = _list(cursor, ")")
    cursor.expect_symbol("=")
    result = expression(cursor)
    errno = note = ""
    if cursor.peek().kind == lexer.WORD:
        errno = cursor.next().text
    if cursor.take_symbol("("):
        note = _note(cursor)
    return Call(name, arguments, result, errno, note, end)


def _note(cursor: Cursor) -> str:
    """Free text up to the closing parenthesis, which nobody reads."""
    words = []
    while not cursor.take_symbol(")"):
        if cursor.peek().kind == lexer.END:
            raise cursor.fail("')'")
        words.append(cursor.next().text)
    return " ".join(words)


def _list(cursor: Cursor, closing: str) -> list[Any]:
    values: list[Any] = []
    if cursor.take_symbol(closing):
        return values
    while True:
        values.append(expression(cursor))
        if cursor.take_symbol(closing):
            return values
        cursor.expect_symbol(",")
        if cursor.take_symbol(closing):  # a trailing comma
            return values


def expression(cursor: Cursor) -> Any:
    """A value, or several joined with `|`."""
    parts = [_value(cursor)]
    while cursor.take_symbol("|"):
        parts.append(_value(cursor))
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _value(cursor: Cursor) -> Any:
    token = cursor.peek()
    if token.kind == lexer.ELLIPSIS:
        cursor.next()
        return ELLIPSIS
    if token.kind in (lexer.INTEGER, lexer.HEX):
        cursor.next()
        return int(token.text, 16 if token.kind == lexer.HEX else 10)
    if token.kind == lexer.STRING:
        return _strings(cursor)
    if token.is_symbol("["):
        cursor.next()
        return _list(cursor, "]")
    if token.is_symbol("{"):
        cursor.next()
        return _struct(cursor)
    if token.kind == lexer.WORD:
        return _word(cursor)
    raise cursor.fail("a value")


def _strings(cursor: Cursor) -> bytes | Word:
    """Strings that follow each other are one; an ellipsis behind says that more follows, which is not looked at."""
    text = ""
    while cursor.peek().kind == lexer.STRING:
        text += cursor.next().text
    if cursor.peek().kind == lexer.ELLIPSIS:
        cursor.next()
    return text.encode("latin-1", "replace").decode("unicode_escape").encode("latin-1", "replace")


def _word(cursor: Cursor) -> Any:
    name = cursor.next().text
    if name in ("inet_addr", "inet6_addr", "inet_pton", "htons", "htonl", "ntohs") and cursor.take_symbol("("):
        arguments = _list(cursor, ")")
        if name.startswith("inet"):
            return Address(arguments[-1].decode("latin-1"))
        return arguments[0]
    return Word(name)


def _struct(cursor: Cursor) -> Struct:
    """`{a=1, b(…)=…, …}` or `{..., 1000}`."""
    fields: dict[str, Any] = {}
    items: list[Any] = []
    while not cursor.take_symbol("}"):
        named = cursor.peek().kind == lexer.WORD and (cursor.peek(1).is_symbol("=") or cursor.peek(1).is_symbol("("))
        if named and cursor.peek().text not in ("inet_addr", "inet6_addr", "htons", "htonl"):
            name = cursor.next().text
            if cursor.take_symbol("("):
                fields[f"{name}()"] = _list(cursor, ")")
            cursor.expect_symbol("=")
            fields[name] = expression(cursor)
        else:
            items.append(expression(cursor))
        if not cursor.peek().is_symbol("}"):
            cursor.expect_symbol(",")
    return Struct(fields, tuple(items))
