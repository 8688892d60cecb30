"""The timer heap: order, re-arming, and forgetting what was cancelled."""

from __future__ import annotations

from random import Random

from tcpip.timers import Timer, TimerQueue


def test_fires_in_order_of_deadline_then_insertion() -> None:
    queue = TimerQueue()
    fired: list[str] = []
    for at, name in ((5, "c"), (3, "a"), (3, "b"), (9, "d")):
        queue.after(at, lambda name=name: fired.append(name))  # type: ignore[misc]
    assert queue.next_deadline() == 3
    assert queue.run(5) == 3
    assert fired == ["a", "b", "c"]
    assert queue.next_deadline() == 9


def test_moved_and_cancelled() -> None:
    queue = TimerQueue()
    fired: list[int] = []
    timer = queue.after(5, lambda: fired.append(1))
    timer.arm(50)
    assert queue.run(20) == 0
    timer.arm(30)
    assert queue.run(30) == 1
    timer.arm(40)
    timer.cancel()
    assert queue.run(100) == 0
    assert queue.next_deadline() is None
    assert fired == [1]


def test_cancelled_timers_are_forgotten() -> None:
    queue = TimerQueue()
    for at in range(100_000):
        queue.after(1_000_000 + at, lambda: None).cancel()
    assert len(queue) < 1000


def test_random_walk_against_a_plain_table() -> None:
    random = Random(5)
    queue = TimerQueue()
    fired: list[int] = []
    timers: list[Timer] = [queue.timer(lambda n=n: fired.append(n)) for n in range(400)]  # type: ignore[misc]
    deadlines: dict[int, int] = {}
    now = 0
    for _ in range(20_000):
        number = random.randrange(400)
        what = random.random()
        if what < 0.6:
            deadlines[number] = now + random.randint(0, 500)
            timers[number].arm(deadlines[number])
        elif what < 0.9:
            deadlines.pop(number, None)
            timers[number].cancel()
        else:
            now += random.randint(0, 20)
            due = sorted(n for n, at in deadlines.items() if at <= now)
            queue.run(now)
            assert sorted(fired) == due
            fired.clear()
            for n in due:
                del deadlines[n]
        assert queue.next_deadline() == min(deadlines.values(), default=None)
