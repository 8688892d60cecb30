"""The bodies of NETLINK_ROUTE's messages about links, addresses and routes (rtnetlink(7), include/uapi/linux/if_link.h):
the same for an answer, a dump and a notification."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6, AF_UNSPEC
from sandbox.sockets.inet.link_state import (
    IFF_ALLMULTI,
    IFF_PROMISC,
    IFF_RUNNING,
    OPERSTATE,
    address_flags,
    carries,
    has_carrier,
    interface_flags,
    interface_type,
    is_secondary,
    operational,
    queue_length,
    without_carrier,
)
from sandbox.sockets.inet.own_links import TUN, kind_of, own_link
from sandbox.sockets.netlink import link_info, route_change, route_parts
from sandbox.sockets.netlink import message as nl
from tcpip.addr import IPV4_LOOPBACK, is_link_local, is_loopback
from tcpip.clock import NS_PER_S

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from tcpip.stack.address import NicAddress
    from tcpip.stack.nic import Nic
    from tcpip.stack.route_table import RouteEntry

IFINFO: Final = struct.Struct("<BxHiII")
IFADDR: Final = struct.Struct("<BBBBI")
RTMSG: Final = struct.Struct("<BBBBBBBBI")
_CACHEINFO: Final = struct.Struct("<IIII")
_ROUTE_CACHEINFO: Final = 12
_USER_HZ: Final = 100
_MOST_TICKS: Final = 0x7FFFFFFF
_NO_TIMES: Final = bytes(32)  # struct rta_cacheinfo of a row that does not end
_GROUP: Final = 27  # IFLA_GROUP
_IFALIAS: Final = 20
_PROP_LIST: Final = 0x8000 | 52
_ALT_IFNAME: Final = 53
_STATS: Final = 24  # fields of rtnl_link_stats64
_MIN_MTU, _MAX_MTU = 50, 51
_AF_SPEC, _GSO_MAX_SEGS, _GSO_MAX_SIZE, _ALLMULTI = 26, 40, 41, 61
_GRO_MAX_SIZE, _TSO_MAX_SIZE, _TSO_MAX_SEGS = 58, 59, 60
_SEGMENTED_MOST: Final = 65536  # GSO_LEGACY_MAX_SIZE, of every new interface
_TSO_MOST: Final = 8 * 65535  # TSO_MAX_SIZE
_PROTINFO, _INET6_FLAGS, IF_READY = 12, 1, 0x80000000
_TOKEN: Final = 7
_ADDR_GEN_MODE: Final = 8
_IFA_PROTO: Final = 11
_FROM_LOOPBACK, _FROM_ROUTER, _LINK_LOCAL = 1, 2, 3  # IFAPROT_KERNEL_*

SCOPE_UNIVERSE: Final = 0
SCOPE_LINK: Final = 253
SCOPE_HOST: Final = 254
TABLE_COMPAT: Final = 252
TABLE_LOCAL: Final = 255
RTN_LOCAL: Final = 2
RTN_BROADCAST: Final = 3
RTN_MULTICAST: Final = 5
PROTO_KERNEL: Final = 2
PROTO_STATIC: Final = 4
_CARRIER_CHANGES, _CARRIER_UPS, _CARRIER_DOWNS = 35, 47, 48
RTNH_F_LINKDOWN: Final = 16


# --- links ---


def link_body(network: Network, nic: Nic, change: int = 0, starting: bool = False) -> bytes:
    """struct ifinfomsg and attributes of one interface. `change`: flags that have changed. `starting`: it is up, and has not
    looked for a carrier yet."""
    flags, state = interface_flags(nic), operational(nic)
    if starting:
        flags, state = flags & ~IFF_RUNNING, without_carrier(nic)
    stats = counts(nic)
    parts = [
        IFINFO.pack(AF_UNSPEC, interface_type(nic), nic.number, flags, change),
        nl.string(3, nic.name),
        nl.u32(13, queue_length(nic)),  # IFLA_TXQLEN
        nl.u8(16, OPERSTATE[state]),
        nl.u8(17, 0),
        nl.u32(4, nic.mtu),
        nl.u32(_GROUP, nic.group),
        nl.u32(30, int(flags & IFF_PROMISC != 0)),
        nl.u32(31, 1),
        nl.u32(32, 1),
        nl.u8(33, int(carries(nic))),
        _carrier_counts(nic),
        nl.string(6, qdisc(nic)),
        _hardware(nic),
        nl.attribute(23, pack_counts(nic)),
        nl.attribute(7, struct.pack(f"<{_STATS}I", *(value & 0xFFFFFFFF for value in stats))),
        nl.u32(_MIN_MTU, nic.mtu_least),
        nl.u32(_MAX_MTU, nic.mtu_most),
        nl.u32(_ALLMULTI, int(flags & IFF_ALLMULTI != 0)),
        nl.u32(_GSO_MAX_SEGS, 65535),
        nl.u32(_GSO_MAX_SIZE, _SEGMENTED_MOST),
        nl.u32(_GRO_MAX_SIZE, _SEGMENTED_MOST),
        nl.u32(_TSO_MAX_SIZE, _tso_most(nic)),
        nl.u32(_TSO_MAX_SEGS, 65535),
        nl.attribute(_AF_SPEC, nl.attribute(AF_INET6, _spec6(nic))),
        link_info.info(network, nic),
        nl.string(_IFALIAS, nic.alias) if nic.alias else b"",
        _properties(nic),
    ]
    return b"".join(parts)


def _carrier_counts(nic: Nic) -> bytes:
    """How often the carrier has changed, come and gone."""
    link = own_link(nic)
    ups, downs = (link.ups, link.downs) if link is not None else (0, 0)
    return nl.u32(_CARRIER_CHANGES, ups + downs) + nl.u32(_CARRIER_UPS, ups) + nl.u32(_CARRIER_DOWNS, downs)


def _tso_most(nic: Nic) -> int:
    """What IFLA_GSO_MAX_SIZE may become at most: drivers of links without hardware know no bound of their own."""
    software = nic.loopback or kind_of(nic) not in ("", TUN)
    return _TSO_MOST if software else _SEGMENTED_MOST


def _hardware(nic: Nic) -> bytes:
    """Its address and that of everybody; a TUN device has none."""
    if nic.mac:
        return nl.attribute(1, nic.mac) + nl.attribute(2, b"\xff" * 6)
    return b"" if kind_of(nic) == TUN else nl.attribute(1, bytes(6)) + nl.attribute(2, bytes(6))


def _properties(nic: Nic) -> bytes:
    """IFLA_PROP_LIST, nested, with the other names it has (IFLA_ALT_IFNAME), if any."""
    names = b"".join([nl.string(_ALT_IFNAME, name) for name in nic.alt_names])
    return nl.attribute(_PROP_LIST, names) if names else b""


def counts(nic: Nic) -> tuple[int, ...]:
    """The fields of struct rtnl_link_stats64, in its order."""
    known = (nic.rx_packets, nic.tx_packets, nic.rx_bytes, nic.tx_bytes, 0, 0, nic.rx_dropped, nic.tx_dropped)
    return known + (0,) * (_STATS - len(known))


def pack_counts(nic: Nic) -> bytes:
    """struct rtnl_link_stats64."""
    return struct.pack(f"<{_STATS}Q", *counts(nic))


def _spec6(nic: Nic) -> bytes:
    """How IPv6 is set up on it (inet6_fill_link_af)."""
    return nl.u32(_INET6_FLAGS, IF_READY) + _token(nic) + nl.u8(_ADDR_GEN_MODE, nic.autoconf.addr_gen_mode)


def _token(nic: Nic) -> bytes:
    return nl.attribute(_TOKEN, bytes(8) + (nic.autoconf.token or bytes(8)))


def link6_body(nic: Nic) -> bytes:
    """What IPv6 says of an interface (inet6_fill_ifinfo): that it is ready."""
    parts = [IFINFO.pack(AF_INET6, interface_type(nic), nic.number, interface_flags(nic), 0), nl.string(3, nic.name)]
    if nic.mac or kind_of(nic) != TUN:
        parts.append(nl.attribute(1, nic.mac or bytes(6)))
    parts.append(nl.u32(4, nic.mtu))
    link = own_link(nic)
    other = link.tied_to() if link is not None else None
    if other is not None:
        parts.append(nl.u32(5, other.number))
    parts += [nl.u8(16, OPERSTATE[operational(nic)]), nl.attribute(_PROTINFO, _spec6(nic))]
    return b"".join(parts)


def qdisc(nic: Nic) -> str:
    """What sends: nothing until it has been up or has been given a discipline."""
    if nic.egress is not None:
        return nic.egress.kind
    link = own_link(nic)
    if link is not None and not link.activated:
        return "noop"
    if nic.loopback and not nic.up and IPV4_LOOPBACK not in nic.addresses:  # which it has since it was up first
        return "noop"
    return "noqueue" if nic.loopback or (link is not None and link.kind != TUN) else "fq_codel"


# --- addresses ---


def address_body(nic: Nic, address: NicAddress) -> bytes:
    """struct ifaddrmsg and attributes of one address."""
    addr = address.addr
    four = len(addr) == 4
    flags = address_flags(nic, address)
    scope = SCOPE_HOST if is_loopback(addr) else SCOPE_LINK if is_link_local(addr) else SCOPE_UNIVERSE
    if address.scope is not None:
        scope = address.scope
    parts = [IFADDR.pack(AF_INET if four else AF_INET6, address.prefix_len, flags & 0xFF, scope, nic.number)]
    parts.append(nl.attribute(1, address.peer or addr))
    if four or address.peer:
        parts.append(nl.attribute(2, addr))
    if four:
        if address.broadcast and address.broadcast_told and not nic.loopback:
            parts.append(nl.attribute(4, address.broadcast))
        parts.append(nl.string(3, address.label or nic.name))
    parts.append(nl.u32(8, flags))
    if address.metric:
        parts.append(nl.u32(9, address.metric))
    now = nic.stack.clock.now_ns()
    preferred = 0 if address.deprecated else _seconds(address.preferred_until, now)
    parts.append(nl.attribute(6, _CACHEINFO.pack(preferred, _seconds(address.valid_until, now), 0, 0)))
    if not four and _origin(address):
        parts.append(nl.u8(_IFA_PROTO, _origin(address)))
    return b"".join(parts)


def _seconds(until: int | None, now: int) -> int:
    """What is left of a lifetime; INFINITY_LIFE_TIME."""
    return 0xFFFFFFFF if until is None else max(0, until - now + NS_PER_S - 1) // NS_PER_S


def _origin(address: NicAddress) -> int:
    """IFA_PROTO: who has made it; 0 for an administrator."""
    if address.assigned:
        return 0
    if address.dynamic:
        return _FROM_ROUTER
    if is_loopback(address.addr):
        return _FROM_LOOPBACK
    return _LINK_LOCAL if is_link_local(address.addr) else 0


# --- routes ---


def route_body(entry: RouteEntry) -> bytes:
    """struct rtmsg and attributes of one row of a table other than the local one."""
    four = len(entry.prefix) == 4
    known = {name: number for number, name in route_change.PROTOCOLS.items()}
    protocol = int(entry.protocol) if entry.protocol.isdecimal() else known.get(entry.protocol, PROTO_STATIC)
    scope = SCOPE_LINK if four and not entry.gateway and entry.error is None and not entry.next_hop else SCOPE_UNIVERSE
    if entry.kind == "local" and four:
        scope = SCOPE_HOST
    kind = next(number for number, name in route_change.KINDS.items() if name == entry.kind)
    family = AF_INET if four else AF_INET6
    table = entry.table if entry.table < 256 else TABLE_COMPAT
    flags = RTNH_F_LINKDOWN if entry.nic is not None and not has_carrier(entry.nic) else 0
    flags |= route_parts.RTNH_F_ONLINK if entry.onlink else 0
    if entry.hops:
        flags, scope = 0, SCOPE_UNIVERSE
    parts = [
        RTMSG.pack(family, entry.length, 0, entry.tos, table, protocol, scope, kind, flags),
        nl.u32(15, entry.table),
    ]
    if entry.length:
        parts.append(nl.attribute(1, entry.prefix))
    if entry.metric or not four:
        parts.append(nl.u32(6, entry.metric or 1024))
    if entry.source:
        parts.append(nl.attribute(7, entry.source))
    parts.append(route_parts.metrics_body(entry.metrics))
    if entry.next_hop:
        parts.append(nl.u32(route_parts.RTA_NH_ID, entry.next_hop))
    if entry.gateway and not entry.hops:
        parts.append(nl.attribute(5, entry.gateway))
    if entry.hops:
        parts.append(route_parts.hops_body(entry.hops))
    elif entry.nic is not None:
        parts.append(nl.u32(4, entry.nic.number))
    elif not four or entry.next_hop:
        parts.append(nl.u32(4, 1))  # reject routes of IPv6, and next hops that drop, go to the loopback
    if not four:
        parts.append(nl.attribute(_ROUTE_CACHEINFO, _times(entry)))
        parts.append(nl.u8(20, 0))  # RTA_PREF: medium
    return b"".join(parts)


def _times(entry: RouteEntry) -> bytes:
    """struct rta_cacheinfo: when it ends, in hundredths of a second."""
    if entry.expires is None or entry.nic is None:
        return _NO_TIMES
    left = max(0, entry.expires - entry.nic.stack.clock.now_ns()) // (NS_PER_S // _USER_HZ)
    return struct.pack("<IIi20x", 0, 0, min(left, _MOST_TICKS))


def _local_body(nic: Nic, addr: bytes, length: int, kind: int, source: bytes) -> bytes:
    """A row of the local table."""
    four = len(addr) == 4
    scope = (SCOPE_HOST if kind == RTN_LOCAL else SCOPE_LINK) if four else SCOPE_UNIVERSE
    family = AF_INET if four else AF_INET6
    flags = RTNH_F_LINKDOWN if kind != RTN_LOCAL and not has_carrier(nic) else 0
    parts = [RTMSG.pack(family, length, 0, 0, TABLE_LOCAL, PROTO_KERNEL, scope, kind, flags), nl.u32(15, TABLE_LOCAL)]
    parts.append(nl.attribute(1, addr))
    if four:
        parts += [nl.u32(4, nic.number), nl.attribute(7, source)]
    else:
        parts += [nl.u32(6, 256 if kind == RTN_MULTICAST else 0), nl.u32(4, nic.number)]
        parts += [nl.attribute(_ROUTE_CACHEINFO, _NO_TIMES), nl.u8(20, 0)]
    return b"".join(parts)


def own_body(nic: Nic, address: NicAddress) -> bytes:
    """The local row of an address."""
    source = b""
    if len(address.addr) == 4:
        first = is_secondary(nic, address)
        source = address.addr if first is None else first.addr
    return _local_body(nic, address.addr, len(address.addr) * 8, RTN_LOCAL, source)


def broadcast_body(nic: Nic, address: NicAddress) -> bytes:
    """The row of its broadcast address."""
    return _local_body(nic, address.broadcast, 32, RTN_BROADCAST, address.addr)


def groups_body(nic: Nic) -> bytes:
    """The row of all multicast groups of IPv6."""
    return _local_body(nic, b"\xff" + bytes(15), 8, RTN_MULTICAST, b"")


def loopback_body(entry: RouteEntry) -> bytes:
    """The row of all addresses of a loopback's prefix."""
    assert entry.nic is not None
    return _local_body(entry.nic, entry.prefix, entry.length, RTN_LOCAL, entry.source)


def local_bodies(network: Network, family: int) -> list[bytes]:
    """The local table of a dump."""
    bodies = []
    for nic in network.stack.nics.values():
        for address in nic.addresses_of(family):
            if address.tentative:
                continue
            if family == AF_INET and nic.loopback and is_loopback(address.addr):
                if is_secondary(nic, address) is None:
                    bodies.append(_local_body(nic, b"\x7f\0\0\0", 8, RTN_LOCAL, address.addr))
            bodies.append(own_body(nic, address))
            if address.broadcast and nic.up and is_secondary(nic, address) is None:
                bodies.append(broadcast_body(nic, address))
    if family == AF_INET6:
        bodies += [groups_body(nic) for nic in network.stack.nics.values() if has_groups(nic)]
    return bodies


def has_groups(nic: Nic) -> bool:
    """IPv6 has begun on it."""
    return nic.up and any([is_link_local(address.addr) for address in nic.addresses_of(AF_INET6)])
