"""Who asks the host for memory: it is not the sentry, the bound is put down for no longer than it takes, and what is to follow
follows once, whatever goes wrong."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from sandbox.boot.host_oom_asker import ASKING_NS, MARGIN, MOST, NS_PER_BYTE, PAGE, READY_NS, Asker, own
from sandbox.platform.base import Order

pytestmark = pytest.mark.interpreted  # stand-ins are no compiled classes
ROOM = 5 * PAGE - 1
TOTAL = 50_000


class Victim:
    """Who is to end."""

    def __init__(self) -> None:
        self.score = 500
        self.ended = False

    def raise_oom_score_adj(self, score: int) -> int:
        if self.ended:
            raise FileNotFoundError
        self.score = score
        return 500


class World:
    """The host's group, a platform with one process, and time; what happens is in `seen`. The victim has `pages`."""

    def __init__(
        self, pages: int = 9_000, others: int = 8_000, score: int = 500, sentry: tuple[int, int] = (10_000, 0)
    ) -> None:
        self.seen: list[object] = []
        self.now = 0
        self.soon: list[Callable[[], None]] = []
        self.timers: list[tuple[int, Callable[[], None]]] = []
        self.made: Callable[[Any], None]
        self.executed: Callable[[int, int], None]
        self.clock = self
        self.score, self.most, self.has_killed = score, ROOM, False
        self.victim = Victim()
        self.asker = Asker(self, self, self, lambda: sentry)  # type: ignore[arg-type]
        self.asker.tell(self.victim, pages, others, lambda: self.seen.append("then"))  # type: ignore[arg-type]

    # the group
    def pages(self) -> int:
        return TOTAL

    def put_down(self) -> int:
        self.seen.append("down")
        return self.most

    def killed(self) -> bool:
        return self.has_killed

    def lift(self) -> None:
        self.seen.append("lift")

    # the platform, its process and thread
    def new_space(self, done: Callable[[Any], None]) -> None:
        self.made = done

    def address_space(self) -> World:
        return self

    def raise_oom_score_adj(self, score: int) -> int:
        assert score == MOST
        return self.score

    def execute(self, orders: tuple[Order, ...], done: Callable[[int, int], None]) -> None:
        assert [order.args[1] for order in orders] == [5 * PAGE]
        self.seen.append("ask")
        self.executed = done

    def kill(self) -> None:
        self.seen.append("kill")

    # the reactor
    def now_ns(self) -> int:
        return self.now

    def call_at(self, when: int, function: Callable[[], None]) -> World:
        self.timers.append((when, function))
        return self

    def cancel(self) -> None:
        self.timers.clear()

    def call_soon(self, function: Callable[[], None]) -> None:
        self.soon.append(function)

    def turn(self) -> None:
        """What was to be done soon, and what is due."""
        soon, self.soon = self.soon, []
        for function in soon:
            function()
        for when, function in list(self.timers):
            if when <= self.now:
                function()


def test_the_bound_is_lifted_as_soon_as_one_was_killed() -> None:
    world = World()
    world.made(world)
    assert world.seen == ["down", "ask"]
    world.turn()
    assert world.seen == ["down", "ask"]
    world.has_killed = True
    world.turn()
    assert world.seen == ["down", "ask", "lift", "kill", "then"]
    world.executed(0, 0)
    world.turn()
    assert world.seen[-1] == "then" and not world.soon and not world.timers


def test_who_asks_may_get_it_all_or_be_killed_itself() -> None:
    world = World()
    world.made(world)
    world.executed(0, 0)
    assert world.seen == ["down", "ask", "lift", "kill", "then"]
    world = World()
    world.made(world)  # and nothing is heard of it any more
    world.turn()
    world.now = ASKING_NS + NS_PER_BYTE * 5 * PAGE
    world.turn()
    assert world.seen == ["down", "ask", "lift", "kill", "then"]


def test_without_a_process_nothing_is_put_down() -> None:
    world = World()
    world.made(None)
    assert world.seen == ["then"]
    world = World()
    world.now = READY_NS
    world.turn()
    assert world.seen == ["then"]
    world.made(world)
    assert world.seen == ["then", "kill"]


def test_a_bound_that_cannot_be_put_down() -> None:
    world = World()
    world.most = 0
    world.made(world)
    assert world.seen == ["down", "kill", "then"]


@pytest.mark.parametrize(
    "pages, others, score, sentry",
    [
        (10, 20_000, 500, (10_000, 0)),  # a small one: who asks is taken
        (20_000, 26_000, 500, (10_000, 0)),  # another has more, but not so much more
        (20_000, 15_000, 1000, (10_000, 1000)),  # all have the highest score, and it has the most
        (10, 3_000, 900, (4_000, 900)),
    ],
)
def test_the_victim_or_who_asks_comes_first(pages: int, others: int, score: int, sentry: tuple[int, int]) -> None:
    world = World(pages, others, score, sentry)
    world.made(world)
    assert world.seen == ["down", "ask"] and world.victim.score == MOST


@pytest.mark.parametrize(
    "pages, others, score, sentry",
    [
        (10, TOTAL // 2, 500, (10_000, 0)),
        (10_000, 10_000 - MARGIN, 1000, (10, 0)),
        (10_000, 0, 1000, (10_000, 1000)),  # the sentry itself
        (10, 0, 500, (TOTAL, 0)),
    ],
)
def test_it_does_not_ask_where_the_host_would_take_another(
    pages: int, others: int, score: int, sentry: tuple[int, int]
) -> None:
    world = World(pages, others, score, sentry)
    world.made(world)
    assert world.seen == ["kill", "then"]


def test_a_victim_that_has_ended_has_nothing() -> None:
    world = World(pages=20_000, others=26_000)
    world.victim.ended = True
    world.made(world)
    assert world.seen == ["kill", "then"]


def test_what_the_host_says_of_this_process() -> None:
    pages, score = own()
    assert pages > 0 and -1000 <= score <= MOST


def test_two_at_once_are_told_together() -> None:
    """The bound is put down once, and is what it was afterwards."""
    world = World()
    world.asker.tell(world.victim, 0, 0, lambda: world.seen.append("other"))  # type: ignore[arg-type]
    world.made(world)
    world.executed(0, 0)
    assert world.seen == ["down", "ask", "lift", "kill", "then", "other"]
    world.asker.tell(world.victim, 0, 0, lambda: world.seen.append("later"))  # type: ignore[arg-type]
    world.made(None)
    assert world.seen[-1] == "later"
