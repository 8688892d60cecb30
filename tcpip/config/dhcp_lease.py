"""What a DHCP server grants, read from its message with everything checked and bounded.

Implements: RFC 2131 4.4.1, 4.4.5 (T1, T2), RFC 2132 3-9, RFC 3442.
"""

from __future__ import annotations

from typing import Final

from tcpip.addr import IPV4_ANY, is_loopback, is_multicast, masked, subnet_broadcast
from tcpip.clock import NS_PER_S
from tcpip.errors import Malformed
from tcpip.header import dhcp as wire
from tcpip.header.dhcp import DhcpMessage

MIN_LEASE: Final = 16
"""Seconds; a shorter lease is kept for so long, else a server could have us ask all the time."""
INFINITE: Final = 0xFFFFFFFF
MAX_ROUTES: Final = 64
MAX_SERVERS: Final = 8
MAX_NAME: Final = 253
MIN_MTU: Final = 576


class Lease:
    """One lease. Times are seconds from when it was asked for; `mtu` is 0 when the server says nothing usable.

    `routes`: (prefix, length, gateway; empty for on link).
    """

    __slots__ = ("addr", "prefix_len", "server", "routes", "dns", "domain", "mtu", "seconds", "t1", "t2")

    def __init__(self, addr: bytes, prefix_len: int, server: bytes, seconds: int) -> None:
        self.addr = addr
        self.prefix_len = prefix_len
        self.server = server
        self.routes: list[tuple[bytes, int, bytes]] = []
        self.dns: list[bytes] = []
        self.domain = ""
        self.mtu = 0
        self.seconds = seconds
        self.t1 = seconds // 2
        self.t2 = seconds * 7 // 8

    @property
    def infinite(self) -> bool:
        return self.seconds == INFINITE

    @classmethod
    def parse(cls, message: DhcpMessage) -> Lease | None:
        """From an OFFER or ACK; None when address, server or mask are none that a host can use."""
        options = message.options
        addr = message.yiaddr
        server = options.get(wire.OPTION_SERVER_ID, b"")
        seconds = _number(options.get(wire.OPTION_LEASE_TIME, b""), 4)
        if not is_host(addr) or len(server) != 4 or not is_host(server) or seconds < 0:
            return None
        prefix_len = _prefix_len(options.get(wire.OPTION_SUBNET_MASK, b""), addr)
        if prefix_len < 1 or (prefix_len < 31 and addr in (masked(addr, prefix_len), _broadcast(addr, prefix_len))):
            return None
        lease = cls(addr, prefix_len, server, max(seconds, MIN_LEASE))
        t1, t2 = _number(options.get(wire.OPTION_T1, b""), 4), _number(options.get(wire.OPTION_T2, b""), 4)
        if 0 < t1 < t2 < lease.seconds:
            lease.t1, lease.t2 = t1, t2
        lease.routes = _routes(options)
        lease.dns = [a for a in wire.parse_addresses(options.get(wire.OPTION_DNS, b""), MAX_SERVERS) if is_host(a)]
        lease.domain = _name(options.get(wire.OPTION_DOMAIN_NAME, b""))
        mtu = _number(options.get(wire.OPTION_MTU, b""), 2)
        lease.mtu = mtu if mtu >= MIN_MTU else 0
        return lease

    def t1_ns(self) -> int:
        return self.t1 * NS_PER_S

    def t2_ns(self) -> int:
        return self.t2 * NS_PER_S

    def lease_ns(self) -> int:
        return self.seconds * NS_PER_S


def is_host(addr: bytes) -> bool:
    """An IPv4 address that a host on a network may have."""
    return addr[0] != 0 and addr[0] < 240 and not is_multicast(addr) and not is_loopback(addr)


def _broadcast(addr: bytes, prefix_len: int) -> bytes:
    return subnet_broadcast(addr, prefix_len)


def _number(value: bytes, size: int) -> int:
    """-1 when it is not there or has another size."""
    return int.from_bytes(value, "big") if len(value) == size else -1


def _prefix_len(mask: bytes, addr: bytes) -> int:
    """Without a mask the address's class counts; 0 for one with holes."""
    if not mask:
        return 8 if addr[0] < 128 else 16 if addr[0] < 192 else 24
    host = 0xFFFFFFFF ^ _number(mask, 4)
    return 32 - host.bit_length() if len(mask) == 4 and host & (host + 1) == 0 else 0


def _routes(options: dict[int, bytes]) -> list[tuple[bytes, int, bytes]]:
    """Classless routes make those of the router option void (RFC 3442)."""
    classless = options.get(wire.OPTION_CLASSLESS_ROUTES, b"")
    if classless:
        try:
            found = wire.parse_classless_routes(classless, MAX_ROUTES)
            return [(p, n, b"" if g == IPV4_ANY else g) for p, n, g in found if g == IPV4_ANY or is_host(g)]
        except Malformed:
            pass
    routers = wire.parse_addresses(options.get(wire.OPTION_ROUTER, b""), 1)
    return [(IPV4_ANY, 0, router) for router in routers if is_host(router)]


def _name(value: bytes) -> str:
    """A domain name of letters, digits, dots, hyphens and underscores; anything else is no name."""
    name = value.rstrip(b"\0").decode("ascii", "replace")
    good = len(name) <= MAX_NAME and all(c.isascii() and (c.isalnum() or c in ".-_") for c in name)
    return name if good else ""
