"""Expressions in messages: those that act on the packet, and those that refer to sets and objects."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.netfilter.attributes import Attributes, NfError, be16, be32, be64
from sandbox.sockets.netlink.netfilter.data import DATA_VERDICT, Context, optional_register, put_register, register
from tcpip.filter.nft import act
from tcpip.filter.nft.machine import FAMILY_INET, FAMILY_IPV4, FAMILY_IPV6, Expression
from tcpip.filter.nft.meta import NoTrack
from tcpip.filter.nft.sets import DELETE, EVAL, INTERVAL, MAP, OBJECT, TIMEOUT, DynamicSet, Lookup, ObjectReference

if TYPE_CHECKING:
    from tcpip.filter.nft.sets import NftSet

_NAT_FLAGS: Final = 0x7F
MAP_IPS: Final = 1
_LOG_DEFAULT_LEVEL: Final = 4
_INVERT: Final = 1
_DYNSET_EXPR: Final = 2


def find_set(ctx: Context, a: Attributes, name: int, number: int) -> NftSet:
    """By name, or by its id in this batch. ENOENT, EINVAL."""
    if number in a and a.u32(number) in ctx.sets:
        found = ctx.sets[a.u32(number)]
        if found.table is ctx.table:
            return found
    held = ctx.table.sets.get(a.text(name))
    if held is None:
        raise NfError(errno.ENOENT)
    return held


def read_lookup(ctx: Context, a: Attributes) -> Expression:
    held = find_set(ctx, a, 1, 4)
    flags = a.u32(5, 0)
    if flags & ~_INVERT or (flags and (3 in a or held.flags & MAP)):
        raise NfError(errno.EINVAL)
    source = register(a, 2, held.key_len)
    if 3 not in a:
        if held.flags & MAP:
            raise NfError(errno.EINVAL)
        return Lookup(held, source, None, False, bool(flags))
    if not held.flags & MAP:
        raise NfError(errno.EINVAL)
    is_verdict = held.data_type == DATA_VERDICT
    if is_verdict != (a.u32(3) == 0):
        raise NfError(errno.EINVAL)
    at = None if is_verdict else register(a, 3, held.data_len)
    return Lookup(held, source, at, is_verdict, False)


def write_lookup(x: Lookup) -> list[bytes]:
    parts = [nl.string(1, x.set.name), put_register(2, x.source)]
    if x.verdict:
        parts.append(be32(3, 0))
    elif x.at is not None:
        parts.append(put_register(3, x.at))
    return [*parts, be32(5, int(x.inverted))]


def read_objref(ctx: Context, a: Attributes) -> Expression:
    if 3 in a:
        held = find_set(ctx, a, 4, 5)
        if not held.flags & OBJECT:
            raise NfError(errno.EINVAL)
        return ObjectReference(None, held, register(a, 3, held.key_len))
    found = ctx.table.objects.get((a.text(2), a.u32(1)))
    if found is None:
        raise NfError(errno.ENOENT)
    return ObjectReference(found, None, 0)


def write_objref(x: ObjectReference) -> list[bytes]:
    if x.object is not None:
        return [be32(1, x.object.type), nl.string(2, x.object.name)]
    assert x.map is not None
    return [put_register(3, x.source), nl.string(4, x.map.name)]


def read_dynset(
    ctx: Context, a: Attributes, read: Callable[[Context, Attributes, int, int], list[Expression]]
) -> Expression:
    held = find_set(ctx, a, 1, 2)
    op, flags = a.u32(3), a.u32(9, 0)
    if not held.flags & EVAL or held.flags & (INTERVAL | OBJECT):
        raise NfError(errno.EOPNOTSUPP)
    if op > DELETE or flags & ~(_INVERT | _DYNSET_EXPR):
        raise NfError(errno.EOPNOTSUPP)
    if 6 in a and not held.flags & TIMEOUT:
        raise NfError(errno.EOPNOTSUPP)
    if (5 in a) != (held.flags & MAP != 0 and op != DELETE) or (5 in a and held.data_type == DATA_VERDICT):
        raise NfError(errno.EINVAL)
    data = register(a, 5, held.data_len) if 5 in a else None
    found = DynamicSet(held, op, register(a, 4, held.key_len), data, a.u64(6, 0), bool(flags & _INVERT))
    found.templates = read(ctx, a, 7, 10)
    return found


def write_dynset(x: DynamicSet, templates: list[bytes]) -> list[bytes]:
    parts = [put_register(4, x.source)]
    if x.data is not None:
        parts.append(put_register(5, x.data))
    parts += [be32(3, x.op), nl.string(1, x.set.name), be64(6, x.timeout)]
    parts += templates
    return [*parts, be32(9, int(x.inverted))]


def read_notrack(ctx: Context, a: Attributes) -> Expression:
    return NoTrack()


def write_notrack(x: Expression) -> list[bytes]:
    return []


def _proto(a: Attributes, low: int, high: int) -> tuple[int | None, int | None]:
    first = optional_register(a, low, 2)
    if first is None:
        return None, None
    last = optional_register(a, high, 2)
    return first, first if last is None else last


def _put_pair(low: int, high: int, pair: tuple[int | None, int | None]) -> list[bytes]:
    if pair[0] is None or pair[1] is None:
        return []
    return [put_register(low, pair[0]), put_register(high, pair[1])]


def _flags(a: Attributes, kind: int) -> int:
    flags = a.u32(kind, 0)
    if flags & ~_NAT_FLAGS:
        raise NfError(errno.EOPNOTSUPP)
    return flags


def _family(ctx: Context, family: int) -> None:
    if family not in (FAMILY_IPV4, FAMILY_IPV6, FAMILY_INET):
        raise NfError(errno.EAFNOSUPPORT)
    if ctx.table.family not in (FAMILY_INET, family):
        raise NfError(errno.EOPNOTSUPP)


def read_nat(ctx: Context, a: Attributes) -> Expression:
    kind, family = a.u32(1), a.u32(2)
    if kind > act.DNAT:
        raise NfError(errno.EOPNOTSUPP)
    _family(ctx, family)
    if family == FAMILY_INET and 3 in a:
        raise NfError(errno.EAFNOSUPPORT)
    size = 4 if family == FAMILY_IPV4 else 16
    low = optional_register(a, 3, size)
    high = optional_register(a, 4, size)
    flags = _flags(a, 7)
    if flags & (32 | 64):
        raise NfError(errno.EOPNOTSUPP)  # NF_NAT_RANGE_PROTO_OFFSET, NETMAP
    proto = _proto(a, 5, 6)
    if low is not None:
        flags |= MAP_IPS
    if proto[0] is not None:
        flags |= act.PROTO_SPECIFIED
    return act.Nat(kind, family, (low, low if high is None else high), proto, flags)


def write_nat(x: act.Nat) -> list[bytes]:
    parts = [be32(1, x.type), be32(2, x.family), *_put_pair(3, 4, x.address), *_put_pair(5, 6, x.proto)]
    return [*parts, be32(7, x.flags)] if x.flags else parts


def read_masq(ctx: Context, a: Attributes) -> Expression:
    return act.Masquerade(_proto(a, 2, 3), _flags(a, 1))


def write_masq(x: act.Masquerade) -> list[bytes]:
    return [*([be32(1, x.flags)] if x.flags else []), *_put_pair(2, 3, x.proto)]


def read_redir(ctx: Context, a: Attributes) -> Expression:
    proto = _proto(a, 1, 2)
    return act.Redirect(proto, _flags(a, 3) | (act.PROTO_SPECIFIED if proto[0] is not None else 0))


def write_redir(x: act.Redirect) -> list[bytes]:
    return [*_put_pair(1, 2, x.proto), *([be32(3, x.flags)] if x.flags else [])]


def read_reject(ctx: Context, a: Attributes) -> Expression:
    kind = a.u32(1)
    if kind > act.ICMPX_UNREACHABLE or (kind == act.ICMPX_UNREACHABLE and ctx.table.family != FAMILY_INET):
        raise NfError(errno.EINVAL)
    code = a.u8(2) if kind != act.TCP_RESET else 0
    if kind == act.ICMPX_UNREACHABLE and code > 3:
        raise NfError(errno.EINVAL)
    return act.Reject(kind, code)


def write_reject(x: act.Reject) -> list[bytes]:
    return [be32(1, x.type), *([nl.u8(2, x.code)] if x.type != act.TCP_RESET else [])]


def read_log(ctx: Context, a: Attributes) -> Expression:
    prefix = a.text(2) if 2 in a else ""
    if len(prefix) > 127:
        raise NfError(errno.EINVAL)
    if 1 in a and (5 in a or 6 in a):
        raise NfError(errno.EINVAL)
    if 1 in a:
        return act.Log(prefix, a.u16(1), 0, 0, a.u32(3) if 3 in a else -1, a.u16(4, 0))
    level, flags = a.u32(5, _LOG_DEFAULT_LEVEL), a.u32(6, 0)
    if level > 8 or flags & ~0x2F:
        raise NfError(errno.EINVAL)
    return act.Log(prefix, -1, level, flags, -1, 0)


def write_log(x: act.Log) -> list[bytes]:
    parts = [nl.string(2, x.prefix)] if x.prefix else []
    if x.group < 0:
        return [*parts, be32(5, x.level), *([be32(6, x.flags)] if x.flags else [])]
    parts.append(be16(1, x.group))
    if x.snaplen >= 0:
        parts.append(be32(3, x.snaplen))
    return [*parts, *([be16(4, x.threshold)] if x.threshold else [])]


def read_tproxy(ctx: Context, a: Attributes) -> Expression:
    family = a.u32(1)
    _family(ctx, family)
    if 2 not in a and 3 not in a:
        raise NfError(errno.EINVAL)
    if 2 in a:
        raise NfError(errno.EOPNOTSUPP)  # to an address: sockets are found by port
    return act.Tproxy(family, None, register(a, 3, 2))


def write_tproxy(x: act.Tproxy) -> list[bytes]:
    return [be32(1, x.family), *([put_register(3, x.port)] if x.port is not None else [])]


def read_fib(ctx: Context, a: Attributes) -> Expression:
    result, flags = a.u32(2), a.u32(3)
    if not flags or flags & ~0x3F or bool(flags & act.F_SADDR) == bool(flags & act.F_DADDR):
        raise NfError(errno.EINVAL)
    if flags & act.F_IIF and flags & act.F_OIF:
        raise NfError(errno.EINVAL)
    if result not in (act.OIF, act.OIFNAME, act.ADDRTYPE):
        raise NfError(errno.EINVAL)
    if flags & act.F_OIF and result != act.ADDRTYPE:
        raise NfError(errno.EINVAL)
    size = 16 if result == act.OIFNAME else 4
    return act.Fib(register(a, 1, 1 if flags & act.F_PRESENT else size), result, flags)


def write_fib(x: act.Fib) -> list[bytes]:
    return [put_register(1, x.at), be32(2, x.result), be32(3, x.flags)]


def read_rt(ctx: Context, a: Attributes) -> Expression:
    key = a.u32(2)
    sizes = {act.NEXTHOP4: 4, act.NEXTHOP6: 16, act.TCPMSS: 2}
    if key not in sizes:
        raise NfError(errno.EOPNOTSUPP)
    return act.RouteLoad(register(a, 1, sizes[key]), key)


def write_rt(x: act.RouteLoad) -> list[bytes]:
    return [be32(2, x.key), put_register(1, x.at)]
