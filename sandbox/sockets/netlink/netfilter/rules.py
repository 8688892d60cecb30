"""Messages about rules (nf_tables_newrule, nf_tables_delrule, nf_tables_getrule)."""

from __future__ import annotations

import errno
from functools import partial
from typing import TYPE_CHECKING, Final, Iterable, Iterator

from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.netfilter import batch as b
from sandbox.sockets.netlink.netfilter import codec
from sandbox.sockets.netlink.netfilter.attributes import NfError, be64, nested
from sandbox.sockets.netlink.netfilter.batch import Batch, Message, Nftables, in_order
from sandbox.sockets.netlink.netfilter.tables import put, take, userdata
from tcpip.filter.nft.arithmetic import Immediate
from tcpip.filter.nft.ruleset import Rule
from tcpip.filter.nft.sets import ANONYMOUS, DynamicSet, Lookup, NftSet, ObjectReference

if TYPE_CHECKING:
    from tcpip.filter.nft.machine import Expression
    from tcpip.filter.nft.ruleset import Chain, Table

TABLE, CHAIN, HANDLE, EXPRESSIONS, COMPAT, POSITION, USERDATA, _PAD, ID, POSITION_ID, CHAIN_ID = range(1, 12)
BYTES_PER_UNIT: Final = 256


def body(nft: Nftables, rule: Rule, before: int) -> bytes:
    """NFT_MSG_NEWRULE; `before` is the handle of the rule in front of it, 0 for none."""
    table = rule.chain.table
    parts = [nl.string(TABLE, table.name), nl.string(CHAIN, rule.chain.name), be64(HANDLE, rule.handle)]
    if before:
        parts.append(be64(POSITION, before))
    parts.append(nested(EXPRESSIONS, codec.write_list(rule.expressions, nft.now)))
    if rule.userdata:
        parts.append(nl.attribute(USERDATA, rule.userdata))
    return nft.genmsg(table.family) + b"".join(parts)


def _chain(batch: Batch, m: Message, table: Table) -> Chain:
    a = m.attributes
    if CHAIN not in a and CHAIN_ID in a:
        found = batch.chains.get(a.u32(CHAIN_ID))
        if found is None or found.table is not table:
            raise a.bad(CHAIN_ID, errno.ENOENT)
        return found
    chain = table.chains.get(a.text(CHAIN))
    if chain is None:
        raise a.bad(CHAIN, errno.ENOENT)
    return chain


def _by_handle(chain: Chain, m: Message, kind: int) -> Rule:
    handle = m.attributes.u64(kind)
    rule = chain.by_handle.get(handle)
    if rule is None:
        raise m.attributes.bad(kind, errno.ENOENT)
    return rule


def cost(rule: Rule) -> int:
    """Of the ruleset's budget."""
    return 1 + len(rule.expressions) + sum(_weight(x) for x in rule.expressions)


def _weight(x: Expression) -> int:
    info = getattr(x, "info", b"")
    return len(info) // BYTES_PER_UNIT


def new(batch: Batch, m: Message) -> None:
    """Add, insert or replace. ENOENT, EEXIST, EINVAL, EOPNOTSUPP, E2BIG, ENOMEM."""
    a, ruleset = m.attributes, batch.ruleset
    table = batch.nft.table(m, TABLE)
    chain = _chain(batch, m, table)
    old: Rule | None = None
    replaces = False
    if HANDLE in a:
        old = _by_handle(chain, m, HANDLE)
        if m.flags & nl.NLM_F_EXCL:
            raise a.bad(HANDLE, errno.EEXIST)
        if not m.flags & nl.NLM_F_REPLACE:
            raise NfError(errno.EOPNOTSUPP)
        replaces = True
    else:
        if not m.flags & nl.NLM_F_CREATE or m.flags & nl.NLM_F_REPLACE:
            raise NfError(errno.EINVAL)
        if POSITION in a:
            old = _by_handle(chain, m, POSITION)
    ctx = batch.context(table)
    ctx.chain = chain
    rule = Rule(chain, codec.read_list(ctx, a, EXPRESSIONS), userdata(m, USERDATA), b"")
    ruleset.charge(cost(rule))
    rule.handle = old.handle if replaces and old is not None else table.new_handle()
    ruleset.hold(rule.expressions)
    rules = chain.rules
    if replaces and old is not None:
        at = chain.place(old)
        rule.at = at
        rules[at] = rule
        ruleset.did(lambda: rules.__setitem__(at, old))
        batch.tell(m, b.DELRULE, partial(body, batch.nft, old, 0))
        take(ruleset, chain.by_handle, old.handle)
        _release(batch, m, old)
    else:
        if m.flags & b.NLM_F_APPEND:
            at = chain.place(old) + 1 if old is not None else len(rules)
        else:
            at = chain.place(old) if old is not None else 0
        rule.at = at
        rules.insert(at, rule)
        ruleset.did(lambda: rules.__delitem__(at))
    put(ruleset, chain.by_handle, rule.handle, rule)
    batch.checked(table)
    flags = m.flags & (b.NLM_F_APPEND | nl.NLM_F_CREATE | nl.NLM_F_EXCL) | (b.NLM_F_APPEND if replaces else 0)
    batch.tell(m, b.NEWRULE, partial(body, batch.nft, rule, rules[at - 1].handle if at else 0), flags)


def _release(batch: Batch, m: Message, rule: Rule) -> None:
    """It is gone, and so are the sets and chains without a name that only it used."""
    from sandbox.sockets.netlink.netfilter import chains, sets

    batch.ruleset.hold(rule.expressions, -1)
    batch.ruleset.charge(-cost(rule))
    for held in _sets(rule.expressions):
        if held.flags & ANONYMOUS and not held.uses and held.table.sets.get(held.name) is held:
            sets.remove(batch, m, held)
    for chain in [chain for x in rule.expressions if isinstance(x, Immediate) for chain in x.targets()]:
        if chain.flags & chains.BINDING and not chain.uses and chain.table.chains.get(chain.name) is chain:
            flush(batch, m, chain)
            chains.remove(batch, m, chain)


def _sets(expressions: list[Expression]) -> list[NftSet]:
    found = []
    for x in expressions:
        if isinstance(x, Lookup | DynamicSet):
            found.append(x.set)
        elif isinstance(x, ObjectReference) and x.map is not None:
            found.append(x.map)
    return found


def _remove(batch: Batch, m: Message, chain: Chain, doomed: list[Rule]) -> None:
    """One rule of a chain, or all."""
    for rule in doomed:
        batch.tell(m, b.DELRULE, partial(body, batch.nft, rule, 0))
    if len(doomed) == 1:
        rules, (gone,) = chain.rules, doomed
        at = chain.place(gone)
        del rules[at]
        batch.ruleset.did(lambda: rules.insert(at, gone))
    else:
        batch.ruleset.put(chain, "rules", [])
    for rule in doomed:
        take(batch.ruleset, chain.by_handle, rule.handle)
        _release(batch, m, rule)


def flush(batch: Batch, m: Message, chain: Chain) -> None:
    """All rules of a chain go."""
    if chain.rules:
        _remove(batch, m, chain, list(chain.rules))


def delete(batch: Batch, m: Message) -> None:
    """One rule, all of a chain, or all of a table. ENOENT."""
    a = m.attributes
    table = batch.nft.table(m, TABLE)
    if CHAIN not in a:
        batch.looks(len(table.chains))
        for chain in in_order(table.chains):
            flush(batch, m, chain)
        return
    chain = _chain(batch, m, table)
    if HANDLE in a:
        _remove(batch, m, chain, [_by_handle(chain, m, HANDLE)])
    elif ID in a:
        raise a.bad(ID, errno.ENOENT)
    else:
        flush(batch, m, chain)


def get(nft: Nftables, m: Message) -> Iterable[bytes]:
    """One, or for a dump those of a family, a table or a chain, as they are there now."""
    a = m.attributes
    if not m.dump:
        table = nft.table(m, TABLE)
        chain = table.chains.get(a.text(CHAIN))
        if chain is None:
            raise a.bad(CHAIN, errno.ENOENT)
        return [body(nft, _by_handle(chain, m, HANDLE), 0)]
    found: list[tuple[Rule, int]] = []
    for table in nft.tables(m.family):
        if TABLE in a and table.name != a.text(TABLE):
            continue
        for chain in in_order(table.chains):
            if CHAIN in a and chain.name != a.text(CHAIN):
                continue
            before = 0
            for rule in chain.rules:
                found.append((rule, before))
                before = rule.handle
    return _bodies(nft, found)


def _bodies(nft: Nftables, rules: list[tuple[Rule, int]]) -> Iterator[bytes]:
    for rule, before in rules:
        yield body(nft, rule, before)
