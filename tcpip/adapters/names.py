"""Names and addresses as programs write them: literals, "localhost", and what a table says. Nothing asks a name server."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence

# The system's, also while `tcpip.adapters.monkey` has others in their place.
from socket import getaddrinfo, getnameinfo
from typing import Any, Final

from tcpip.addr import IPV4_ANY, IPV4_LOOPBACK, SockAddr, parse, text
from tcpip.stack.stack import Stack

Hosts = Mapping[str, Sequence[str]]
"""Name in small letters → address literals, the preferred one first."""

LOCALHOST: Final = ("::1", "127.0.0.1")
INFO = tuple[int, int, int, str, tuple[Any, ...]]


def name_of(address: SockAddr) -> tuple[str, int] | tuple[str, int, int, int]:
    """A socket name as the standard library writes it."""
    if len(address.addr) == 4:
        return text(address.addr), address.port
    return text(address.addr), address.port, address.flowinfo, address.scope_id


def scope_of(stack: Stack, scope: str) -> int:
    """The number of an interface by its name or number; 0 without one."""
    nic = stack.find_nic(scope) if scope else None
    return nic.number if nic is not None else int(scope) if scope.isdecimal() else 0


def address_of(stack: Stack, host: str | None, port: int) -> SockAddr:
    """A literal (with %scope for link-local addresses), "localhost", or nothing: all of IPv4's. socket.gaierror: EAI_NONAME for another name."""
    if not host:
        return SockAddr(IPV4_ANY, port)
    if host == "localhost":
        return SockAddr(IPV4_LOOPBACK, port)
    literal, _, scope = host.partition("%")
    try:
        return SockAddr(parse(literal), port, scope_of(stack, scope))
    except ValueError as error:
        raise socket.gaierror(socket.EAI_NONAME, str(error)) from None


def get_address_info(
    stack: Stack, hosts: Hosts, host: Any, port: Any, family: int = 0, kind: int = 0, protocol: int = 0, flags: int = 0
) -> list[INFO]:
    """As socket.getaddrinfo, which is asked about literals and services only. socket.gaierror."""
    literals: Sequence[str | None] = (None,)
    if host is not None:
        name = host.decode("ascii") if isinstance(host, (bytes, bytearray)) else str(host)
        known = name.lower().rstrip(".")
        literals = hosts.get(known) or (LOCALHOST if known == "localhost" else (name,))
    if flags & socket.AI_NUMERICHOST and host is not None:
        literals = (name,)
    found: list[INFO] = []
    failure: socket.gaierror | None = None
    numeric = (flags & ~socket.AI_ADDRCONFIG) | (0 if host is None else socket.AI_NUMERICHOST)
    for literal in literals:
        if literal is not None and "%" in literal:
            bare, _, scope = literal.partition("%")
            literal = f"{bare}%{scope_of(stack, scope)}"
        try:
            found += getaddrinfo(literal, port, family, kind, protocol, numeric)
        except socket.gaierror as error:
            failure = error
    if not found and failure is not None:
        raise failure
    return found


def get_name_info(hosts: Hosts, address: tuple[Any, ...], flags: int = 0) -> tuple[str, str]:
    """As socket.getnameinfo. socket.gaierror: EAI_NONAME for an address without a name under NI_NAMEREQD."""
    host, service = getnameinfo(address, (flags | socket.NI_NUMERICHOST) & ~socket.NI_NAMEREQD)
    if flags & socket.NI_NUMERICHOST:
        return host, service
    names = [name for name, literals in hosts.items() if host in literals]
    if not names and host in LOCALHOST:
        names = ["localhost"]
    if not names and flags & socket.NI_NAMEREQD:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return (names[0] if names else host), service
