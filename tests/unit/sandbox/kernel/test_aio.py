"""Asynchronous I/O contexts: bounds, chains of polls and eventfds, and what an end leaves behind."""

from __future__ import annotations

from sandbox.kernel.aio import AIO_MAX_NR, EVENT, MAX_HELD, AioContext, AioPoll, AioRequest, AioTotal, destroy_all
from sandbox.vfs.eventfd import EventFile

from .box import Box

IN = 1


def opened(count: int = 0) -> EventFile:
    file = EventFile(count, 0, False)
    file.acquire()
    return file


def test_a_long_chain_of_polls_ends_one_after_another(box: Box) -> None:
    total = AioTotal()
    context = AioContext(total, 5000, 1)
    files = [opened() for _ in range(5001)]
    for n in range(5000):
        AioPoll(box.init, context, AioRequest(n, n, files[n + 1]), files[n], IN)
    files[0].signal()
    assert [EVENT.unpack(event)[0] for event in context.events] == list(range(5000))
    assert not context.polls and files[5000].count == 1
    assert all(file.refs == 1 for file in files)


def test_a_cycle_ends(box: Box) -> None:
    context = AioContext(AioTotal(), 10, 1)
    one, other = opened(), opened()
    AioPoll(box.init, context, AioRequest(1, 1, other), one, IN)
    AioPoll(box.init, context, AioRequest(2, 2, one), other, IN)
    one.signal()
    assert len(context.events) == 2 and one.count == 2 and other.count == 1


def test_a_context_is_full_until_its_events_are_fetched(box: Box) -> None:
    context = AioContext(AioTotal(), 1, 1)
    taken = 0
    while not context.full():
        context.complete(AioRequest(0, taken, None), 0)
        taken += 1
    assert taken == context.capacity >= 2
    context.events.popleft()
    assert not context.full()


def test_small_contexts_are_bounded_by_what_they_can_hold() -> None:
    total = AioTotal()
    contexts = []
    while total.has_room(1, 1):
        contexts.append(AioContext(total, 1, 1))
    assert sum(context.capacity for context in contexts) == total.capacity <= MAX_HELD < total.capacity + 200
    assert total.count == len(contexts) < AIO_MAX_NR
    contexts.pop().destroy()
    assert total.has_room(1, 1) and not total.has_room(AIO_MAX_NR, 1)
    destroy_all(dict(enumerate(contexts)))
    assert total.capacity == 0 and total.has_room(AIO_MAX_NR, 1)


def test_the_end_of_an_address_space_lets_go_of_everything(box: Box) -> None:
    total = AioTotal()
    context = AioContext(total, 7, 1)
    file, notify = opened(), opened()
    AioPoll(box.init, context, AioRequest(1, 1, notify), file, IN)
    assert total.count == 7 and file.refs == notify.refs == 2
    destroy_all({1: context})
    assert total.count == 0 and file.refs == notify.refs == 1
    file.signal()
    assert not context.events
