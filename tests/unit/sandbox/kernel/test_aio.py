"""Asynchronous I/O contexts: bounds, chains of polls and eventfds, and what an end leaves behind."""

from __future__ import annotations

from typing import cast

import pytest

from sandbox.kernel.aio import (
    AIO_MAX_NR,
    EVENT,
    MAX_HELD,
    AioContext,
    AioPoll,
    AioRequest,
    AioRing,
    AioTotal,
    destroy_all,
    ring_size,
)
from sandbox.vfs.eventfd import EventFile
from sandbox.vfs.regular_file import RegularFile

from .box import Box

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class

IN = 1


def opened(count: int = 0) -> EventFile:
    file = EventFile(count, 0, False)
    file.acquire()
    return file


class Pages:
    """The file of a ring, and its inode."""

    def __init__(self, size: int) -> None:
        self.data = bytearray(size)
        self.inode = self
        self.refs = 1

    def read_at(self, dst: memoryview, offset: int) -> int:
        dst[:] = self.data[offset : offset + len(dst)]
        return len(dst)

    def write_at(self, src: memoryview, offset: int) -> int:
        self.data[offset : offset + len(src)] = src
        return len(src)

    def drop(self) -> None:
        self.refs -= 1


def made(total: AioTotal, asked: int) -> AioContext:
    """A context for one processor, whose ring nobody has mapped."""
    size = ring_size(asked, 1)
    return AioContext(total, AioRing(cast(RegularFile, Pages(size)), 0, size), asked, 1)


def test_a_long_chain_of_polls_ends_one_after_another(box: Box) -> None:
    total = AioTotal()
    context = made(total, 5000)
    files = [opened() for _ in range(5001)]
    for n in range(5000):
        AioPoll(box.init, context, AioRequest(n, n, files[n + 1]), files[n], IN)
    files[0].signal()
    assert [EVENT.unpack(event)[0] for event in context.events] == list(range(5000))
    assert not context.polls and files[5000].count == 1
    assert all(file.refs == 1 for file in files)


def test_a_cycle_ends(box: Box) -> None:
    context = made(AioTotal(), 10)
    one, other = opened(), opened()
    AioPoll(box.init, context, AioRequest(1, 1, other), one, IN)
    AioPoll(box.init, context, AioRequest(2, 2, one), other, IN)
    one.signal()
    assert len(context.events) == 2 and one.count == 2 and other.count == 1


def test_a_context_is_full_until_its_events_are_fetched() -> None:
    context = made(AioTotal(), 1)
    taken = 0
    while not context.full():
        context.complete(AioRequest(0, taken, None), 0)
        taken += 1
    assert taken == context.capacity >= 2
    context.fetched(1)
    assert not context.full()
    context.complete(AioRequest(0, taken, None), 0)
    assert context.full()


def test_a_head_that_lies_elsewhere_takes_nothing() -> None:
    context = made(AioTotal(), 1)
    for n in range(3):
        context.complete(AioRequest(n, n, None), 0)
    for head, left in ((4, 3), (0xFFFFFFFF, 3), (2, 1), (1, 1), (3, 0)):
        context.ring.file.inode.write_at(memoryview(head.to_bytes(4, "little")), 8)
        context.settle()
        assert len(context.events) == left


def test_small_contexts_are_bounded_by_what_they_can_hold() -> None:
    total = AioTotal()
    contexts = []
    while total.has_room(1, 1):
        contexts.append(made(total, 1))
    assert sum(context.capacity for context in contexts) == total.capacity <= MAX_HELD < total.capacity + 200
    assert total.count == len(contexts) < AIO_MAX_NR
    contexts.pop().destroy()
    assert total.has_room(1, 1) and not total.has_room(AIO_MAX_NR, 1)
    destroy_all(dict(enumerate(contexts)))
    assert total.capacity == 0 and total.has_room(AIO_MAX_NR, 1)


def test_the_end_of_an_address_space_lets_go_of_everything(box: Box) -> None:
    total = AioTotal()
    context = made(total, 7)
    file, notify = opened(), opened()
    AioPoll(box.init, context, AioRequest(1, 1, notify), file, IN)
    assert total.count == 7 and file.refs == notify.refs == 2
    destroy_all({1: context})
    assert total.count == 0 and file.refs == notify.refs == 1 and context.ring.file.refs == 0
    file.signal()
    assert not context.events
