"""Whoever waits at a futex is told to the platform before the word is read, and taken back when it does not wait any more."""

from __future__ import annotations

import errno
import struct
from typing import Callable

import pytest

from sandbox.abi.linux.sched import CLONE_FILES, CLONE_FS, CLONE_SIGHAND, CLONE_THREAD, CLONE_VM
from sandbox.abi.linux.signal import SIGUSR1
from sandbox.kernel.task import Task

from .box import Box
from .numbers import FUTEX, FUTEX_REQUEUE2, FUTEX_WAIT2, FUTEX_WAITV, TKILL

THREAD = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
WAIT, WAKE, CMP_REQUEUE, WAIT_BITSET, WAIT_REQUEUE_PI, PRIVATE = 0, 1, 4, 9, 11, 128
U32 = 2


class Words:
    """Two words, and a thread that waits at the first one in a way that has a name."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.first, self.second = (box.put(box.init, bytes(4)) for _ in range(2))
        self.vector = box.put(box.init, b"".join(struct.pack("<QQII", 0, w, U32, 0) for w in (self.first, self.second)))
        self.late = box.put(box.init, struct.pack("<qq", 1 << 40, 0))

    def wait(self, t: Task, way: str) -> int | None:
        first, second = self.first, self.second
        call: dict[str, tuple[int, ...]] = {
            "wait": (FUTEX, first, WAIT, 0, 0),
            "private": (FUTEX, first, WAIT | PRIVATE, 0, 0),
            "timed": (FUTEX, first, WAIT, 0, self.late),
            "bitset": (FUTEX, first, WAIT_BITSET, 0, 0, 0, 4),
            "several": (FUTEX_WAITV, self.vector, 2, 0, 0, 0),
            "new": (FUTEX_WAIT2, first, 0, 1, U32, 0, 0),
            "to be moved": (FUTEX, first, WAIT_REQUEUE_PI, 0, 0, second),
        }
        return self.box.call(t, *call[way])

    def at_each_look(self, look: Callable[[], None]) -> None:
        """Whenever the first word is read."""
        self.box.platform.before_read = lambda address: look() if address == self.first else None

    def waiting(self) -> tuple[int, int]:
        waiting = self.box.platform.waiters.at
        return waiting[self.first], waiting[self.second]


WAYS = ("wait", "private", "timed", "bitset", "several", "new", "to be moved")


@pytest.fixture
def words(box: Box) -> Words:
    return Words(box)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("end", ["signal", "death"])
def test_as_long_as_it_waits(box: Box, words: Words, way: str, end: str) -> None:
    box.handle(box.init, SIGUSR1)
    other = box.fork(box.init, THREAD, 0)
    assert words.waiting() == (0, 0)
    assert words.wait(other, way) is None
    assert words.waiting() == (1, int(way == "several"))
    if end == "signal":
        box.call(box.init, TKILL, other.tid, SIGUSR1)
    else:
        other.exit()
    assert words.waiting() == (0, 0)


@pytest.mark.parametrize("way", WAYS)
def test_it_is_counted_before_it_looks(box: Box, words: Words, way: str) -> None:
    """Another thread changes the word and wakes without asking, as long as it sees no waiter: this one must not wait then."""
    seen = []

    def look() -> None:
        seen.append(words.waiting())
        box.put(box.init, b"\1\0\0\0", words.first)

    words.at_each_look(look)
    assert words.wait(box.fork(box.init, THREAD, 0), way) == -errno.EAGAIN
    assert seen and set(seen) == {(1, 0)}
    assert words.waiting() == (0, 0)


@pytest.mark.parametrize("way", WAYS)
def test_a_fault_leaves_nobody(box: Box, words: Words, way: str) -> None:
    del box.init.space.pages[words.first // 4096]  # type: ignore[attr-defined]
    assert words.wait(box.fork(box.init, THREAD, 0), way) == -errno.EFAULT
    assert words.waiting() == (0, 0)


@pytest.mark.parametrize("new", [False, True])
def test_where_they_are_moved_to_is_counted_before(box: Box, words: Words, new: bool) -> None:
    others = [box.fork(box.init, THREAD, 0) for _ in range(3)]
    for other in others:
        assert words.wait(other, "wait") is None
    seen = []
    words.at_each_look(lambda: seen.append(words.waiting()))

    def move(expected: int) -> int | None:
        if new:
            box.put(box.init, struct.pack("<Q", expected), words.vector)
            return box.call(box.init, FUTEX_REQUEUE2, words.vector, 0, 1, 1)
        return box.call(box.init, FUTEX, words.first, CMP_REQUEUE, 1, 1, words.second, expected)

    assert move(5) == -errno.EAGAIN
    assert words.waiting() == (3, 0)
    assert move(0) == 2
    assert seen == [(3, 1), (3, 1)]
    assert words.waiting() == (1, 1)
    assert box.call(box.init, FUTEX, words.second, WAKE, 9) == 1
    assert words.waiting() == (1, 0)


def test_a_new_platform_is_told_of_all(box: Box, words: Words) -> None:
    for _ in range(2):
        assert words.wait(box.fork(box.init, THREAD, 0), "several") is None
    box.platform.waiters.at.clear()
    box.kernel.futexes.tell_all()
    assert words.waiting() == (2, 2)
