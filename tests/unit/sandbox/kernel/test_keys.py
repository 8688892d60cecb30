"""Keys and keyrings are bounded, and go when nobody has them."""

from __future__ import annotations

import errno

import pytest

from sandbox.abi.linux.keyctl import MAX_KEYS, ROOT_KEYS
from sandbox.errors import SyscallError
from sandbox.kernel.keys import GC_DELAY_NS, KEYRING, USER, KeyTable

from .box import Box


def test_a_user_has_so_many(box: Box) -> None:
    table = KeyTable(box.kernel)
    for n in range(MAX_KEYS):
        table.make(USER, b"%d" % n, 1000, 1000, 0, b"x")
    with pytest.raises(SyscallError, match="EDQUOT"):
        table.make(USER, b"more", 1000, 1000, 0, b"x")
    assert table.make(USER, b"of another", 1001, 1001, 0, b"x").serial


def test_a_user_has_so_many_bytes(box: Box) -> None:
    table = KeyTable(box.kernel)
    key = table.make(USER, b"k", 1000, 1000, 0, bytes(19_000))
    with pytest.raises(SyscallError, match="EDQUOT"):
        table.resize(key, 1000)
    with pytest.raises(SyscallError, match="EDQUOT"):
        table.make(USER, b"m", 1000, 1000, 0, bytes(1000))


def test_all_have_so_many_bytes(box: Box) -> None:
    table = KeyTable(box.kernel)
    with pytest.raises(SyscallError, match="EDQUOT"):
        for n in range(ROOT_KEYS):
            table.make(USER, b"%d" % n, n, n, 0, bytes(19_000))
    assert table.bytes <= 8 << 20


def test_what_nobody_has_goes_with_all_that_only_it_had(box: Box) -> None:
    table = KeyTable(box.kernel)
    top = table.hold(table.make(KEYRING, b"top", 1000, 1000, 0))
    ring = top
    for n in range(MAX_KEYS - 1):
        below = table.make(KEYRING if n < 4 else USER, b"%d" % n, 1000, 1000, 0)
        table.link(ring, below)
        ring = below if n < 4 else ring
    kept = table.hold(table.keys[next(iter(ring.links.values())).serial])
    table.drop(top)
    assert list(table.keys.values()) == [kept]
    assert (table.users[1000].keys, table.users[1000].bytes) == (1, kept.charged)
    table.drop(kept)
    assert not table.keys and not table.bytes


def test_no_keyring_is_in_itself(box: Box) -> None:
    table = KeyTable(box.kernel)
    rings = [table.hold(table.make(KEYRING, b"%d" % n, 0, 0, 0)) for n in range(10)]
    for above, below in zip(rings[:4], rings[1:5], strict=True):
        table.link(above, below)
    for wrong, number in ((rings[0], errno.EDEADLK), (rings[2], errno.EDEADLK)):
        with pytest.raises(SyscallError) as caught:
            table.link(rings[4], wrong)
        assert caught.value.errno == number
    for above, below in zip(rings[4:9], rings[5:], strict=True):
        table.link(above, below)
    lonely = table.hold(table.make(KEYRING, b"lonely", 0, 0, 0))
    with pytest.raises(SyscallError, match="ELOOP"):
        table.link(lonely, rings[0])


def test_expired_keys_make_room_after_a_while(box: Box) -> None:
    table = KeyTable(box.kernel)
    ring = table.hold(table.make(KEYRING, b"ring", 1000, 1000, 0))
    for n in range(MAX_KEYS - 1):
        key = table.make(USER, b"%d" % n, 1000, 1000, 0)
        key.expires = box.kernel.clock.now_ns() - GC_DELAY_NS + (n > 0) * 10**12
        table.link(ring, key)
    table.make(USER, b"more", 1000, 1000, 0)
    with pytest.raises(SyscallError, match="EDQUOT"):
        table.make(USER, b"too many", 1000, 1000, 0)
