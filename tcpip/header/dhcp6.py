"""DHCPv6 messages between clients and servers, and the options that a client reads and writes.

Implements: RFC 8415 8, 21, RFC 3646 3 (DNS servers).
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from tcpip.errors import DropReason, Malformed

CLIENT_PORT: Final = 546
SERVER_PORT: Final = 547
ALL_SERVERS: Final = b"\xff\x02" + bytes(11) + b"\1\0\2"

SOLICIT: Final = 1
ADVERTISE: Final = 2
REQUEST: Final = 3
CONFIRM: Final = 4
RENEW: Final = 5
REBIND: Final = 6
REPLY: Final = 7
RELEASE: Final = 8
DECLINE: Final = 9
INFORMATION_REQUEST: Final = 11

OPTION_CLIENT_ID: Final = 1
OPTION_SERVER_ID: Final = 2
OPTION_IA_NA: Final = 3
OPTION_IA_ADDRESS: Final = 5
OPTION_REQUESTED: Final = 6
OPTION_PREFERENCE: Final = 7
OPTION_ELAPSED: Final = 8
OPTION_STATUS: Final = 13
OPTION_DNS: Final = 23
OPTION_REFRESH_TIME: Final = 32
OPTION_SOL_MAX_RT: Final = 82
OPTION_INF_MAX_RT: Final = 83

SUCCESS: Final = 0
NO_ADDRESSES: Final = 2
NO_BINDING: Final = 3
NOT_ON_LINK: Final = 4
USE_MULTICAST: Final = 5

FOREVER: Final = 0xFFFFFFFF
MAX_OPTIONS: Final = 64
_OPTION: Final = Struct("!HH")
_IA: Final = Struct("!4sII")
_ADDRESS: Final = Struct("!16sII")

Option = tuple[int, bytes]


def parse_options(data: bytes) -> list[Option]:
    """Codes and values, in their order. Malformed."""
    found: list[Option] = []
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise Malformed(DropReason.BAD_OPTION)
        code, size = _OPTION.unpack_from(data, at)
        if at + 4 + size > len(data) or len(found) >= MAX_OPTIONS:
            raise Malformed(DropReason.BAD_OPTION)
        found.append((code, data[at + 4 : at + 4 + size]))
        at += 4 + size
    return found


def emit_options(options: list[Option]) -> bytes:
    """As they go on the wire."""
    return b"".join([_OPTION.pack(code, len(value)) + value for code, value in options])


def first(options: list[Option], code: int) -> bytes | None:
    """The first of a kind, None without one."""
    return next((value for kind, value in options if kind == code), None)


def status(options: list[Option]) -> int:
    """A status code; no option is success (RFC 8415 21.13). Malformed."""
    value = first(options, OPTION_STATUS)
    if value is None:
        return SUCCESS
    if len(value) < 2:
        raise Malformed(DropReason.BAD_OPTION)
    return int.from_bytes(value[:2], "big")


class Dhcp6Message:
    """`transaction` is 24 bits."""

    __slots__ = ("kind", "transaction", "options")

    def __init__(self, kind: int, transaction: int, options: list[Option]) -> None:
        self.kind = kind
        self.transaction = transaction
        self.options = options

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Dhcp6Message:
        """A UDP payload; Malformed."""
        if len(data) < 4:
            raise Malformed(DropReason.TRUNCATED)
        data = bytes(data)
        return cls(data[0], int.from_bytes(data[1:4], "big"), parse_options(data[4:]))

    def to_bytes(self) -> bytes:
        return bytes((self.kind,)) + self.transaction.to_bytes(3, "big") + emit_options(self.options)


class LeasedAddress:
    """Lifetimes in seconds, FOREVER without an end."""

    __slots__ = ("addr", "preferred_s", "valid_s")

    def __init__(self, addr: bytes, preferred_s: int, valid_s: int) -> None:
        self.addr = addr
        self.preferred_s = preferred_s
        self.valid_s = valid_s

    def to_option(self) -> Option:
        return OPTION_IA_ADDRESS, _ADDRESS.pack(self.addr, self.preferred_s, self.valid_s)


class IdentityAssociation:
    """IA_NA: an identity association's addresses, when to renew and to rebind them (seconds, 0: the client's choice), and
    what became of it."""

    __slots__ = ("iaid", "t1_s", "t2_s", "addresses", "status")

    def __init__(self, iaid: bytes, t1_s: int, t2_s: int, addresses: list[LeasedAddress], status: int = 0) -> None:
        self.iaid = iaid
        self.t1_s = t1_s
        self.t2_s = t2_s
        self.addresses = addresses
        self.status = status

    @classmethod
    def parse(cls, value: bytes) -> IdentityAssociation:
        """An option's value; addresses with impossible lifetimes are left out (RFC 8415 21.6). Malformed."""
        if len(value) < _IA.size:
            raise Malformed(DropReason.TRUNCATED)
        iaid, t1, t2 = _IA.unpack_from(value)
        options = parse_options(value[_IA.size :])
        addresses = []
        for code, data in options:
            if code != OPTION_IA_ADDRESS:
                continue
            if len(data) < _ADDRESS.size:
                raise Malformed(DropReason.TRUNCATED)
            leased = LeasedAddress(*_ADDRESS.unpack_from(data))
            if leased.preferred_s <= leased.valid_s and status(parse_options(data[_ADDRESS.size :])) == SUCCESS:
                addresses.append(leased)
        return cls(iaid, t1, t2, addresses, status(options))

    def to_option(self) -> Option:
        inner = emit_options([leased.to_option() for leased in self.addresses])
        if self.status:
            inner += emit_options([(OPTION_STATUS, self.status.to_bytes(2, "big"))])
        return OPTION_IA_NA, _IA.pack(self.iaid, self.t1_s, self.t2_s) + inner
