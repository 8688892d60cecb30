"""How a script ends before its end."""

from __future__ import annotations


class ScriptError(Exception):
    """The script is at fault, or something in it is not supported: text without place; `line` 0 when unknown."""

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.line = line


class Difference(Exception):
    """The stack did not do what the script says. `kind` is what --non_fatal may name: "packet", "syscall" or ""."""

    def __init__(self, text: str, kind: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.kind = kind


class CallError(Exception):
    """A call fails with an errno."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.errno = number
