"""Numbers as control files take them."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.errors import SyscallError

INT_MAX: Final = 0x7FFF_FFFF
UNITS: Final = {"K": 10, "M": 20, "G": 30, "T": 40, "P": 50, "E": 60}


def number(text: str, bits: int = 32) -> int:
    """kstrtoint(text, 0), or kstrtoll: EINVAL, ERANGE."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    base = 16 if digits[:2].lower() == "0x" else 8 if digits[:1] == "0" else 10
    try:
        if "_" in text or not digits[:1].isalnum():
            raise ValueError
        value = int(text, base)
    except ValueError:
        raise SyscallError(errno.EINVAL) from None
    if not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise SyscallError(errno.ERANGE)
    return value


def bounded(text: str, least: int, most: int) -> int:
    """The same between two bounds: ERANGE."""
    value = number(text)
    if not least <= value <= most:
        raise SyscallError(errno.ERANGE)
    return value


def pages(text: str) -> int | None:
    """memparse: a size with a unit, in pages; None: `max` or more than there can be. EINVAL. (page_counter_memparse)"""
    if text == "max":
        return None
    digits, shift = text, 0
    if text[-1:].upper() in UNITS:
        digits, shift = text[:-1], UNITS[text[-1:].upper()]
    base = 16 if digits[:2].lower() == "0x" else 8 if digits[:1] == "0" else 10
    try:
        if not digits.isalnum():
            raise ValueError
        size = int(digits, base) << shift
    except ValueError:
        raise SyscallError(errno.EINVAL) from None
    return size >> 12 if size < 1 << 63 else None
