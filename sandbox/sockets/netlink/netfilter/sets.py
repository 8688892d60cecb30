"""Messages about sets (nf_tables_newset, nf_tables_delset, nf_tables_getset)."""

from __future__ import annotations

import errno
from functools import partial
from typing import TYPE_CHECKING, Final, Iterable, Iterator

from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.netfilter import batch as b
from sandbox.sockets.netlink.netfilter import chains, codec, objects, rules
from sandbox.sockets.netlink.netfilter.attributes import LIST_ELEM, Attributes, NfError, be32, be64, nested
from sandbox.sockets.netlink.netfilter.batch import Batch, Message, Nftables, in_order
from sandbox.sockets.netlink.netfilter.data import DATA_VERDICT
from sandbox.sockets.netlink.netfilter.tables import enter, leave, userdata
from tcpip.filter.nft.sets import (
    ANONYMOUS,
    CONCAT,
    CONSTANT,
    EVAL,
    EXPRESSION,
    INTERVAL,
    MAP,
    OBJECT,
    TIMEOUT,
    NftSet,
)

if TYPE_CHECKING:
    from tcpip.filter.nft.ruleset import Referenced, Table

TABLE, NAME, FLAGS, KEY_TYPE, KEY_LEN, DATA_TYPE, DATA_LEN, POLICY, DESC = range(1, 10)
ID, TIMEOUT_MS, GC_INTERVAL, USERDATA, _PAD, OBJ_TYPE, HANDLE, EXPR, EXPRESSIONS = range(10, 19)
_DESC_SIZE, _DESC_CONCAT = 1, 2
_FIELD_LEN: Final = 1
MAX_LEN: Final = 64
VERDICT_LEN: Final = 16
_KNOWN: Final = ANONYMOUS | CONSTANT | INTERVAL | MAP | TIMEOUT | EVAL | OBJECT | CONCAT | EXPRESSION


def body(nft: Nftables, held: NftSet, gone: bool = False) -> bytes:
    """NFT_MSG_NEWSET, or of one that is gone NFT_MSG_DELSET."""
    parts = [nl.string(TABLE, held.table.name), nl.string(NAME, held.name), be64(HANDLE, held.handle)]
    if gone:
        return nft.genmsg(held.table.family) + b"".join(parts)
    if held.flags:
        parts.append(be32(FLAGS, held.flags))
    parts += [be32(KEY_TYPE, held.key_type), be32(KEY_LEN, held.key_len)]
    if held.flags & MAP:
        parts += [be32(DATA_TYPE, held.data_type), be32(DATA_LEN, held.data_len)]
    if held.flags & OBJECT:
        parts.append(be32(OBJ_TYPE, held.object_type))
    if held.timeout:
        parts.append(be64(TIMEOUT_MS, held.timeout))
    if held.gc_interval:
        parts.append(be32(GC_INTERVAL, held.gc_interval))
    if held.policy:
        parts.append(be32(POLICY, held.policy))
    if held.userdata:
        parts.append(nl.attribute(USERDATA, held.userdata))
    desc = [be32(_DESC_SIZE, held.size)] if held.size else []
    if len(held.fields) > 1:
        fields = [nested(LIST_ELEM, be32(_FIELD_LEN, size)) for size in held.fields]
        desc.append(nested(_DESC_CONCAT, *fields))
    parts.append(nested(DESC, *desc))
    parts += codec.write_templates(held.templates, nft.now, EXPR, EXPRESSIONS)
    return nft.genmsg(held.table.family) + b"".join(parts)


def new(batch: Batch, m: Message) -> None:
    """EEXIST, EINVAL, EOPNOTSUPP, ENOMEM."""
    a = m.attributes
    table = batch.nft.table(m, TABLE)
    name = a.text(NAME)
    if ID not in a or KEY_LEN not in a:
        raise NfError(errno.EINVAL)
    made = _read(batch, table, m, name)
    held = table.sets.get(name)
    if held is not None:
        if m.flags & nl.NLM_F_EXCL:
            raise a.bad(NAME, errno.EEXIST)
        if m.flags & nl.NLM_F_REPLACE:
            raise NfError(errno.EOPNOTSUPP)
        if not _same(held, made):
            raise a.bad(NAME, errno.EEXIST)
        batch.sets[a.u32(ID)] = held
        return
    if not m.flags & nl.NLM_F_CREATE:
        raise NfError(errno.ENOENT)
    if "%" in name:
        made.name = _free_name(batch, table, name)
    batch.ruleset.charge(1)
    made.handle = table.new_handle()
    enter(batch.ruleset, table, table.sets, made.name, made)
    batch.sets[a.u32(ID)] = made
    batch.tell(m, b.NEWSET, partial(body, batch.nft, made), m.flags & (nl.NLM_F_CREATE | nl.NLM_F_EXCL))


def _same(one: NftSet, other: NftSet) -> bool:
    def facts(held: NftSet) -> tuple[object, ...]:
        types = held.key_type, held.key_len, held.data_type, held.data_len, held.object_type
        return held.flags, types, held.policy, held.fields, held.timeout, held.gc_interval, held.size

    return facts(one) == facts(other)


def _free_name(batch: Batch, table: Table, pattern: str) -> str:
    """With the lowest number in place of `%d` that is free. EINVAL for any other pattern."""
    if pattern.count("%") != 1 or "%d" not in pattern:
        raise NfError(errno.EINVAL)
    number = batch.numbers.get((table, pattern), 0)
    while pattern.replace("%d", str(number)) in table.sets:
        number += 1
    batch.numbers[(table, pattern)] = number
    return pattern.replace("%d", str(number))


def _read(batch: Batch, table: Table, m: Message, name: str) -> NftSet:
    a = m.attributes
    flags = a.u32(FLAGS, 0)
    if flags & ~_KNOWN:
        raise NfError(errno.EOPNOTSUPP)
    if flags & OBJECT and flags & (MAP | EVAL):
        raise NfError(errno.EOPNOTSUPP)
    held = NftSet(table, batch.ruleset, name, flags)
    held.key_type = a.u32(KEY_TYPE, 0)
    held.key_len = a.u32(KEY_LEN)
    if held.key_type & 0xFFFFFF00 == DATA_VERDICT or not 0 < held.key_len <= MAX_LEN:
        raise NfError(errno.EINVAL)
    if DATA_TYPE in a:
        if not flags & MAP:
            raise NfError(errno.EINVAL)
        held.data_type = a.u32(DATA_TYPE)
        held.data_len = VERDICT_LEN if held.data_type == DATA_VERDICT else a.u32(DATA_LEN)
        if not 0 < held.data_len <= MAX_LEN:
            raise NfError(errno.EINVAL)
    elif flags & MAP:
        raise NfError(errno.EINVAL)
    if flags & OBJECT:
        held.object_type = a.u32(OBJ_TYPE)
    if (TIMEOUT_MS in a or GC_INTERVAL in a) and not flags & TIMEOUT:
        raise NfError(errno.EINVAL)
    held.timeout = a.u64(TIMEOUT_MS, 0)
    held.gc_interval = a.u32(GC_INTERVAL, 0)
    held.policy = a.u32(POLICY, 0)
    held.userdata = userdata(m, USERDATA)
    if DESC in a:
        _read_desc(held, a.nested(DESC))
    held.templates = codec.read_templates(batch.context(table), a, EXPR, EXPRESSIONS)
    return held


def _read_desc(held: NftSet, desc: Attributes) -> None:
    held.size = desc.u32(_DESC_SIZE, 0)
    if _DESC_CONCAT not in desc:
        return
    held.fields = [field.u32(_FIELD_LEN) for _, field in desc.elements(_DESC_CONCAT)]
    total = sum((size + 3) & ~3 for size in held.fields)
    if len(held.fields) > 16 or any(not 0 < size <= 16 for size in held.fields) or total != held.key_len:
        raise NfError(errno.EINVAL)


def delete(batch: Batch, m: Message) -> None:
    """ENOENT, EBUSY while a rule uses it (or, asked so, while it has elements)."""
    a = m.attributes
    table = batch.nft.table(m, TABLE)
    attribute = HANDLE if HANDLE in a else NAME
    if HANDLE in a:
        handle = a.u64(HANDLE)
        found = table.by_handle.get(handle)
        held = found if isinstance(found, NftSet) else None
    else:
        held = table.sets.get(a.text(NAME))
    if held is None:
        raise a.bad(attribute, errno.ENOENT)
    if held.uses or (m.flags & b.NLM_F_NONREC and held.elements):
        raise a.bad(attribute, errno.EBUSY)
    batch.tell(m, b.DELSET, partial(body, batch.nft, held, gone=True))
    remove(batch, m, held)


def remove(batch: Batch, m: Message, held: NftSet) -> None:
    """No rule uses it."""
    release(batch, [reference for one in held.elements.values() for reference in one.references()])
    batch.ruleset.charge(-1 - len(held.elements))
    leave(batch.ruleset, held.table, held.table.sets, held.name)


def release(batch: Batch, held: list[Referenced], by: int = -1) -> None:
    """Elements that refer to these are gone, or (1) are there."""
    for reference in held:
        reference.uses += by

    def back() -> None:
        for reference in held:
            reference.uses -= by

    batch.ruleset.did(back)


def delete_contents(batch: Batch, m: Message, table: Table) -> None:
    """Everything in a table goes: rules, then sets, objects and chains."""
    nameless = [held for held in in_order(table.sets) if held.flags & ANONYMOUS]
    for chain in in_order(table.chains):
        rules.flush(batch, m, chain)
    for held in [*nameless, *in_order(table.sets)]:
        batch.tell(m, b.DELSET, partial(body, batch.nft, held, gone=True))
    for held in list(table.sets.values()):
        remove(batch, m, held)
    for found in in_order(table.objects):
        objects.remove(batch, m, found)
    for chain in in_order(table.chains):
        chains.remove(batch, m, chain)


def get(nft: Nftables, m: Message) -> Iterable[bytes]:
    """One, or for a dump those of a family or a table."""
    a = m.attributes
    if m.dump:
        return _bodies(
            nft,
            [
                held
                for table in nft.tables(m.family)
                if TABLE not in a or table.name == a.text(TABLE)
                for held in in_order(table.sets)
            ],
        )
    held = nft.table(m, TABLE).sets.get(a.text(NAME))
    if held is None:
        raise a.bad(NAME, errno.ENOENT)
    return [body(nft, held)]


def _bodies(nft: Nftables, found: list[NftSet]) -> Iterator[bytes]:
    for held in found:
        yield body(nft, held)
