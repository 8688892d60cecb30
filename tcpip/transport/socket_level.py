"""SOL_SOCKET options of more than one number: time stamps, pacing, locked buffers, peeking (net/core/sock.c)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.errors import NetworkError
from tcpip.transport.option_values import in_range, int_value

if TYPE_CHECKING:
    from tcpip.transport.socket_options import SocketOptions

SNDBUF_LOCK: Final = 1
RCVBUF_LOCK: Final = 2
CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_TAI = 0, 1, 11
_TXTIME: Final = struct.Struct("=iI")
_TXTIME_CLOCKS: Final = (CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_TAI)
_TXTIME_FLAGS: Final = 3  # SOF_TXTIME_DEADLINE_MODE, SOF_TXTIME_REPORT_ERRORS
_NO_BOUND: Final = (1 << 64) - 1

# Each of the four: in nanoseconds, in the layout that does not end in 2038 (the same on 64 bits).
_TIMESTAMPS: Final[dict[int, tuple[bool, bool]]] = {
    so.SO_TIMESTAMP: (False, False),
    so.SO_TIMESTAMPNS: (True, False),
    so.SO_TIMESTAMP_NEW: (False, True),
    so.SO_TIMESTAMPNS_NEW: (True, True),
}


def set_more(options: SocketOptions, name: int, value: int | bytes) -> bool:
    """setsockopt(2); False when the option is none of these."""
    if name in _TIMESTAMPS:
        on = int_value(value) != 0
        ns, new = _TIMESTAMPS[name]
        options.timestamp, options.timestamp_ns = on, on and ns
        options.time_new = new if on else options.time_new
    elif name == so.SO_MAX_PACING_RATE:
        _set_max_pacing_rate(options, value)
    elif name == so.SO_BUF_LOCK:
        locked = in_range(int_value(value), 0, SNDBUF_LOCK | RCVBUF_LOCK)
        options.sndbuf_locked, options.rcvbuf_locked = locked & SNDBUF_LOCK != 0, locked & RCVBUF_LOCK != 0
    elif name == so.SO_RESERVE_MEM:  # no memory cgroup counts a socket's memory
        in_range(int_value(value), 0, 0x7FFFFFFF)
        raise NetworkError(errors.NOT_SUPPORTED)
    elif name == so.SO_TXTIME:
        _set_txtime(options, value)
    elif name == so.SO_PEEK_OFF:
        number = int_value(value)
        if not options.peeks:
            raise NetworkError(errors.NOT_SUPPORTED)
        options.peek_off = number
    else:
        return False
    return True


def get_more(options: SocketOptions, name: int) -> int | bytes | None:
    """getsockopt(2); None when the option is none of these."""
    if name in _TIMESTAMPS:
        ns, new = _TIMESTAMPS[name]
        unit = options.timestamp_ns if ns else new or not options.timestamp_ns  # the newer one is on with either
        return int(options.timestamp and unit and options.time_new == new)
    if name == so.SO_MAX_PACING_RATE:
        return (options.max_pacing_rate & _NO_BOUND).to_bytes(8, "little")
    if name == so.SO_BUF_LOCK:
        return (SNDBUF_LOCK if options.sndbuf_locked else 0) | (RCVBUF_LOCK if options.rcvbuf_locked else 0)
    if name == so.SO_RESERVE_MEM:
        return 0
    if name == so.SO_PEEK_OFF:
        if not options.peeks:
            raise NetworkError(errors.NOT_SUPPORTED)
        return options.peek_off
    if name == so.SO_TXTIME:
        return _TXTIME.pack(options.kept.get(_CLOCK, 0), options.kept.get(_FLAGS, 0))
    return None


_CLOCK: Final = (so.SOL_SOCKET, so.SO_TXTIME)
_FLAGS: Final = (so.SOL_SOCKET, -so.SO_TXTIME)


def _set_txtime(options: SocketOptions, value: int | bytes) -> None:
    """Which clock a message's departure time is in; only queueing disciplines that there are none of look at it."""
    if isinstance(value, int) or len(value) != _TXTIME.size:
        raise NetworkError(errors.INVALID_ARGUMENT)
    clock, flags = _TXTIME.unpack(value)
    if flags & ~_TXTIME_FLAGS:
        raise NetworkError(errors.INVALID_ARGUMENT)
    if clock != CLOCK_MONOTONIC and not options.privileged:
        raise NetworkError(errors.NOT_PERMITTED)
    if clock not in _TXTIME_CLOCKS:
        raise NetworkError(errors.INVALID_ARGUMENT)
    options.kept = {**options.kept, _CLOCK: clock, _FLAGS: flags}


def _set_max_pacing_rate(options: SocketOptions, value: int | bytes) -> None:
    """Bytes a second in 32 or 64 bits; all ones: no bound."""
    if isinstance(value, bytes) and len(value) >= 8:
        rate = int.from_bytes(value[:8], "little")
        options.max_pacing_rate = -1 if rate == _NO_BOUND else rate
    else:
        rate = int_value(value) & 0xFFFFFFFF
        options.max_pacing_rate = -1 if rate == 0xFFFFFFFF else rate


def timestamp_message(options: SocketOptions) -> int:
    """The control message's type that a receive time goes into; the flags say which unit."""
    if options.timestamp_ns:
        return so.SO_TIMESTAMPNS_NEW if options.time_new else so.SO_TIMESTAMPNS
    return so.SO_TIMESTAMP_NEW if options.time_new else so.SO_TIMESTAMP
