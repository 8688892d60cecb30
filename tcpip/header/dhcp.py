"""The DHCP message: BOOTP's fixed fields and a list of options.

Implements: RFC 2131 2, RFC 2132, RFC 3396 (long options in pieces; those in `file` and `sname`), RFC 3442.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from tcpip.errors import DropReason, Malformed

SERVER_PORT: Final = 67
CLIENT_PORT: Final = 68
BOOTREQUEST: Final = 1
BOOTREPLY: Final = 2
FLAG_BROADCAST: Final = 0x8000
COOKIE: Final = b"\x63\x82\x53\x63"
MIN_LEN: Final = 300
"""What BOOTP relays expect at least (RFC 1542 2.1)."""

DISCOVER: Final = 1
OFFER: Final = 2
REQUEST: Final = 3
DECLINE: Final = 4
ACK: Final = 5
NAK: Final = 6
RELEASE: Final = 7

OPTION_PAD: Final = 0
OPTION_SUBNET_MASK: Final = 1
OPTION_ROUTER: Final = 3
OPTION_DNS: Final = 6
OPTION_HOST_NAME: Final = 12
OPTION_DOMAIN_NAME: Final = 15
OPTION_MTU: Final = 26
OPTION_REQUESTED_ADDRESS: Final = 50
OPTION_LEASE_TIME: Final = 51
OPTION_OVERLOAD: Final = 52
OPTION_MESSAGE_TYPE: Final = 53
OPTION_SERVER_ID: Final = 54
OPTION_PARAMETER_LIST: Final = 55
OPTION_MESSAGE: Final = 56
OPTION_MAX_SIZE: Final = 57
OPTION_T1: Final = 58
OPTION_T2: Final = 59
OPTION_CLIENT_ID: Final = 61
OPTION_CLASSLESS_ROUTES: Final = 121
OPTION_END: Final = 255

FIXED: Final = Struct("!BBBBIHH4s4s4s4s16s64s128s")
_OVERLOAD_FILE: Final = 1
_OVERLOAD_SNAME: Final = 2


class DhcpMessage:
    """`options` by number; a repeated one is one long one. Of `chaddr` only the hardware address is kept."""

    __slots__ = ("op", "xid", "secs", "flags", "ciaddr", "yiaddr", "siaddr", "giaddr", "chaddr", "options")

    def __init__(self, op: int, xid: int, chaddr: bytes, options: dict[int, bytes]) -> None:
        self.op = op
        self.xid = xid
        self.secs = 0
        self.flags = 0
        self.ciaddr = self.yiaddr = self.siaddr = self.giaddr = bytes(4)
        self.chaddr = chaddr
        self.options = options

    @classmethod
    def parse(cls, data: bytes | memoryview) -> DhcpMessage:
        """A datagram's payload; Malformed for BOOTP without options, other hardware than Ethernet, cut options."""
        at = FIXED.size + len(COOKIE)
        if len(data) < at:
            raise Malformed(DropReason.TRUNCATED)
        op, kind, size, _, xid, secs, flags, ci, yi, si, gi, chaddr, sname, file = FIXED.unpack_from(data)
        if kind != 1 or size != 6 or bytes(data[FIXED.size : at]) != COOKIE:
            raise Malformed(DropReason.BAD_FIELD)
        options: dict[int, bytes] = {}
        _parse_options(bytes(data[at:]), options)
        overload = options.get(OPTION_OVERLOAD, b"")
        if len(overload) == 1 and overload[0] & _OVERLOAD_FILE:
            _parse_options(file, options)
        if len(overload) == 1 and overload[0] & _OVERLOAD_SNAME:
            _parse_options(sname, options)
        message = cls(op, xid, chaddr[:6], options)
        message.secs, message.flags = secs, flags
        message.ciaddr, message.yiaddr, message.siaddr, message.giaddr = ci, yi, si, gi
        return message

    def message_type(self) -> int:
        """DISCOVER to RELEASE; 0 when there is none."""
        value = self.options.get(OPTION_MESSAGE_TYPE, b"")
        return value[0] if len(value) == 1 else 0

    def to_bytes(self) -> bytes:
        """The datagram's payload, in the order of `options`."""
        fixed = FIXED.pack(
            *(self.op, 1, 6, 0, self.xid, self.secs, self.flags),
            *(self.ciaddr, self.yiaddr, self.siaddr, self.giaddr, self.chaddr, b"", b""),
        )
        out = bytearray(fixed + COOKIE)
        for number, value in self.options.items():
            for start in range(0, max(len(value), 1), 255):
                piece = value[start : start + 255]
                out += bytes((number, len(piece))) + piece
        out.append(OPTION_END)
        out += bytes(max(MIN_LEN - len(out), 0))
        return bytes(out)


def _parse_options(data: bytes, options: dict[int, bytes]) -> None:
    at = 0
    while at < len(data):
        number = data[at]
        at += 1
        if number == OPTION_END:
            return
        if number == OPTION_PAD:
            continue
        if at >= len(data) or at + 1 + data[at] > len(data):
            raise Malformed(DropReason.BAD_OPTION)
        size = data[at]
        options[number] = options.get(number, b"") + data[at + 1 : at + 1 + size]
        at += 1 + size


def parse_addresses(value: bytes, most: int) -> list[bytes]:
    """A list of IPv4 addresses; empty when its length is no multiple of four. Those after `most` are not taken."""
    if len(value) % 4:
        return []
    return [value[at : at + 4] for at in range(0, min(len(value), 4 * most), 4)]


def parse_classless_routes(value: bytes, most: int) -> list[tuple[bytes, int, bytes]]:
    """(prefix, length, gateway; 0.0.0.0 for on link), at most `most`; Malformed when it is cut or a length is above 32."""
    routes: list[tuple[bytes, int, bytes]] = []
    at = 0
    while at < len(value) and len(routes) < most:
        length = value[at]
        size = (length + 7) // 8
        if length > 32 or at + 5 + size > len(value):
            raise Malformed(DropReason.BAD_OPTION)
        prefix = value[at + 1 : at + 1 + size] + bytes(4 - size)
        routes.append((prefix, length, value[at + 1 + size : at + 5 + size]))
        at += 5 + size
    return routes
