"""Sleepers of a semaphore set: who goes on, in which order, and that others have their turn meanwhile."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.kernel.ipc.sem import UNSETTLED, SemaphoreSet, SemOp, SemWait, settle_all
from sandbox.reactor import Reactor
from tcpip.clock import ManualClock

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class


class _Ticking(ManualClock):
    """A millisecond passes with each look."""

    def now_ns(self) -> int:
        self.advance(1_000_000)
        return super().now_ns()


@pytest.fixture
def kernel() -> Any:
    clock = _Ticking(1)
    return SimpleNamespace(clock=clock, reactor=Reactor(clock), done=[])


def sleeper(kernel: Any, semaphores: SemaphoreSet, name: str, *ops: SemOp) -> SemWait:
    task: Any = SimpleNamespace(kernel=kernel, group=SimpleNamespace(ids=None))
    task.woken = lambda mask: kernel.done.append(name)
    wait = SemWait(task, list(ops), None)
    assert semaphores.attempt(wait) == 1
    wait.sleep(semaphores)
    return wait


def made(kernel: Any, count: int) -> SemaphoreSet:
    semaphores = SemaphoreSet.__new__(SemaphoreSet)
    from array import array

    semaphores.values = array("H", bytes(2 * count))
    semaphores.pids = [None] * count
    semaphores.pending = {}
    semaphores.otime = 0
    return semaphores


@pytest.fixture(autouse=True)
def _no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.kernel.ipc.sem.seconds", lambda task: 0)


def test_who_is_let_go_on_lets_others_go_on_from_the_start(kernel: Any) -> None:
    semaphores = made(kernel, 3)
    sleeper(kernel, semaphores, "first", (1, -1, 0))
    sleeper(kernel, semaphores, "second", (0, -1, 0), (1, 2, 0))
    sleeper(kernel, semaphores, "third", (1, -1, 0))
    sleeper(kernel, semaphores, "fourth", (1, -1, 0))
    semaphores.values[0] = 1
    semaphores.settle()
    assert kernel.done == ["second", "first", "third"] and len(semaphores.pending) == 1


def test_what_was_in_the_way_is_looked_at_with_what_came_before_it(kernel: Any) -> None:
    semaphores = made(kernel, 1)
    semaphores.values[0] = 1
    wait = sleeper(kernel, semaphores, "one", (0, -1, 0), (0, -2, 0))
    semaphores.values[0] = 2
    assert semaphores.stuck(wait)
    semaphores.values[0] = 3
    semaphores.settle()
    assert kernel.done == ["one"] and semaphores.values[0] == 0


@pytest.mark.parametrize("at_once", [False, True])
def test_very_many_leave_others_their_turn(kernel: Any, at_once: bool) -> None:
    """Each that goes on changes what all before it wait for: 21 s for a thousand."""
    semaphores = made(kernel, 2)
    for number in range(50):
        sleeper(kernel, semaphores, f"stuck{number}", (0, -1, 0), (1, -100, 0))
    for number in range(50):
        sleeper(kernel, semaphores, f"free{number}", (0, -1, 0), (0, 1, 0), (1, 1, 0))
    semaphores.values[0] = 1
    semaphores.settle()
    assert semaphores in UNSETTLED and kernel.reactor.soon
    semaphores.settle()
    if at_once:
        settle_all()
    turns = 0
    while kernel.reactor.soon:
        kernel.reactor.soon.popleft()()
        turns += 1
    assert turns == 1 if at_once else turns > 5
    assert [name for name in kernel.done if name.startswith("free")] == [f"free{n}" for n in range(50)]
    assert not UNSETTLED
