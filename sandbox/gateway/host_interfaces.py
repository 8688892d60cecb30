"""Interfaces of the network namespace that the sentry is in: what they have, taking it from the host's stack, and
giving it back at the end."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Final

from sandbox.gateway import host_rtnetlink as rt
from sandbox.gateway.host_rtnetlink import RtNetlink, number
from tcpip.addr import AF_INET, AF_INET6, is_link_local

ARPHRD_ETHER: Final = 1
IFF_UP: Final = 1
IFA_F_NODAD: Final = 2

ROUNDS: Final = 16
INITIAL_ONLY: Final = "/proc/sys/net/core/netdev_max_backlog"


def in_host_namespace() -> bool:
    """We are in the host's first network namespace: only that one has the settings that are not per namespace."""
    return os.path.exists(INITIAL_ONLY)


class HostInterface:
    """`addresses`: (address, prefix length), without IPv6 link-local ones (our stack makes its own)."""

    __slots__ = ("name", "index", "up", "mtu", "mac", "addresses", "broadcasts", "ipv6")

    def __init__(self, name: str, index: int, up: bool, mtu: int, mac: bytes) -> None:
        self.name = name
        self.index = index
        self.up = up
        self.mtu = mtu
        self.mac = mac
        self.addresses: list[tuple[bytes, int]] = []
        self.broadcasts: dict[bytes, bytes] = {}  # of those addresses that have one
        self.ipv6 = False  # it had some IPv6 address


class HostRoute:
    """One route of the main table through an interface; `gateway` b"": on link."""

    __slots__ = ("prefix", "length", "gateway", "index", "metric", "protocol")

    def __init__(self, prefix: bytes, length: int, gateway: bytes, index: int, metric: int, protocol: int) -> None:
        self.prefix = prefix
        self.length = length
        self.gateway = gateway
        self.index = index
        self.metric = metric
        self.protocol = protocol  # who has made it

    def key(self) -> tuple[bytes, int, bytes, int, int]:
        """What makes it another one."""
        return self.prefix, self.length, self.gateway, self.metric, self.index


def take_over() -> tuple[list[HostInterface], list[HostRoute]]:
    """The Ethernet interfaces that are up, and the routes through them; their addresses are gone from the host's stack.

    OSError without CAP_NET_ADMIN over the namespace.
    """
    with RtNetlink() as host:
        interfaces, routes = _in_use(host)
        for interface in interfaces:
            _set_without_ipv6(interface.name, "1")
        _flush(host, {interface.index for interface in interfaces})
    return interfaces, routes


def _in_use(host: RtNetlink) -> tuple[list[HostInterface], list[HostRoute]]:
    interfaces = [interface for interface in interfaces_of(host) if interface.up]
    return interfaces, routes_of(host, {interface.index for interface in interfaces})


def _flush(host: RtNetlink, indexes: set[int]) -> None:
    """Until nothing is there: some go with others, and some come up in place of others."""
    for _ in range(ROUNDS):
        left = [
            (index, parts.get(rt.IFA_LOCAL) or parts[rt.IFA_ADDRESS], length)
            for (_, length, _, _, index), parts in host.dump(rt.RTM_GETADDR, 0, rt.ADDRESS)
            if index in indexes
        ]
        if not left:
            return
        for index, addr, length in left:
            try:
                host.remove_address(index, addr, length)
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise


def close_ears() -> bool:
    """What arrives by the interfaces of this network namespace, also of those that come later, is not the host's stack's any
    more: it knows its own addresses for what is sent in the namespace alone. False where the host has no rules of routing."""
    try:
        with RtNetlink() as host:
            for family in (AF_INET, AF_INET6):
                with contextlib.suppress(FileExistsError):
                    host.add_rule(family, 0, rt.TABLE_LOCAL)
                with contextlib.suppress(FileNotFoundError):
                    host.remove_rule(family, 0, rt.TABLE_LOCAL)
    except OSError:
        return False
    return True


class Loan:
    """The interfaces as they are before a sandbox takes them over, for the launcher, which keeps its privileges.

    OSError when the namespace cannot be asked.
    """

    def __init__(self) -> None:
        with RtNetlink() as host:
            self._interfaces, self._routes = _in_use(host)
        self._without_ipv6 = {interface.name: _without_ipv6(interface.name) for interface in self._interfaces}

    def give_back(self) -> None:
        """Addresses and routes as they were; what is gone meanwhile, or was put there by others, stays so."""
        with RtNetlink() as host:
            for interface in self._interfaces:
                _set_without_ipv6(interface.name, self._without_ipv6[interface.name])
                for addr, length in interface.addresses:
                    with contextlib.suppress(OSError):
                        _return_address(host, interface, addr, length)
            for route in self._routes:
                with contextlib.suppress(OSError):  # one that came with an address is there already
                    host.add_route(route.prefix, route.length, route.gateway, route.index, route.metric, route.protocol)


def _return_address(host: RtNetlink, interface: HostInterface, addr: bytes, length: int) -> None:
    """IPv6 without another look for duplicates: it was there before."""
    flags = IFA_F_NODAD if len(addr) == 16 else 0
    host.add_address(interface.index, addr, length, interface.broadcasts.get(addr, b""), flags)


def interfaces_of(host: RtNetlink) -> list[HostInterface]:
    """The Ethernet interfaces, with their addresses."""
    found: dict[int, HostInterface] = {}
    for (_, kind, index, flags, _), parts in host.dump(rt.RTM_GETLINK, 0, rt.LINK):
        if kind == ARPHRD_ETHER:
            name = parts[rt.IFLA_IFNAME].rstrip(b"\0").decode()
            mtu, mac = number(parts, rt.IFLA_MTU), parts.get(rt.IFLA_ADDRESS, b"")
            found[index] = HostInterface(name, index, bool(flags & IFF_UP), mtu, mac)
    for (_, length, _, _, index), parts in host.dump(rt.RTM_GETADDR, 0, rt.ADDRESS):
        owner = found.get(index)
        address = parts.get(rt.IFA_LOCAL) or parts.get(rt.IFA_ADDRESS)
        if owner is None or not address:
            continue
        owner.ipv6 = owner.ipv6 or len(address) == 16
        if len(address) == 4 or not is_link_local(address):
            owner.addresses.append((address, length))
            if rt.IFA_BROADCAST in parts:
                owner.broadcasts[address] = parts[rt.IFA_BROADCAST]
    return list(found.values())


def routes_of(host: RtNetlink, indexes: set[int]) -> list[HostRoute]:
    """Of the main table, through these interfaces."""
    routes: list[HostRoute] = []
    for family, size in ((AF_INET, 4), (AF_INET6, 16)):
        for fields, parts in host.dump(rt.RTM_GETROUTE, family, rt.ROUTE):
            of, length, _, _, table, protocol, _, kind, _ = fields
            index = number(parts, rt.RTA_OIF)
            table = number(parts, rt.RTA_TABLE) or table
            if (of, table, kind) != (family, rt.TABLE_MAIN, rt.RTN_UNICAST) or index not in indexes:
                continue
            prefix = parts.get(rt.RTA_DST, bytes(size))
            if size == 16 and (is_link_local(prefix) or prefix[0] == 0xFF):
                continue
            metric, hop = number(parts, rt.RTA_PRIORITY), parts.get(rt.RTA_GATEWAY, b"")
            routes.append(HostRoute(prefix, length, hop, index, metric, protocol))
    return routes


def _without_ipv6(name: str) -> str:
    """`0` or `1`; empty when it cannot be read."""
    try:
        with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _set_without_ipv6(name: str, value: str) -> None:
    """With `1` the host's stack has no link-local address there either, and asks no router; without the right to
    say so its address only goes until the link comes up again."""
    try:
        with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w", encoding="ascii") as file:
            file.write(value)
    except OSError:
        return
