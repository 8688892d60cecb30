"""The graph of an image: what is read is what was written, and nothing else can be named."""

from __future__ import annotations

import os
from collections import deque

import pytest

from sandbox.checkpoint.codec import Decoder, Encoder, Unsaveable
from sandbox.checkpoint.image import BadImage
from sandbox.checkpoint.state_classes import StateClasses
from sandbox.kernel.signal_queue import SignalHandlers, SignalQueue
from sandbox.kernel.user_namespace import INITIAL
from sandbox.mm.vma import VMA
from sandbox.mm.vma_set import VMASet
from sandbox.vfs.dentry import Dentry
from tcpip.native import is_compiled
from tcpip.waiter import WaitQueue

pytestmark = pytest.mark.skipif(is_compiled(), reason="a compiled kernel is not checkpointed")


def encoded(root: object) -> bytes:
    return Encoder(StateClasses(), lambda value: None, lambda value: None).encode([root])


def decoded(data: bytes) -> object:
    root = Decoder(StateClasses(), _no_outside, _no_record).decode(data)
    assert isinstance(root, list)
    return root[0]


def _no_outside(name: str) -> object:
    raise BadImage(name)


def _no_record(record: tuple[object, ...]) -> object:
    raise BadImage(repr(record))


def test_plain_values() -> None:
    values = (
        None,
        True,
        False,
        0,
        -1,
        1 << 70,
        -(1 << 63),
        1.5,
        "name \udcff",
        b"\0\xff",
        (1, (2, ())),
        frozenset((3,)),
    )
    assert decoded(encoded(values)) == values


def test_containers_keep_identity_and_cycles() -> None:
    shared: list[object] = [1]
    queue: deque[object] = deque((shared,), maxlen=3)
    root: dict[object, object] = {"a": shared, "b": shared, "queue": queue, "set": {1, 2}, "bytes": bytearray(b"xyz")}
    root["self"] = root
    found = decoded(encoded(root))
    assert isinstance(found, dict)
    assert found["a"] is found["b"] and found["self"] is found
    assert found["queue"].maxlen == 3 and found["queue"][0] is found["a"]
    assert found["set"] == {1, 2} and found["bytes"] == bytearray(b"xyz")


def test_objects() -> None:
    areas = VMASet()
    areas.insert(VMA(0x1000, 0x3000, 3, None, 0, "[heap]"))
    top = Dentry(b"/", None, None)
    top.children[b"x"] = Dentry(b"x", top, None)
    found, root = decoded(encoded((areas, top)))  # type: ignore[misc]
    assert [(area.start, area.end, area.name) for area in found] == [(0x1000, 0x3000, "[heap]")]
    assert root.parent is root and root.children[b"x"].parent is root


def test_constants_and_methods_of_modules_are_those_of_this_kernel() -> None:
    queue, pending = WaitQueue(), SignalQueue()
    queue.add(1, pending.discard)
    found, user, pending_again = decoded(encoded((queue, INITIAL, pending)))  # type: ignore[misc]
    assert user is INITIAL
    callback = next(iter(found._waiters)).callback
    assert callback.__self__ is pending_again and callback.__func__ is SignalQueue.discard


def test_what_cannot_be_saved_is_named_with_its_owner() -> None:
    handlers = SignalHandlers()
    handlers.actions.append(lambda: None)  # type: ignore[arg-type]
    with pytest.raises(Unsaveable, match="function of list of SignalHandlers"):
        encoded(handlers)
    with pytest.raises(Unsaveable, match="stat_result"):
        encoded(os.stat("/"))


def replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    """Another name in the image, with its length."""
    assert data.count(old) == 1
    return data.replace(len(old).to_bytes(4, "little") + old, len(new).to_bytes(4, "little") + new)


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "subprocess:Popen",
        "builtins:eval",
        "sandbox.boot.sandbox:Sandbox",
        "sandbox.fs.hostfs.inode:HostInode",
        "sandbox.kernel.kernel:Kernel",
        "sandbox.kernel.pipe:os",
        "sandbox.kernel.task:Task.__init__",
        "sandbox.vfs.dentry:Dentry.__class__",
        "sandbox.checkpoint.codec:Decoder",
        "nowhere:Nothing",
    ],
)
def test_a_class_that_is_not_of_the_state_is_refused(name: str) -> None:
    data = encoded(Dentry(b"/", None, None))
    with pytest.raises(BadImage):
        decoded(replaced(data, b"sandbox.vfs.dentry:Dentry", name.encode()))


@pytest.mark.parametrize("name", ["__init__", "__reduce__", "__class__", "nothing", "mask"])
def test_a_method_that_is_none_is_refused(name: str) -> None:
    data = encoded((SignalQueue().discard,))
    with pytest.raises(BadImage):
        decoded(replaced(data, b"discard", name.encode()))


@pytest.mark.parametrize("name", ["__class__", "__dict__", "no_such_slot"])
def test_an_attribute_that_is_none_is_refused(name: str) -> None:
    data = encoded(Dentry(b"/", None, None))
    with pytest.raises(BadImage):
        decoded(replaced(data, b"deleted", name.encode()))


def test_no_damage_gets_out_but_as_a_bad_image() -> None:
    data = encoded((Dentry(b"/", None, None), {"a": [1, 2, (3, b"four")]}, INITIAL, WaitQueue()))
    classes = StateClasses()
    for at in range(len(data)):
        for damaged in (data[:at], data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :], data[:at] + b"\xff" * 8):
            try:
                Decoder(classes, _no_outside, _no_record).decode(damaged)
            except BadImage:
                pass
