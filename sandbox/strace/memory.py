"""Guest memory as text. What a guest wrote never reaches the output unescaped, and no more of it than there is a bound for."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from sandbox.platform.base import MemoryFault

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

MAX_STRING: Final = 32  # as strace's -s has it
MAX_PATH: Final = 4096
MAX_ITEMS: Final = 16  # of an array

_ESCAPES: Final[dict[int, str]] = {9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}


def quote(data: bytes, limit: int = MAX_STRING, ended: bool = True) -> str:
    """A C string literal in printable ASCII, cut after `limit` bytes. `ended`: nothing follows that would change an octal escape."""
    parts: list[str] = []
    shown = data[:limit]
    for n, c in enumerate(shown):
        text = _ESCAPES.get(c) or (chr(c) if 32 <= c < 127 else "")
        if not text:
            digit = n + 1 < len(shown) and 48 <= shown[n + 1] < 56
            text = f"\\{c:03o}" if digit else f"\\{c:o}"
        parts.append(text)
    return f'"{"".join(parts)}"' + ("..." if len(data) > limit or not ended else "")


def signed(value: int, bits: int = 32) -> int:
    """The low `bits` as a signed number."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


def read(t: Task, address: int, size: int) -> bytes | None:
    """None where it cannot be read."""
    if not address or address >> 63:
        return None
    try:
        return t.thread.read(address, size)
    except MemoryFault:
        return None


def pointer(address: int) -> str:
    """An address, NULL."""
    return hex(address) if address else "NULL"


def string(t: Task, address: int, limit: int = MAX_STRING) -> str:
    """NUL-terminated."""
    if not address:
        return "NULL"
    if address >> 63:
        return hex(address)
    try:
        return quote(t.thread.read_cstr(address, MAX_PATH), limit)
    except MemoryFault:
        return hex(address)
    except ValueError:
        return quote(read(t, address, limit + 1) or b"", limit)


def buffer(t: Task, address: int, size: int) -> str:
    """So many bytes."""
    data = read(t, address, min(size, MAX_STRING + 1)) if size else b""
    return pointer(address) if data is None or not address else quote(data)


def numbers(t: Task, address: int, count: int, form: str = "i") -> str:
    """An array of integers, of a format character of struct."""
    size = struct.calcsize(form)
    data = read(t, address, size * min(count, MAX_ITEMS)) if count > 0 else b""
    if data is None or not address:
        return pointer(address)
    items = [str(value) for (value,) in struct.iter_unpack("<" + form, data)]
    return "[" + ", ".join(items) + (", ..." if count > MAX_ITEMS else "") + "]"


def strings(t: Task, address: int) -> str:
    """A NULL-terminated array of strings, as execve(2) takes."""
    if not address:
        return "NULL"
    items: list[str] = []
    while len(items) < MAX_ITEMS:
        data = read(t, address + 8 * len(items), 8)
        if data is None:
            return hex(address) if not items else "[" + ", ".join(items) + ", ???]"
        at = int.from_bytes(data, "little")
        if not at:
            return "[" + ", ".join(items) + "]"
        items.append(string(t, at))
    return "[" + ", ".join(items) + ", ...]"


def iovec(t: Task, address: int, count: int, most: int = 1 << 40) -> str:
    """struct iovec, with up to `most` bytes of what is there."""
    count = signed(count)
    data = read(t, address, 16 * min(count, MAX_ITEMS)) if count > 0 else b""
    if data is None or not address:
        return pointer(address)
    parts: list[str] = []
    for base, size in struct.iter_unpack("<QQ", data):
        part = min(size, most)
        parts.append(
            f"{{iov_base={buffer(t, base, part) if part else quote(b'') if base else 'NULL'}, iov_len={size}}}"
        )
        most -= part
    return "[" + ", ".join(parts) + (", ..." if count > MAX_ITEMS else "") + "]"
