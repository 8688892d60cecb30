"""Interfaces of the network namespace that the sentry is in: what they have, taking it from the host's stack, and
giving it back at the end."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Final

from tcpip.addr import AF_INET, AF_INET6, is_link_local, parse, text

ARPHRD_ETHER: Final = 1
IFF_UP: Final = 1
RTN_UNICAST: Final = 1
IFA_F_NODAD: Final = 2
TABLE_MAIN: Final = 254


INITIAL_ONLY: Final = "/proc/sys/net/core/netdev_max_backlog"


def in_host_namespace() -> bool:
    """We are in the host's first network namespace: only that one has the settings that are not per namespace."""
    return os.path.exists(INITIAL_ONLY)


class HostInterface:
    """`addresses`: (address, prefix length), without IPv6 link-local ones (our stack makes its own)."""

    __slots__ = ("name", "index", "addresses", "broadcasts", "ipv6")

    def __init__(self, name: str, index: int) -> None:
        self.name = name
        self.index = index
        self.addresses: list[tuple[bytes, int]] = []
        self.broadcasts: dict[bytes, str] = {}  # of those addresses that have one
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


def take_over() -> tuple[list[HostInterface], list[HostRoute]]:
    """The Ethernet interfaces that are up, and the routes through them; their addresses are gone from the host's stack.

    OSError without CAP_NET_ADMIN over the namespace.
    """
    from pyroute2 import IPRoute
    from pyroute2.netlink.exceptions import NetlinkError

    with IPRoute() as ip:
        try:
            interfaces = _interfaces(ip)
            routes = _routes(ip, {interface.index for interface in interfaces})
            for interface in interfaces:
                _set_without_ipv6(interface.name, "1")
                ip.flush_addr(index=interface.index)
        except NetlinkError as error:
            raise OSError(error.code, os.strerror(error.code)) from None
    return interfaces, routes


class Loan:
    """The interfaces as they are before a sandbox takes them over, for the launcher, which keeps its privileges.

    OSError when the namespace cannot be asked, ImportError without pyroute2.
    """

    def __init__(self) -> None:
        from pyroute2 import IPRoute
        from pyroute2.netlink.exceptions import NetlinkError

        with IPRoute() as ip:
            try:
                self._interfaces = _interfaces(ip)
                self._routes = _routes(ip, {interface.index for interface in self._interfaces})
            except NetlinkError as error:
                raise OSError(error.code, os.strerror(error.code)) from None
        self._without_ipv6 = {interface.name: _without_ipv6(interface.name) for interface in self._interfaces}

    def give_back(self) -> None:
        """Addresses and routes as they were; what is gone meanwhile, or was put there by others, stays so."""
        from pyroute2 import IPRoute
        from pyroute2.netlink.exceptions import NetlinkError

        with IPRoute() as ip:
            for interface in self._interfaces:
                _set_without_ipv6(interface.name, self._without_ipv6[interface.name])
                for addr, length in interface.addresses:
                    with contextlib.suppress(NetlinkError):
                        _return_address(ip, interface, addr, length)
            for route in self._routes:
                with contextlib.suppress(NetlinkError):
                    _return_route(ip, route)


def _return_address(ip: Any, interface: HostInterface, addr: bytes, length: int) -> None:
    """IPv6 without another look for duplicates: it was there before."""
    more: dict[str, Any] = {"flags": IFA_F_NODAD} if len(addr) == 16 else {}
    if addr in interface.broadcasts:
        more["broadcast"] = interface.broadcasts[addr]
    ip.addr("add", index=interface.index, address=text(addr), prefixlen=length, **more)


def _return_route(ip: Any, route: HostRoute) -> None:
    """One that came with an address is there already, which the caller lets pass."""
    more: dict[str, Any] = {"gateway": text(route.gateway)} if route.gateway else {"scope": "link"}
    if route.metric:
        more["priority"] = route.metric
    more["proto"] = route.protocol
    family = AF_INET if len(route.prefix) == 4 else AF_INET6
    ip.route("add", family=family, dst=f"{text(route.prefix)}/{route.length}", oif=route.index, **more)


def _interfaces(ip: Any) -> list[HostInterface]:
    found: dict[int, HostInterface] = {}
    for link in ip.get_links():
        if link["ifi_type"] == ARPHRD_ETHER and link["flags"] & IFF_UP:
            found[link["index"]] = HostInterface(link.get_attr("IFLA_IFNAME"), link["index"])
    for entry in ip.get_addr():
        owner = found.get(entry["index"])
        where = entry.get_attr("IFA_LOCAL") or entry.get_attr("IFA_ADDRESS")
        if owner is None or not where:
            continue
        address = parse(where)
        owner.ipv6 = owner.ipv6 or len(address) == 16
        if len(address) == 4 or not is_link_local(address):
            owner.addresses.append((address, entry["prefixlen"]))
            broadcast = entry.get_attr("IFA_BROADCAST")
            if broadcast:
                owner.broadcasts[address] = broadcast
    return list(found.values())


def _routes(ip: Any, indexes: set[int]) -> list[HostRoute]:
    routes: list[HostRoute] = []
    for family, size in ((2, 4), (10, 16)):
        for entry in ip.get_routes(family=family, table=TABLE_MAIN):
            index = entry.get_attr("RTA_OIF")
            if entry["type"] != RTN_UNICAST or index not in indexes:
                continue
            dst, gateway = entry.get_attr("RTA_DST"), entry.get_attr("RTA_GATEWAY")
            prefix = parse(dst) if dst else bytes(size)
            if size == 16 and (is_link_local(prefix) or prefix[0] == 0xFF):
                continue
            metric = entry.get_attr("RTA_PRIORITY") or 0
            hop = parse(gateway) if gateway else b""
            routes.append(HostRoute(prefix, entry["dst_len"], hop, index, metric, entry["proto"]))
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
