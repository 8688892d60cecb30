"""A place among tokens, and the small words that the grammar is made of."""

from __future__ import annotations

from tools.packetdrill import lexer
from tools.packetdrill.errors import ScriptError
from tools.packetdrill.lexer import Token


class Cursor:
    """Reads tokens from left to right."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    def peek(self, ahead: int = 0) -> Token:
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)]

    def previous(self) -> Token:
        return self._tokens[self._at - 1]

    def next(self) -> Token:
        token = self.peek()
        self._at += 1
        return token

    def fail(self, expected: str) -> ScriptError:
        """What is here is not what may stand here."""
        token = self.peek()
        return ScriptError(f"parse error at {token.text or token.kind!r}: expected {expected}", token.line)

    def expect(self, *kinds: str) -> Token:
        if self.peek().kind not in kinds:
            raise self.fail(" or ".join(kinds))
        return self.next()

    def expect_symbol(self, text: str) -> None:
        if not self.take_symbol(text):
            raise self.fail(repr(text))

    def take_symbol(self, text: str) -> bool:
        """Step over a symbol if it is here."""
        if self.peek().is_symbol(text):
            self._at += 1
            return True
        return False

    def take_word(self, *texts: str) -> bool:
        """Step over one of these words if it is here."""
        if self.peek().is_word(*texts):
            self._at += 1
            return True
        return False

    def integer(self, low: int, high: int, what: str) -> int:
        """A decimal or hexadecimal number within bounds."""
        token = self.expect(lexer.INTEGER, lexer.HEX)
        number = int(token.text, 16 if token.kind == lexer.HEX else 10)
        if not low <= number <= high:
            raise ScriptError(f"{what} out of range: {number}", token.line)
        return number

    def time(self) -> int:
        """Seconds as the script writes them, in µs."""
        token = self.expect(lexer.INTEGER, lexer.FLOAT)
        if token.text.startswith("-"):
            raise ScriptError("negative time", token.line)
        return round(float(token.text) * 1e6)
