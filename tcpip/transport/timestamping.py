"""SO_TIMESTAMPING in software: when a packet came, was queued, left, or was acknowledged.

What is told of packets sent comes over the error queue. There are no devices with clocks, so that flags for them change
nothing. Source: Documentation/networking/timestamping.rst, net/core/sock.c: sock_set_timestamping, net/core/skbuff.c:
__skb_tstamp_tx.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET6, v4_mapped
from tcpip.errors import NetworkError
from tcpip.transport.option_values import int_value

if TYPE_CHECKING:
    from tcpip.transport.endpoint import Control
    from tcpip.transport.socket_options import SocketOptions

TX_HARDWARE: Final = 1
TX_SOFTWARE: Final = 1 << 1
RX_SOFTWARE: Final = 1 << 3
SOFTWARE: Final = 1 << 4
OPT_ID: Final = 1 << 7
TX_SCHED: Final = 1 << 8
TX_ACK: Final = 1 << 9
OPT_TSONLY: Final = 1 << 11
OPT_STATS: Final = 1 << 12
BIND_PHC: Final = 1 << 15
OPT_ID_TCP: Final = 1 << 16
ALL: Final = (1 << 17) - 1
TX_RECORD: Final = TX_HARDWARE | TX_SOFTWARE | TX_SCHED | TX_ACK

SND: Final = 0
SCHED: Final = 1
ACK: Final = 2
"""What an entry of the error queue is about (SCM_TSTAMP_*)."""

ORIGIN: Final = 4  # SO_EE_ORIGIN_TIMESTAMPING
NO_MESSAGE: Final = 42  # ENOMSG
KEY: Final = (so.SOL_SOCKET, so.SO_TIMESTAMPING)
NAMES: Final = (so.SO_TIMESTAMPING, so.SO_TIMESTAMPING_NEW)
_STAMPS: Final = struct.Struct("=6q")
_OPTION: Final = struct.Struct("=ii")
_SOCKADDR_IN_SIZE: Final = 16
_SOCKADDR_IN6: Final = struct.Struct("=HHI16sI")
_TYPE_IPV6: Final = b"\x86\xdd"
_ERROR: Final = struct.Struct("=IBBBBII")


def set_flags(options: SocketOptions, name: int, value: int | bytes, unconnected: bool) -> int:
    """setsockopt(2): the flags that were set before. `unconnected`: a stream that has no bytes to count yet.
    INVALID_ARGUMENT, NOT_SUPPORTED for a clock to bind to."""
    flags = int_value(value)
    before = options.kept.get(KEY, 0)
    if flags & ~ALL or (flags & OPT_ID_TCP and not flags & OPT_ID):
        raise NetworkError(errors.INVALID_ARGUMENT)
    if flags & OPT_ID & ~before and unconnected:
        raise NetworkError(errors.INVALID_ARGUMENT)
    if flags & OPT_STATS and not flags & OPT_TSONLY:
        raise NetworkError(errors.INVALID_ARGUMENT)
    if flags & BIND_PHC:
        raise NetworkError(errors.NOT_SUPPORTED)
    options.kept = {**options.kept, KEY: flags}
    options.time_new = name == so.SO_TIMESTAMPING_NEW
    return before


def get_flags(options: SocketOptions, name: int) -> bytes:
    """getsockopt(2): struct so_timestamping. The newer name tells only of what it has set itself."""
    shown = name == so.SO_TIMESTAMPING or options.time_new
    return _OPTION.pack(options.kept.get(KEY, 0) if shown else 0, 0)


def flags_of(options: SocketOptions, control: list[Control] | None) -> int:
    """The flags of one message: the option's, whose choice of events a control message replaces. INVALID_ARGUMENT."""
    flags = options.kept.get(KEY, 0)
    for level, kind, data in control or ():
        if level == so.SOL_SOCKET and kind in NAMES:
            if len(data) != 4:
                raise NetworkError(errors.INVALID_ARGUMENT)
            chosen = int.from_bytes(data, "little")
            if chosen & ~TX_RECORD:
                raise NetworkError(errors.INVALID_ARGUMENT)
            flags = flags & ~TX_RECORD | chosen
    return flags


def stamp_message(options: SocketOptions, time_ns: int) -> Control:
    """struct scm_timestamping: the software's time, and two that only devices know."""
    name = so.SO_TIMESTAMPING_NEW if options.time_new else so.SO_TIMESTAMPING
    return so.SOL_SOCKET, name, _STAMPS.pack(*divmod(time_ns, 10**9), 0, 0, 0, 0)


def wants_received(options: SocketOptions) -> bool:
    """Messages are to tell when they came."""
    return options.kept.get(KEY, 0) & (SOFTWARE | RX_SOFTWARE) == SOFTWARE | RX_SOFTWARE


class SentStamp:
    """One entry of the error queue: what happened to which message or byte, when; `payload` is the packet, if wanted."""

    __slots__ = ("event", "key", "time_ns", "payload")

    def __init__(self, event: int, key: int, time_ns: int, payload: bytes) -> None:
        self.event = event
        self.key = key
        self.time_ns = time_ns
        self.payload = payload

    def messages(self, options: SocketOptions, four: bool) -> list[Control]:
        """As recvmsg(2) with MSG_ERRQUEUE tells it."""
        error = _ERROR.pack(NO_MESSAGE, ORIGIN, 0, 0, 0, self.event, self.key & 0xFFFFFFFF)
        shown: list[Control] = []
        if options.kept.get(KEY, 0) & SOFTWARE:
            shown.append(stamp_message(options, self.time_ns))
        if four:
            shown.append((so.SOL_IP, so.IP_RECVERR, error + bytes(_SOCKADDR_IN_SIZE)))
        else:
            shown.append((so.SOL_IPV6, so.IPV6_RECVERR, error + self._sender()))
        return shown

    def _sender(self) -> bytes:
        """The packet's source, which only IPv6 endpoints are told."""
        if not self.payload:
            return bytes(_SOCKADDR_IN6.size)
        if self.payload[12:14] == _TYPE_IPV6:
            return _SOCKADDR_IN6.pack(AF_INET6, 0, 0, self.payload[22:38], 0)
        return _SOCKADDR_IN6.pack(AF_INET6, 0, 0, v4_mapped(self.payload[26:30]), 0)
