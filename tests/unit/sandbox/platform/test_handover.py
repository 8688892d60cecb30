"""Who wakes a thread that sleeps, and when."""

from __future__ import annotations

import mmap
from types import SimpleNamespace
from typing import Iterator, cast

import pytest

from sandbox.platform.lane import handover, layout
from sandbox.platform.lane.handover import HandOver
from sandbox.platform.lane.layout import LANE_WAKE
from sandbox.platform.lane.thread import LaneThread

pytestmark = pytest.mark.interpreted  # it looks at what the module calls


class Wakes:
    """A HandOver over a control page, and the words that it has woken itself."""

    def __init__(self) -> None:
        self.page = mmap.mmap(-1, layout.CONTROL_SIZE)
        self.control = memoryview(self.page).cast("Q")
        self.active: list[tuple[memoryview, LaneThread]] = []  # whom the sentry looks at
        self.made = HandOver(self.control, self.active, 2)
        self.woken: list[int] = []
        self.base = self.made._address + layout.CONTROL_WAITS

    def thread(self, seen: int = 7) -> LaneThread:
        return cast(LaneThread, SimpleNamespace(wait_word=self.made.new_word(), seen=seen, stopped=False))

    def busy(self) -> LaneThread:
        """A thread that runs."""
        found = self.thread()
        self.active.append((lane(), found))
        return found

    def note(self, address: int) -> None:
        self.woken.append((address - self.base) // 8)


@pytest.fixture
def wakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wakes]:
    wakes = Wakes()
    monkeypatch.setattr(handover.hostcalls, "futex_wake", wakes.note)
    yield wakes


def lane() -> memoryview:
    return memoryview(bytearray(layout.LANE_SIZE)).cast("Q")


def test_at_once_while_nobody_looks(wakes: Wakes) -> None:
    thread = wakes.thread()
    wakes.made.answered(thread)
    assert wakes.woken == [thread.wait_word] and not wakes.made.due
    assert wakes.control[layout.CONTROL_WAITS // 8 + thread.wait_word] == 1


def test_the_next_that_goes_to_sleep_does_it(wakes: Wakes) -> None:
    made, sleeper, words = wakes.made, wakes.thread(), lane()
    made.deferring = True
    made.answered(sleeper)
    made.take_over(words)
    assert words[LANE_WAKE] == sleeper.wait_word
    made.take_over(words)
    assert words[LANE_WAKE] == 0  # not a second one
    sleeper.seen += 1  # it has come and asked for something else
    made.flush()
    assert wakes.woken == [] and not made.due


def test_one_that_does_not_do_it_delays_the_other_for_a_bounded_time(wakes: Wakes) -> None:
    made, sleeper = wakes.made, wakes.thread()
    made.deferring = True
    made.answered(sleeper)
    made.take_over(lane())
    looks = 0
    while made.due:
        assert not wakes.woken
        made.idle()
        looks += 1
    assert wakes.woken == [sleeper.wait_word] and looks < 1000


def test_nobody_goes_to_sleep(wakes: Wakes) -> None:
    made, sleeper = wakes.made, wakes.thread()
    made.deferring = True
    made.answered(sleeper)
    while made.due:
        made.idle()
    assert wakes.woken == [sleeper.wait_word]


def test_a_second_one_does_not_wait_behind_the_first(wakes: Wakes) -> None:
    made, first, second, words = wakes.made, wakes.thread(), wakes.thread(), lane()
    made.deferring = True
    made.answered(first)
    made.answered(second)
    assert wakes.woken == [first.wait_word]
    made.take_over(words)
    assert words[LANE_WAKE] == second.wait_word


def test_while_others_keep_the_processors_it_waits_for_them(wakes: Wakes) -> None:
    """As long as they make calls, but not for ever."""
    made, sleeper = wakes.made, wakes.thread()
    wakes.busy()
    made.deferring = True
    made.answered(sleeper)
    calls = 0
    while made.left:
        assert not wakes.woken
        made.idle()
        made.idle()
        made.served()
        calls += 1
    assert wakes.woken == [sleeper.wait_word] and not made.due and 20 < calls < 500


def test_when_others_make_no_calls_it_is_woken(wakes: Wakes) -> None:
    made, sleeper = wakes.made, wakes.thread()
    wakes.busy()
    made.deferring = True
    made.answered(sleeper)
    made.served()
    while made.due:
        made.idle()
    assert wakes.woken == [sleeper.wait_word] and not made.left


def test_where_a_processor_is_free_nobody_is_waited_for(wakes: Wakes) -> None:
    made, other = wakes.made, wakes.busy()
    other.stopped = True
    made.deferring = True
    made.answered(wakes.thread())
    assert made.due and not made.left


def test_words_are_shared_and_never_nobodys(wakes: Wakes) -> None:
    words = {wakes.made.new_word() for _ in range(3 * layout.WAITS)}
    assert words == set(range(1, layout.WAITS))
