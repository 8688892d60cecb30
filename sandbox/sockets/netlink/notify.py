"""What members of the groups of NETLINK_ROUTE and NETLINK_KOBJECT_UEVENT are sent when the network changes.

One `Notifier` a network namespace, from when somebody first joins a group or asks for an echo: it watches the stack, and the
parts that change interfaces tell it the rest. A message has the sequence and port numbers of a request where Linux gives
them (rtnl_notify, net/core/rtnetlink.c); everything the kernel does by itself has zeros.

Not told: the multicast and anycast neighbours that Linux keeps, forwarding tables and multicast databases of bridges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6
from sandbox.sockets.inet.link_state import IFF_LOWER_UP, IFF_RUNNING, OPERSTATE, interface_flags, operational
from sandbox.sockets.inet.own_links import own_link
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink import neighbors, netconf, route_bodies, uevent
from tcpip.addr import is_link_local, is_loopback
from tcpip.stack.watch import StackWatch

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from sandbox.sockets.netlink.socket import NetlinkSocket
    from tcpip.network.neighbor import Neighbor
    from tcpip.stack.address import NicAddress
    from tcpip.stack.nic import Nic
    from tcpip.stack.route_table import RouteEntry

NETLINK_ROUTE: Final = 0
NETLINK_KOBJECT_UEVENT: Final = 15
GROUP_LINK: Final = 1
GROUP_NEIGH: Final = 3
GROUP_TC: Final = 4
GROUP_ADDRESS: Final = {AF_INET: 5, AF_INET6: 9}
GROUP_ROUTE: Final = {AF_INET: 7, AF_INET6: 11}
GROUP_RULE: Final = {AF_INET: 8, AF_INET6: 19}
GROUP_NEXTHOP: Final = 32
RTM_NEWNEXTHOP, RTM_DELNEXTHOP = 104, 105
GROUP_LINK6: Final = 12
GROUP_NETCONF: Final = {AF_INET: 24, AF_INET6: 25}
GROUP_NSID: Final = 28
GROUP_UEVENT: Final = 1

RTM_NEWLINK, RTM_DELLINK = 16, 17
RTM_NEWADDR, RTM_DELADDR = 20, 21
RTM_NEWROUTE, RTM_DELROUTE = 24, 25
RTM_NEWNEIGH, RTM_DELNEIGH = 28, 29
RTM_NEWRULE, RTM_DELRULE = 32, 33
RTM_NEWNETCONF, RTM_DELNETCONF = 80, 81
RTM_NEWQDISC, RTM_DELQDISC = 36, 37
RTM_NEWNSID, RTM_DELNSID = 88, 89

ALL: Final = 0xFFFFFFFF  # ifi_change of a link that comes or goes
_NEW_NETNSID, _NEW_IFINDEX = 45, 49
FRESH: Final = nl.NLM_F_CREATE | nl.NLM_F_EXCL


def _family(addr: bytes) -> int:
    return AF_INET if len(addr) == 4 else AF_INET6


class Notifier(StackWatch):
    """`request`: what is being done, by `asker`; None while the kernel does things by itself."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.request: Request | None = None
        self.asker: NetlinkSocket | None = None
        self._told = {nic: _state(nic) for nic in network.stack.nics.values()}  # how each link was told to stand
        network.stack.watch = self

    # Sending.

    def _send(self, group: int, kind: int, body: bytes, flags: int = 0, seq: bool = False, pid: bool = False) -> None:
        """To the group, and last to who asked for an echo. `seq`, `pid`: with the numbers of the request; what has its
        sequence number is echoed. Who has no port is sent only what leaves another out (do_one_broadcast)."""
        request, asker = self.request, self.asker
        echo = asker if seq and request is not None and request.flags & nl.NLM_F_ECHO else None
        ports = self.network.netlink_ports
        listeners = ports.members(NETLINK_ROUTE, group) if ports is not None else []
        if not listeners and echo is None:
            return
        number = request.seq if request is not None and seq else 0
        port = asker.port if asker is not None and pid else 0
        datagram = nl.message(kind, flags, number, port, body)
        for one in listeners:
            if one is not echo and (one.port or echo is not None):
                one.deliver(datagram, group)
        if echo is not None:
            echo.deliver(datagram, group)

    def _event(self, action: str, nic: Nic, old_name: str = "") -> None:
        ports = self.network.netlink_ports
        listeners = ports.members(NETLINK_KOBJECT_UEVENT, GROUP_UEVENT) if ports is not None else []
        if listeners:
            for datagram in uevent.of_link(self.network, action, nic, old_name):
                for one in listeners:
                    one.deliver(datagram, GROUP_UEVENT)

    # Links.

    def _echoes(self) -> bool:
        return self.request is not None and self.request.flags & nl.NLM_F_ECHO != 0

    def _link(self, nic: Nic, change: int, starting: bool = False) -> None:
        link = own_link(nic)
        if link is not None and not link.announced:
            return
        self._told[nic] = _state(nic, starting)
        self._send(GROUP_LINK, RTM_NEWLINK, route_bodies.link_body(self.network, nic, change, starting))

    def link_added(self, nic: Nic, asked: bool = False) -> None:
        for family in (AF_INET, AF_INET6):
            self._netconf(family, nic)
        self._event("add", nic)
        self._told[nic] = _state(nic)
        echoed = asked and self._echoes()
        self._send(GROUP_LINK, RTM_NEWLINK, route_bodies.link_body(self.network, nic, ALL), 0, echoed, echoed)

    def link_leaving(self, nic: Nic) -> None:
        for family in (AF_INET, AF_INET6):
            self._send(GROUP_NETCONF[family], RTM_DELNETCONF, netconf.body(self.network, family, nic, gone=True))

    def link_removed(self, nic: Nic, moved: tuple[int, int] | None = None) -> None:
        link = own_link(nic)
        if link is None or link.announced:
            body = route_bodies.link_body(self.network, nic, ALL)
            if moved is not None:
                body += nl.u32(_NEW_NETNSID, moved[0]) + nl.u32(_NEW_IFINDEX, moved[1])
            echoed = self.request is not None and self.request.type == RTM_DELLINK and self._echoes()
            self._send(GROUP_LINK, RTM_DELLINK, body, 0, echoed, echoed)
        self._event("remove", nic)
        self._told.pop(nic, None)

    def link_turned(self, nic: Nic, told: int) -> None:
        """The carrier is looked at later (net/core/link_watch.c)."""
        self._link(nic, told, starting=nic.up and operational(nic) == "up")
        if not nic.up:
            rows = [one for one in nic.stack.routes.entries if one.nic is nic and len(one.prefix) == 16]
            for entry in sorted(rows, key=_prefix):
                self._route(RTM_DELROUTE, entry, 0)
            for address in sorted(nic.addresses_of(AF_INET6), key=_addr):
                if not address.tentative:
                    self._local(RTM_DELROUTE, nic, address, 0)
            if any([is_link_local(address.addr) for address in nic.addresses_of(AF_INET6)]):
                self._groups(RTM_DELROUTE, nic, 0)

    def link_changed(self, nic: Nic) -> None:
        self._link(nic, 0)

    def link_renamed(self, nic: Nic, old_name: str) -> None:
        self._event("move", nic, old_name)
        self._link(nic, 0)
        for family in (AF_INET, AF_INET6):
            self._send(GROUP_NETCONF[family], RTM_DELNETCONF, netconf.body(self.network, family, nic, gone=True))
            self._netconf(family, nic)

    def link_settled(self, nic: Nic) -> None:
        if nic.up and self._told.get(nic) != _state(nic):
            self._link(nic, 0)

    def _netconf(self, family: int, nic: Nic) -> None:
        self._send(GROUP_NETCONF[family], RTM_NEWNETCONF, netconf.body(self.network, family, nic))

    # Addresses, and their rows of the local table.

    def address_added(self, nic: Nic, address: NicAddress, route: RouteEntry | None) -> None:
        """IPv4: inet_insert_ifa, fib_add_ifaddr. IPv6: inet6_addr_add; what the kernel configures by itself is told when
        nobody has objected."""
        if len(address.addr) == 16:
            if route is not None:
                self.route_added(route)
            if not address.tentative:
                self._address(RTM_NEWADDR, nic, address)
                self._local(RTM_NEWROUTE, nic, address, FRESH)
                if nic.loopback and is_loopback(address.addr):
                    self._send(GROUP_LINK6, RTM_NEWLINK, route_bodies.link6_body(nic))
            elif not address.dynamic and not is_link_local(address.addr):
                self._address(RTM_NEWADDR, nic, address)
            return
        self._address(RTM_NEWADDR, nic, address, True)
        self._local(RTM_NEWROUTE, nic, address, FRESH)
        if route is not None:
            self.prefix_routed(nic, address, route)

    def prefix_routed(self, nic: Nic, address: NicAddress, route: RouteEntry | None) -> None:
        """Its broadcast address gets one with that, and before that when somebody has named it."""
        body = route_bodies.broadcast_body(nic, address) if address.broadcast else b""
        named = address.broadcast_told and not nic.loopback
        if body and named:
            self._send(GROUP_ROUTE[AF_INET], RTM_NEWROUTE, body, FRESH)
        if route is not None:
            self.route_added(route)
        if body and not named:
            self._send(GROUP_ROUTE[AF_INET], RTM_NEWROUTE, body, FRESH)

    def address_changed(self, nic: Nic, address: NicAddress) -> None:
        self._address(RTM_NEWADDR, nic, address)
        if not address.deprecated:
            self._local(RTM_NEWROUTE, nic, address, FRESH)

    def address_removed(self, nic: Nic, address: NicAddress, route: RouteEntry | None) -> None:
        """IPv4: fib_del_ifaddr. IPv6: ipv6_del_addr; a link that is down has none of its rows any more."""
        six = len(address.addr) == 16
        self._address(RTM_DELADDR, nic, address, not six)
        if six:
            if nic.up:
                if not address.tentative:
                    self._local(RTM_DELROUTE, nic, address, 0)
                if route is not None:
                    self.route_removed(route)
            return
        if route is not None and nic.up:
            self.route_removed(route)
            if address.broadcast:
                body = route_bodies.broadcast_body(nic, address)
                self._send(GROUP_ROUTE[AF_INET], RTM_DELROUTE, body)
        self._local(RTM_DELROUTE, nic, address, 0)

    def _address(self, kind: int, nic: Nic, address: NicAddress, seq: bool = False) -> None:
        family = _family(address.addr)
        seq = seq and self.request is not None and self.request.type in (RTM_NEWADDR, RTM_DELADDR)
        self._send(GROUP_ADDRESS[family], kind, route_bodies.address_body(nic, address), 0, seq, seq)

    def _local(self, kind: int, nic: Nic, address: NicAddress, flags: int) -> None:
        group = GROUP_ROUTE[_family(address.addr)]
        self._send(group, kind, route_bodies.own_body(nic, address), flags)

    def _groups(self, kind: int, nic: Nic, flags: int) -> None:
        self._send(GROUP_ROUTE[AF_INET6], kind, route_bodies.groups_body(nic), flags)

    # Routes, rules, neighbours, namespaces.

    def _route(self, kind: int, entry: RouteEntry, flags: int, seq: bool = False) -> None:
        if entry.protocol == "kernel" and entry.nic is not None and entry.nic.loopback and len(entry.prefix) == 4:
            body = route_bodies.loopback_body(entry)
        else:
            body = route_bodies.route_body(entry)
        self._send(GROUP_ROUTE[_family(entry.prefix)], kind, body, flags, seq, seq)

    def route_added(self, entry: RouteEntry) -> None:
        nic = entry.nic
        flags = self._place(entry)
        if nic is not None and entry.length == 64 and entry.protocol == "kernel" and is_link_local(entry.prefix):
            self._groups(RTM_NEWROUTE, nic, flags)
            self._route(RTM_NEWROUTE, entry, flags)
            self._send(GROUP_LINK6, RTM_NEWLINK, route_bodies.link6_body(nic))
        else:
            self._route(RTM_NEWROUTE, entry, flags, self._asked())

    def _place(self, entry: RouteEntry) -> int:
        """How it came into the table: an IPv6 row beside others of its prefix is not the only one."""
        flags = FRESH
        for other in self.network.stack.routes.entries:
            if other is entry or other.table != entry.table or other.metric != entry.metric:
                continue
            if other.length != entry.length or other.prefix != entry.prefix:
                continue
            if self.request is not None and self.request.flags & nl.NLM_F_APPEND:
                return nl.NLM_F_CREATE | nl.NLM_F_APPEND
            if len(entry.prefix) == 16:
                flags = nl.NLM_F_CREATE
        return flags

    def _asked(self) -> bool:
        """It is a route that the request is about."""
        return self.request is not None and self.request.type in (RTM_NEWROUTE, RTM_DELROUTE)

    def route_replaced(self, entry: RouteEntry) -> None:
        """It is in another's place."""
        self._route(RTM_NEWROUTE, entry, nl.NLM_F_REPLACE, True)

    def route_removed(self, entry: RouteEntry) -> None:
        self._route(RTM_DELROUTE, entry, 0, self._asked())

    def rule(self, added: bool, family: int, body: bytes) -> None:
        """A routing rule has come or gone."""
        self._send(GROUP_RULE[family], RTM_NEWRULE if added else RTM_DELRULE, body, 0, True, True)

    def next_hop(self, added: bool, body: bytes, flags: int = 0) -> None:
        """A next hop has come, changed or gone."""
        self._send(GROUP_NEXTHOP, RTM_NEWNEXTHOP if added else RTM_DELNEXTHOP, body, flags, True, True)

    def qdisc(self, added: bool, body: bytes) -> None:
        """A queueing discipline has come, changed or gone."""
        self._send(GROUP_TC, RTM_NEWQDISC if added else RTM_DELQDISC, body, 0, True, True)

    def traffic(self, kind: int, body: bytes) -> None:
        """A class, filter or chain has come, changed or gone; the flags are the request's (tfilter_notify)."""
        flags = self.request.flags if self.request is not None else 0
        self._send(GROUP_TC, kind, body, flags, True, True)

    def neighbor_changed(self, neighbor: Neighbor) -> None:
        self._send(GROUP_NEIGH, RTM_NEWNEIGH, neighbors.body(neighbor), 0, False, True)

    def neighbor_removed(self, neighbor: Neighbor) -> None:
        self._send(GROUP_NEIGH, RTM_DELNEIGH, neighbors.body(neighbor))

    def namespace(self, added: bool, body: bytes) -> None:
        """Another namespace has got a number here, or has lost it."""
        asked = self.request is not None and self.request.type == RTM_NEWNSID
        self._send(GROUP_NSID, RTM_NEWNSID if added else RTM_DELNSID, body, 0, asked, asked)


def _prefix(entry: RouteEntry) -> tuple[bytes, int]:
    return entry.prefix, entry.length


def _addr(address: NicAddress) -> bytes:
    return address.addr


def _state(nic: Nic, starting: bool = False) -> tuple[int, int]:
    """Flags and operational state that make a message when they change by themselves."""
    flags = interface_flags(nic) & (IFF_RUNNING | IFF_LOWER_UP)
    return (flags & ~IFF_RUNNING, -1) if starting else (flags, OPERSTATE[operational(nic)])


def notifier_of(network: Network) -> Notifier:
    """The namespace's; from now on there is one."""
    if network.notifier is None:
        network.notifier = Notifier(network)
    return network.notifier
