"""Messages about tables (nf_tables_newtable, nf_tables_deltable, nf_tables_gettable)."""

from __future__ import annotations

import errno
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.netfilter import batch as b
from sandbox.sockets.netlink.netfilter.attributes import NfError, be32, be64
from sandbox.sockets.netlink.netfilter.batch import Batch, Message, Nftables, R
from tcpip.filter.nft.ruleset import DORMANT, Table

if TYPE_CHECKING:
    from tcpip.filter.nft.ruleset import Referenced, Ruleset

K = TypeVar("K")
V = TypeVar("V")

NAME, FLAGS, USE, HANDLE, _PAD, USERDATA, OWNER = range(1, 8)
MAX_USERDATA: Final = 256


def userdata(m: Message, kind: int) -> bytes:
    """The user's own bytes. ERANGE."""
    if kind not in m.attributes:
        return b""
    found = m.attributes.get(kind)
    if len(found) > MAX_USERDATA:
        raise m.attributes.bad(kind, errno.ERANGE)
    return found


def body(nft: Nftables, table: Table, gone: bool = False) -> bytes:
    """NFT_MSG_NEWTABLE, or of one that is gone NFT_MSG_DELTABLE."""
    if gone:
        return nft.genmsg(table.family) + nl.string(NAME, table.name) + be64(HANDLE, table.handle)
    uses = len(table.chains) + len(table.sets) + len(table.objects)
    parts = [nl.string(NAME, table.name), be32(USE, uses), be64(HANDLE, table.handle), be32(FLAGS, table.flags)]
    if table.userdata:
        parts.append(nl.attribute(USERDATA, table.userdata))
    return nft.genmsg(table.family) + b"".join(parts)


def new(batch: Batch, m: Message) -> None:
    """EEXIST, EOPNOTSUPP for families and flags that we do not have."""
    if m.family not in b.FAMILIES:
        raise NfError(errno.EOPNOTSUPP)
    ruleset, a = batch.ruleset, m.attributes
    name = a.text(NAME)
    flags = a.u32(FLAGS, 0)
    table = ruleset.tables.get((m.family, name))
    if table is not None:
        if m.flags & nl.NLM_F_EXCL:
            raise a.bad(NAME, errno.EEXIST)
        if m.flags & nl.NLM_F_REPLACE or (FLAGS in a and flags & ~DORMANT):
            raise NfError(errno.EOPNOTSUPP)
        if FLAGS in a and flags != table.flags:
            ruleset.put(table, "flags", flags)
            batch.tell(m, b.NEWTABLE, partial(body, batch.nft, table))
        return
    if flags & ~DORMANT:
        raise NfError(errno.EOPNOTSUPP)
    ruleset.charge(1)
    table = Table(m.family, name, flags)
    table.userdata = userdata(m, USERDATA)
    ruleset.last_table += 1
    table.handle = ruleset.last_table
    put(ruleset, ruleset.tables, (m.family, name), table)
    batch.tell(m, b.NEWTABLE, partial(body, batch.nft, table), m.flags & (nl.NLM_F_CREATE | nl.NLM_F_EXCL))


def put(ruleset: Ruleset, held: dict[K, V], key: K, value: V) -> None:
    """Add to a dict, as a step."""
    held[key] = value
    ruleset.did(lambda: held.__delitem__(key))


def take(ruleset: Ruleset, held: dict[K, V], key: K) -> None:
    """Remove from a dict, as a step."""
    value = held.pop(key)
    ruleset.did(lambda: held.__setitem__(key, value))


def enter(ruleset: Ruleset, table: Table, held: dict[K, R], key: K, value: R) -> None:
    """A chain, set or object is in its table, under its handle, too."""
    put(ruleset, held, key, value)
    found: Referenced = value
    put(ruleset, table.by_handle, value.handle, found)


def leave(ruleset: Ruleset, table: Table, held: dict[K, R], key: K) -> None:
    """It is not any more."""
    take(ruleset, table.by_handle, held[key].handle)
    take(ruleset, held, key)


def delete(batch: Batch, m: Message) -> None:
    """One table, or all of a family or of the namespace. ENOENT, EBUSY."""
    from sandbox.sockets.netlink.netfilter import sets

    ruleset, a = batch.ruleset, m.attributes
    if m.family == 0 or (NAME not in a and HANDLE not in a):
        batch.looks(len(ruleset.tables))
        doomed = [table for table in batch.nft.tables(m.family) if NAME not in a or table.name == a.text(NAME)]
    elif HANDLE in a:
        handle = a.u64(HANDLE)
        batch.looks(len(ruleset.tables))
        doomed = [table for table in ruleset.tables.values() if table.handle == handle and table.family == m.family]
        if not doomed:
            raise a.bad(HANDLE, errno.ENOENT)
    else:
        doomed = [batch.nft.table(m, NAME)]
    for table in doomed:
        if m.flags & b.NLM_F_NONREC and (table.chains or table.sets or table.objects):
            raise NfError(errno.EBUSY)
        sets.delete_contents(batch, m, table)
        batch.tell(m, b.DELTABLE, partial(body, batch.nft, table, gone=True))
        ruleset.charge(-1)
        take(ruleset, ruleset.tables, (table.family, table.name))


def get(nft: Nftables, m: Message) -> list[bytes]:
    """One, or for a dump those of the family."""
    if m.dump:
        return [body(nft, table) for table in nft.tables(m.family)]
    return [body(nft, nft.table(m, NAME))]
