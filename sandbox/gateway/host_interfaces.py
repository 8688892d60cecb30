"""Interfaces of the network namespace that the sentry is in: what they have, and taking it from the host's stack."""

from __future__ import annotations

from typing import Any, Final

from tcpip.addr import is_link_local, parse

ARPHRD_ETHER: Final = 1
IFF_UP: Final = 1
RTN_UNICAST: Final = 1
TABLE_MAIN: Final = 254


class HostInterface:
    """`addresses`: (address, prefix length), without IPv6 link-local ones (our stack makes its own)."""

    __slots__ = ("name", "index", "addresses", "ipv6")

    def __init__(self, name: str, index: int) -> None:
        self.name = name
        self.index = index
        self.addresses: list[tuple[bytes, int]] = []
        self.ipv6 = False  # it had some IPv6 address


class HostRoute:
    """One route of the main table through an interface; `gateway` b"": on link."""

    __slots__ = ("prefix", "length", "gateway", "index", "metric")

    def __init__(self, prefix: bytes, length: int, gateway: bytes, index: int, metric: int) -> None:
        self.prefix = prefix
        self.length = length
        self.gateway = gateway
        self.index = index
        self.metric = metric


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
                _silence_ipv6(interface.name)
                ip.flush_addr(index=interface.index)
        except NetlinkError as error:
            raise OSError(error.code, str(error)) from None
    return interfaces, routes


def _interfaces(ip: Any) -> list[HostInterface]:
    found: dict[int, HostInterface] = {}
    for link in ip.get_links():
        if link["ifi_type"] == ARPHRD_ETHER and link["flags"] & IFF_UP:
            found[link["index"]] = HostInterface(link.get_attr("IFLA_IFNAME"), link["index"])
    for entry in ip.get_addr():
        owner = found.get(entry["index"])
        text = entry.get_attr("IFA_LOCAL") or entry.get_attr("IFA_ADDRESS")
        if owner is None or not text:
            continue
        address = parse(text)
        owner.ipv6 = owner.ipv6 or len(address) == 16
        if len(address) == 4 or not is_link_local(address):
            owner.addresses.append((address, entry["prefixlen"]))
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
            routes.append(HostRoute(prefix, entry["dst_len"], parse(gateway) if gateway else b"", index, metric))
    return routes


def _silence_ipv6(name: str) -> None:
    """The host's stack is to have no link-local address there either, and to ask no router; without the right to
    say so its address only goes until the link comes up again."""
    try:
        with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w", encoding="ascii") as file:
            file.write("1")
    except OSError:
        return
