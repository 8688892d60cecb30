"""The event loop: whose turn it is."""

from __future__ import annotations

import os
from typing import Iterator

import pytest

from sandbox.reactor import LONGEST_TURN, READ, Looker, Reactor
from tcpip.clock import ManualClock


class Guests(Looker):
    """Has a call in every turn while `left`; each takes `cost` ns."""

    def __init__(self, clock: ManualClock, left: int, cost: int) -> None:
        self.clock = clock
        self.left = left
        self.cost = cost
        self.order: list[str] = []

    def look(self) -> bool:
        if not self.left:
            return False
        self.left -= 1
        self.clock.advance(self.cost)
        self.order.append("call")
        return True


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    made = Reactor(ManualClock(1))
    yield made
    made.close()


@pytest.fixture
def flood() -> Iterator[int]:
    """A descriptor that is always readable."""
    read, write = os.pipe()
    os.write(write, b"x")
    yield read
    os.close(read)
    os.close(write)


@pytest.mark.parametrize(("cost", "calls_between"), [(1_000_000, 10), (20_000_000, 5)])
@pytest.mark.interpreted
def test_a_flood_and_guests_have_the_same_time(reactor: Reactor, flood: int, cost: int, calls_between: int) -> None:
    clock = reactor.clock
    assert isinstance(clock, ManualClock)
    guests = Guests(clock, 40, min(cost, LONGEST_TURN) // calls_between)
    reactor.looker = guests
    batches = 0

    def batch(events: int) -> None:
        nonlocal batches
        batches += 1
        guests.order.append("batch")
        clock.advance(cost)
        if batches == 4:
            reactor.stop()

    reactor.watch(flood, READ, batch)
    reactor.run()
    first = guests.order.index("batch")
    between = "".join("c" if what == "call" else "b" for what in guests.order[first:])
    assert between == "b" + ("c" * calls_between + "b") * 3


def test_guests_that_ask_for_nothing_take_no_time(reactor: Reactor, flood: int) -> None:
    batches = []

    def batch(events: int) -> None:
        batches.append(events)
        reactor.clock.advance(1_000_000)  # type: ignore[attr-defined]
        if len(batches) == 3:
            reactor.stop()

    reactor.watch(flood, READ, batch)
    reactor.run()
    assert len(batches) == 3


def test_later_comes_after_soon_and_before_the_next_sleep(reactor: Reactor, flood: int) -> None:
    order = []
    reactor.call_later(lambda: order.append("later"))
    reactor.call_soon(lambda: order.append("soon"))

    def event(events: int) -> None:
        order.append("event")
        reactor.stop()

    reactor.watch(flood, READ, event)
    reactor.run()
    assert order == ["soon", "later", "event"]


def test_what_asks_for_itself_again_leaves_the_others_their_turn(reactor: Reactor, flood: int) -> None:
    """Packets that answer each other for ever."""
    rounds = 0

    def again() -> None:
        nonlocal rounds
        rounds += 1
        assert rounds < 100_000
        reactor.call_soon(again)

    reactor.watch(flood, READ, lambda events: reactor.stop())
    reactor.call_soon(again)
    reactor.run()
    assert rounds


def test_time_that_the_sandbox_stands_still_does_not_count(reactor: Reactor) -> None:
    clock, calls = reactor.clock, []
    assert isinstance(clock, ManualClock)
    reactor.call_after(100, lambda: calls.append(clock.now_ns()))
    reactor.call_at(clock.now_ns() + 100, lambda: calls.append(-1))
    clock.advance(60)
    clock.advance(5000)  # stood still
    reactor.stood_ns += 5000
    reactor.timers.run(clock.now_ns())
    assert calls == [-1]
    clock.advance(99)
    reactor.timers.run(clock.now_ns())
    assert calls == [-1]
    clock.advance(1)
    reactor.timers.run(clock.now_ns())
    assert calls == [-1, clock.now_ns()]


def test_who_samples_now_and_then_is_no_event(reactor: Reactor) -> None:
    """Two that wait for the next event would otherwise wake each other for ever."""
    calls: list[str] = []

    def timer() -> None:
        calls.append("timer")
        reactor.stop()

    def sample() -> None:
        calls.append("sample")
        reactor.call_at(reactor.clock.now_ns(), timer)

    reactor.call_at_next_event(lambda: calls.append("event"))
    reactor.background.after(reactor.clock.now_ns(), sample)
    reactor.run()
    assert calls == ["sample", "event", "timer"]
