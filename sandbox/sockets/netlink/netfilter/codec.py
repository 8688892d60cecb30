"""Expressions by name: reading a list of them, and writing them back."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, Callable, Final

from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.netfilter import expressions as ex
from sandbox.sockets.netlink.netfilter import expressions_act as ac
from sandbox.sockets.netlink.netfilter import extensions
from sandbox.sockets.netlink.netfilter.attributes import LIST_ELEM, Attributes, NfError, nested
from tcpip.filter.nft.sets import DynamicSet
from tcpip.filter.nft.stateful import Counter, Last, Limit, Quota

if TYPE_CHECKING:
    from sandbox.sockets.netlink.netfilter.data import Context
    from tcpip.filter.nft.machine import Expression

MAX_EXPRESSIONS: Final = 128
MAX_TEMPLATES: Final = 2
_NAME, _DATA = 1, 2

Reader = Callable[["Context", Attributes], "Expression"]
_READERS: Final[dict[str, Reader]] = {
    "immediate": ex.read_immediate,
    "cmp": ex.read_compare,
    "range": ex.read_range,
    "bitwise": ex.read_bitwise,
    "byteorder": ex.read_byteorder,
    "numgen": ex.read_numgen,
    "payload": ex.read_payload,
    "exthdr": ex.read_exthdr,
    "meta": ex.read_meta,
    "ct": ex.read_ct,
    "counter": ex.read_counter,
    "limit": ex.read_limit,
    "quota": ex.read_quota,
    "last": ex.read_last,
    "lookup": ac.read_lookup,
    "objref": ac.read_objref,
    "notrack": ac.read_notrack,
    "nat": ac.read_nat,
    "masq": ac.read_masq,
    "redir": ac.read_redir,
    "reject": ac.read_reject,
    "log": ac.read_log,
    "tproxy": ac.read_tproxy,
    "fib": ac.read_fib,
    "rt": ac.read_rt,
    "match": extensions.read_match,
    "target": extensions.read_target,
}
_WRITERS: Final[dict[str, Callable[[Any], list[bytes]]]] = {
    "immediate": ex.write_immediate,
    "cmp": ex.write_compare,
    "range": ex.write_range,
    "bitwise": ex.write_bitwise,
    "byteorder": ex.write_byteorder,
    "numgen": ex.write_numgen,
    "payload": ex.write_payload,
    "exthdr": ex.write_exthdr,
    "meta": ex.write_meta,
    "ct": ex.write_ct,
    "counter": ex.write_counter,
    "limit": ex.write_limit,
    "quota": ex.write_quota,
    "lookup": ac.write_lookup,
    "objref": ac.write_objref,
    "notrack": ac.write_notrack,
    "nat": ac.write_nat,
    "masq": ac.write_masq,
    "redir": ac.write_redir,
    "reject": ac.write_reject,
    "log": ac.write_log,
    "tproxy": ac.write_tproxy,
    "fib": ac.write_fib,
    "rt": ac.write_rt,
    "match": extensions.write,
    "target": extensions.write,
}


def read(ctx: Context, a: Attributes) -> Expression:
    """One expression. ENOENT for one that we do not have, as a kernel without its module says; EINVAL."""
    name = a.text(_NAME)
    data = a.nested(_DATA) if _DATA in a else Attributes(b"", 0, 0)
    if name == "dynset":
        return ac.read_dynset(ctx, data, read_templates)
    reader = _READERS.get(name)
    if reader is None:
        raise a.bad(_NAME, errno.ENOENT)
    return reader(ctx, data)


def read_list(ctx: Context, a: Attributes, kind: int) -> list[Expression]:
    """A rule's expressions; none when there is no such attribute. An error is about the whole expression."""
    if kind not in a:
        return []
    found: list[Expression] = []
    for at, one in a.elements(kind):
        if len(found) == MAX_EXPRESSIONS:
            raise NfError(errno.E2BIG)
        try:
            found.append(read(ctx, one))
        except NfError as error:
            raise NfError(error.errno, at) from None
    return found


def read_templates(ctx: Context, a: Attributes, single: int, many: int) -> list[Expression]:
    """What elements of a set count with: one expression, or a list of at most two. EOPNOTSUPP for those without a state."""
    found: list[Expression] = []
    if many in a:
        found = [read(ctx, one) for _, one in a.elements(many)]
    elif single in a:
        found = [read(ctx, a.nested(single))]
    if len(found) > MAX_TEMPLATES:
        raise NfError(errno.E2BIG)
    if not all([isinstance(one, Counter | Limit | Quota | Last) for one in found]):
        raise NfError(errno.EOPNOTSUPP)
    return found


def write_templates(found: list[Expression], now: int, single: int, many: int) -> list[bytes]:
    """The opposite."""
    if len(found) == 1:
        return [nested(single, write(found[0], now))]
    return [nested(many, write_list(found, now))] if found else []


def write(x: Expression, now: int) -> bytes:
    """The attributes of one expression, `now` being the stack's clock in ns."""
    if isinstance(x, DynamicSet):
        parts = ac.write_dynset(x, write_templates(x.templates, now, 7, 10))
    elif isinstance(x, Last):
        parts = ex.write_last(x, now)
    else:
        parts = _WRITERS[x.name](x)
    return nl.string(_NAME, x.name) + (nested(_DATA, *parts) if parts else b"")


def write_list(found: list[Expression], now: int) -> bytes:
    """Of a rule."""
    return b"".join([nested(LIST_ELEM, write(x, now)) for x in found])
