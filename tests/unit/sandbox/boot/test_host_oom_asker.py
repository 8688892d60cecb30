"""Who asks the host for memory: it is not the sentry, the bound is put down for no longer than it takes, and what is to follow
follows once, whatever goes wrong."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from sandbox.boot.host_oom_asker import ASKING_NS, PAGE, READY_NS, Asker
from sandbox.platform.base import Order

pytestmark = pytest.mark.interpreted  # stand-ins are no compiled classes
MOST = 5 * PAGE - 1


class World:
    """The host's group, a platform with one process, and time; what happens is in `seen`."""

    def __init__(self) -> None:
        self.seen: list[object] = []
        self.now = 0
        self.soon: list[Callable[[], None]] = []
        self.timers: list[tuple[int, Callable[[], None]]] = []
        self.made: Callable[[Any], None]
        self.executed: Callable[[int, int], None]
        self.clock = self
        self.score, self.most, self.has_killed = 500, MOST, False
        Asker(self, self, self).tell(lambda: self.seen.append("then"))  # type: ignore[arg-type]

    # the group
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
        assert score == 1000
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
    world.now = ASKING_NS
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


@pytest.mark.parametrize("change, seen", [({"score": 501}, []), ({"most": 0}, ["down"])])
def test_it_does_not_ask_where_the_host_would_take_another(change: dict[str, int], seen: list[str]) -> None:
    """Guests whose scores leave no room for one before them; a bound that cannot be put down."""
    world = World()
    for name, value in change.items():
        setattr(world, name, value)
    world.made(world)
    assert world.seen == [*seen, "kill", "then"]
