"""Ordinary host sockets of the gateway: made non-blocking, closed on exec, never by a name that needs looking up."""

from __future__ import annotations

import _socket
import errno
from typing import Final

from sandbox.gateway import address_plan as plan
from sandbox.host_files import keep
from tcpip.addr import text

AF_INET: Final = _socket.AF_INET
AF_INET6: Final = _socket.AF_INET6
_FLAGS: Final = _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC


def targets(address: bytes, port: int) -> list[tuple[int, str, int]]:
    """Where on the host packets to `address` go: (family, address, port), to be tried in order.

    The host's own loopback has one name inside and may listen in either family there.
    """
    loopback = [(AF_INET, "127.0.0.1", port), (AF_INET6, "::1", port)]
    if address == plan.HOST4:
        return loopback
    if address == plan.HOST6:
        return loopback[::-1]
    return [(AF_INET if len(address) == 4 else AF_INET6, text(address), port)]


def _kept(sock: _socket.socket) -> _socket.socket:
    """A socket of a guest's. OSError when there are too many."""
    return _socket.socket(fileno=keep(sock.detach()))


def open_stream(family: int) -> _socket.socket:
    """A TCP socket. OSError."""
    sock = _kept(_socket.socket(family, _socket.SOCK_STREAM | _FLAGS, 0))
    sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    return sock


def open_datagram(family: int) -> _socket.socket:
    """A UDP socket. OSError."""
    return _kept(_socket.socket(family, _socket.SOCK_DGRAM | _FLAGS, 0))


def open_ping(family: int) -> _socket.socket:
    """A ping socket (icmp(7), net.ipv4.ping_group_range). OSError."""
    protocol = _socket.IPPROTO_ICMP if family == AF_INET else _socket.IPPROTO_ICMPV6
    return _kept(_socket.socket(family, _socket.SOCK_DGRAM | _FLAGS, protocol))


def open_listener(address: str, port: int, datagram: bool = False) -> _socket.socket:
    """A bound host socket, listening when it is a stream. OSError (address in use)."""
    family = AF_INET6 if ":" in address else AF_INET
    kind = _socket.SOCK_DGRAM if datagram else _socket.SOCK_STREAM
    sock = _socket.socket(family, kind | _FLAGS, 0)
    try:
        if not datagram:
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        if family == AF_INET6:
            sock.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        if not datagram:
            sock.listen(128)
    except OSError:
        sock.close()
        raise
    return sock


def has_ipv6() -> bool:
    """The host has a way to the IPv6 Internet (a route and a source; nothing is sent)."""
    try:
        sock = open_datagram(AF_INET6)
    except OSError:
        return False
    try:
        return sock.connect_ex(("2001:db8::1", 9)) not in (
            errno.ENETUNREACH,
            errno.EADDRNOTAVAIL,
            errno.EHOSTUNREACH,
            errno.EACCES,
            errno.EAFNOSUPPORT,
        )
    finally:
        sock.close()
