"""When the sentry looks at lanes, under a clock that the test keeps."""

from __future__ import annotations

import pytest

from sandbox.platform.lane.regime import (
    CROWDED,
    DENSE,
    EPISODE_CALLS,
    EPISODES,
    PARK_BOUND,
    PENALTY,
    SPARSE,
    Regime,
)

_US = 1000


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000_000

    def later(self, us: int) -> int:
        self.now += us * _US
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def regime(monkeypatch: pytest.MonkeyPatch) -> Regime:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1})
    return Regime(True)


def densely(regime: Regime, clock: Clock, calls: int = 40) -> None:
    for _ in range(calls):
        regime.woken_by_call(clock.later(10))


def test_calls_that_come_densely_are_looked_for(regime: Regime, clock: Clock) -> None:
    assert regime.choose(1, clock.now) == SPARSE
    densely(regime, clock)
    assert regime.choose(1, clock.now) == DENSE


def test_rare_calls_are_not(regime: Regime, clock: Clock) -> None:
    densely(regime, clock)
    regime.choose(1, clock.now)
    for _ in range(40):
        regime.looked(1, clock.later(1000))
    assert regime.choose(1, clock.now) == SPARSE


def test_more_threads_than_processors_are_crowded(regime: Regime, clock: Clock) -> None:
    densely(regime, clock)
    assert regime.choose(2, clock.now) == CROWDED


def test_never_on_one_processor_and_never_when_told_so(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {3})
    for regime in (Regime(True), Regime(False)):
        densely(regime, clock)
        assert regime.choose(1, clock.now) == SPARSE


def test_looking_that_ends_soon_each_time_is_left_for_a_while(regime: Regime, clock: Clock) -> None:
    densely(regime, clock)
    for _ in range(EPISODES):
        assert regime.choose(1, clock.now) == DENSE
        regime.looked(EPISODE_CALLS - 1, clock.later(100))
        regime.goes_to_sleep(clock.now)
    densely(regime, clock)
    assert regime.choose(1, clock.now) == SPARSE
    densely(regime, clock, PENALTY // 10_000 + 1)
    assert regime.choose(1, clock.now) == DENSE


def test_looking_that_serves_many_calls_goes_on(regime: Regime, clock: Clock) -> None:
    densely(regime, clock)
    for _ in range(EPISODES * 3):
        assert regime.choose(1, clock.now) == DENSE
        regime.looked(EPISODE_CALLS, clock.later(100))
        regime.goes_to_sleep(clock.now)


def test_notifications_while_somebody_looks_end_it(regime: Regime, clock: Clock) -> None:
    densely(regime, clock)
    regime.choose(1, clock.now)
    told = [regime.notified_while_awake(clock.later(10)) for _ in range(PARK_BOUND)]
    assert told == [False] * (PARK_BOUND - 1) + [True]
    assert regime.choose(1, clock.now) == SPARSE


def test_residency_adds_up(regime: Regime, clock: Clock) -> None:
    start = clock.later(10)
    regime.woken_by_call(start)
    densely(regime, clock)
    regime.choose(1, clock.now)
    clock.later(500)
    spent = regime.until(clock.now)
    assert sum(spent) == clock.now - start and spent[DENSE] == 500 * _US and not spent[CROWDED]


def test_asleep_nobody_looks(regime: Regime, clock: Clock) -> None:
    """However densely calls came before, and come afterwards."""
    densely(regime, clock)
    regime.choose(1, clock.now)
    before = regime.until(clock.now)
    regime.goes_to_sleep(clock.later(100))
    regime.woken_by_call(clock.later(1000))
    assert regime.choose(1, clock.now) == DENSE
    spent = [now - then for now, then in zip(regime.until(clock.later(1)), before, strict=True)]
    assert spent == [1000 * _US, 101 * _US, 0]
