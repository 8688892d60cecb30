"""Routing rules over rtnetlink: what `ip rule` shows, adds and deletes (net/core/fib_rules.c, net/ipv4/fib_rules.c).

The rule for the local table is always there, at priority 0. Not supported: TOS, ports, protocols, users, tunnels, `goto`.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6, AF_UNSPEC
from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from tcpip.addr import masked
from tcpip.stack.routing_rules import MAX_RULES, RoutingRule

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request

RTM_DELRULE: Final = 33
_HEADER: Final = struct.Struct("<BBBBBBBBI")
_DST, _SRC, _IIF, _PRIORITY, _MARK, _SUPPRESS = 1, 2, 3, 6, 10, 14
_TABLE, _MASK, _OIF, _PROTOCOL = 15, 16, 17, 21
_PAD: Final = 18
_SUPPORTED: Final = frozenset((_DST, _SRC, _IIF, _PRIORITY, _MARK, _SUPPRESS, _TABLE, _MASK, _OIF, _PROTOCOL, _PAD))
_ACTIONS: Final = {1: "table", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
_INVERT: Final = 2
_IIF_DETACHED: Final = 8
_OIF_DETACHED: Final = 0x10
_TABLE_COMPAT: Final = 252
_TABLE_LOCAL: Final = 255
_KERNEL: Final = 2


def bodies(network: Network, family: int) -> list[bytes]:
    """A dump's messages, by priority."""
    found = []
    for wanted, size in ((AF_INET, 4), (AF_INET6, 16)):
        if family not in (AF_UNSPEC, wanted):
            continue
        local = RoutingRule(size, 0, _TABLE_LOCAL)
        local.protocol = _KERNEL
        for rule in [local, *network.stack.rules.rules]:
            if rule.family == size:
                found.append(_body(network, rule, wanted))
    return found


def _body(network: Network, rule: RoutingRule, family: int) -> bytes:
    action = next(number for number, name in _ACTIONS.items() if name == rule.action)
    table = rule.table if rule.action == "table" else 0
    flags = _INVERT if rule.inverted else 0
    if rule.in_nic and network.find_nic(rule.in_nic) is None:
        flags |= _IIF_DETACHED
    if rule.out_nic and network.find_nic(rule.out_nic) is None:
        flags |= _OIF_DETACHED
    short = table if table < 256 else _TABLE_COMPAT
    parts = [_HEADER.pack(family, rule.target_len, rule.source_len, 0, short, 0, 0, action, flags)]
    parts += [nl.u32(_TABLE, table), nl.u32(_SUPPRESS, rule.min_length - 1), nl.u8(_PROTOCOL, rule.protocol)]
    if rule.in_nic:
        parts.append(nl.string(_IIF, rule.in_nic))
    if rule.out_nic:
        parts.append(nl.string(_OIF, rule.out_nic))
    if rule.priority:
        parts.append(nl.u32(_PRIORITY, rule.priority))
    if rule.mark:
        parts.append(nl.u32(_MARK, rule.mark))
    if rule.mark or rule.mask:
        parts.append(nl.u32(_MASK, rule.mask))
    if rule.target_len:
        parts.append(nl.attribute(_DST, rule.target))
    if rule.source_len:
        parts.append(nl.attribute(_SRC, rule.source))
    return b"".join(parts)


def change(network: Network, request: Request) -> list[bytes]:
    """RTM_NEWRULE and RTM_DELRULE. EINVAL, EEXIST, ENOENT, EOPNOTSUPP, ENOMEM when there are too many."""
    family = request.header(_HEADER)[0]
    if family not in (AF_INET, AF_INET6):
        raise SyscallError(errno.EAFNOSUPPORT)
    attributes = request.attributes(_HEADER.size)
    if request.type == RTM_DELRULE:
        _delete(network, request, attributes)
    else:
        _add(network, request, attributes)
    network.stack.changed()
    return []


def _tell(network: Network, rule: RoutingRule, added: bool) -> None:
    if network.notifier is not None:
        family = AF_INET if rule.family == 4 else AF_INET6
        network.notifier.rule(added, family, _body(network, rule, family))


def _number(attributes: dict[int, bytes], kind: int, default: int = 0) -> int:
    value = attributes.get(kind)
    if value is None:
        return default
    if len(value) < 4:
        raise SyscallError(errno.EINVAL)
    return int.from_bytes(value[:4], "little")


def _name(attributes: dict[int, bytes], kind: int) -> str:
    value = attributes.get(kind, b"")
    if len(value) > 16:
        raise SyscallError(errno.EINVAL)
    return value.split(b"\0", 1)[0].decode("latin-1")


def _read(request: Request, attributes: dict[int, bytes]) -> RoutingRule:
    """The rule that a request describes; priority 0 when it says none."""
    family, target_len, source_len, tos, table, _, _, action, flags = request.header(_HEADER)
    if tos or set(attributes) - _SUPPORTED or (action and action not in _ACTIONS):
        raise SyscallError(errno.EOPNOTSUPP)
    size = 4 if family == AF_INET else 16
    rule = RoutingRule(size, _number(attributes, _PRIORITY), _number(attributes, _TABLE, table))
    rule.action = _ACTIONS.get(action, "table")
    rule.target, rule.target_len = _prefix(attributes, _DST, target_len, size)
    rule.source, rule.source_len = _prefix(attributes, _SRC, source_len, size)
    rule.in_nic, rule.out_nic = _name(attributes, _IIF), _name(attributes, _OIF)
    rule.mark = _number(attributes, _MARK)
    rule.mask = _number(attributes, _MASK, 0xFFFFFFFF if rule.mark else 0)
    suppress = _number(attributes, _SUPPRESS, 0xFFFFFFFF)
    rule.min_length = 0 if suppress > 128 else suppress + 1
    rule.inverted = flags & _INVERT != 0
    protocol = attributes.get(_PROTOCOL, b"")
    rule.protocol = protocol[0] if protocol else 0
    return rule


def _prefix(attributes: dict[int, bytes], kind: int, length: int, size: int) -> tuple[bytes, int]:
    value = attributes.get(kind)
    if not length:
        return b"", 0
    if value is None or len(value) != size or length > size * 8:
        raise SyscallError(errno.EINVAL)
    return masked(value, length), length


def _add(network: Network, request: Request, attributes: dict[int, bytes]) -> None:
    rule = _read(request, attributes)
    if rule.action == "table" and not rule.table:
        raise SyscallError(errno.EINVAL)
    if rule.action != "table":
        rule.table = 0
    table = network.stack.rules
    own = [other for other in table.rules if other.family == rule.family]
    if _PRIORITY not in attributes:
        rule.priority = max(own[0].priority - 1, 0) if own else 0
    if request.flags & nl.NLM_F_EXCL and any(rule.same(other) for other in own):
        raise SyscallError(errno.EEXIST)
    if len(table.rules) >= MAX_RULES:
        raise SyscallError(errno.ENOMEM)
    table.add(rule)
    _tell(network, rule, True)


def _delete(network: Network, request: Request, attributes: dict[int, bytes]) -> None:
    wanted = _read(request, attributes)
    action = request.header(_HEADER)[7]
    for rule in network.stack.rules.rules:
        differs = (
            rule.family != wanted.family
            or (action and rule.action != wanted.action)
            or (wanted.table and rule.table != wanted.table)
            or (_PRIORITY in attributes and rule.priority != wanted.priority)
            or (wanted.in_nic and rule.in_nic != wanted.in_nic)
            or (wanted.out_nic and rule.out_nic != wanted.out_nic)
            or (_MARK in attributes and rule.mark != wanted.mark)
            or (_MASK in attributes and rule.mask != wanted.mask)
            or (wanted.source_len and (rule.source, rule.source_len) != (wanted.source, wanted.source_len))
            or (wanted.target_len and (rule.target, rule.target_len) != (wanted.target, wanted.target_len))
            or (wanted.inverted and not rule.inverted)
        )
        if not differs:
            network.stack.rules.remove(rule)
            _tell(network, rule, False)
            return
    raise SyscallError(errno.ENOENT)
