"""NETLINK_ROUTE (rtnetlink(7)): what iproute2 and the C library's getifaddrs and getaddrinfo ask.

Dumps and single gets of links, addresses, routes, neighbours and rules. Who has CAP_NET_ADMIN can change routes and
rules, which are the guest's own way of looking things up, and make links that lead to one another; addresses and whether a link is up
only there and on the loopback: the sandbox's network is not the guest's to change.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_NET_ADMIN
from sandbox.abi.linux.socket import AF_INET, AF_INET6, AF_UNSPEC
from sandbox.errors import SyscallError
from sandbox.sockets.inet.link_state import listed
from sandbox.sockets.inet.own_links import kind_of
from sandbox.sockets.net_errno import ERRNO
from sandbox.sockets.netlink import (
    address_change,
    address_labels,
    link_change,
    namespace_ids,
    neighbors,
    netconf,
    route_change,
    route_views,
    rules,
)
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.route_bodies import (
    IFADDR,
    IFINFO,
    RTMSG,
    address_body,
    link6_body,
    link_body,
    local_bodies,
    route_body,
)
from sandbox.sockets.netlink.route_parts import metrics_body
from tcpip.errors import NetworkError
from tcpip.stack.route_flow import RouteFlow

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from sandbox.sockets.netlink.message import Request
    from tcpip.stack.nic import Nic
    from tcpip.stack.route_table import RouteEntry

RTM_NEWLINK: Final = 16
RTM_DELLINK: Final = 17
RTM_GETLINK: Final = 18
RTM_SETLINK: Final = 19
RTM_NEWLINKPROP: Final = 108
RTM_NEWADDR: Final = 20
RTM_DELADDR: Final = 21
RTM_GETADDR: Final = 22
RTM_NEWROUTE: Final = 24
RTM_GETROUTE: Final = 26
RTM_NEWNEIGH: Final = 28
RTM_GETNEIGH: Final = 30
RTM_NEWRULE: Final = 32
RTM_GETRULE: Final = 34
RTM_NEWQDISC: Final = 36
RTM_GETQDISC: Final = 38
RTM_GETTCLASS: Final = 42
RTM_GETNETCONF: Final = 82
RTM_NEWMDB: Final = 84
RTM_GETMDB: Final = 86
RTM_NEWNSID: Final = 88
RTM_GETNSID: Final = 90
RTM_GETSTATS: Final = 94
RTM_GETNEIGHTBL: Final = 66
RTM_SETNEIGHTBL: Final = 67
RTM_NEWNEXTHOP: Final = 104
RTM_GETNEXTHOP: Final = 106
RTM_MAX: Final = 123
_OF_FILTERS: Final = (44, 45, 46, 102)  # filters, and chains that there are of them
_MULTICAST_ROUTERS: Final = (128, 129)  # RTNL_FAMILY_IPMR, RTNL_FAMILY_IP6MR: nobody is one
_OF_CLASSES: Final = (40, 41)
_GETS: Final = 2  # kinds come in fours: NEW, DEL, GET, SET

_OF_BRIDGES: Final = (RTM_SETLINK, RTM_DELLINK, RTM_NEWNEIGH, neighbors.RTM_DELNEIGH)
_CACHED: Final = struct.Struct("<8I")  # struct rta_cacheinfo: references first; there are no times to tell
_RTA_OIF, _RTA_CACHEINFO, _RTA_MARK, _RTA_UID = 4, 12, 16, 25
_RTA_PREF, _RTA_IP_PROTO, _RTA_SPORT, _RTA_DPORT = 20, 27, 28, 29
_WITH_PORTS: Final = (6, 17, 1, 58)

TABLE_MAIN: Final = 254
TABLE_LOCAL: Final = 255
RTM_F_CLONED: Final = 0x200
RTCF_LOCAL: Final = 1 << 31
RTN_UNICAST: Final = 1
RTN_LOCAL: Final = 2


def answer(t: Task, network: Network, request: Request, port: int, strict: bool) -> list[bytes]:
    """The datagrams that answer a request. SyscallError becomes NLMSG_ERROR."""
    kind = request.type
    if kind > RTM_MAX:
        raise SyscallError(errno.EOPNOTSUPP)
    if kind & 3 != _GETS:
        return _change(t, network, request)
    if kind == RTM_GETLINK:
        return _get_link(network, request, port)
    if kind == RTM_GETADDR:
        return _get_addr(network, request, port, strict)
    if kind == RTM_GETROUTE:
        return _get_route(t, network, request, port, strict)
    if kind == RTM_GETNSID:
        return namespace_ids.get(t, network, request, port)
    if kind == RTM_GETNEIGH:
        return _get_neigh(network, request, port, strict)
    if kind == RTM_GETNETCONF:
        return netconf.get(network, request, port)
    if kind == RTM_GETSTATS:
        return route_views.counts(network, request, port)
    if kind == RTM_GETNEIGHTBL:
        from sandbox.sockets.netlink import neighbor_tables

        return neighbor_tables.get(network, request, port)
    if kind == RTM_GETNEXTHOP:
        from sandbox.sockets.netlink import nexthops

        return nexthops.get(network, request, port)
    if kind == address_labels.RTM_GETADDRLABEL:
        return address_labels.get(network, request, port)
    if kind == RTM_GETQDISC and not request.dump:
        from sandbox.sockets.netlink import qdisc_change

        body = qdisc_change.find(network, request)
        return [nl.message(RTM_NEWQDISC, 0, request.seq, port, body)] if body else []
    if kind in _OF_FILTERS:
        from sandbox.sockets.netlink import filter_show

        return filter_show.get(network, request, port)
    if kind == RTM_GETTCLASS:
        from sandbox.sockets.netlink import class_change

        if request.dump:
            return nl.dump(request, port, kind - _GETS, class_change.classes(network, request))
        return [nl.message(kind - _GETS, 0, request.seq, port, body) for body in class_change.change(network, request)]
    if not request.dump:
        raise SyscallError(errno.EOPNOTSUPP)
    if kind == RTM_GETRULE:
        return nl.dump(request, port, RTM_NEWRULE, rules.bodies(network, _family(request)))
    if kind == RTM_GETQDISC:
        return nl.dump(request, port, RTM_NEWQDISC, route_views.qdiscs(network))
    if kind == RTM_GETMDB and _family(request) == route_views.AF_BRIDGE:
        return nl.dump(request, port, RTM_NEWMDB, [])  # multicasts go to every port
    raise SyscallError(errno.EOPNOTSUPP)


def _family(request: Request) -> int:
    """The first byte of every request's fixed part."""
    return request.body[0] if request.body else AF_UNSPEC


def _get_neigh(network: Network, request: Request, port: int, strict: bool) -> list[bytes]:
    """Neighbours, or what bridges know."""
    if _family(request) != route_views.AF_BRIDGE:
        return neighbors.get(network, request, port)
    from sandbox.sockets.netlink import bridge_table

    if request.dump:
        return nl.dump(request, port, RTM_NEWNEIGH, bridge_table.bodies(network, request, strict))
    return [nl.message(RTM_NEWNEIGH, 0, request.seq, port, bridge_table.one(network, request))]


# --- links ---


def _get_link(network: Network, request: Request, port: int) -> list[bytes]:
    if request.dump and _family(request) == route_views.AF_BRIDGE:
        return nl.dump(request, port, RTM_NEWLINK, route_views.bridge_ports(network))
    if request.dump and _family(request) == AF_INET6:
        nics = [nic for _, nic in sorted(network.stack.nics.items())]
        return nl.dump(request, port, RTM_NEWLINK, [link6_body(nic) for nic in nics if not nic.disable_ipv6])
    if request.dump:
        return nl.dump(
            request, port, RTM_NEWLINK, [link_body(network, nic) for _, nic in sorted(network.stack.nics.items())]
        )
    nic = link_change.find(network, request.header(IFINFO)[2], request.attributes(IFINFO.size))
    return [nl.message(RTM_NEWLINK, 0, request.seq, port, link_body(network, nic))]


# --- addresses ---


def _get_addr(network: Network, request: Request, port: int, strict: bool) -> list[bytes]:
    if not request.dump:
        raise SyscallError(errno.EOPNOTSUPP)
    family, index = _family(request), 0
    if strict and len(request.body) >= IFADDR.size:
        index = request.header(IFADDR)[4]
    bodies = [
        address_body(nic, address)
        for wanted in (AF_INET, AF_INET6)
        if family in (AF_UNSPEC, wanted)
        for nic in network.stack.nics.values()
        if not index or nic.number == index
        for address in listed(nic, wanted)
    ]
    return nl.dump(request, port, RTM_NEWADDR, bodies, filtered=bool(index))


# --- routes ---


def _get_route(t: Task, network: Network, request: Request, port: int, strict: bool) -> list[bytes]:
    if not request.dump:
        return [nl.message(RTM_NEWROUTE, 0, request.seq, port, _lookup(t, network, request))]
    family = _family(request)
    if family in _MULTICAST_ROUTERS:
        return nl.dump(request, port, RTM_NEWROUTE, [])
    table = 0
    if strict and len(request.body) >= RTMSG.size:
        asked = request.attributes(RTMSG.size).get(15)
        table = int.from_bytes(asked[:4], "little") if asked else request.header(RTMSG)[4]
    bodies: list[bytes] = []
    for wanted, size in ((AF_INET, 4), (AF_INET6, 16)):
        if family not in (AF_UNSPEC, wanted):
            continue
        bodies += [route_body(entry) for entry in _rows(network, size) if table in (0, entry.table)]
        if table in (0, TABLE_LOCAL):
            bodies += local_bodies(network, wanted)
    if table not in (0, TABLE_MAIN, TABLE_LOCAL) and table not in network.stack.routes.tables:
        raise SyscallError(errno.ENOENT)
    return nl.dump(request, port, RTM_NEWROUTE, bodies, filtered=bool(table))


def _rows(network: Network, size: int) -> list[RouteEntry]:
    """By table; IPv4 by prefix as a trie has it, IPv6 as a tree is walked whose nodes come after what is below them
    (net/ipv6/ip6_fib.c: fib6_walk_continue). The loopback's own is a row of the local table."""
    rows = [entry for entry in network.stack.routes.entries if len(entry.prefix) == size]
    if size == 16:
        return sorted(rows, key=_place6)
    rows = [e for e in rows if not (e.protocol == "kernel" and e.nic is not None and e.nic.loopback)]
    return sorted(rows, key=_place)


def _place6(entry: RouteEntry) -> tuple[int, int, int, int]:
    last = int.from_bytes(entry.prefix, "big") | (1 << 128 - entry.length) - 1
    return entry.table & 255, last, -entry.length, entry.metric


def _place(entry: RouteEntry) -> tuple[int, bytes, int, int, int]:
    return entry.table & 255, entry.prefix, -entry.length, -entry.tos, entry.metric


def _lookup(t: Task, network: Network, request: Request) -> bytes:
    """`ip route get`, and what getaddrinfo's sorting would want."""
    family = request.header(RTMSG)[0]
    attributes = request.attributes(RTMSG.size)
    dst, src = attributes.get(1, b""), attributes.get(2, b"")
    size = 4 if family == AF_INET else 16
    if len(dst) != size or len(src) not in (0, size):
        raise SyscallError(errno.EINVAL)
    number, mark = (int.from_bytes(attributes.get(one, b"")[:4], "little") for one in (_RTA_OIF, _RTA_MARK))
    if number and number not in network.stack.nics:
        raise SyscallError(errno.ENODEV)
    flow = _flow(t, request.header(RTMSG)[3], attributes)
    try:
        route = network.stack.find_route(dst, src, number, mark, flow)
    except NetworkError as error:
        raise SyscallError(ERRNO[error.error]) from None
    kind, table, flags = RTN_UNICAST, route.table, RTM_F_CLONED
    if route.local:
        kind = RTN_LOCAL
        if family == AF_INET:  # local and main are one table while there are no rules of others (fib_lookup)
            flags |= RTCF_LOCAL
        if family == AF_INET6 or not network.stack.rules.plain:
            table = TABLE_LOCAL
    src_len = size * 8 if src or family == AF_INET6 else 0
    row = None if route.local else network.stack.routes.lookup(dst, route.nic.number, route.table, flow.tos)
    tos = row.tos if row is not None else 0
    body = RTMSG.pack(family, size * 8, src_len, tos, table if table < 256 else 252, 0, 0, kind, flags) + nl.u32(
        15, table
    )
    body += nl.attribute(1, dst)
    if src and family == AF_INET:
        body += nl.attribute(2, src) + nl.u32(4, route.nic.number)  # asked for, not chosen (rt_fill_info)
    else:
        body += nl.attribute(2, src or bytes(size)) if family == AF_INET6 else b""
        body += nl.u32(4, route.nic.number) + nl.attribute(7, route.src)
    if route.next_hop != dst:
        body += nl.attribute(5, route.next_hop)
    body += metrics_body(route.metrics)
    if family == AF_INET:
        body += nl.u32(_RTA_MARK, mark) if mark else b""
        body += nl.u32(_RTA_UID, flow.uid)
    else:
        body += nl.u32(6, row.metric if row is not None else 0)
    body += nl.attribute(_RTA_CACHEINFO, _CACHED.pack(1, 0, 0, 0, 0, 0, 0, 0))
    return body if family == AF_INET else body + nl.u8(_RTA_PREF, 0)


def _flow(t: Task, tos: int, attributes: dict[int, bytes]) -> RouteFlow:
    """What rules may look at, too. Some protocols are taken (rtm_getroute_parse_ip_proto): EOPNOTSUPP for others."""
    protocol = attributes.get(_RTA_IP_PROTO, b"\0")[0]
    if _RTA_IP_PROTO in attributes and protocol not in _WITH_PORTS:
        raise nl.Refusal(errno.EOPNOTSUPP, "Unsupported ip proto")
    sport, dport = (int.from_bytes(attributes.get(one, b"")[:2], "big") for one in (_RTA_SPORT, _RTA_DPORT))
    uid = attributes.get(_RTA_UID)
    return RouteFlow(tos, protocol, sport, dport, t.creds.uid if uid is None else int.from_bytes(uid[:4], "little"))


# --- changes ---


def _change(t: Task, network: Network, request: Request) -> list[bytes]:
    """What is done is acknowledged by the caller."""
    if not t.creds.has_in(network.user(), CAP_NET_ADMIN):
        raise SyscallError(errno.EPERM)
    if request.type in (RTM_NEWRULE, rules.RTM_DELRULE):
        return rules.change(network, request)
    if request.type in (RTM_NEWROUTE, route_change.RTM_DELROUTE):
        return route_change.change(network, request)
    if _family(request) == route_views.AF_BRIDGE and request.type in _OF_BRIDGES:
        from sandbox.sockets.netlink import bridge_change

        if request.type in (RTM_SETLINK, RTM_DELLINK):
            bridge_change.set_link(network, request)
        else:
            bridge_change.change_entry(network, request)
        return []
    if request.type in (RTM_NEWLINK, RTM_SETLINK):
        link_change.change(t, network, request)
        return []
    if _rare_change(network, request):
        return []
    if request.type == RTM_NEWNSID:
        return namespace_ids.new(t, network, request)
    if request.type == RTM_DELLINK:
        nic = link_change.find(network, request.header(IFINFO)[2], request.attributes(IFINFO.size))
        link_change.delete_link(network, nic)
        return []
    if request.type in (RTM_NEWADDR, RTM_DELADDR):
        wanted = address_change.Wanted(network, request)
        _check_own(wanted.nic)
        if request.type == RTM_NEWADDR:
            address_change.add(wanted, request)
        else:
            address_change.delete(wanted)
        return []
    if request.type in (RTM_NEWNEIGH, neighbors.RTM_DELNEIGH):
        _check_own(neighbors.nic_of(network, request))
        (neighbors.add if request.type == RTM_NEWNEIGH else neighbors.delete)(network, request)
        return []
    raise SyscallError(errno.EOPNOTSUPP)


def _rare_change(network: Network, request: Request) -> bool:
    """What few ask for: disciplines, labels, tables of neighbours, next hops, other names. False: it is none of these."""
    kind = request.type
    if kind in (RTM_NEWQDISC, RTM_NEWQDISC + 1):
        from sandbox.sockets.netlink import qdisc_change

        qdisc_change.change(network, request)
    elif kind in _OF_CLASSES:
        from sandbox.sockets.netlink import class_change

        class_change.change(network, request)
    elif kind in _OF_FILTERS:
        from sandbox.sockets.netlink import filter_change

        filter_change.change(network, request)
    elif kind == RTM_SETNEIGHTBL:
        from sandbox.sockets.netlink import neighbor_tables

        neighbor_tables.change(network, request)
    elif kind in (RTM_NEWNEXTHOP, RTM_NEWNEXTHOP + 1):
        from sandbox.sockets.netlink import nexthops

        nexthops.change(network, request)
    elif kind in (RTM_NEWLINKPROP, RTM_NEWLINKPROP + 1):
        from sandbox.sockets.netlink import link_names

        link_names.change(network, request)
    elif kind in (address_labels.RTM_NEWADDRLABEL, address_labels.RTM_DELADDRLABEL):
        address_labels.change(network, request)
    else:
        return False
    return True


def _check_own(nic: Nic) -> None:
    """The loopback and what it has made are the guest's; the way out is the sandbox's."""
    if not nic.loopback and not kind_of(nic):
        raise SyscallError(errno.EPERM)
