"""Routes over rtnetlink: what `ip route add`, `replace`, `append` and `del` do (net/ipv4/fib_frontend.c).

Not supported: several next hops, source-specific prefixes, TOS, and metrics of the path: EOPNOTSUPP.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6
from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from tcpip.addr import is_any, is_link_local, masked
from tcpip.stack.route_table import TABLE_MAIN, RouteEntry

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request
    from tcpip.stack.nic import Nic

RTM_DELROUTE: Final = 25
MAX_ROUTES: Final = 1024
KINDS: Final = {1: "unicast", 2: "local", 6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw"}
PROTOCOLS: Final = {2: "kernel", 3: "static", 9: "ra"}
"""RTPROT_* by what `RouteEntry.protocol` says; others are kept as their number."""

_HEADER: Final = struct.Struct("<BBBBBBBBI")
_DST, _OIF, _GATEWAY, _PRIORITY, _PREFSRC, _TABLE, _PREF = 1, 4, 5, 6, 7, 15, 20
_SUPPORTED: Final = frozenset((_DST, _OIF, _GATEWAY, _PRIORITY, _PREFSRC, _TABLE, _PREF))
_TABLE_LOCAL: Final = 255
_METRIC_V6: Final = 1024


class _Wanted:
    """What a request says."""

    def __init__(self, network: Network, request: Request) -> None:
        family, length, source_len, tos, table, protocol, _, kind, _ = request.header(_HEADER)
        attributes = request.attributes(_HEADER.size)
        if family not in (AF_INET, AF_INET6):
            raise SyscallError(errno.EOPNOTSUPP)
        if source_len or tos or set(attributes) - _SUPPORTED or (kind and kind not in KINDS):
            raise SyscallError(errno.EOPNOTSUPP)
        self.size = 4 if family == AF_INET else 16
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
        self.nic: Nic | None = None
        number = _number(attributes, _OIF)
        if number:
            self.nic = network.stack.nics.get(number)
            if self.nic is None:
                raise SyscallError(errno.ENODEV)

    def same_key(self, entry: RouteEntry) -> bool:
        """The same prefix in the same table."""
        return (entry.prefix, entry.length, entry.table) == (self.prefix, self.length, self.table)


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
            or (wanted.gateway and entry.gateway != wanted.gateway)
            or (wanted.nic is not None and entry.nic is not wanted.nic)
            or (wanted.source and entry.source != wanted.source)
        )
        if not differs:
            network.stack.remove_route(entry)
            return
    raise SyscallError(errno.ESRCH)


def _add(network: Network, flags: int, wanted: _Wanted) -> None:
    stack = network.stack
    kind = wanted.kind or "unicast"
    metric = wanted.metric or (_METRIC_V6 if wanted.size == 16 else 0)
    nic = _next_hop(network, wanted) if kind in ("unicast", "local") else None
    if wanted.source and not stack.is_local(wanted.source):
        raise SyscallError(errno.EINVAL)
    old = [e for e in stack.routes.entries if wanted.same_key(e) and e.metric == metric]
    if old and flags & nl.NLM_F_EXCL:
        raise SyscallError(errno.EEXIST)
    if not old and not flags & nl.NLM_F_CREATE:
        raise SyscallError(errno.ENOENT)
    if len(stack.routes.entries) >= MAX_ROUTES:
        raise SyscallError(errno.ENOMEM)
    new = RouteEntry(
        wanted.prefix,
        wanted.length,
        nic,
        wanted.gateway,
        metric,
        wanted.source,
        None,
        wanted.protocol,
        wanted.table,
        kind,
    )
    replaces = bool(old) and flags & nl.NLM_F_REPLACE != 0
    if replaces:
        stack.routes.remove(old[0])
    stack.routes.add(new)
    if network.notifier is not None:
        (network.notifier.route_replaced if replaces else network.notifier.route_added)(new)


def _next_hop(network: Network, wanted: _Wanted) -> Nic:
    """The interface, which the gateway's own route may have to say (fib_check_nh, ip6_route_check_nh)."""
    four = wanted.size == 4
    nic = wanted.nic
    if wanted.gateway and not is_any(wanted.gateway):
        if nic is None and not four and is_link_local(wanted.gateway):
            raise nl.Refusal(errno.EINVAL, "Egress device not specified")
        via = network.stack.routes.lookup(wanted.gateway, nic.number if nic is not None else 0)
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
