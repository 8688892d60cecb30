"""The addresses of the sandbox's own network, and the names that it answers itself."""

from __future__ import annotations

from typing import Final

from sandbox.gateway.policy import HOST_NAME
from tcpip.addr import in_prefix, parse

PREFIX4: Final[bytes] = parse("10.0.2.0")
PREFIX4_LEN: Final = 24
GATEWAY4: Final[bytes] = parse("10.0.2.1")
HOST4: Final[bytes] = parse("10.0.2.2")
GUEST4: Final[bytes] = parse("10.0.2.15")

PREFIX6: Final[bytes] = parse("fd53:7461:636b::")
PREFIX6_LEN: Final = 64
GATEWAY6: Final[bytes] = parse("fd53:7461:636b::1")
HOST6: Final[bytes] = parse("fd53:7461:636b::2")
GUEST6: Final[bytes] = parse("fd53:7461:636b::15")

GATEWAY_MAC: Final = b"\x02\x53\x42\x00\x00\x01"
GUEST_MAC: Final = b"\x02\x53\x42\x00\x00\x15"
MTU: Final = 1500

DOMAIN: Final = "stackbox.internal"
GATEWAY_NAME: Final = "gateway.stackbox.internal"

OWN: Final = frozenset((GATEWAY4, GATEWAY6))
HOST: Final = frozenset((HOST4, HOST6))
GUEST: Final = frozenset((GUEST4, GUEST6))


def embedded_names(hostname: str) -> dict[str, tuple[bytes, bytes]]:
    """Name → its IPv4 and IPv6 address."""
    names = {
        DOMAIN: (GATEWAY4, GATEWAY6),
        GATEWAY_NAME: (GATEWAY4, GATEWAY6),
        HOST_NAME: (HOST4, HOST6),
    }
    if hostname:
        names.setdefault(hostname.lower(), (GUEST4, GUEST6))
    return names


def in_own_network(address: bytes) -> bool:
    """On the wire between guest and gateway."""
    if len(address) == 4:
        return in_prefix(address, PREFIX4, PREFIX4_LEN)
    return in_prefix(address, PREFIX6, PREFIX6_LEN) or (address[0] == 0xFE and address[1] & 0xC0 == 0x80)
