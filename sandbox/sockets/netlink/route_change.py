"""Routes over rtnetlink: what `ip route add`, `replace`, `append` and `del` do (net/ipv4/fib_frontend.c).

Not supported: source-specific prefixes, gateways of the other family, next hops as objects of routes that are refused: EOPNOTSUPP.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6
from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink import route_parts
from tcpip.addr import is_any, is_link_local, is_multicast, masked
from tcpip.stack.route_metrics import NO_METRICS
from tcpip.stack.route_table import ERRORS, TABLE_MAIN, TABLES_MOST, NextHop, RouteEntry

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from tcpip.stack.next_hops import HopObject
    from tcpip.stack.nic import Nic

RTM_DELROUTE: Final = 25
MAX_ROUTES: Final = 1024
KINDS: Final = {1: "unicast", 2: "local", 6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw"}
PROTOCOLS: Final = {2: "kernel", 3: "static", 9: "ra"}
"""RTPROT_* by what `RouteEntry.protocol` says; others are kept as their number."""

_HEADER: Final = struct.Struct("<BBBBBBBBI")
_DST, _OIF, _GATEWAY, _PRIORITY, _PREFSRC, _TABLE, _PREF = 1, 4, 5, 6, 7, 15, 20
_SUPPORTED: Final[frozenset[int]] = frozenset(
    (
        *(_DST, _OIF, _GATEWAY, _PRIORITY, _PREFSRC, _TABLE, _PREF),
        *(route_parts.RTA_METRICS, route_parts.RTA_MULTIPATH, route_parts.RTA_NH_ID),
    )
)
_TABLE_LOCAL: Final = 255
_METRIC_V6: Final = 1024
_ECN: Final = 3


class _Wanted:
    """What a request says."""

    def __init__(self, network: Network, request: Request) -> None:
        family, length, source_len, tos, table, protocol, _, kind, flags = request.header(_HEADER)
        attributes = request.attributes(_HEADER.size)
        if family not in (AF_INET, AF_INET6):
            raise SyscallError(errno.EOPNOTSUPP)
        if source_len or set(attributes) - _SUPPORTED or (kind and kind not in KINDS):
            raise SyscallError(errno.EOPNOTSUPP)
        self.size = 4 if family == AF_INET else 16
        if tos and family == AF_INET6:
            raise nl.Refusal(errno.EINVAL, "Invalid dsfield (tos): option not available for IPv6")
        if tos & _ECN:
            raise nl.Refusal(errno.EINVAL, "Invalid dsfield (tos): ECN bits must be 0")
        self.tos = tos
        self.length = length
        if length > self.size * 8:
            raise SyscallError(errno.EINVAL)
        self.prefix = masked(_address(attributes, _DST, self.size) or bytes(self.size), length)
        self.gateway = _address(attributes, _GATEWAY, self.size)
        self.source = _address(attributes, _PREFSRC, self.size)
        self.table = _number(attributes, _TABLE) or table or TABLE_MAIN
        self.metric = _number(attributes, _PRIORITY)
        self.kind = KINDS.get(kind, "")
        self.protocol = PROTOCOLS.get(protocol, str(protocol))
        self.onlink = flags & route_parts.RTNH_F_ONLINK != 0
        metrics, hops = attributes.get(route_parts.RTA_METRICS), attributes.get(route_parts.RTA_MULTIPATH)
        self.metrics = NO_METRICS if not metrics else route_parts.read_metrics(metrics)
        self.hops = [] if not hops else route_parts.read_hops(hops, self.size)
        self.next_hop = _number(attributes, route_parts.RTA_NH_ID)
        if self.next_hop and (_OIF in attributes or self.gateway or self.hops):
            raise nl.Refusal(errno.EINVAL, "Nexthop specification and nexthop id are mutually exclusive")
        self.nic: Nic | None = None
        number = _number(attributes, _OIF)
        if number:
            self.nic = network.stack.nics.get(number)
            if self.nic is None:
                raise SyscallError(errno.ENODEV)

    def same_key(self, entry: RouteEntry) -> bool:
        """The same prefix and type of service in the same table."""
        mine = (self.prefix, self.length, self.table, self.tos)
        return (entry.prefix, entry.length, entry.table, entry.tos) == mine


def _address(attributes: dict[int, bytes], kind: int, size: int) -> bytes:
    value = attributes.get(kind, b"")
    if value and len(value) != size:
        raise SyscallError(errno.EINVAL)
    return value


def _number(attributes: dict[int, bytes], kind: int) -> int:
    value = attributes.get(kind)
    if value is None:
        return 0
    if len(value) < 4:
        raise SyscallError(errno.EINVAL)
    return int.from_bytes(value[:4], "little")


def change(network: Network, request: Request) -> list[bytes]:
    """RTM_NEWROUTE and RTM_DELROUTE."""
    wanted = _Wanted(network, request)
    if wanted.table == _TABLE_LOCAL:
        raise SyscallError(errno.EPERM)  # it is the list of addresses
    if request.type == RTM_DELROUTE:
        _delete(network, wanted)
    else:
        _add(network, request.flags, wanted)
    network.stack.changed()
    return []


def _delete(network: Network, wanted: _Wanted) -> None:
    for entry in network.stack.routes.entries:
        differs = (
            not wanted.same_key(entry)
            or (wanted.kind and entry.kind != wanted.kind)
            or (wanted.metric and entry.metric != wanted.metric)
            or (wanted.next_hop and entry.next_hop != wanted.next_hop)
            or (entry.next_hop and (wanted.gateway or wanted.nic is not None or wanted.hops))
            or (wanted.gateway and entry.gateway != wanted.gateway)
            or (wanted.nic is not None and entry.nic is not wanted.nic)
            or (wanted.source and entry.source != wanted.source)
            or (wanted.hops and not _same_hops(wanted, entry))
        )
        if not differs:
            network.stack.remove_route(entry)
            return
    raise SyscallError(errno.ESRCH)


def _same_hops(wanted: _Wanted, entry: RouteEntry) -> bool:
    """fib_nh_match: the same ways in the same order."""
    if len(wanted.hops) != len(entry.hops):
        return False
    for asked, hop in zip(wanted.hops, entry.hops, strict=True):
        if (asked.number and asked.number != hop.nic.number) or (asked.gateway and asked.gateway != hop.gateway):
            return False
    return True


def _ways(network: Network, wanted: _Wanted) -> list[NextHop]:
    """The ways of a route of several, each of which must be one (fib_get_nhs)."""
    found = []
    for asked in wanted.hops:
        nic = network.stack.nics.get(asked.number)
        if asked.number and nic is None:
            raise SyscallError(errno.ENODEV)
        onlink = asked.flags & route_parts.RTNH_F_ONLINK != 0
        nic = next_hop(network, wanted.size, nic, asked.gateway, onlink)
        found.append(NextHop(nic, asked.gateway, asked.weight, onlink))
    return found


def _add(network: Network, flags: int, wanted: _Wanted) -> None:
    stack = network.stack
    kind = wanted.kind or "unicast"
    metric = wanted.metric or (_METRIC_V6 if wanted.size == 16 else 0)
    hops = _ways(network, wanted)
    nic, gateway = None, wanted.gateway
    named = _named(network, wanted, kind) if wanted.next_hop else None
    if named is not None:
        pass
    elif hops:
        if kind != "unicast":
            raise SyscallError(errno.EINVAL)
        nic, gateway = hops[0].nic, hops[0].gateway
    elif kind in ("unicast", "local"):
        nic = next_hop(network, wanted.size, wanted.nic, wanted.gateway, wanted.onlink)
    if wanted.source and not stack.is_local(wanted.source):
        raise SyscallError(errno.EINVAL)
    old = [e for e in stack.routes.entries if wanted.same_key(e) and e.metric == metric]
    if old and flags & nl.NLM_F_EXCL:
        raise SyscallError(errno.EEXIST)
    if not old and not flags & nl.NLM_F_CREATE:
        raise SyscallError(errno.ENOENT)
    if not flags & nl.NLM_F_REPLACE and any(
        e.kind == kind
        and (e.nic is nic or wanted.next_hop)
        and (e.gateway == gateway or wanted.next_hop)
        and e.next_hop == wanted.next_hop
        and e.source == wanted.source
        and (wanted.next_hop or _same_hops(wanted, e))
        for e in old
    ):
        raise SyscallError(errno.EEXIST)
    if len(stack.routes.entries) >= MAX_ROUTES:
        raise SyscallError(errno.ENOMEM)
    if len(stack.routes.tables) >= TABLES_MOST and wanted.table not in stack.routes.tables:
        raise SyscallError(errno.ENOBUFS)
    new = RouteEntry(wanted.prefix, wanted.length, nic, gateway, metric, wanted.source, None, wanted.protocol)
    new.table, new.kind, new.error = wanted.table, kind, ERRORS.get(kind)
    new.tos = wanted.tos
    new.metrics, new.onlink, new.hops = wanted.metrics, wanted.onlink, hops if len(hops) > 1 else []
    if named is not None:
        named.apply(new)
    replaces = bool(old) and flags & nl.NLM_F_REPLACE != 0
    first = bool(old) and wanted.size == 4 and not flags & nl.NLM_F_APPEND
    if new.tos:
        stack.rules.look_at_tos()
    stack.routes.add(new, old[0] if replaces or first else None)
    if replaces:
        stack.routes.remove(old[0])
    if network.notifier is not None:
        (network.notifier.route_replaced if replaces else network.notifier.route_added)(new)


def _named(network: Network, wanted: _Wanted, kind: str) -> HopObject:
    """The object that a route is to go by."""
    from sandbox.sockets.netlink import nexthops

    if kind != "unicast":
        raise SyscallError(errno.EOPNOTSUPP)
    return nexthops.named(network, wanted.next_hop, wanted.size)


def next_hop(network: Network, size: int, nic: Nic | None, gateway: bytes, onlink: bool) -> Nic:
    """The interface, which the gateway's own route may have to say (fib_check_nh, ip6_route_check_nh)."""
    four = size == 4
    if onlink and gateway:
        if nic is None:
            raise nl.Refusal(errno.ENODEV, "Nexthop device required for onlink")
        if not nic.up:
            raise nl.Refusal(errno.ENETDOWN, "Nexthop device is down")
        if network.stack.is_local(gateway) or is_multicast(gateway):
            raise nl.Refusal(errno.EINVAL, "Nexthop has invalid gateway")
        return nic
    if gateway and not is_any(gateway):
        if not four and network.stack.is_local(gateway):
            raise nl.Refusal(errno.EINVAL, "Gateway can not be a local address")
        if nic is None and not four and is_link_local(gateway):
            raise nl.Refusal(errno.EINVAL, "Egress device not specified")
        via = network.stack.routes.lookup(gateway, nic.number if nic is not None else 0)
        if via is None or via.nic is None or via.gateway:
            if four:
                raise nl.Refusal(errno.ENETUNREACH, "Nexthop has invalid gateway")
            raise SyscallError(errno.EHOSTUNREACH)
        nic = via.nic
    if nic is None:
        raise SyscallError(errno.ENODEV)
    if not nic.up:
        raise SyscallError(errno.ENETDOWN)
    return nic
