"""LookingPoll: when it begins to look, when it ends, and that it waits as poll(2) does."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator

import pytest

from tcpip.adapters import looking_poll
from tcpip.adapters.looking_poll import AFTER, IN_VAIN, LOOK_NS, SOON_NS, LookingPoll


class Scripted:
    """In place of select.poll: each call takes what the script says, in ns, and finds something if that is less than its
    time-out."""

    def __init__(self) -> None:
        self.now = 0
        self.arrives = 0
        self.sleeps = 0
        self.looks = 0

    def register(self, fd: int, mask: int) -> None:
        pass

    def poll(self, timeout: float | None) -> list[tuple[int, int]]:
        if timeout == 0:
            self.looks += 1
            self.now += 1000
        else:
            self.sleeps += 1
            self.now = max(
                self.now, self.arrives if timeout is None else min(self.arrives, self.now + int(timeout * 1e6))
            )
        return [(3, select.POLLIN)] if self.now >= self.arrives else []


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    one = Scripted()
    monkeypatch.setattr(select, "poll", lambda: one)
    monkeypatch.setattr(looking_poll, "perf_counter_ns", lambda: one.now)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1})
    yield one


def wait(poll: LookingPoll, script: Scripted, ns: int, timeout: float | None = None) -> bool:
    """Something that comes after `ns`; True: it was found without a sleep."""
    sleeps = script.sleeps
    script.arrives = script.now + ns
    assert bool(poll.poll(timeout)) == (script.now >= script.arrives)
    return script.sleeps == sleeps


def test_short_waits_make_it_look_and_looks_in_vain_end_that(script: Scripted) -> None:
    poll = LookingPoll()
    assert [wait(poll, script, SOON_NS // 2) for _ in range(AFTER)] == [False] * AFTER
    assert wait(poll, script, LOOK_NS // 2)
    assert [wait(poll, script, 10 * SOON_NS) for _ in range(IN_VAIN)] == [False] * IN_VAIN
    looks = script.looks
    assert not wait(poll, script, LOOK_NS // 2)
    assert script.looks == looks, "it looks no longer"


def test_a_long_wait_between_short_ones_begins_anew(script: Scripted) -> None:
    poll = LookingPoll()
    for ns in [SOON_NS // 2] * (AFTER - 1) + [2 * SOON_NS] + [SOON_NS // 2] * (AFTER - 1):
        wait(poll, script, ns)
    assert script.looks == 0


def test_a_look_is_no_longer_than_the_time_out(script: Scripted) -> None:
    poll = LookingPoll()
    for _ in range(AFTER):
        wait(poll, script, SOON_NS // 2)
    began = script.now
    wait(poll, script, 10 * SOON_NS, LOOK_NS / 4 / 1e6)
    assert LOOK_NS // 4 <= script.now - began < LOOK_NS // 2


def test_a_single_processor_is_never_looked_on(script: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0})
    poll = LookingPoll()
    for _ in range(4 * AFTER):
        wait(poll, script, SOON_NS // 2)
    assert script.looks == 0


def test_descriptors() -> None:
    read, write = os.pipe()
    poll = LookingPoll()
    poll.register(read, select.POLLIN)
    assert poll.poll(0) == []
    os.write(write, b"x")
    assert poll.poll(None) == [(read, select.POLLIN)]
    poll.unregister(read)
    assert poll.poll(0) == []
    os.close(read)
    os.close(write)
