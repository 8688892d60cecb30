"""IP options and extension headers that a socket sends: how they are checked, kept, and given back.

Source: net/ipv4/ip_options.c: ip_options_compile, ip_options_build, net/ipv6/ipv6_sockglue.c: ipv6_set_opt_hdr,
net/ipv6/datagram.c: ip6_datagram_send_ctl, net/ipv6/seg6.c: seg6_validate_srh, RFC 3542.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.errors import NetworkError
from tcpip.header.ipv4 import (
    OPTION_END,
    OPTION_NOP,
    OPTION_RECORD_ROUTE,
    OPTION_ROUTER_ALERT,
    OPTION_TIMESTAMP,
)
from tcpip.header.ipv6_ext import DESTINATION, HOP_BY_HOP, ROUTING

if TYPE_CHECKING:
    from tcpip.transport.socket_options import SocketOptions

MAX_OPTIONS: Final = 40
MAX_HEADER: Final = 8 * 255
SEGMENT_ROUTING: Final = 4
_TS_ONLY: Final = 0
_TS_AND_ADDRESS: Final = 1
_TS_PRESPECIFIED: Final = 3

STICKY: Final = (so.IPV6_HOPOPTS, so.IPV6_RTHDRDSTOPTS, so.IPV6_RTHDR, so.IPV6_DSTOPTS)
MESSAGES: Final = {
    **{name: name for name in STICKY},
    so.IPV6_2292HOPOPTS: so.IPV6_HOPOPTS,
    so.IPV6_2292DSTOPTS: so.IPV6_DSTOPTS,
    so.IPV6_2292RTHDR: so.IPV6_RTHDR,
}
"""Control messages, and which of the four headers each brings."""


class SentHeaders:
    """Extension headers in the order in which they leave; empty ones are not there. Never changed once made."""

    __slots__ = ("hop", "before", "routing", "destination", "size", "first_hop")

    def __init__(self, hop: bytes = b"", before: bytes = b"", routing: bytes = b"", destination: bytes = b"") -> None:
        self.hop = hop
        self.before = before
        self.routing = routing
        self.destination = destination
        self.size = len(hop) + len(routing) + len(destination) + (len(before) if routing else 0)
        at = 8 + 16 * routing[3] if routing else 0
        self.first_hop = routing[at : at + 16] if routing else b""

    def with_header(self, name: int, data: bytes) -> SentHeaders:
        """The same with header `name` of STICKY replaced."""
        return SentHeaders(
            data if name == so.IPV6_HOPOPTS else self.hop,
            data if name == so.IPV6_RTHDRDSTOPTS else self.before,
            data if name == so.IPV6_RTHDR else self.routing,
            data if name == so.IPV6_DSTOPTS else self.destination,
        )

    def header(self, name: int) -> bytes:
        """What `name` of STICKY is."""
        headers = (self.hop, self.before, self.routing, self.destination)
        return headers[STICKY.index(name)]

    def chain(self, protocol: int, dst: bytes) -> tuple[int, bytes]:
        """The first header's type, and all of them as they go on the wire in front of `protocol`. IPV6_RTHDRDSTOPTS without
        a routing header is left out."""
        routing = self.routing and self.routing[:8] + dst + self.routing[24:]
        kinds = ((HOP_BY_HOP, self.hop), (DESTINATION, self.before if routing else b""), (ROUTING, routing))
        following, data = protocol, b""
        for kind, header in reversed((*kinds, (DESTINATION, self.destination))):
            if header:
                following, data = kind, bytes((following,)) + header[1:] + data
        return following, data


NO_HEADERS: Final = SentHeaders()


def checked_header(name: int, value: bytes, privileged: bool) -> bytes:
    """One header of STICKY, cut to the length that it names. NOT_PERMITTED, INVALID_ARGUMENT."""
    if name != so.IPV6_RTHDR and not privileged:
        raise NetworkError(errors.NOT_PERMITTED)
    if len(value) < 8 or len(value) > MAX_HEADER:
        raise NetworkError(errors.INVALID_ARGUMENT)
    size = (value[1] + 1) * 8
    if size > len(value) or (name == so.IPV6_RTHDR and not _is_segment_list(value[:size])):
        raise NetworkError(errors.INVALID_ARGUMENT)
    return bytes(value[:size])


def _is_segment_list(header: bytes) -> bool:
    """A routing header that may be sent (RFC 8754 2): type 0 is not (RFC 5095), type 2 is of mobile nodes."""
    segments_left, last = header[3], header[4]
    if header[2] != SEGMENT_ROUTING or segments_left > last or last > header[1] // 2 - 1:
        return False
    at = 8 + 16 * (last + 1)
    while at < len(header):
        if at + 2 > len(header):
            return False
        at += 2 + header[at + 1]
    return at == len(header)


def set_header(options: SocketOptions, name: int, value: int | bytes) -> None:
    """setsockopt of one of STICKY; empty removes it."""
    data = value.to_bytes(4, "little", signed=True) if isinstance(value, int) else value
    if name != so.IPV6_RTHDR and not options.privileged:
        raise NetworkError(errors.NOT_PERMITTED)
    if data and len(data) & 7:
        raise NetworkError(errors.INVALID_ARGUMENT)
    header = checked_header(name, data, options.privileged) if data else b""
    headers = (options.headers or NO_HEADERS).with_header(name, header)
    options.headers = headers if headers.size or headers.before else None


def headers_with(headers: SentHeaders | None, kind: int, data: bytes, privileged: bool) -> SentHeaders:
    """What control messages so far bring, with one more. INVALID_ARGUMENT, NOT_PERMITTED."""
    name = MESSAGES[kind]
    known = headers or NO_HEADERS
    twice = kind in (so.IPV6_HOPOPTS, so.IPV6_2292HOPOPTS, so.IPV6_2292DSTOPTS) and known.header(name)
    if twice or len(data) < 8 or (data[1] + 1) * 8 > len(data):
        raise NetworkError(errors.INVALID_ARGUMENT)
    return known.with_header(name, checked_header(name, data, privileged))


class SentOptions:
    """IPv4 options to send. `given` is what getsockopt shows; `data` what goes on the wire, with room that this host fills:
    its address and the time of day in milliseconds, each -1 or an offset."""

    __slots__ = ("given", "data", "route_at", "ts_address_at", "ts_time_at")

    def __init__(self, given: bytes) -> None:
        self.given = given
        self.data = given
        self.route_at = self.ts_address_at = self.ts_time_at = -1

    def filled(self, source: bytes, time: int) -> bytes:
        """The options of one packet."""
        if self.route_at < 0 and self.ts_time_at < 0:
            return self.data
        out = bytearray(self.data)
        for at in (self.route_at, self.ts_address_at):
            if at >= 0:
                out[at : at + 4] = source
        if self.ts_time_at >= 0:
            out[self.ts_time_at : self.ts_time_at + 4] = time.to_bytes(4, "big")
        return bytes(out)


def compiled_options(value: bytes, privileged: bool) -> SentOptions | None:
    """setsockopt(IP_OPTIONS): None for none. INVALID_ARGUMENT; source routes, too: whoever gets them drops them
    (RFC 7126)."""
    if len(value) > MAX_OPTIONS:
        raise NetworkError(errors.INVALID_ARGUMENT)
    if not value:
        return None
    data = bytearray(value + bytes(-len(value) % 4))
    made = SentOptions(b"")
    at, seen = 0, set()
    while at < len(data):
        kind = data[at]
        if kind == OPTION_END:
            data[at:] = bytes(len(data) - at)
            break
        if kind == OPTION_NOP:
            at += 1
            continue
        size = data[at + 1] if at + 1 < len(data) else 0
        if size < 2 or at + size > len(data) or kind in seen:
            raise NetworkError(errors.INVALID_ARGUMENT)
        if kind in (OPTION_RECORD_ROUTE, OPTION_TIMESTAMP):
            seen.add(kind)
        if not _check_option(made, data, at, size, privileged):
            raise NetworkError(errors.INVALID_ARGUMENT)
        at += size
    made.given = bytes(data)
    made.data = bytes(_with_room_taken(made, data))
    return made


def _check_option(made: SentOptions, data: bytearray, at: int, size: int, privileged: bool) -> bool:
    kind = data[at]
    if kind == OPTION_ROUTER_ALERT:
        return size >= 4
    if kind == OPTION_RECORD_ROUTE:
        pointer = data[at + 2] if size >= 3 else 0
        if pointer < 4 or (pointer <= size and pointer + 3 > size):
            return False
        made.route_at = at + pointer - 1 if pointer <= size else -1
        return True
    if kind == OPTION_TIMESTAMP:
        return _check_timestamp(made, data, at, size, privileged)
    return privileged and kind not in (131, 137)


def _check_timestamp(made: SentOptions, data: bytearray, at: int, size: int, privileged: bool) -> bool:
    pointer = data[at + 2] if size >= 4 else 0
    if pointer < 5:
        return False
    flag, overflow = data[at + 3] & 15, data[at + 3] >> 4
    if pointer > size:
        return flag == _TS_PRESPECIFIED or overflow < 15
    slot = at + pointer - 1
    if pointer + (3 if flag == _TS_ONLY else 7) > size:
        return pointer + 3 <= size and privileged and flag not in (_TS_AND_ADDRESS, _TS_PRESPECIFIED)
    if flag == _TS_ONLY:
        made.ts_time_at = slot
    elif flag == _TS_AND_ADDRESS:
        made.ts_address_at, made.ts_time_at = slot, slot + 4
    elif flag == _TS_PRESPECIFIED:
        made.ts_time_at = slot + 4
    return flag in (_TS_ONLY, _TS_AND_ADDRESS, _TS_PRESPECIFIED) or privileged


def _with_room_taken(made: SentOptions, data: bytearray) -> bytearray:
    """Pointers moved behind what this host fills in."""
    out = bytearray(data)
    at = 0
    while at < len(out) and out[at] != OPTION_END:
        if out[at] == OPTION_NOP:
            at += 1
            continue
        if out[at] == OPTION_RECORD_ROUTE and made.route_at >= 0:
            out[at + 2] += 4
        elif out[at] == OPTION_TIMESTAMP and made.ts_time_at >= 0:
            out[at + 2] += 4 if out[at + 3] & 15 == _TS_ONLY else 8
        at += out[at + 1]
    return out
