"""Text that goes to people and logs: one line stays one line, whatever a guest put into it."""

from __future__ import annotations


def printable(text: str) -> str:
    """`text` with control characters, line separators and what cannot be encoded escaped: one line of plain text."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def quote(text: str) -> str:
    """As a JSON string."""
    out = ['"']
    for c in text:
        code = ord(c)
        if c in '"\\':
            out.append("\\" + c)
        elif 0x20 <= code < 0x7F:
            out.append(c)
        elif code < 0x10000:
            out.append(f"\\u{code:04x}")
        else:
            code -= 0x10000
            out.append(f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}")
    out.append('"')
    return "".join(out)


def timestamp(now_ns: int) -> str:
    """RFC 3339, UTC, microseconds."""
    import time

    seconds, rest = divmod(now_ns, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest // 1000:06d}Z"


def without_octal(text: str) -> str:
    """A field of mountinfo or fstab(5) without its escapes: `\\040` for a space, and so on."""
    first, *rest = text.split("\\")
    return first + "".join(chr(int(part[:3], 8)) + part[3:] for part in rest)
