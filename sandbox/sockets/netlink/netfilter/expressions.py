"""Expressions in messages: the registers' own. Each has a reader and a writer; `codec` has all of them by name."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.netfilter.attributes import Attributes, NfError, be32, be64
from sandbox.sockets.netlink.netfilter.data import (
    Context,
    holds_verdict,
    is_verdict_register,
    put_register,
    put_value,
    put_verdict,
    register,
    value,
    verdict,
)
from tcpip.clock import NS_PER_MS
from tcpip.filter.flow_tuple import ORIGINAL, REPLY
from tcpip.filter.nft import arithmetic, meta, payload, stateful
from tcpip.filter.nft.arithmetic import Bitwise, ByteOrder, Compare, Immediate, NumberGenerator, Range
from tcpip.filter.nft.machine import FAMILY_INET, FAMILY_IPV4, Expression
from tcpip.filter.nft.meta import CtLoad, CtStore, MetaLoad, MetaStore
from tcpip.filter.nft.payload import ExtensionLoad, PayloadLoad, PayloadStore, TcpOptionStore
from tcpip.filter.nft.stateful import Counter, Last, Limit, Quota

MAX_OFFSET: Final = 255


def _length(a: Attributes, kind: int, most: int = 64) -> int:
    found = a.u32(kind)
    if not 0 < found <= most:
        raise NfError(errno.EINVAL if not found else errno.ERANGE)
    return found


def read_immediate(ctx: Context, a: Attributes) -> Expression:
    if is_verdict_register(a, 1):
        return Immediate(0, b"", verdict(ctx, a, 2))
    if holds_verdict(a, 2):
        raise NfError(errno.EINVAL)
    found = value(a, 2)
    return Immediate(register(a, 1, len(found)), found, None)


def write_immediate(x: Immediate) -> list[bytes]:
    if x.verdict is not None:
        return [be32(1, 0), put_verdict(2, x.verdict)]
    return [put_register(1, x.at), put_value(2, x.value)]


def read_compare(ctx: Context, a: Attributes) -> Expression:
    found = value(a, 3)
    op = a.u32(2)
    if op > arithmetic.GTE:
        raise NfError(errno.EINVAL)
    return Compare(register(a, 1, len(found)), op, found)


def write_compare(x: Compare) -> list[bytes]:
    return [put_register(1, x.at), be32(2, x.op), put_value(3, x.value)]


def read_range(ctx: Context, a: Attributes) -> Expression:
    low = value(a, 3)
    high = value(a, 4, len(low))
    if a.u32(2) > arithmetic.NEQ:
        raise NfError(errno.EINVAL)
    return Range(register(a, 1, len(low)), a.u32(2), low, high)


def write_range(x: Range) -> list[bytes]:
    return [put_register(1, x.at), be32(2, x.op), put_value(3, x.low), put_value(4, x.high)]


def read_bitwise(ctx: Context, a: Attributes) -> Expression:
    length = _length(a, 3)
    source, at = register(a, 1, length), register(a, 2, length)
    op = a.u32(6, arithmetic.MASK_XOR)
    if op == arithmetic.MASK_XOR:
        if 7 in a:
            raise NfError(errno.EINVAL)
        return Bitwise(source, at, length, op, value(a, 4, length), value(a, 5, length), 0)
    if op > arithmetic.RIGHT_SHIFT:
        raise NfError(errno.EOPNOTSUPP)
    shift = int.from_bytes(value(a, 7, 4), "little")
    if 4 in a or 5 in a or shift >= 32:
        raise NfError(errno.EINVAL)
    return Bitwise(source, at, length, op, b"", b"", shift)


def write_bitwise(x: Bitwise) -> list[bytes]:
    parts = [put_register(1, x.source), put_register(2, x.at), be32(3, x.length), be32(6, x.op)]
    if x.op == arithmetic.MASK_XOR:
        return [*parts, put_value(4, x.mask), put_value(5, x.xor)]
    return [*parts, put_value(7, x.shift.to_bytes(4, "little"))]


def read_byteorder(ctx: Context, a: Attributes) -> Expression:
    length, size, op = _length(a, 4), a.u32(5), a.u32(3)
    if size not in (2, 4, 8) or op > 1 or length % size:
        raise NfError(errno.EINVAL)
    return ByteOrder(register(a, 1, length), register(a, 2, length), op, length, size)


def write_byteorder(x: ByteOrder) -> list[bytes]:
    return [put_register(1, x.source), put_register(2, x.at), be32(3, x.op), be32(4, x.length), be32(5, x.size)]


def read_numgen(ctx: Context, a: Attributes) -> Expression:
    modulus, kind, offset = a.u32(2), a.u32(3), a.u32(4, 0)
    if not modulus:
        raise NfError(errno.ERANGE)
    if offset + modulus - 1 > 0xFFFFFFFF:
        raise NfError(errno.EOVERFLOW)
    if kind > arithmetic.RANDOM:
        raise NfError(errno.EINVAL)
    return NumberGenerator(register(a, 1, 4), modulus, kind, offset)


def write_numgen(x: NumberGenerator) -> list[bytes]:
    return [put_register(1, x.at), be32(2, x.modulus), be32(3, x.kind), be32(4, x.offset)]


def read_payload(ctx: Context, a: Attributes) -> Expression:
    base, offset, length = a.u32(2), a.u32(3), _length(a, 4)
    if base > payload.TRANSPORT:
        raise NfError(errno.EOPNOTSUPP)
    if offset > MAX_OFFSET:
        raise NfError(errno.ERANGE)
    if 5 not in a:
        return PayloadLoad(register(a, 1, length), base, offset, length)
    csum_type, csum_offset, csum_flags = a.u32(6, 0), a.u32(7, 0), a.u32(8, 0)
    if 1 in a:
        raise NfError(errno.EINVAL)
    if base == payload.LINK or csum_type > payload.CSUM_INET:
        raise NfError(errno.EOPNOTSUPP)
    if csum_offset > MAX_OFFSET or csum_flags & ~payload.PSEUDO_HEADER:
        raise NfError(errno.EINVAL)
    return PayloadStore(register(a, 5, length), base, offset, length, csum_type, csum_offset, csum_flags)


def write_payload(x: Expression) -> list[bytes]:
    if isinstance(x, PayloadLoad):
        return [put_register(1, x.at), be32(2, x.base), be32(3, x.offset), be32(4, x.length)]
    assert isinstance(x, PayloadStore)
    parts = [put_register(5, x.source), be32(2, x.base), be32(3, x.offset), be32(4, x.length)]
    return [*parts, be32(6, x.csum_type), be32(7, x.csum_offset), be32(8, x.csum_flags)]


def read_exthdr(ctx: Context, a: Attributes) -> Expression:
    kind, offset, length = a.u8(2), a.u32(3), a.u32(4)
    op, flags = a.u32(6, payload.IPV6_HEADER), a.u32(5, 0)
    if op > payload.TCP_OPTION:
        raise NfError(errno.EOPNOTSUPP)
    if offset > MAX_OFFSET or length > MAX_OFFSET:
        raise NfError(errno.ERANGE)
    if 7 in a:
        if op != payload.TCP_OPTION or length not in (2, 4) or 1 in a or 5 in a or offset < 2:
            raise NfError(errno.EOPNOTSUPP)
        return TcpOptionStore(register(a, 7, length), kind, offset, length)
    if flags & ~payload.PRESENT:
        raise NfError(errno.EINVAL)
    return ExtensionLoad(register(a, 1, length), kind, offset, length, flags, op)


def write_exthdr(x: Expression) -> list[bytes]:
    if isinstance(x, TcpOptionStore):
        parts = [put_register(7, x.source), nl.u8(2, x.kind), be32(3, x.offset), be32(4, x.length)]
        return [*parts, be32(5, 0), be32(6, payload.TCP_OPTION)]
    assert isinstance(x, ExtensionLoad)
    parts = [put_register(1, x.at), nl.u8(2, x.kind), be32(3, x.offset), be32(4, x.length)]
    return [*parts, be32(5, x.flags), be32(6, x.op)]


def read_meta(ctx: Context, a: Attributes) -> Expression:
    key = a.u32(2)
    if 1 in a and 3 in a:
        raise NfError(errno.EINVAL)
    if 3 in a:
        if key not in (meta.MARK, meta.NFTRACE):
            raise NfError(errno.EOPNOTSUPP)
        return MetaStore(register(a, 3, 4 if key == meta.MARK else 1), key)
    if key not in meta.SIZES:
        raise NfError(errno.EOPNOTSUPP)
    return MetaLoad(register(a, 1, meta.SIZES[key]), key)


def write_meta(x: Expression) -> list[bytes]:
    if isinstance(x, MetaLoad):
        return [be32(2, x.key), put_register(1, x.at)]
    assert isinstance(x, MetaStore)
    return [be32(2, x.key), put_register(3, x.source)]


def read_ct(ctx: Context, a: Attributes) -> Expression:
    key = a.u32(2)
    if 4 in a:
        if key != meta.CT_MARK or 1 in a or 3 in a:
            raise NfError(errno.EOPNOTSUPP)
        return CtStore(register(a, 4, 4), key)
    direction = a.u8(3) if 3 in a else meta.BOTH
    if direction not in (meta.BOTH, ORIGINAL, REPLY):
        raise NfError(errno.EINVAL)
    if key in (meta.SRC, meta.DST):
        if ctx.table.family == FAMILY_INET:
            raise NfError(errno.EAFNOSUPPORT)
        size = 4 if ctx.table.family == FAMILY_IPV4 else 16
    elif key not in meta.CT_SIZES:
        raise NfError(errno.EOPNOTSUPP)
    else:
        size = meta.CT_SIZES[key]
    if direction == meta.BOTH and key in meta.NEEDS_DIRECTION:
        raise NfError(errno.EINVAL)
    if direction != meta.BOTH and key not in meta.NEEDS_DIRECTION | meta.COUNTED | {meta.ZONE}:
        raise NfError(errno.EINVAL)
    return CtLoad(register(a, 1, size), key, direction)


def write_ct(x: Expression) -> list[bytes]:
    if isinstance(x, CtStore):
        return [put_register(4, x.source), be32(2, x.key)]
    assert isinstance(x, CtLoad)
    direction = [nl.u8(3, x.direction)] if x.direction != meta.BOTH else []
    return [put_register(1, x.at), be32(2, x.key), *direction]


def read_counter(ctx: Context, a: Attributes) -> Expression:
    return Counter(a.u64(2, 0), a.u64(1, 0))


def write_counter(x: Counter) -> list[bytes]:
    return [be64(1, x.bytes), be64(2, x.packets)]


def read_limit(ctx: Context, a: Attributes) -> Expression:
    rate, unit, burst, kind, flags = a.u64(1), a.u64(2), a.u32(3, 0), a.u32(4, 0), a.u32(5, 0)
    if not rate or not unit or kind > stateful.BYTES or flags & ~stateful.INVERT:
        raise NfError(errno.EINVAL)
    if rate + burst >= 1 << 64 or unit * 1_000_000_000 >= 1 << 64:
        raise NfError(errno.EOVERFLOW)
    if kind == stateful.PACKETS and not burst:
        burst = stateful.DEFAULT_BURST
    return Limit(rate, unit, burst, kind, flags)


def write_limit(x: Limit) -> list[bytes]:
    return [be64(1, x.rate), be64(2, x.unit), be32(3, x.burst), be32(4, x.kind), be32(5, x.flags)]


def read_quota(ctx: Context, a: Attributes) -> Expression:
    flags = a.u32(2, 0)
    most, consumed = a.u64(1), a.u64(4, 0)
    if flags & stateful.DEPLETED or most >= 1 << 63:
        raise NfError(errno.EOPNOTSUPP if flags & stateful.DEPLETED else errno.EOVERFLOW)
    if flags & ~stateful.INVERT or consumed > most:
        raise NfError(errno.EOPNOTSUPP if flags & ~stateful.INVERT else errno.EINVAL)
    return Quota(most, flags, consumed)


def write_quota(x: Quota) -> list[bytes]:
    depleted = stateful.DEPLETED if x.consumed >= x.most else 0
    return [be64(1, x.most), be64(4, min(x.consumed, x.most)), be32(2, x.flags | depleted)]


def read_last(ctx: Context, a: Attributes) -> Expression:
    return Last()


def write_last(x: Last, now: int) -> list[bytes]:
    if x.at < 0:
        return [be32(1, 0), be64(2, 0)]
    return [be32(1, 1), be64(2, (now - x.at) // NS_PER_MS)]
