"""setsockopt, getsockopt, fcntl, ioctl."""

from __future__ import annotations

import errno
import struct
from typing import Any, Final

from tcpip.errno_map import errno_of
from tcpip.sockopt import SO_ERROR, SOL_SOCKET
from tools.packetdrill.calls import Context, Handler, Operation
from tools.packetdrill.errors import CallError, Difference, ScriptError
from tools.packetdrill.files import O_NONBLOCK
from tools.packetdrill.syntax import ELLIPSIS, Struct
from tools.packetdrill.table_symbols import SYMBOLS
from tools.packetdrill.values import Arguments, describe, number

F_GETFL: Final = SYMBOLS["F_GETFL"]
F_SETFL: Final = SYMBOLS["F_SETFL"]
SETTABLE: Final = O_NONBLOCK | 0x400 | 0x2000 | 0x4000 | 0x40000
TCP_CONGESTION: Final = (6, 13)
TCP_INFO: Final = (6, 11)


def option_value(value: Any, size: int) -> int | bytes:
    """What setsockopt(2) is given: `[1]`, `"cubic"`, `{onoff=1, linger=0}`."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bytes):
        return value[:size] if size else value
    if isinstance(value, Struct):
        return _packed(value)
    if value is ELLIPSIS:
        return bytes(size)
    whole = number(value)
    if size == 4:
        return whole if -(1 << 31) <= whole < 1 << 31 else whole - (1 << 32)
    return (whole & ((1 << 64) - 1)).to_bytes(8, "little")[:size]


def _packed(value: Struct) -> bytes:
    if set(value.fields) == {"onoff", "linger"}:
        return struct.pack("=ii", number(value.fields["onoff"]), number(value.fields["linger"]))
    raise ScriptError(f"expected an option value, the script has {describe(value)}")


def call_setsockopt(context: Context, args: Arguments) -> Operation:
    args.count(5)
    value = option_value(args[3], 0 if args.is_ellipsis(4) else args.number(4))

    def attempt() -> int:
        context.socket(args.number(0)).endpoint.set_option(args.number(1), args.number(2), value)
        return 0

    return Operation(attempt)


def call_getsockopt(context: Context, args: Arguments) -> Operation:
    args.count(5)
    got: list[int | bytes] = []
    which = (args.number(1), args.number(2))

    def attempt() -> int:
        endpoint = context.socket(args.number(0)).endpoint
        if which == (SOL_SOCKET, SO_ERROR):
            error = endpoint.socket_error()
            got.append(0 if error is None else errno_of(error))
        else:
            got.append(endpoint.get_option(*which))
        return 0

    def check(_: int) -> None:
        if args.is_ellipsis(3) or which == TCP_INFO:
            return
        expected = args[3][0] if isinstance(args[3], list) and len(args[3]) == 1 else args[3]
        if expected is ELLIPSIS:
            return
        _compare_option(which, expected, got[0])

    return Operation(attempt, finish=check)


def _compare_option(which: tuple[int, int], expected: Any, actual: int | bytes) -> None:
    wanted: int | bytes
    if isinstance(expected, bytes | Struct):
        wanted = expected if isinstance(expected, bytes) else _packed(expected)
        found = actual if isinstance(actual, bytes) else struct.pack("=i", actual)
        if which == TCP_CONGESTION:
            found = found.split(b"\0", 1)[0]
            wanted = wanted.split(b"\0", 1)[0]
        if wanted != found:
            raise Difference(f"Bad getsockopt optval: expected: {wanted!r} actual: {found!r}", "syscall")
        return
    wanted = number(expected)
    value = actual if isinstance(actual, int) else int.from_bytes(actual[:8], "little", signed=len(actual) == 4)
    if wanted & 0xFFFFFFFF != value & 0xFFFFFFFF:
        raise Difference(f"Bad getsockopt optval: expected: {wanted} actual: {value}", "syscall")


def call_fcntl(context: Context, args: Arguments) -> Operation:
    args.count(2, 3)

    def attempt() -> int:
        descriptor = context.descriptor(args.number(0))
        command = args.number(1)
        if command == F_GETFL:
            return descriptor.flags
        if command == F_SETFL:
            descriptor.flags = descriptor.flags & ~SETTABLE | args.number(2) & SETTABLE
            return 0
        raise CallError(errno.EINVAL)

    return Operation(attempt)


def call_ioctl(context: Context, args: Arguments) -> Operation:
    args.count(2, 3)
    got: list[int] = []
    request = args.number(1)

    def attempt() -> int:
        sock = context.socket(args.number(0))
        endpoint = sock.endpoint
        if request == SYMBOLS["SIOCINQ"]:
            got.append(endpoint.readable_bytes())
        elif request == SYMBOLS["SIOCOUTQ"]:
            got.append(endpoint.unsent_bytes())
        elif request == SYMBOLS["SIOCOUTQNSD"]:
            got.append(not_sent(endpoint))
        elif request == SYMBOLS["SIOCATMARK"]:
            got.append(int(endpoint.at_mark()))
        elif request == SYMBOLS["FIONBIO"]:
            on = number(args.bracketed(2))
            sock.flags = sock.flags | O_NONBLOCK if on else sock.flags & ~O_NONBLOCK
        else:
            raise CallError(errno.ENOTTY)
        return 0

    def check(_: int) -> None:
        if got and not args.is_ellipsis(2):
            expected = number(args.bracketed(2))
            if expected != got[0]:
                raise Difference(f"Bad result value: expected: {expected} actual: {got[0]}", "syscall")

    return Operation(attempt, finish=check)


def not_sent(endpoint: Any) -> int:
    """SIOCOUTQNSD: bytes that have not left yet."""
    if hasattr(endpoint, "not_sent_bytes"):
        return int(endpoint.not_sent_bytes())
    sender = getattr(endpoint, "snd", None)
    if sender is None:
        raise CallError(errno.EINVAL)
    return int(sender.unsent())


CALLS: Final[dict[str, Handler]] = {
    "setsockopt": call_setsockopt,
    "getsockopt": call_getsockopt,
    "fcntl": call_fcntl,
    "ioctl": call_ioctl,
}
