"""Messages about elements of sets (nf_tables_newsetelem, nf_tables_delsetelem, nf_tables_getsetelem)."""

from __future__ import annotations

import errno
from functools import partial
from typing import Final, Iterable, Iterator

from sandbox.sockets.netlink import message as nl
from sandbox.sockets.netlink.netfilter import batch as b
from sandbox.sockets.netlink.netfilter import codec, data
from sandbox.sockets.netlink.netfilter.attributes import LIST_ELEM, Attributes, NfError, be32, be64, nested
from sandbox.sockets.netlink.netfilter.batch import Batch, Message, Nftables
from sandbox.sockets.netlink.netfilter.data import DATA_VERDICT
from sandbox.sockets.netlink.netfilter.sets import release
from tcpip.clock import NS_PER_MS
from tcpip.filter.nft.sets import CATCHALL, CONSTANT, INTERVAL, INTERVAL_END, MAP, OBJECT, TIMEOUT, Element, NftSet

TABLE, SET, ELEMENTS, SET_ID = range(1, 5)
KEY, DATA, FLAGS, TIMEOUT_MS, EXPIRATION, USERDATA, EXPR, _PAD, OBJREF, KEY_END, EXPRESSIONS = range(1, 12)
ROOM: Final = 3600  # of one message with elements, so that small buffers have room for it
MAX_USERDATA: Final = 256


def _set(batch: Batch, m: Message) -> NftSet:
    a = m.attributes
    table = batch.nft.table(m, TABLE)
    held = table.sets.get(a.text(SET))
    if held is None and SET_ID in a:
        held = batch.sets.get(a.u32(SET_ID))
    if held is None or held.table is not table:
        raise a.bad(SET, errno.ENOENT)
    return held


def one_body(nft: Nftables, held: NftSet, element: Element) -> bytes:
    """NFTA_LIST_ELEM of one element."""
    parts = []
    if not element.flags & CATCHALL:
        parts.append(data.put_value(KEY, element.key))
    if element.key_end:
        parts.append(data.put_value(KEY_END, element.key_end))
    if element.verdict is not None:
        parts.append(data.put_verdict(DATA, element.verdict))
    elif element.value:
        parts.append(data.put_value(DATA, element.value))
    parts += codec.write_templates(element.expressions, nft.now, EXPR, EXPRESSIONS)
    if element.object is not None:
        parts.append(nl.string(OBJREF, element.object.name))
    if element.flags:
        parts.append(be32(FLAGS, element.flags))
    if element.timeout and element.timeout != held.timeout:
        parts.append(be64(TIMEOUT_MS, element.timeout))
    if element.expires:
        parts.append(be64(EXPIRATION, max(element.expires - nft.now, 0) // NS_PER_MS))
    if element.userdata:
        parts.append(nl.attribute(USERDATA, element.userdata))
    return nested(LIST_ELEM, *parts)


def bodies(nft: Nftables, held: NftSet, elements: list[Element]) -> Iterator[bytes]:
    """NFT_MSG_NEWSETELEM, as many as it takes."""
    head = nft.genmsg(held.table.family) + nl.string(TABLE, held.table.name) + nl.string(SET, held.name)
    part: list[bytes] = []
    size = 0
    told = False
    for element in elements:
        one = one_body(nft, held, element)
        if size + len(one) > ROOM:
            yield head + nested(ELEMENTS, *part)
            part, size, told = [], 0, True
        part.append(one)
        size += len(one)
    if part or not told:
        yield head + nested(ELEMENTS, *part)


def one_message(nft: Nftables, held: NftSet, element: Element) -> bytes:
    """NFT_MSG_NEWSETELEM of a single one."""
    (body,) = bodies(nft, held, [element])
    return body


def new(batch: Batch, m: Message) -> None:
    """Add elements. ENOENT, EBUSY for a set that stays as it is, EEXIST, EINVAL, ENFILE when it is full."""
    held = _set(batch, m)
    if held.uses and held.flags & CONSTANT:
        raise NfError(errno.EBUSY)
    batch.touched.add(held)
    if ELEMENTS not in m.attributes:
        raise NfError(errno.EINVAL)
    added = []
    for at, a in m.attributes.elements(ELEMENTS):
        try:
            element = _read(batch, held, a)
            if _insert(batch, m, held, element):
                added.append(element)
        except NfError as error:
            raise NfError(error.errno, error.offset or at) from None
    if any(element.verdict is not None for element in added):
        batch.checked(held.table)
    for element in added:
        body = partial(one_message, batch.nft, held, element)
        batch.tell(m, b.NEWSETELEM, body, m.flags & (nl.NLM_F_CREATE | nl.NLM_F_EXCL))


def _key(held: NftSet, a: Attributes) -> Element:
    flags = a.u32(FLAGS, 0)
    if flags & ~(INTERVAL_END | CATCHALL):
        raise NfError(errno.EOPNOTSUPP)
    if flags & INTERVAL_END and (not held.flags & INTERVAL or flags & CATCHALL):
        raise NfError(errno.EINVAL)
    if flags & CATCHALL:
        if KEY in a or held.flags & INTERVAL and held.ranges and KEY_END in a:
            raise NfError(errno.EINVAL)
        return Element(b"", b"", flags)
    key = data.value(a, KEY, held.key_len)
    end = data.value(a, KEY_END, held.key_len) if KEY_END in a else b""
    if end and not held.ranges:
        raise NfError(errno.EINVAL)
    return Element(key, end, flags)


def _read(batch: Batch, held: NftSet, a: Attributes) -> Element:
    element = _key(held, a)
    ctx = batch.context(held.table)
    end = element.flags & INTERVAL_END
    if held.flags & MAP:
        if (DATA in a) == bool(end):
            raise NfError(errno.EINVAL)
        if not end and held.data_type == DATA_VERDICT:
            element.verdict = data.verdict(ctx, a, DATA)
        elif not end:
            element.value = data.value(a, DATA, held.data_len)
    elif DATA in a:
        raise NfError(errno.EINVAL)
    if held.flags & OBJECT and not end:
        element.object = held.table.objects.get((a.text(OBJREF), held.object_type))
        if element.object is None:
            raise a.bad(OBJREF, errno.ENOENT)
    elif OBJREF in a:
        raise NfError(errno.EINVAL)
    _read_time(batch, held, element, a)
    if USERDATA in a:
        element.userdata = a.get(USERDATA)
        if len(element.userdata) > MAX_USERDATA:
            raise NfError(errno.ERANGE)
    element.expressions = codec.read_templates(ctx, a, EXPR, EXPRESSIONS)
    if not element.expressions and not end:
        element.expressions = [template.copy() for template in held.templates]
    return element


def _read_time(batch: Batch, held: NftSet, element: Element, a: Attributes) -> None:
    if (TIMEOUT_MS in a or EXPIRATION in a) and not held.flags & TIMEOUT:
        raise NfError(errno.EINVAL)
    if not held.flags & TIMEOUT or element.flags & INTERVAL_END:
        return
    element.timeout = a.u64(TIMEOUT_MS, held.timeout)
    left = a.u64(EXPIRATION, element.timeout)
    if element.timeout:
        if left > element.timeout:
            raise NfError(errno.ERANGE)
        element.expires = batch.nft.now + left * NS_PER_MS


def _insert(batch: Batch, m: Message, held: NftSet, element: Element) -> bool:
    """False: it was there already, and that is no error."""
    before = held.held(element.identity())
    if before is not None:
        same_verdict = (before.verdict is None) == (element.verdict is None) and (
            before.verdict is None
            or element.verdict is None
            or (before.verdict.code, before.verdict.chain) == (element.verdict.code, element.verdict.chain)
        )
        same = same_verdict and before.value == element.value and before.object is element.object
        if m.flags & nl.NLM_F_EXCL or not same:
            raise NfError(errno.EEXIST)
        return False
    if held.size and not element.flags & CATCHALL and len(held.elements) >= held.size:
        raise NfError(errno.ENFILE)
    gone = held.elements.get(element.identity())
    if gone is not None:
        _drop(batch, held, gone)  # its time was over
    batch.ruleset.charge(1)
    held.add(element)
    batch.ruleset.did(lambda: held.remove(element))
    release(batch, element.references(), 1)
    return True


def delete(batch: Batch, m: Message) -> None:
    """Delete elements, or all of them. ENOENT, EBUSY."""
    held = _set(batch, m)
    if held.uses and held.flags & CONSTANT:
        raise NfError(errno.EBUSY)
    batch.touched.add(held)
    doomed = []
    if ELEMENTS not in m.attributes:
        doomed = held.there()
        for element in doomed:
            _drop(batch, held, element)
    else:
        for at, a in m.attributes.elements(ELEMENTS):
            found = held.held(_key(held, a).identity())
            if found is None:
                raise NfError(errno.ENOENT, at)
            _drop(batch, held, found)
            doomed.append(found)
    for element in doomed:
        batch.tell(m, b.DELSETELEM, partial(one_message, batch.nft, held, element))


def _drop(batch: Batch, held: NftSet, element: Element) -> None:
    held.remove(element)
    batch.ruleset.did(lambda: held.add(element))
    batch.ruleset.charge(-1)
    release(batch, element.references())


def get(nft: Nftables, m: Message) -> Iterable[bytes]:
    """All of a set, or for a single get the named ones. ENOENT."""
    a = m.attributes
    table = nft.table(m, TABLE)
    held = table.sets.get(a.text(SET))
    if held is None:
        raise a.bad(SET, errno.ENOENT)
    held.expire()
    if m.dump:
        return bodies(nft, held, held.there())
    found = []
    for at, one in a.elements(ELEMENTS):
        element = held.matching(_key(held, one))
        if element is None:
            raise NfError(errno.ENOENT, at)
        found.append(element)
    return bodies(nft, held, found)
