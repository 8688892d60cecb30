"""Futexes: who waits on which word (futex(2)).

A key is (mm, address) for words named with FUTEX_PRIVATE_FLAG, ((mm,), address) without it where memory is private, and
(backing key, offset) where it is shared. The
kernel is one thread, so compare-and-enqueue is atomic by itself: a waker's call is served before or after. But the platform
may answer a wake-up itself where nobody waits, so it is told of each waiter, and of a place that waiters may be
moved to, before words are compared (`wait_at`, `expect`).
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Hashable

from sandbox.errors import SyscallError

if TYPE_CHECKING:
    from sandbox.kernel.futex_turns import Turn
    from sandbox.kernel.task import Task
    from sandbox.platform.base import Waiters

Key = tuple[
    Hashable, int
]  # what the word is a part of, where it is there: the same place in its page for all who know it


class FutexWaiter:
    """One task that waits on one word, at `address` in its own memory; `woken` once it has been chosen.

    `deadline` survives a restart. `target`: the lock that it waits to be moved to (futex_requeue.py). `delay`: after how long
    it looks whether the word has still the `value` (futex_outside.py); 0 if it need not.
    """

    __slots__ = ("task", "address", "key", "bitset", "woken", "queued", "deadline", "target", "value", "delay")

    def __init__(self, task: Task, address: int, bitset: int, deadline: int | None) -> None:
        self.task = task
        self.address = address
        self.key: Key = (None, 0)
        self.bitset = bitset
        self.woken = False
        self.queued = False
        self.deadline = deadline
        self.target: Key | None = None
        self.value = 0
        self.delay = 0


class FutexTable:
    """All waiters of the sandbox, first come first served per key."""

    def __init__(self, told: Waiters) -> None:
        self._told = told
        self._queues: dict[Key, dict[FutexWaiter, None]] = {}
        self.pi: dict[Key, PiState] = {}
        self.turns: dict[Key, Turn] = {}  # of locks whose words are being changed

    def tell_all(self) -> None:
        """Tell a new platform who waits."""
        for key, queue in self._queues.items():
            for _ in queue:
                self._told.came(key[1])

    def add(self, key: Key, waiter: FutexWaiter) -> None:
        """Wait at the end of the queue."""
        waiter.key = key
        waiter.queued = True
        self._told.came(key[1])
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = {}
        queue[waiter] = None

    def remove(self, waiter: FutexWaiter) -> None:
        """Stop waiting; harmless when it does not wait."""
        if not waiter.queued:
            return
        waiter.queued = False
        queue = self._queues[waiter.key]
        del queue[waiter]
        self._told.left(waiter.key[1])
        if not queue:
            del self._queues[waiter.key]

    def expect(self, key: Key) -> None:
        """Somebody may begin to wait there, until `expect_no_more`."""
        self._told.came(key[1])

    def expect_no_more(self, key: Key) -> None:
        """Whoever does wait there has been added."""
        self._told.left(key[1])

    def wake(self, key: Key, count: int, bitset: int = 0xFFFFFFFF) -> int:
        """Wake up to `count` waiters whose bitset meets `bitset`: how many it were. EINVAL at one that waits to be
        moved to a lock."""
        queue = self._queues.get(key)
        if queue is None:
            return 0
        chosen: list[FutexWaiter] = []
        refused = False
        for waiter in queue:
            if len(chosen) >= count:
                break
            if waiter.target is not None:
                refused = True
                break
            if waiter.bitset & bitset:
                chosen.append(waiter)
        for waiter in chosen:
            self.remove(waiter)
            waiter.woken = True
            waiter.task.woken(0)
        if refused:
            raise SyscallError(errno.EINVAL)
        return len(chosen)

    def requeue(self, source: Key, target: Key, count: int) -> int:
        """Let up to `count` waiters wait for `target` instead: how many it were."""
        queue = self._queues.get(source)
        if queue is None or count <= 0:
            return 0
        moved = list(queue)[:count]
        if any(waiter.target is not None for waiter in moved):
            raise SyscallError(errno.EINVAL)
        if source != target:
            for waiter in moved:
                self.remove(waiter)
                self.add(target, waiter)
        return len(moved)

    def first(self, key: Key) -> FutexWaiter | None:
        """Who has waited longest."""
        return next(iter(self._queues.get(key, ())), None)

    def queued(self, key: Key) -> list[FutexWaiter]:
        """All of them, in order."""
        return list(self._queues.get(key, ()))

    def waiters(self, key: Key) -> int:
        """How many wait."""
        return len(self._queues.get(key, ()))


class PiState:
    """A priority-inheritance lock that somebody waits for: who owns it, who comes next."""

    __slots__ = ("owner", "waiters")

    def __init__(self, owner: Task) -> None:
        self.owner = owner
        self.waiters: dict[FutexWaiter, None] = {}


def key_of(t: Task, address: int, private: bool) -> Key:
    """The key of the word at `address`; EFAULT when a word that may be shared lies nowhere."""
    mm = t.mm
    if not private and mm is not None:
        return mm.futex_key(address)
    return (mm, address)
