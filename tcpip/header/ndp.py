"""Neighbour discovery messages, as bodies of ICMPv6 messages, and their options.

Implements: RFC 4861 4, RFC 8106 5.1 (recursive DNS servers).
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from tcpip.errors import DropReason, Malformed

OPTION_SOURCE_LINK: Final = 1
OPTION_TARGET_LINK: Final = 2
OPTION_PREFIX: Final = 3
OPTION_REDIRECTED: Final = 4
OPTION_MTU: Final = 5
OPTION_NONCE: Final = 14
OPTION_RDNSS: Final = 25

NA_ROUTER: Final = 0x80000000
NA_SOLICITED: Final = 0x40000000
NA_OVERRIDE: Final = 0x20000000

PREFIX_ON_LINK: Final = 0x80
PREFIX_AUTONOMOUS: Final = 0x40

_RA: Final = Struct("!II")
_PREFIX: Final = Struct("!BBII4x16s")


class PrefixInfo:
    """A prefix information option; lifetimes in seconds, 0xffffffff for ever."""

    __slots__ = ("prefix", "length", "on_link", "autonomous", "valid_s", "preferred_s")

    def __init__(
        self, prefix: bytes, length: int, on_link: bool, autonomous: bool, valid_s: int, preferred_s: int
    ) -> None:
        self.prefix = prefix
        self.length = length
        self.on_link = on_link
        self.autonomous = autonomous
        self.valid_s = valid_s
        self.preferred_s = preferred_s

    def emit_option(self) -> bytes:
        """As an option, 32 bytes."""
        flags = (PREFIX_ON_LINK if self.on_link else 0) | (PREFIX_AUTONOMOUS if self.autonomous else 0)
        return bytes((OPTION_PREFIX, 4)) + _PREFIX.pack(self.length, flags, self.valid_s, self.preferred_s, self.prefix)


class NdpOptions:
    """The options that a host reads; unknown ones are skipped, as RFC 4861 4.6 wants it."""

    __slots__ = ("source_link", "target_link", "prefixes", "redirected", "mtu", "nonce", "dns_servers")

    def __init__(self) -> None:
        self.source_link = b""
        self.target_link = b""
        self.prefixes: list[PrefixInfo] = []
        self.redirected = b""
        self.mtu = 0
        self.nonce = b""
        self.dns_servers: list[tuple[bytes, int]] = []

    @classmethod
    def parse(cls, data: bytes | memoryview) -> NdpOptions:
        """A message's options from their first byte to the message's end. Malformed on length 0 or beyond the end."""
        options = cls()
        data = bytes(data)
        at = 0
        while at < len(data):
            if at + 2 > len(data):
                raise Malformed(DropReason.BAD_OPTION)
            length = data[at + 1] * 8
            if length == 0 or at + length > len(data):
                raise Malformed(DropReason.BAD_OPTION)
            options._read(data[at], data[at + 2 : at + length])
            at += length
        return options

    def _read(self, kind: int, body: bytes) -> None:
        if kind == OPTION_SOURCE_LINK:
            self.source_link = body[:6]
        elif kind == OPTION_TARGET_LINK:
            self.target_link = body[:6]
        elif kind == OPTION_PREFIX and len(body) == 30:
            length, flags, valid, preferred, prefix = _PREFIX.unpack(body)
            if length <= 128:
                on_link, autonomous = flags & PREFIX_ON_LINK != 0, flags & PREFIX_AUTONOMOUS != 0
                self.prefixes.append(PrefixInfo(prefix, length, on_link, autonomous, valid, preferred))
        elif kind == OPTION_REDIRECTED:
            self.redirected = body[6:]
        elif kind == OPTION_MTU and len(body) == 6:
            self.mtu = int.from_bytes(body[2:6], "big")
        elif kind == OPTION_NONCE:
            self.nonce = body
        elif kind == OPTION_RDNSS and len(body) >= 22:
            lifetime = int.from_bytes(body[2:6], "big")
            self.dns_servers += [(body[at : at + 16], lifetime) for at in range(6, len(body) - 15, 16)]


def link_option(kind: int, mac: bytes) -> bytes:
    """A source or target link-layer address option for Ethernet."""
    return bytes((kind, 1)) + mac


class NeighborMessage:
    """The body of a neighbour solicitation or advertisement: target and options (flags are in the header's `rest`)."""

    __slots__ = ("target", "options")

    def __init__(self, target: bytes, options: NdpOptions) -> None:
        self.target = target
        self.options = options

    @classmethod
    def parse(cls, body: bytes | memoryview) -> NeighborMessage:
        """From behind the ICMPv6 header; Malformed."""
        if len(body) < 16:
            raise Malformed(DropReason.TRUNCATED)
        return cls(bytes(body[:16]), NdpOptions.parse(body[16:]))


class RouterAdvertisement:
    """A router advertisement; `router_lifetime_s` 0: not a default router. Timers in ms, 0: unspecified."""

    __slots__ = ("hop_limit", "flags", "router_lifetime_s", "reachable_ms", "retrans_ms", "options")

    def __init__(
        self,
        hop_limit: int,
        flags: int,
        router_lifetime_s: int,
        reachable_ms: int,
        retrans_ms: int,
        options: NdpOptions,
    ) -> None:
        self.hop_limit = hop_limit
        self.flags = flags
        self.router_lifetime_s = router_lifetime_s
        self.reachable_ms = reachable_ms
        self.retrans_ms = retrans_ms
        self.options = options

    @classmethod
    def parse(cls, rest: int, body: bytes | memoryview) -> RouterAdvertisement:
        """From the ICMPv6 header's second half and what follows; Malformed."""
        if len(body) < 8:
            raise Malformed(DropReason.TRUNCATED)
        reachable, retrans = _RA.unpack_from(body)
        return cls(rest >> 24, rest >> 16 & 0xFF, rest & 0xFFFF, reachable, retrans, NdpOptions.parse(body[8:]))
