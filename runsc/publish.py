"""The form of a `--publish` rule: [ADDR:]HOSTPORT:GUESTPORT[/tcp|/udp]."""

from __future__ import annotations

import _socket
from typing import Final

from runsc.failure import UsageError

FORM: Final = "[ADDR:]HOSTPORT:GUESTPORT[/tcp|/udp]"


class Published:
    """A host port and the port inside that it leads to."""

    __slots__ = ("address", "host_port", "guest_port", "protocol")

    def __init__(self, address: str, host_port: int, guest_port: int, protocol: str) -> None:
        self.address = address
        self.host_port = host_port
        self.guest_port = guest_port
        self.protocol = protocol


def parse_publish(text: str) -> Published:
    """Raises UsageError."""
    ports, slash, protocol = text.partition("/")
    if slash and protocol not in ("tcp", "udp"):
        raise UsageError(f"--publish {text!r}: {protocol!r} is neither tcp nor udp; the form is {FORM}")
    address, host, guest = "127.0.0.1", "", ""
    if ports.startswith("["):
        address, _, rest = ports[1:].partition("]:")
        host, _, guest = rest.partition(":")
    else:
        parts = ports.split(":")
        if len(parts) == 3:
            address, host, guest = parts
        elif len(parts) == 2:
            host, guest = parts
    for port in (host, guest):
        if not (port.isascii() and port.isdigit()) or not 0 < int(port) <= 65535:
            raise UsageError(f"--publish {text!r}: {port!r} is not a port; the form is {FORM}")
    try:
        _socket.inet_pton(_socket.AF_INET6 if ":" in address else _socket.AF_INET, address)
    except OSError:
        raise UsageError(f"--publish {text!r}: {address!r} is not an address; the form is {FORM}") from None
    return Published(address, int(host), int(guest), protocol or "tcp")


def check_publish(text: str, network: str) -> Published:
    """Also that there is a network to publish on."""
    published = parse_publish(text)
    if network in ("none", "internal"):
        raise UsageError(f"--publish {text!r}: --network is {network}, which has no host side")
    return published
