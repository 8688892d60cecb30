"""Protocol buffers, as far as a shim needs them: varints and length-delimited fields by number
(protobuf.dev/programming-guides/encoding).

Written by hand because a shim stays in memory for each pod: the package would be the larger half of it.
"""

from __future__ import annotations

from typing import Final, Sequence

_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5
_M64: Final = (1 << 64) - 1
FIELDS_MOST: Final = 1 << 16

Value = int | bool | str | bytes | Sequence[bytes]


class BadMessage(Exception):
    """Not a message; `str()` says why."""


def varint(value: int) -> bytes:
    """Of 64 bits; a negative one as its two's complement."""
    value &= _M64
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def message(*fields: tuple[int, Value]) -> bytes:
    """Fields by number; zeros and what is empty are left out. A sequence is a repeated field."""
    out = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            if value:
                out += varint(number << 3) + varint(value)
            continue
        if isinstance(value, str):
            value = value.encode("utf-8", "surrogateescape")
        rows = ([value] if value else []) if isinstance(value, bytes) else value
        for data in rows:
            out += varint(number << 3 | _BYTES) + varint(len(data)) + data
    return bytes(out)


class Fields:
    """A decoded message. What is of another type than asked for is BadMessage; the last one of several wins."""

    def __init__(self, data: bytes) -> None:
        self._found: dict[int, list[int | bytes]] = {}
        at, count = 0, 0
        while at < len(data):
            key, at = _read_varint(data, at)
            kind, number = key & 7, key >> 3
            value: int | bytes
            if kind == _VARINT:
                value, at = _read_varint(data, at)
            elif kind in (_BYTES, _FIXED64, _FIXED32):
                size = 8 if kind == _FIXED64 else 4
                if kind == _BYTES:
                    size, at = _read_varint(data, at)
                if size > len(data) - at:
                    raise BadMessage("a field goes beyond the end")
                value = data[at : at + size]
                at += size
            else:
                raise BadMessage(f"wire type {kind}")
            count += 1
            if not number or count > FIELDS_MOST:
                raise BadMessage("field number 0" if not number else "too many fields")
            self._found.setdefault(number, []).append(value)

    def has(self, field: int) -> bool:
        """It is there, of whatever type."""
        return field in self._found

    def number(self, field: int) -> int:
        """An unsigned number, 0 when it is not there."""
        value = self._found.get(field, [0])[-1]
        if not isinstance(value, int):
            raise BadMessage(f"field {field} is not a number")
        return value

    def all(self, field: int) -> list[bytes]:
        """A repeated field of messages, strings or bytes."""
        found = self._found.get(field, [])
        values = [value for value in found if isinstance(value, bytes)]
        if len(values) != len(found):
            raise BadMessage(f"field {field} is a number")
        return values

    def data(self, field: int) -> bytes:
        """Bytes, empty when they are not there."""
        found = self.all(field)
        return found[-1] if found else b""

    def text(self, field: int) -> str:
        """A string."""
        return self.data(field).decode("utf-8", "surrogateescape")

    def texts(self, field: int) -> list[str]:
        """A repeated string."""
        return [value.decode("utf-8", "surrogateescape") for value in self.all(field)]

    def inner(self, field: int) -> Fields:
        """A message; an empty one when it is not there."""
        return Fields(self.data(field))


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise BadMessage("a number goes beyond the end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & _M64, at
    raise BadMessage("a number has more than ten bytes")


def timestamp(ns: int) -> bytes:
    """google.protobuf.Timestamp of ns since the epoch; empty for 0."""
    return message((1, ns // 1_000_000_000), (2, ns % 1_000_000_000)) if ns else b""


def any_of(type_url: str, value: bytes) -> bytes:
    """google.protobuf.Any."""
    return message((1, type_url), (2, value))
