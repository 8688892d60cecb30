"""Routes to those who are on the link: they come and go with the addresses that say that there are such
(net/ipv4/fib_frontend.c: fib_add_ifaddr, fib_del_ifaddr; net/ipv6/addrconf.c: addrconf_prefix_route)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip.addr import masked
from tcpip.stack.route_table import RouteEntry

if TYPE_CHECKING:
    from tcpip.stack.address import NicAddress
    from tcpip.stack.nic import Nic

IPV6_METRIC = 256
"""IP6_RT_PRIO_ADDRCONF."""


def of(nic: Nic, prefix: bytes, length: int) -> RouteEntry | None:
    """The route to those who share a prefix, when an address has made it."""
    for entry in nic.stack.routes.entries:
        if entry.nic is nic and entry.length == length and entry.prefix == prefix and entry.protocol == "kernel":
            return entry
    return None


def add(nic: Nic, address: NicAddress) -> RouteEntry | None:
    """The route of an address's subnet, where it has one and no other address has made it. One of IPv6 whose peer is told has
    a second one, to that."""
    if not address.routed:
        return None
    six = len(address.addr) == 16
    route = None
    if address.prefix_len < len(address.addr) * 8 or address.peer:  # else there is nobody but itself
        route = _add(nic, address, address.addr if six else address.subnet(), address.prefix_len)
    if six and address.peer:
        second = _add(nic, address, address.peer, 128)
        if second is not None and nic.stack.watch is not None:
            nic.stack.watch.route_added(second)
    return route


def _add(nic: Nic, address: NicAddress, addr: bytes, length: int) -> RouteEntry | None:
    prefix = masked(addr, length)
    if of(nic, prefix, length) is not None:
        return None
    six = len(addr) == 16
    metric = address.metric or (IPV6_METRIC if six else 0)
    route = RouteEntry(prefix, length, nic, b"", metric, b"", None, "kernel")
    if not six:
        route.source = address.addr
    nic.stack.routes.add(route)
    return route


def leave(nic: Nic, address: NicAddress) -> RouteEntry | None:
    """The route of an address that has gone, when that goes too: others of its prefix keep it."""
    length = address.prefix_len
    six = len(address.addr) == 16
    if six and address.peer:
        second = of(nic, address.peer, 128)
        if second is not None:
            nic.stack.routes.remove(second)
            if nic.stack.watch is not None and nic.up:
                nic.stack.watch.route_removed(second)
    route = of(nic, masked(address.addr, length) if six else address.subnet(), length)
    if route is None or route.source not in (b"", address.addr):
        return None
    for other in nic.addresses.values():
        if other.prefix_len == length and not other.dynamic and other.routed and other.subnet() == route.prefix:
            if route.source:
                route.source = other.addr
            return None
    nic.stack.routes.remove(route)
    return route
