"""The little of sh(1) that back-quoted commands are written in: words, quotes, variables, arithmetic, `;`, `&&`, `||`, `|`.

Redirections are understood (to /dev/null, 2>&1, and `> file` for echo); control structures are refused by name.
"""

from __future__ import annotations

import ast
import operator
import re
from dataclasses import dataclass, field
from typing import Final

from tools.packetdrill.errors import ScriptError

SEQUENCE: Final = ";"
KEYWORDS: Final = frozenset("if then else elif fi for while until do done case esac function { }".split())
_OPERATORS: Final = re.compile(r"&&|\|\||;|\||\n|&>|[0-9]?>>?&[0-9]|[0-9]?>>?|<|&")
_ARITHMETIC: Final = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.floordiv,
    ast.Mod: operator.mod,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
}


@dataclass(slots=True)
class Simple:
    """One command: its words, and where its output goes ("" is nowhere in particular)."""

    words: list[str] = field(default_factory=list)
    output: str = ""


@dataclass(slots=True)
class Pipeline:
    """Commands joined with `|`; `before` is what stands in front: `;`, `&&` or `||`."""

    before: str
    commands: list[Simple]


def parse(text: str, variables: dict[str, str]) -> list[Pipeline]:
    """A command line, or several. ScriptError for what is not understood."""
    pipelines: list[Pipeline] = []
    before = SEQUENCE
    current = Pipeline(before, [Simple()])
    redirect = ""
    for kind, piece in _pieces(text.replace("\\\n", " ").replace("\\`", "`"), variables):
        if redirect and kind == "word":
            if redirect[:1] != "2" and piece != "/dev/null":
                current.commands[-1].output = piece
            redirect = ""
        elif kind == "word":
            if piece in KEYWORDS and not current.commands[-1].words:
                raise ScriptError(f"shell keyword {piece!r} is not supported")
            current.commands[-1].words.append(piece)
        elif piece in (";", "\n", "&&", "||"):
            _close(pipelines, current)
            current = Pipeline(SEQUENCE if piece == "\n" else piece, [Simple()])
        elif piece == "|":
            current.commands.append(Simple())
        elif piece in ("&", "<"):
            raise ScriptError(f"shell operator {piece!r} is not supported")
        elif "&" not in piece or piece == "&>":
            redirect = piece
    _close(pipelines, current)
    return pipelines


def _close(pipelines: list[Pipeline], current: Pipeline) -> None:
    if any(command.words for command in current.commands):
        pipelines.append(current)


def _pieces(text: str, variables: dict[str, str]) -> list[tuple[str, str]]:
    """("word", text) and ("operator", text)."""
    found: list[tuple[str, str]] = []
    at = 0
    word: str | None = None
    while at < len(text):
        letter = text[at]
        operator_here = _OPERATORS.match(text, at)
        if letter in " \t\r" or (letter == "#" and word is None) or (operator_here and not _in_word(text, at, word)):
            if word is not None:
                found.append(("word", word))
                word = None
            if letter == "#":
                at = text.find("\n", at) if "\n" in text[at:] else len(text)
            elif operator_here and letter not in " \t\r":
                found.append(("operator", operator_here.group()))
                at = operator_here.end()
            else:
                at += 1
            continue
        piece, at = _piece(text, at, variables)
        word = (word or "") + piece
    if word is not None:
        found.append(("word", word))
    return found


def _in_word(text: str, at: int, word: str | None) -> bool:
    """A digit in the middle of a word is not the beginning of a redirection."""
    return text[at].isdigit() and word is not None


def _piece(text: str, at: int, variables: dict[str, str]) -> tuple[str, int]:
    """One letter, quotation or expansion of a word, and where the next begins."""
    letter = text[at]
    if letter == "'":
        end = _find(text, "'", at + 1)
        return text[at + 1 : end], end + 1
    if letter == '"':
        out = ""
        at += 1
        while at < len(text) and text[at] != '"':
            if text[at] == "$":
                piece, at = _expansion(text, at, variables)
            elif text[at] == "\\" and at + 1 < len(text):
                piece, at = text[at + 1], at + 2
            else:
                piece, at = text[at], at + 1
            out += piece
        if at >= len(text):
            raise ScriptError("a shell quotation that is never closed")
        return out, at + 1
    if letter == "\\" and at + 1 < len(text):
        return text[at + 1], at + 2
    if letter == "$":
        return _expansion(text, at, variables)
    return letter, at + 1


def _expansion(text: str, at: int, variables: dict[str, str]) -> tuple[str, int]:
    if text.startswith("$((", at):
        end = _find(text, "))", at)
        return str(arithmetic(text[at + 3 : end])), end + 2
    if text.startswith("$(", at):
        raise ScriptError("command substitution $(…) is not supported")
    named = re.compile(r"\$\{(\w+)\}|\$(\w+)|\$([?$!#@*])").match(text, at)
    if named:
        name = named.group(1) or named.group(2) or named.group(3)
        return variables.get(name, ""), named.end()
    return "$", at + 1


def _find(text: str, what: str, at: int) -> int:
    end = text.find(what, at)
    if end < 0:
        raise ScriptError(f"shell: {what!r} is missing")
    return end


def arithmetic(text: str) -> int:
    """$((…)): whole numbers and + - * / % << >>."""

    def value(node: ast.AST) -> int:
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return node.value
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            return int(_ARITHMETIC[type(node.op)](value(node.left), value(node.right)))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -value(node.operand)
        raise ScriptError(f"shell arithmetic {text!r} is not supported")

    try:
        return value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ZeroDivisionError):
        raise ScriptError(f"shell arithmetic {text!r} is not supported") from None
