"""Arguments of system calls as text, from the formats in the rows. Guest bytes never reach the output unescaped."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.signal import signal_name
from sandbox.platform.base import MemoryFault
from sandbox.syscalls.row import Arg

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

MAX_STRING: Final = 64
MAX_PATH: Final = 4096
MAX_IOVECS: Final = 8
STRUCT_BYTES: Final = 16
SOCKADDR_BYTES: Final = 28
AT_FDCWD: Final = -100

OUT_FORMATS: Final = frozenset((Arg.OUT_BUF, Arg.STRUCT_OUT, Arg.SOCKADDR_OUT, Arg.OUT_IOVEC))

_ESCAPES: Final[dict[int, str]] = {9: "\\t", 10: "\\n", 13: "\\r", 34: '\\"', 92: "\\\\"}


def quote(data: bytes, limit: int = MAX_STRING) -> str:
    """A C string literal in printable ASCII, cut after `limit` bytes."""
    text = "".join(_ESCAPES.get(c) or (chr(c) if 32 <= c < 127 else f"\\x{c:02x}") for c in data[:limit])
    return f'"{text}"' + ("..." if len(data) > limit else "")


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


def _read(t: Task, address: int, size: int) -> bytes | None:
    try:
        return t.thread.read(address, size)
    except MemoryFault:
        return None


def _string(t: Task, address: int, limit: int) -> str:
    if not address:
        return "NULL"
    try:
        return quote(t.thread.read_cstr(address, MAX_PATH), limit)
    except MemoryFault:
        return hex(address)
    except ValueError:
        return quote(_read(t, address, limit + 1) or b"", limit)


def _buffer(t: Task, address: int, size: int) -> str:
    if not address:
        return "NULL"
    data = _read(t, address, min(size, MAX_STRING + 1))
    return hex(address) if data is None else quote(data)


def _iovec(t: Task, address: int, count: int) -> str:
    count = _signed(count, 32)
    raw = _read(t, address, 16 * min(count, MAX_IOVECS)) if count > 0 else b""
    if raw is None or not address:
        return hex(address)
    parts = [f"{{{_buffer(t, base, size)}, {size}}}" for base, size in struct.iter_unpack("<QQ", raw)]
    return "[" + ", ".join(parts) + (", ..." if count > MAX_IOVECS else "") + "]"


def _bytes(t: Task, address: int, size: int) -> str:
    """The first bytes of a structure."""
    if not address:
        return "NULL"
    data = _read(t, address, size)
    return hex(address) if data is None else f"{hex(address)} {{{data.hex()}...}}"


def _sockaddr(t: Task, address: int) -> str:
    data = _read(t, address, SOCKADDR_BYTES) if address else None
    if data is None:
        data = _read(t, address, 16) if address else None
    if data is None:
        return "NULL" if not address else hex(address)
    family = int.from_bytes(data[:2], "little")
    port = int.from_bytes(data[2:4], "big")
    if family == 1:
        return f"{{AF_UNIX, {quote(data[2:].split(bytes(1))[0] or data[2:])}}}"
    if family == 2:
        return f"{{AF_INET, {'.'.join(map(str, data[4:8]))}:{port}}}"
    if family == 10:
        return f"{{AF_INET6, [{data[8:24].hex(':', 2)}]:{port}}}"
    if family == 17:
        return f"{{AF_PACKET, {data[2:4].hex()}, if {int.from_bytes(data[4:8], 'little')}, {data[12:18].hex(':')}}}"
    return f"{{family {family}, {data[2:16].hex()}}}"


def format_in(t: Task, kind: str, raw: tuple[int, ...], n: int) -> str:
    """Argument `n` as it is known before the call."""
    value = raw[n]
    following = raw[n + 1] if n + 1 < 6 else 0
    if kind == Arg.FD:
        number = _signed(value, 32)
        return "AT_FDCWD" if number == AT_FDCWD else str(number)
    if kind in (Arg.INT, Arg.PID):
        return str(_signed(value, 32))
    if kind == Arg.UINT:
        return str(value & 0xFFFFFFFF)
    if kind == Arg.LONG:
        return str(_signed(value, 64))
    if kind == Arg.SIZE:
        return str(value)
    if kind == Arg.OCT:
        return f"0{value & 0xFFFFFFFF:o}"
    if kind == Arg.SIGNAL:
        return signal_name(_signed(value, 32))
    if kind in (Arg.PATH, Arg.STR):
        return _string(t, value, MAX_PATH if kind == Arg.PATH else MAX_STRING)
    if kind == Arg.IN_BUF:
        return _buffer(t, value, following)
    if kind == Arg.IN_IOVEC:
        return _iovec(t, value, following)
    if kind == Arg.STRUCT_IN:
        return _bytes(t, value, STRUCT_BYTES)
    if kind == Arg.SOCKADDR_IN:
        return _sockaddr(t, value)
    return "NULL" if kind == Arg.ADDR and not value else hex(value)


def format_out(t: Task, kind: str, raw: tuple[int, ...], n: int, result: int) -> str:
    """Argument `n` that the call has filled in."""
    value = raw[n]
    if not value or result < 0:
        return "NULL" if not value else hex(value)
    if kind == Arg.OUT_BUF:
        return _buffer(t, value, result)
    if kind == Arg.OUT_IOVEC:
        return hex(value)
    if kind == Arg.SOCKADDR_OUT:
        return _sockaddr(t, value)
    return _bytes(t, value, STRUCT_BYTES)


_RESTARTS: Final[dict[int, str]] = {
    512: "ERESTARTSYS",
    513: "ERESTARTNOINTR",
    514: "ERESTARTNOHAND",
    516: "ERESTART_RESTARTBLOCK",
}


def format_result(result: int) -> str:
    """`-1 ENOENT`, `0`, `0x7f…` for what can only be an address."""
    if -4096 < result < 0:
        name = errno.errorcode.get(-result) or _RESTARTS.get(-result) or str(-result)
        return ("? " if -result in _RESTARTS else "-1 ") + name
    return hex(result) if result > 0xFFFFFFFF else str(result)
