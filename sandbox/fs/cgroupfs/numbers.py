"""Numbers as control files take them."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.errors import SyscallError
from sandbox.fs.pseudo.numbers import parse_int

INT_MAX: Final = 0x7FFF_FFFF
UNITS: Final = {"K": 10, "M": 20, "G": 30, "T": 40, "P": 50, "E": 60}


def number(text: str, bits: int = 32) -> int:
    """kstrtoint(text, 0), or kstrtoll: EINVAL, ERANGE."""
    value = parse_int(text.encode("latin-1"))
    if not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise SyscallError(errno.ERANGE)
    return value


def unsigned(text: str) -> int:
    """kstrtoull(text, 0): EINVAL, ERANGE."""
    value = parse_int(text.encode("latin-1"))
    if text.startswith("-"):
        raise SyscallError(errno.EINVAL)
    if value >= 1 << 64:
        raise SyscallError(errno.ERANGE)
    return value


def bounded(text: str, least: int, most: int) -> int:
    """The same between two bounds: ERANGE."""
    value = number(text)
    if not least <= value <= most:
        raise SyscallError(errno.ERANGE)
    return value


def pages(text: str, unbounded: str = "max") -> int | None:
    """memparse: a size with a unit, in pages; None: `unbounded` or more than there can be. EINVAL. (page_counter_memparse)"""
    if text == unbounded:
        return None
    digits, shift = text, 0
    if text[-1:].upper() in UNITS:
        digits, shift = text[:-1], UNITS[text[-1:].upper()]
    if not digits.isalnum():
        raise SyscallError(errno.EINVAL)
    size = parse_int(digits.encode("latin-1")) << shift
    return size >> 12 if size < 1 << 63 else None
