"""Numbers as they are written to files of the kernel's (lib/kstrtox.c)."""

from __future__ import annotations

import errno

from sandbox.errors import SyscallError


def parse_decimal(data: bytes, longest: int = 11) -> int:
    """A decimal number of at most `longest` characters, its sign among them, with white space around it; EINVAL."""
    word = data.split(b"\0")[0].strip()
    if not word.removeprefix(b"-").isdigit() or len(word) > longest:
        raise SyscallError(errno.EINVAL)
    return int(word)


def parse_int(data: bytes, base: int = 0) -> int:
    """A number as kstrtoint takes it, with white space around it; base 0: 0x and 0 begin other bases than 10. EINVAL."""
    text = data.split(b"\0")[0].strip()
    digits = text[1:] if text[:1] in (b"+", b"-") else text
    if not base:
        base = 16 if digits[:2].lower() == b"0x" else 8 if digits[:1] == b"0" else 10
    try:
        if b"_" in text:
            raise ValueError
        return int(text, base)
    except ValueError:
        raise SyscallError(errno.EINVAL) from None


def parse_int32(data: bytes, base: int = 0) -> int:
    """The same; ERANGE for what an int does not hold."""
    value = parse_int(data, base)
    if not -(1 << 31) <= value < 1 << 31:
        raise SyscallError(errno.ERANGE)
    return value
