"""Expressions of calls to values: constants by name, and arguments checked for their kind."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
from typing import Any, Final

from tcpip.addr import parse
from tools.packetdrill.errors import CallError, ScriptError
from tools.packetdrill.syntax import ELLIPSIS, Address, Or, Struct, Word
from tools.packetdrill.table_symbols import SYMBOLS

_MODULES: Final = (socket, select, errno, fcntl, os)


def symbol(name: str) -> int:
    """A constant's number. ScriptError: unknown."""
    if name in SYMBOLS:
        return SYMBOLS[name]
    for module in _MODULES:
        value = getattr(module, name, None)
        if isinstance(value, int) and name.isupper():
            return int(value)
    raise ScriptError(f"unable to find definition for symbol: {name!r}")


def errno_number(name: str) -> int:
    """Of the name behind a result."""
    number = getattr(errno, name, None)
    if not isinstance(number, int):
        raise ScriptError(f"unknown errno {name!r}")
    return number


def number(value: Any) -> int:
    """An integer, a constant, or several of them joined."""
    if isinstance(value, int):
        return value
    if isinstance(value, Word):
        return symbol(value.name)
    if isinstance(value, Or):
        total = 0
        for part in value.parts:
            total |= number(part)
        return total
    raise ScriptError(f"expected a number, the script has {describe(value)}")


def describe(value: Any) -> str:
    """For error messages."""
    if isinstance(value, Struct):
        return "a structure with " + ", ".join(value.fields or ("unnamed values",))
    if isinstance(value, Address):
        return "an address"
    return "a list" if isinstance(value, list) else "a string" if isinstance(value, bytes) else repr(value)


class Arguments:
    """The arguments of one call."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def count(self, low: int, high: int = 0) -> None:
        """Exactly `low`, or up to `high`."""
        if not low <= len(self.values) <= max(low, high):
            raise ScriptError(f"expected {low} args but got {len(self.values)}")

    def __getitem__(self, index: int) -> Any:
        return self.values[index]

    def number(self, index: int) -> int:
        return number(self.values[index])

    def bracketed(self, index: int) -> Any:
        """The only element of `[…]`."""
        value = self.values[index]
        if not isinstance(value, list) or len(value) != 1:
            raise ScriptError(f"expected [<element>], the script has {describe(value)}")
        return value[0]

    def is_ellipsis(self, index: int) -> bool:
        return self.values[index] is ELLIPSIS

    def struct(self, index: int) -> Struct:
        value = self.values[index]
        if not isinstance(value, Struct):
            raise ScriptError(f"expected a structure, the script has {describe(value)}")
        return value

    def check_pointer(self, index: int) -> None:
        """CallError for NULL."""
        value = self.values[index]
        if isinstance(value, Word) and value.name == "NULL":
            raise CallError(errno.EFAULT)

    def data(self, index: int, size: int) -> bytes:
        """A buffer of `size` bytes to send: zeros for `...`. CallError for NULL."""
        value = self.values[index]
        self.check_pointer(index)
        if isinstance(value, bytes):
            return value[:size].ljust(size, b"\0")
        if value is not ELLIPSIS:
            raise ScriptError(f"expected a buffer, the script has {describe(value)}")
        return bytes(size)


def ip_address(value: Any) -> bytes:
    """inet_addr("…")."""
    if isinstance(value, Address):
        try:
            return parse(value.text)
        except ValueError:
            raise ScriptError(f"invalid IP address {value.text!r}") from None
    if isinstance(value, int | Word | Or):  # INADDR_ANY and the like
        return number(value).to_bytes(4, "big")
    raise ScriptError(f"expected an address, the script has {describe(value)}")
