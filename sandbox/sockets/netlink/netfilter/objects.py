"""Messages about named counters, quotas and limits (nf_tables_newobj, nf_tables_delobj, nf_tables_getobj)."""

from __future__ import annotations

import errno
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Final, Iterable, Iterator

from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.netfilter import batch as b
from sandbox.sockets.netlink.netfilter import expressions as ex
from sandbox.sockets.netlink.netfilter.attributes import Attributes, NfError, be32, be64, nested
from sandbox.sockets.netlink.netfilter.batch import Batch, Message, Nftables, in_order
from sandbox.sockets.netlink.netfilter.data import Context
from sandbox.sockets.netlink.netfilter.tables import enter, leave, userdata
from tcpip.filter.nft.ruleset import NftObject
from tcpip.filter.nft.stateful import Counter, Quota

if TYPE_CHECKING:
    from tcpip.filter.nft.machine import Expression

TABLE, NAME, TYPE, DATA, USE, HANDLE, _PAD, USERDATA = range(1, 9)
COUNTER, QUOTA, _CT_HELPER, LIMIT = range(1, 5)
_READERS: Final[dict[int, Callable[[Context, Attributes], Expression]]] = {
    COUNTER: ex.read_counter,
    QUOTA: ex.read_quota,
    LIMIT: ex.read_limit,
}
_WRITERS: Final[dict[int, Callable[[Any], list[bytes]]]] = {
    COUNTER: ex.write_counter,
    QUOTA: ex.write_quota,
    LIMIT: ex.write_limit,
}


def body(nft: Nftables, found: NftObject, gone: bool = False) -> bytes:
    """NFT_MSG_NEWOBJ, or of one that is gone NFT_MSG_DELOBJ."""
    parts = [nl.string(TABLE, found.table.name), nl.string(NAME, found.name), be64(HANDLE, found.handle)]
    parts.append(be32(TYPE, found.type))
    if gone:
        return nft.genmsg(found.table.family) + b"".join(parts)
    parts += [be32(USE, found.uses), nested(DATA, *_WRITERS[found.type](found.value))]
    if found.userdata:
        parts.append(nl.attribute(USERDATA, found.userdata))
    return nft.genmsg(found.table.family) + b"".join(parts)


def new(batch: Batch, m: Message) -> None:
    """EEXIST, EINVAL, EOPNOTSUPP; ENOENT for kinds that we do not have."""
    a = m.attributes
    table = batch.nft.table(m, TABLE)
    name, kind = a.text(NAME), a.u32(TYPE)
    data = a.nested(DATA)
    if (name, kind) in table.objects:
        if m.flags & nl.NLM_F_EXCL:
            raise a.bad(NAME, errno.EEXIST)
        if m.flags & nl.NLM_F_REPLACE:
            raise NfError(errno.EOPNOTSUPP)
        return
    reader = _READERS.get(kind)
    if reader is None:
        raise NfError(errno.ENOENT)
    found = NftObject(table, name, kind, reader(batch.context(table), data))
    found.userdata = userdata(m, USERDATA)
    batch.ruleset.charge(1)
    found.handle = table.new_handle()
    enter(batch.ruleset, table, table.objects, (name, kind), found)
    batch.tell(m, b.NEWOBJ, partial(body, batch.nft, found), m.flags & (nl.NLM_F_CREATE | nl.NLM_F_EXCL))


def delete(batch: Batch, m: Message) -> None:
    """ENOENT, EBUSY while a rule or an element refers to it."""
    a = m.attributes
    table = batch.nft.table(m, TABLE)
    kind = a.u32(TYPE)
    attribute = HANDLE if HANDLE in a else NAME
    if HANDLE in a:
        handle = a.u64(HANDLE)
        one = table.by_handle.get(handle)
        found = one if isinstance(one, NftObject) else None
    else:
        found = table.objects.get((a.text(NAME), kind))
    if found is None:
        raise a.bad(attribute, errno.ENOENT)
    if found.uses:
        raise a.bad(attribute, errno.EBUSY)
    remove(batch, m, found)


def remove(batch: Batch, m: Message, found: NftObject) -> None:
    """Nothing refers to it."""
    batch.tell(m, b.DELOBJ, partial(body, batch.nft, found, gone=True))
    batch.ruleset.charge(-1)
    leave(batch.ruleset, found.table, found.table.objects, (found.name, found.type))


def get(nft: Nftables, m: Message) -> Iterable[bytes]:
    """One, or for a dump those of a family, a table or a type; NFT_MSG_GETOBJ_RESET sets what they count to 0."""
    a = m.attributes
    if m.dump:
        found = [
            one
            for table in nft.tables(m.family)
            if TABLE not in a or table.name == a.text(TABLE)
            for one in in_order(table.objects)
            if TYPE not in a or one.type == a.u32(TYPE)
        ]
    else:
        table = nft.table(m, TABLE)
        held = table.objects.get((a.text(NAME), a.u32(TYPE)))
        if held is None:
            raise a.bad(NAME, errno.ENOENT)
        found = [held]
    return _bodies(nft, found, m.kind == b.GETOBJ_RESET)


def _bodies(nft: Nftables, found: list[NftObject], resets: bool) -> Iterator[bytes]:
    for one in found:
        yield body(nft, one)
        if resets:
            reset(one.value)


def reset(value: Expression) -> None:
    """What it has counted is 0."""
    if isinstance(value, Counter):
        value.packets = value.bytes = 0
    elif isinstance(value, Quota):
        value.consumed = 0
