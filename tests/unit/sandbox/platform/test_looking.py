"""Lanes that are served for the last time before nobody looks any more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Callable

import pytest

from sandbox.platform.lane import layout
from sandbox.platform.lane.looking import LaneLooker

pytestmark = pytest.mark.interpreted  # a stand-in is no compiled class


class Space:
    def __init__(self) -> None:
        self.dead = False

    def kill(self) -> None:
        self.dead = True


def posted(space: Space) -> SimpleNamespace:
    """A thread that has posted a call."""
    words = [0] * (layout.LANE_SIZE // 8)
    words[layout.LANE_SEQ] = 1
    words[layout.LANE_KIND] = layout.KIND_THUNK
    return SimpleNamespace(
        words=words, lane=bytes(layout.LANE_SIZE), space=space, seen=0, stopped=False, private=False, acting=False,
        on_attached=None, on_return=None, released=False,
    )  # fmt: skip


class Lanes:
    """`serve(thread)` stands for the kernel."""

    def __init__(self, serve: Callable[[SimpleNamespace], None], count: int) -> None:
        self.threads = [posted(Space()) for _ in range(count)]
        self.mishaps: list[tuple[object, Exception]] = []
        platform: Any = SimpleNamespace(
            active=[(thread.words, thread) for thread in self.threads],
            control=[0] * 64,
            regime=SimpleNamespace(choose=lambda active, now: None),
            hand_over=SimpleNamespace(due=0),
            listener=SimpleNamespace(set_synchronous=lambda on: None),
            first=SimpleNamespace(space=Space()),
            reactor=SimpleNamespace(),
        )
        self.looker = LaneLooker(platform)
        handler: Any = SimpleNamespace(
            syscall=lambda thread, number, args: serve(thread),
            mishap=lambda space, error: self.mishaps.append((space, error)),
        )
        self.looker.handler = handler

    def stop(self) -> None:
        self.looker._stop_looking(0)


def test_what_goes_wrong_costs_the_process_that_asked() -> None:
    bug = ZeroDivisionError("a bug of the kernel's")
    served = []

    def serve(thread: SimpleNamespace) -> None:
        served.append(thread)
        if len(served) == 2:
            raise bug

    lanes = Lanes(serve, 3)
    lanes.stop()
    assert served == lanes.threads
    assert lanes.mishaps == [(lanes.threads[1].space, bug)]
    assert [thread.space.dead for thread in lanes.threads] == [False, True, False]


def test_who_was_ended_meanwhile_is_not_served() -> None:
    served = []

    def serve(thread: SimpleNamespace) -> None:
        served.append(thread)
        for other in lanes.threads[1:]:
            other.space.kill()

    lanes = Lanes(serve, 3)
    lanes.stop()
    assert served == lanes.threads[:1]
