"""Lists of processors and memory nodes (cpuset(7), List format; lib/bitmap.c: bitmap_parselist)."""

from __future__ import annotations


def numbers_of(text: str) -> list[int]:
    """`0-2,7,8-15:1/2`: of every two from 8 to 15 one. The list has been looked at."""
    found: list[int] = []
    for item in text.strip().split(","):
        span, _, stride = item.strip().partition(":")
        first, _, last = span.partition("-")
        used, _, group = stride.partition("/")
        if first:
            numbers = range(int(first), int(last or first) + 1)
            found += [n for n in numbers if (n - int(first)) % int(group or 1) < int(used or 1)]
    return found
