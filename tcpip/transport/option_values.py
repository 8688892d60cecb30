"""How a socket option's value is read: an int, or its bytes in host order."""

from __future__ import annotations

import struct
from typing import Final

from tcpip import errors
from tcpip.errors import NetworkError

_INT: Final = struct.Struct("=i")


def int_value(value: int | bytes) -> int:
    """An int option's value; bytes in host order, at least 4 (INVALID_ARGUMENT)."""
    if isinstance(value, int):
        return value
    if len(value) < 4:
        raise NetworkError(errors.INVALID_ARGUMENT)
    number: int = _INT.unpack_from(value)[0]
    return number


def int_or_char_value(value: int | bytes) -> int:
    """The same for IPPROTO_IP options, which also take a single byte, or nothing for 0."""
    if isinstance(value, bytes) and len(value) < 4:
        return value[0] if value else 0
    return int_value(value)


def in_range(value: int, low: int, high: int) -> int:
    """`value`, or INVALID_ARGUMENT."""
    if not low <= value <= high:
        raise NetworkError(errors.INVALID_ARGUMENT)
    return value
