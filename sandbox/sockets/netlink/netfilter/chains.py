"""Messages about chains (nf_tables_newchain, nf_tables_delchain, nf_tables_getchain)."""

from __future__ import annotations

import errno
from functools import partial
from typing import TYPE_CHECKING, Final, Iterable, Iterator

from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.netfilter import batch as b
from sandbox.sockets.netlink.netfilter.attributes import Attributes, NfError, be32, be64, nested
from sandbox.sockets.netlink.netfilter.batch import Batch, Message, Nftables, in_order
from sandbox.sockets.netlink.netfilter.tables import enter, leave, put, take, userdata
from tcpip.filter.hook import CONNTRACK
from tcpip.filter.nft.machine import ACCEPT, DROP, HOOKS
from tcpip.filter.nft.ruleset import FILTER_TYPE, HOOKS_OF_TYPE, NAT_TYPE, Chain

if TYPE_CHECKING:
    from tcpip.filter.nft.ruleset import Table

TABLE, HANDLE, NAME, HOOK, POLICY, USE, TYPE, COUNTERS, _PAD, FLAGS, ID, USERDATA = range(1, 13)
_HOOKNUM, _PRIORITY = 1, 2
_BYTES, _PACKETS = 1, 2
BASE: Final = 1
BINDING: Final = 4


class Hook:
    """Where a base chain stands."""

    __slots__ = ("type", "hook", "priority")

    def __init__(self, a: Attributes) -> None:
        """EINVAL, ENOENT for an unknown type, EOPNOTSUPP for a type that does not stand there."""
        inner = a.nested(HOOK)
        number, priority = inner.u32(_HOOKNUM), inner.s32(_PRIORITY)
        self.type = a.text(TYPE) if TYPE in a else FILTER_TYPE
        if self.type not in HOOKS_OF_TYPE:
            raise a.bad(TYPE, errno.ENOENT)
        if number >= len(HOOKS) or HOOKS[number] not in HOOKS_OF_TYPE[self.type]:
            raise NfError(errno.EOPNOTSUPP)
        if self.type == NAT_TYPE and priority <= CONNTRACK:
            raise NfError(errno.EOPNOTSUPP)
        self.hook = HOOKS[number]
        self.priority = priority


def body(nft: Nftables, chain: Chain, gone: bool = False) -> bytes:
    """NFT_MSG_NEWCHAIN, or of one that is gone NFT_MSG_DELCHAIN."""
    parts = [
        nl.string(TABLE, chain.table.name),
        nl.string(NAME, chain.name),
        be64(HANDLE, chain.handle),
    ]
    if gone:
        return nft.genmsg(chain.table.family) + b"".join(parts)
    if chain.hook:
        parts.append(nested(HOOK, be32(_HOOKNUM, HOOKS.index(chain.hook)), be32(_PRIORITY, chain.priority)))
        parts += [be32(POLICY, chain.policy), nl.string(TYPE, chain.type)]
        if chain.counters is not None:
            packets, count = chain.counters
            parts.append(nested(COUNTERS, be64(_PACKETS, packets), be64(_BYTES, count)))
    flags = (BASE if chain.hook else 0) | chain.flags
    if flags:
        parts.append(be32(FLAGS, flags))
    parts.append(be32(USE, len(chain.rules) + chain.uses))
    if chain.userdata:
        parts.append(nl.attribute(USERDATA, chain.userdata))
    return nft.genmsg(chain.table.family) + b"".join(parts)


def new(batch: Batch, m: Message) -> None:
    """EEXIST, ENOENT, EINVAL, EOPNOTSUPP."""
    a = m.attributes
    table = batch.nft.table(m, TABLE)
    attribute = HANDLE if HANDLE in a else NAME
    flags = a.u32(FLAGS, 0)
    if flags & ~(BASE | BINDING):
        raise NfError(errno.EOPNOTSUPP)
    nameless = flags & BINDING and NAME not in a
    if flags & BINDING and (not nameless or HOOK in a or ID not in a):
        raise NfError(errno.EINVAL)
    chain = _named(table, a, attribute) if not nameless else None
    if HANDLE in a and chain is None:
        raise a.bad(HANDLE, errno.ENOENT)
    policy = _policy(a, chain)
    if chain is not None:
        if m.flags & nl.NLM_F_EXCL:
            raise a.bad(attribute, errno.EEXIST)
        if m.flags & nl.NLM_F_REPLACE:
            raise NfError(errno.EOPNOTSUPP)
        _update(batch, m, chain, policy, attribute)
        return
    chain = Chain(table, a.text(NAME) if not nameless else f"__chain{table.last_handle + 1}")
    chain.flags = flags & BINDING
    if HOOK in a:
        hook = Hook(a)
        chain.type, chain.hook, chain.priority = hook.type, hook.hook, hook.priority
        chain.policy = ACCEPT if policy is None else policy
        if COUNTERS in a:
            chain.counters = _counters(a)
        batch.ruleset.stand(chain.hook, 1)
    chain.userdata = userdata(m, USERDATA)
    batch.ruleset.charge(1)
    chain.handle = table.new_handle()
    enter(batch.ruleset, table, table.chains, chain.name, chain)
    if ID in a:
        batch.chains[a.u32(ID)] = chain
    batch.tell(m, b.NEWCHAIN, partial(body, batch.nft, chain), m.flags & (nl.NLM_F_CREATE | nl.NLM_F_EXCL))


def _named(table: Table, a: Attributes, attribute: int) -> Chain | None:
    if attribute == HANDLE:
        handle = a.u64(HANDLE)
        found = table.by_handle.get(handle)
        return found if isinstance(found, Chain) else None
    return table.chains.get(a.text(NAME))


def _policy(a: Attributes, chain: Chain | None) -> int | None:
    if POLICY not in a:
        return None
    if not (chain.hook if chain is not None else HOOK in a):
        raise a.bad(POLICY, errno.EOPNOTSUPP)
    policy = a.u32(POLICY)
    if policy not in (DROP, ACCEPT):
        raise NfError(errno.EINVAL)
    return policy


def _counters(a: Attributes) -> tuple[int, int]:
    inner = a.nested(COUNTERS)
    return inner.u64(_PACKETS), inner.u64(_BYTES)


def _update(batch: Batch, m: Message, chain: Chain, policy: int | None, attribute: int) -> None:
    """Another policy, counters or name; a hook must be the one that it has."""
    a, ruleset = m.attributes, batch.ruleset
    if HOOK in a:
        if not chain.hook:
            raise a.bad(attribute, errno.EEXIST)
        hook = Hook(a)
        if (hook.type, hook.hook, hook.priority) != (chain.type, chain.hook, chain.priority):
            raise a.bad(attribute, errno.EEXIST)
    if HANDLE in a and NAME in a:
        name = a.text(NAME)
        if name in chain.table.chains:
            raise a.bad(NAME, errno.EEXIST)
        take(ruleset, chain.table.chains, chain.name)
        ruleset.put(chain, "name", name)
        put(ruleset, chain.table.chains, name, chain)
    if COUNTERS in a:
        if not chain.hook:
            raise NfError(errno.EOPNOTSUPP)
        ruleset.put(chain, "counters", _counters(a))
    if policy is not None:
        ruleset.put(chain, "policy", policy)
    batch.tell(m, b.NEWCHAIN, partial(body, batch.nft, chain))


def delete(batch: Batch, m: Message) -> None:
    """ENOENT, EBUSY while others jump to it (or, asked so, while it has rules)."""
    from sandbox.sockets.netlink.netfilter import rules

    a = m.attributes
    table = batch.nft.table(m, TABLE)
    attribute = HANDLE if HANDLE in a else NAME
    chain = _named(table, a, attribute)
    if chain is None:
        raise a.bad(attribute, errno.ENOENT)
    if m.flags & b.NLM_F_NONREC and (chain.rules or chain.uses):
        raise NfError(errno.EBUSY)
    rules.flush(batch, m, chain)
    if chain.uses:
        raise a.bad(attribute, errno.EBUSY)
    remove(batch, m, chain)


def remove(batch: Batch, m: Message, chain: Chain) -> None:
    """It is empty and nobody jumps to it."""
    batch.tell(m, b.DELCHAIN, partial(body, batch.nft, chain, gone=True))
    batch.ruleset.charge(-1)
    if chain.hook:
        batch.ruleset.stand(chain.hook, -1)
    leave(batch.ruleset, chain.table, chain.table.chains, chain.name)


def get(nft: Nftables, m: Message) -> Iterable[bytes]:
    """One, or for a dump those of the family."""
    if m.dump:
        return _bodies(nft, [chain for table in nft.tables(m.family) for chain in in_order(table.chains)])
    table = nft.table(m, TABLE)
    chain = table.chains.get(m.attributes.text(NAME))
    if chain is None:
        raise m.attributes.bad(NAME, errno.ENOENT)
    return [body(nft, chain)]


def _bodies(nft: Nftables, found: list[Chain]) -> Iterator[bytes]:
    for chain in found:
        yield body(nft, chain)
