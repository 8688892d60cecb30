"""Routing rules over rtnetlink: what `ip rule` shows, adds and deletes (net/core/fib_rules.c, net/ipv4/fib_rules.c).

The rule for the local table is always there, at priority 0. Not supported: tunnels, realms, groups of interfaces, VRFs, masks of
ports (EOPNOTSUPP).
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.socket import AF_INET, AF_INET6, AF_UNSPEC
from sandbox.errors import SyscallError
from sandbox.sockets.netlink import message as nl
from tcpip.addr import masked
from tcpip.stack.route_table import TABLE_DEFAULT, TABLE_MAIN, TABLES_MOST
from tcpip.stack.routing_rules import MAX_RULES, NO_RANGE, NO_USERS, RoutingRule

if TYPE_CHECKING:
    from sandbox.gateway.network import Network
    from sandbox.sockets.netlink.message import Request

RTM_DELRULE: Final = 33
_HEADER: Final = struct.Struct("<BBBBBBBBI")
_DST, _SRC, _IIF, _GOTO, _PRIORITY, _MARK, _SUPPRESS = 1, 2, 3, 4, 6, 10, 14
_TABLE, _MASK, _OIF, _PAD = 15, 16, 17, 18
_UIDS, _PROTOCOL, _IP_PROTOCOL, _SPORTS, _DPORTS = 20, 21, 22, 23, 24
_SUPPORTED: Final = frozenset(
    (_DST, _SRC, _IIF, _GOTO, _PRIORITY, _MARK, _SUPPRESS, _TABLE, _MASK, _OIF, _PAD)
    + (_UIDS, _PROTOCOL, _IP_PROTOCOL, _SPORTS, _DPORTS)
)
_ACTIONS: Final = {1: "table", 2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
_USERS: Final = struct.Struct("<II")  # struct fib_rule_uid_range
_PORTS: Final = struct.Struct("<HH")  # struct fib_rule_port_range
_ECN: Final = 3
_INVERT: Final = 2
_UNRESOLVED: Final = 4
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
    if rule.action == "goto" and not network.stack.rules.leads_somewhere(rule):
        flags |= _UNRESOLVED
    short = table if table < 256 else _TABLE_COMPAT
    parts = [_HEADER.pack(family, rule.target_len, rule.source_len, rule.tos, short, 0, 0, action, flags)]
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
    return b"".join(parts) + _flow_conditions(rule)


def _flow_conditions(rule: RoutingRule) -> bytes:
    parts = []
    if rule.action == "goto":
        parts.append(nl.u32(_GOTO, rule.goto))
    if rule.uids != NO_USERS:
        parts.append(nl.attribute(_UIDS, _USERS.pack(*rule.uids)))
    if rule.ip_protocol:
        parts.append(nl.u8(_IP_PROTOCOL, rule.ip_protocol))
    if rule.sports != NO_RANGE:
        parts.append(nl.attribute(_SPORTS, _PORTS.pack(*rule.sports)))
    if rule.dports != NO_RANGE:
        parts.append(nl.attribute(_DPORTS, _PORTS.pack(*rule.dports)))
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
    if set(attributes) - _SUPPORTED or (action and action not in _ACTIONS):
        raise SyscallError(errno.EOPNOTSUPP)
    if tos & _ECN:
        raise nl.Refusal(errno.EINVAL, "Invalid dsfield (tos): ECN bits must be 0")
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
    rule.tos = tos
    of_ip = attributes.get(_IP_PROTOCOL, b"")
    rule.ip_protocol = of_ip[0] if of_ip else 0
    rule.sports, rule.dports = _ports(attributes, _SPORTS, "sport"), _ports(attributes, _DPORTS, "dport")
    rule.uids = _users(attributes)
    return rule


def _ports(attributes: dict[int, bytes], kind: int, name: str) -> tuple[int, int]:
    value = attributes.get(kind)
    if value is None:
        return NO_RANGE
    first, last = _PORTS.unpack_from(value) if len(value) == _PORTS.size else NO_RANGE
    if not 0 < first <= last < 0xFFFF:
        raise nl.Refusal(errno.EINVAL, f"Invalid {name} range")
    return first, last


def _users(attributes: dict[int, bytes]) -> tuple[int, int]:
    value = attributes.get(_UIDS)
    if value is None:
        return NO_USERS
    first, last = _USERS.unpack_from(value) if len(value) == _USERS.size else NO_USERS
    if not 0 <= first <= last < 0xFFFFFFFF:
        raise nl.Refusal(errno.EINVAL, "Invalid uid range")
    return first, last


def _set_goto(rule: RoutingRule, attributes: dict[int, bytes]) -> None:
    """Backwards is nowhere: no rule is looked at twice."""
    if _GOTO in attributes:
        rule.goto = _number(attributes, _GOTO)
        if rule.action != "goto":
            raise nl.Refusal(errno.EINVAL, "Unexpected goto")
        if rule.goto <= rule.priority:
            raise nl.Refusal(errno.EINVAL, "Backward goto not supported")
    elif rule.action == "goto":
        raise nl.Refusal(errno.EINVAL, "Missing goto target for action goto")


def _prefix(attributes: dict[int, bytes], kind: int, length: int, size: int) -> tuple[bytes, int]:
    value = attributes.get(kind)
    if not length:
        return b"", 0
    if value is None or len(value) != size or length > size * 8:
        raise SyscallError(errno.EINVAL)
    return masked(value, length), length


def _free_table(network: Network) -> int:
    """The first number of no table (net/ipv4/fib_rules.c: fib_empty_table)."""
    taken = network.stack.routes.tables | {_TABLE_LOCAL, TABLE_MAIN, TABLE_DEFAULT}
    if len(taken) >= TABLES_MOST:
        raise SyscallError(errno.ENOBUFS)
    return next(number for number in range(1, len(taken) + 2) if number not in taken)


def _add(network: Network, request: Request, attributes: dict[int, bytes]) -> None:
    rule = _read(request, attributes)
    if rule.action != "table":
        rule.table = 0
    elif not rule.table and rule.family == 16:
        raise nl.Refusal(errno.EINVAL, "Invalid table")
    elif not rule.table:
        rule.table = _free_table(network)
        network.stack.routes.tables.add(rule.table)
    table = network.stack.rules
    own = [other for other in table.rules if other.family == rule.family]
    if _PRIORITY not in attributes:
        rule.priority = max(own[0].priority - 1, 0) if own else 0
    _set_goto(rule, attributes)
    if request.flags & nl.NLM_F_EXCL and any(_is_same(rule, other) for other in own):
        raise SyscallError(errno.EEXIST)
    if len(table.rules) >= MAX_RULES:
        raise SyscallError(errno.ENOMEM)
    table.add(rule)
    _tell(network, rule, True)


def _is_same(new: RoutingRule, old: RoutingRule) -> bool:
    """One is there already (rule_exists): prefixes and the type of service that the new one does not name do not count, nor does
    `not`."""
    return (
        (new.family, new.action, new.table, new.priority) == (old.family, old.action, old.table, old.priority)
        and (new.in_nic, new.out_nic, new.mark, new.mask) == (old.in_nic, old.out_nic, old.mark, old.mask)
        and (new.min_length, new.protocol, new.uids) == (old.min_length, old.protocol, old.uids)
        and (new.ip_protocol, new.sports, new.dports) == (old.ip_protocol, old.sports, old.dports)
        and _covers(new, old)
    )


def _covers(wanted: RoutingRule, rule: RoutingRule) -> bool:
    """fib4_rule_compare, fib6_rule_compare."""
    return (
        (not wanted.source_len or (rule.source, rule.source_len) == (wanted.source, wanted.source_len))
        and (not wanted.target_len or (rule.target, rule.target_len) == (wanted.target, wanted.target_len))
        and (not wanted.tos or rule.tos == wanted.tos)
    )


def _delete(network: Network, request: Request, attributes: dict[int, bytes]) -> None:
    wanted = _read(request, attributes)
    if _PRIORITY in attributes or wanted.action == "goto":
        _set_goto(wanted, attributes)
    for rule in network.stack.rules.rules:
        if _is_meant(wanted, rule, request.header(_HEADER)[7], attributes):
            network.stack.rules.remove(rule)
            _tell(network, rule, False)
            return
    raise SyscallError(errno.ENOENT)


def _is_meant(wanted: RoutingRule, rule: RoutingRule, action: int, attributes: dict[int, bytes]) -> bool:
    """What is not named is not compared (rule_find)."""
    return not (
        rule.family != wanted.family
        or (action and rule.action != wanted.action)
        or (wanted.table and rule.table != wanted.table)
        or (_PRIORITY in attributes and rule.priority != wanted.priority)
        or (wanted.in_nic and rule.in_nic != wanted.in_nic)
        or (wanted.out_nic and rule.out_nic != wanted.out_nic)
        or (wanted.mark and rule.mark != wanted.mark)
        or (wanted.mask and rule.mask != wanted.mask)
        or (wanted.min_length and rule.min_length != wanted.min_length)
        or (wanted.uids != NO_USERS and rule.uids != wanted.uids)
        or (wanted.ip_protocol and rule.ip_protocol != wanted.ip_protocol)
        or (wanted.protocol and rule.protocol != wanted.protocol)
        or (wanted.sports != NO_RANGE and rule.sports != wanted.sports)
        or (wanted.dports != NO_RANGE and rule.dports != wanted.dports)
        or not _covers(wanted, rule)
    )
