"""Sequence numbers modulo 2**32, as RFC 9293 3.4 compares them.

A sequence number is an int in 0..2**32-1. All modular arithmetic of the stack lives here.
Implements: RFC 9293 3.4, RFC 1982 (serial number arithmetic for 32 bits).
"""

from __future__ import annotations

from typing import Final

MASK: Final = 0xFFFFFFFF
HALF: Final = 0x80000000


def add(a: int, n: int) -> int:
    """a + n; n may be negative."""
    return (a + n) & MASK


def diff(a: int, b: int) -> int:
    """a - b as a signed distance in -2**31..2**31-1."""
    d = (a - b) & MASK
    return d - 0x100000000 if d & HALF else d


def size(start: int, end: int) -> int:
    """How many numbers lie in [start, end)."""
    return (end - start) & MASK


def lt(a: int, b: int) -> bool:
    """a < b."""
    return ((a - b) & HALF) != 0


def le(a: int, b: int) -> bool:
    """a <= b."""
    return ((b - a) & HALF) == 0


def gt(a: int, b: int) -> bool:
    """a > b."""
    return ((b - a) & HALF) != 0


def ge(a: int, b: int) -> bool:
    """a >= b."""
    return ((a - b) & HALF) == 0


def in_range(a: int, first: int, last: int) -> bool:
    """first <= a < last."""
    return ((a - first) & MASK) < ((last - first) & MASK)


def in_window(a: int, first: int, length: int) -> bool:
    """`a` is one of the `length` numbers from `first` on."""
    return ((a - first) & MASK) < length


def maximum(a: int, b: int) -> int:
    """The later one."""
    return b if ((a - b) & HALF) != 0 else a


def minimum(a: int, b: int) -> int:
    """The earlier one."""
    return a if ((a - b) & HALF) != 0 else b


def unwrap(wire: int, near: int) -> int:
    """The number congruent to `wire` that is nearest to `near`, an unwrapped sequence number (one never reduced)."""
    return near + ((wire - near + HALF) & MASK) - HALF
