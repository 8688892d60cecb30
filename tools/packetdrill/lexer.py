"""Script text to tokens.

At every place the longest of the patterns wins, as in packetdrill's own lexer: `0...0.1` is 0, an ellipsis and 0.1,
and `4f3a` is one word. A word that --define has given a value is replaced by that value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tools.packetdrill.errors import ScriptError

WORD: Final = "word"
INTEGER: Final = "integer"
HEX: Final = "hexadecimal integer"
FLOAT: Final = "number"
STRING: Final = "string"
COMMAND: Final = "command"
CODE: Final = "code"
OPTION: Final = "option"
IPV4: Final = "IPv4 address"
IPV6: Final = "IPv6 address"
ELLIPSIS: Final = "..."
SYMBOL: Final = "symbol"
END: Final = "end of script"

_SKIP: Final = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*.*?\*/|(?<![^\s])#[^\n]*)+", re.DOTALL)
_SEGMENT: Final = "[0-9a-fA-F]{1,4}"
_IPV6: Final = (
    rf"(?:(?:{_SEGMENT}:){{7}}{_SEGMENT}"
    rf"|(?:{_SEGMENT}(?::{_SEGMENT})*)?::(?:{_SEGMENT}(?::{_SEGMENT})*(?::\d+\.\d+\.\d+\.\d+)?|\d+\.\d+\.\d+\.\d+)?)"
)
_PATTERNS: Final = tuple(
    (kind, re.compile(pattern, re.DOTALL))
    for kind, pattern in (
        (CODE, r"%\{.*?\}%"),
        (COMMAND, r"`(?:\\.|[^`\\])*`"),
        (STRING, r'"(?:\\.|[^"\\])*"'),
        (ELLIPSIS, r"\.\.\."),
        (OPTION, r"--[A-Za-z0-9_]+"),
        (IPV4, r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+"),
        (IPV6, _IPV6),
        (FLOAT, r"-?[0-9]*\.[0-9]+"),
        (INTEGER, r"-?[0-9]+"),
        (HEX, r"0x[0-9a-fA-F]+"),
        (WORD, r"[A-Za-z0-9_]+"),
        (SYMBOL, r"[^ \t\r\n]"),
    )
)


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is the value: of quoted things without the quotes."""

    kind: str
    text: str
    line: int

    def is_symbol(self, text: str) -> bool:
        return self.kind == SYMBOL and self.text == text

    def is_word(self, *texts: str) -> bool:
        return self.kind == WORD and self.text in texts


def tokenize(text: str, defines: dict[str, str]) -> list[Token]:
    """All tokens, END last. ScriptError for a quotation that never ends."""
    tokens: list[Token] = []
    at = 0
    line = 1
    while True:
        skipped = _SKIP.match(text, at)
        if skipped:
            line += skipped.group().count("\n")
            at = skipped.end()
        if at >= len(text):
            tokens.append(Token(END, "", line))
            return tokens
        kind, piece = _longest(text, at)
        if kind == SYMBOL and (piece in '`"' or text.startswith("%{", at) or text.startswith("/*", at)):
            raise ScriptError("a quotation, comment or code block that is never closed", line)
        tokens.append(_token(kind, piece, line, defines))
        line += piece.count("\n")
        at += len(piece)


def _longest(text: str, at: int) -> tuple[str, str]:
    best = (SYMBOL, "")
    for kind, pattern in _PATTERNS:
        found = pattern.match(text, at)
        if found and found.end() - at > len(best[1]):
            best = (kind, found.group())
    return best


def _token(kind: str, piece: str, line: int, defines: dict[str, str]) -> Token:
    if kind in (STRING, COMMAND):
        return Token(kind, piece[1:-1], line)
    if kind == CODE:
        return Token(kind, piece[2:-2].strip(" \t"), line)
    if kind == OPTION:
        return Token(kind, piece[2:], line)
    if kind == WORD and piece in defines:
        value = defines[piece]
        if value[:1] == '"':
            return Token(STRING, value[1:-1], line)
        if value[:1] == "`":
            return Token(COMMAND, value[1:-1], line)
        if re.fullmatch(r"-?[0-9]+", value):
            return Token(INTEGER, value, line)
        return Token(WORD, value, line)
    return Token(kind, piece, line)
