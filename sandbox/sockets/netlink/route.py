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
from sandbox.sockets.inet.link_state import (
    OPERSTATE,
    address_flags,
    carries,
    interface_flags,
    interface_type,
    operational,
)
from sandbox.sockets.inet.own_links import kind_of, own_link
from sandbox.sockets.net_errno import ERRNO, syscall_error
from sandbox.sockets.netlink import link_change, namespace_ids, route_change, rules
from sandbox.sockets.netlink import message as nl
from tcpip.addr import is_link_local, is_loopback
from tcpip.errors import NetworkError

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.kernel.task import Task
    from sandbox.sockets.netlink.message import Request
    from tcpip.stack.address import NicAddress
    from tcpip.stack.nic import Nic
    from tcpip.stack.route_table import RouteEntry

RTM_NEWLINK: Final = 16
RTM_DELLINK: Final = 17
RTM_GETLINK: Final = 18
RTM_SETLINK: Final = 19
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
RTM_NEWNSID: Final = 88
RTM_GETNSID: Final = 90
RTM_MAX: Final = 123
_GETS: Final = 2  # kinds come in fours: NEW, DEL, GET, SET

_IFINFO: Final = struct.Struct("<BxHiII")
_IFADDR: Final = struct.Struct("<BBBBI")
_RTMSG: Final = struct.Struct("<BBBBBBBBI")
_CACHED: Final = struct.Struct("<8I")  # struct rta_cacheinfo: references first; there are no times to tell
_RTA_CACHEINFO, _RTA_UID = 12, 25
_NDMSG: Final = struct.Struct("<BxxxiHBB")
_CACHEINFO: Final = struct.Struct("<IIII")
_STATS: Final = 24  # fields of rtnl_link_stats64

SCOPE_UNIVERSE: Final = 0
SCOPE_LINK: Final = 253
SCOPE_HOST: Final = 254
TABLE_COMPAT: Final = 252
TABLE_MAIN: Final = 254
TABLE_LOCAL: Final = 255
RTM_F_CLONED: Final = 0x200
RTCF_LOCAL: Final = 1 << 31
RTN_UNICAST: Final = 1
RTN_LOCAL: Final = 2
RTN_BROADCAST: Final = 3
PROTO_KERNEL: Final = 2
PROTO_STATIC: Final = 4
RTNH_F_LINKDOWN: Final = 16
_NUD: Final = {0: 0x01, 1: 0x02, 2: 0x04, 3: 0x08, 4: 0x10, 5: 0x20, 6: 0x80}  # the neighbour's state as NUD_*


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
    if not request.dump:
        raise SyscallError(errno.EOPNOTSUPP)
    if kind == RTM_GETNEIGH:
        return nl.dump(request, port, RTM_NEWNEIGH, _neighbors(network, _family(request)))
    if kind == RTM_GETRULE:
        return nl.dump(request, port, RTM_NEWRULE, rules.bodies(network, _family(request)))
    if kind == RTM_GETQDISC:
        return nl.dump(request, port, RTM_NEWQDISC, [])
    raise SyscallError(errno.EOPNOTSUPP)


def _family(request: Request) -> int:
    """The first byte of every request's fixed part."""
    return request.body[0] if request.body else AF_UNSPEC


# --- links ---


def link_body(network: Network, nic: Nic) -> bytes:
    """struct ifinfomsg and attributes of one interface."""
    counts = (nic.rx_packets, nic.tx_packets, nic.rx_bytes, nic.tx_bytes, 0, 0, nic.rx_dropped, nic.tx_dropped)
    stats = counts + (0,) * (_STATS - len(counts))
    parts = [
        _IFINFO.pack(AF_UNSPEC, interface_type(nic), nic.number, interface_flags(nic), 0),
        nl.string(3, nic.name),
        nl.u32(13, 1000),  # IFLA_TXQLEN
        nl.u8(16, OPERSTATE[operational(nic)]),
        nl.u8(17, 0),
        nl.u32(4, nic.mtu),
        nl.u32(27, 0),
        nl.u32(30, 0),
        nl.u32(31, 1),
        nl.u32(32, 1),
        nl.u8(33, int(carries(nic))),
        nl.string(6, _qdisc(nic)),
        nl.attribute(1, nic.mac or bytes(6)),
        nl.attribute(2, b"\xff" * 6 if nic.mac else bytes(6)),
        nl.attribute(23, struct.pack(f"<{_STATS}Q", *stats)),
        nl.attribute(7, struct.pack(f"<{_STATS}I", *(value & 0xFFFFFFFF for value in stats))),
        link_change.info(network, nic),
    ]
    return b"".join(parts)


def _qdisc(nic: Nic) -> str:
    """What sends: nothing until it has been up."""
    link = own_link(nic)
    if link is not None and not link.activated:
        return "noop"
    return "noqueue" if nic.loopback or link is not None else "fq_codel"


def _get_link(network: Network, request: Request, port: int) -> list[bytes]:
    if request.dump:
        return nl.dump(
            request, port, RTM_NEWLINK, [link_body(network, nic) for _, nic in sorted(network.stack.nics.items())]
        )
    nic = link_change.find(network, request.header(_IFINFO)[2], request.attributes(_IFINFO.size))
    return [nl.message(RTM_NEWLINK, 0, request.seq, port, link_body(network, nic))]


# --- addresses ---


def address_body(nic: Nic, address: NicAddress) -> bytes:
    """struct ifaddrmsg and attributes of one address."""
    addr = address.addr
    four = len(addr) == 4
    flags = address_flags(address)
    scope = SCOPE_HOST if is_loopback(addr) else SCOPE_LINK if is_link_local(addr) else SCOPE_UNIVERSE
    parts = [_IFADDR.pack(AF_INET if four else AF_INET6, address.prefix_len, flags, scope, nic.number)]
    parts.append(nl.attribute(1, addr))
    if four:
        parts.append(nl.attribute(2, addr))
        if address.broadcast and address.broadcast_told and not nic.loopback:
            parts.append(nl.attribute(4, address.broadcast))
        parts.append(nl.string(3, nic.name))
    parts.append(nl.u32(8, flags))
    parts.append(nl.attribute(6, _CACHEINFO.pack(0xFFFFFFFF, 0xFFFFFFFF, 0, 0)))
    return b"".join(parts)


def _get_addr(network: Network, request: Request, port: int, strict: bool) -> list[bytes]:
    if not request.dump:
        raise SyscallError(errno.EOPNOTSUPP)
    family, index = _family(request), 0
    if strict and len(request.body) >= _IFADDR.size:
        index = request.header(_IFADDR)[4]
    bodies = [
        address_body(nic, address)
        for wanted in (AF_INET, AF_INET6)
        if family in (AF_UNSPEC, wanted)
        for nic in network.stack.nics.values()
        if not index or nic.number == index
        for address in nic.addresses_of(wanted)
    ]
    return nl.dump(request, port, RTM_NEWADDR, bodies, filtered=bool(index))


# --- routes ---


def route_body(entry: RouteEntry) -> bytes:
    """struct rtmsg and attributes of one row of a table other than the local one."""
    four = len(entry.prefix) == 4
    known = {name: number for number, name in route_change.PROTOCOLS.items()}
    protocol = int(entry.protocol) if entry.protocol.isdecimal() else known.get(entry.protocol, PROTO_STATIC)
    scope = SCOPE_LINK if four and not entry.gateway and entry.error is None else SCOPE_UNIVERSE
    if entry.kind == "local" and four:
        scope = SCOPE_HOST
    kind = next(number for number, name in route_change.KINDS.items() if name == entry.kind)
    family = AF_INET if four else AF_INET6
    table = entry.table if entry.table < 256 else TABLE_COMPAT
    flags = RTNH_F_LINKDOWN if entry.nic is not None and not carries(entry.nic) else 0
    parts = [_RTMSG.pack(family, entry.length, 0, 0, table, protocol, scope, kind, flags), nl.u32(15, entry.table)]
    if entry.length:
        parts.append(nl.attribute(1, entry.prefix))
    if entry.metric or not four:
        parts.append(nl.u32(6, entry.metric or 1024))
    if entry.source:
        parts.append(nl.attribute(7, entry.source))
    if entry.gateway:
        parts.append(nl.attribute(5, entry.gateway))
    if entry.nic is not None:
        parts.append(nl.u32(4, entry.nic.number))
    elif not four:
        parts.append(nl.u32(4, 1))  # reject routes of IPv6 go to the loopback
    if not four:
        parts.append(nl.u8(20, 0))  # RTA_PREF: medium
    return b"".join(parts)


def _local_body(nic: Nic, addr: bytes, length: int, kind: int, source: bytes) -> bytes:
    """A row of the local table."""
    four = len(addr) == 4
    scope = (SCOPE_HOST if kind == RTN_LOCAL else SCOPE_LINK) if four else SCOPE_UNIVERSE
    family = AF_INET if four else AF_INET6
    body = _RTMSG.pack(family, length, 0, 0, TABLE_LOCAL, PROTO_KERNEL, scope, kind, 0) + nl.u32(15, TABLE_LOCAL)
    body += nl.attribute(1, addr) + nl.u32(4, nic.number)
    return body + (nl.attribute(7, source) if four else nl.u32(6, 0))


def _local_bodies(network: Network, family: int) -> list[bytes]:
    bodies = []
    for nic in network.stack.nics.values():
        for address in nic.addresses_of(family):
            addr = address.addr
            if family == AF_INET and nic.loopback:
                bodies.append(_local_body(nic, b"\x7f\0\0\0", 8, RTN_LOCAL, addr))
            bodies.append(_local_body(nic, addr, len(addr) * 8, RTN_LOCAL, addr))
            if address.broadcast:
                bodies.append(_local_body(nic, address.broadcast, 32, RTN_BROADCAST, addr))
    return bodies


def _get_route(t: Task, network: Network, request: Request, port: int, strict: bool) -> list[bytes]:
    if not request.dump:
        return [nl.message(RTM_NEWROUTE, 0, request.seq, port, _lookup(t, network, request))]
    family = _family(request)
    table = 0
    if strict and len(request.body) >= _RTMSG.size:
        asked = request.attributes(_RTMSG.size).get(15)
        table = int.from_bytes(asked[:4], "little") if asked else request.header(_RTMSG)[4]
    bodies: list[bytes] = []
    for wanted, size in ((AF_INET, 4), (AF_INET6, 16)):
        if family not in (AF_UNSPEC, wanted):
            continue
        bodies += [route_body(entry) for entry in _rows(network, size) if table in (0, entry.table)]
        if table in (0, TABLE_LOCAL):
            bodies += _local_bodies(network, wanted)
    known = {entry.table for entry in network.stack.routes.entries}
    if table not in (0, TABLE_MAIN, TABLE_LOCAL) and table not in known:
        raise SyscallError(errno.ENOENT)
    return nl.dump(request, port, RTM_NEWROUTE, bodies, filtered=bool(table))


def _rows(network: Network, size: int) -> list[RouteEntry]:
    """By table; IPv4 by prefix as a trie has it, IPv6 the longest prefix last. The loopback's own is a row of the local
    table."""
    rows = [entry for entry in reversed(network.stack.routes.entries) if len(entry.prefix) == size]
    if size == 16:
        return sorted(rows, key=_table)
    rows = [e for e in rows if not (e.protocol == "kernel" and e.nic is not None and e.nic.loopback)]
    return sorted(rows, key=_place)


def _table(entry: RouteEntry) -> int:
    return entry.table & 255


def _place(entry: RouteEntry) -> tuple[int, bytes, int, int]:
    return entry.table & 255, entry.prefix, -entry.length, entry.metric


def _lookup(t: Task, network: Network, request: Request) -> bytes:
    """`ip route get`, and what getaddrinfo's sorting would want."""
    family = request.header(_RTMSG)[0]
    attributes = request.attributes(_RTMSG.size)
    dst, src = attributes.get(1, b""), attributes.get(2, b"")
    size = 4 if family == AF_INET else 16
    if len(dst) != size or len(src) not in (0, size):
        raise SyscallError(errno.EINVAL)
    try:
        route = network.stack.find_route(dst, src)
    except NetworkError as error:
        raise SyscallError(ERRNO[error.error]) from None
    kind, table, flags = RTN_UNICAST, TABLE_MAIN, RTM_F_CLONED
    if route.local:
        kind = RTN_LOCAL
        if family == AF_INET:  # local and main are one table while there are no rules of others (fib_lookup)
            flags |= RTCF_LOCAL
        else:
            table = TABLE_LOCAL
    body = _RTMSG.pack(family, size * 8, 0, 0, table, 0, 0, kind, flags) + nl.u32(15, table)
    body += nl.attribute(1, dst) + nl.u32(4, route.nic.number) + nl.attribute(7, route.src)
    if route.next_hop != dst:
        body += nl.attribute(5, route.next_hop)
    if family == AF_INET:
        body += nl.u32(_RTA_UID, t.creds.uid)
    return body + nl.attribute(_RTA_CACHEINFO, _CACHED.pack(1, 0, 0, 0, 0, 0, 0, 0))


# --- neighbours ---


def _neighbors(network: Network, family: int) -> list[bytes]:
    bodies = []
    for nic in network.stack.nics.values():
        for addr, neighbor in nic.neighbors.entries.items():
            kind = AF_INET if len(addr) == 4 else AF_INET6
            if family not in (AF_UNSPEC, kind):
                continue
            state = _NUD.get(neighbor.state, 0)
            body = _NDMSG.pack(kind, nic.number, state, 0, RTN_UNICAST) + nl.attribute(1, addr)
            bodies.append(body + nl.attribute(2, neighbor.mac) if neighbor.mac else body)
    return bodies


# --- changes ---


def _change(t: Task, network: Network, request: Request) -> list[bytes]:
    """What is done is acknowledged by the caller."""
    if not t.creds.has_in(network.user(), CAP_NET_ADMIN):
        raise SyscallError(errno.EPERM)
    if request.type in (RTM_NEWRULE, rules.RTM_DELRULE):
        return rules.change(network, request)
    if request.type in (RTM_NEWROUTE, route_change.RTM_DELROUTE):
        return route_change.change(network, request)
    if request.type in (RTM_NEWLINK, RTM_SETLINK):
        link_change.change(t, network, request)
        return []
    if request.type == RTM_NEWNSID:
        return namespace_ids.new(t, network, request)
    if request.type == RTM_DELLINK:
        nic = link_change.find(network, request.header(_IFINFO)[2], request.attributes(_IFINFO.size))
        link_change.delete_link(network, nic)
        return []
    if request.type in (RTM_NEWADDR, RTM_DELADDR):
        family, length, _, _, index = request.header(_IFADDR)
        attributes = request.attributes(_IFADDR.size)
        addr = attributes.get(2, attributes.get(1, b""))
        found = network.stack.nics.get(index)
        if found is None:
            raise SyscallError(errno.ENODEV)
        if len(addr) != (4 if family == AF_INET else 16):
            raise SyscallError(errno.EINVAL)
        _check_own(found)
        try:
            if request.type == RTM_NEWADDR:
                if addr in found.addresses:
                    raise SyscallError(errno.EEXIST)
                found.add_address(addr, length, dad=False).broadcast_told = 4 in attributes  # IFA_BROADCAST
                if not found.up:  # there is nobody yet
                    network.stack.routes.entries = [e for e in network.stack.routes.entries if e.nic is not found]
                    network.stack.changed()
            else:
                found.remove_address(addr)
        except NetworkError as error:
            raise syscall_error(error) from None
        return []
    raise SyscallError(errno.EOPNOTSUPP)


def _check_own(nic: Nic) -> None:
    """The loopback and what it has made are the guest's; the way out is the sandbox's."""
    if not nic.loopback and not kind_of(nic):
        raise SyscallError(errno.EPERM)
