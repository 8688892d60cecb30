"""Futexes: who waits on which word (futex(2)).

A key is (mm, address) for private words and (backing key, offset) for shared ones. The
kernel is one thread, so compare-and-enqueue is atomic by itself: a waker's call is served before or after.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Hashable

from sandbox.errors import SyscallError

if TYPE_CHECKING:
    from sandbox.kernel.futex_turns import Turn
    from sandbox.kernel.task import Task

Key = Hashable


class FutexWaiter:
    """One task that waits on one word, at `address` in its own memory; `woken` once it has been chosen.

    `deadline` survives a restart. `target`: the lock that it waits to be moved to (futex_requeue.py).
    """

    __slots__ = ("task", "address", "key", "bitset", "woken", "queued", "deadline", "target")

    def __init__(self, task: Task, address: int, bitset: int, deadline: int | None) -> None:
        self.task = task
        self.address = address
        self.key: Key = None
        self.bitset = bitset
        self.woken = False
        self.queued = False
        self.deadline = deadline
        self.target: Key = None


class FutexTable:
    """All waiters of the sandbox, first come first served per key."""

    def __init__(self) -> None:
        self._queues: dict[Key, dict[FutexWaiter, None]] = {}
        self.pi: dict[Key, PiState] = {}
        self.turns: dict[Key, Turn] = {}  # of locks whose words are being changed

    def add(self, key: Key, waiter: FutexWaiter) -> None:
        """Wait at the end of the queue."""
        waiter.key = key
        waiter.queued = True
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
        if not queue:
            del self._queues[waiter.key]

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
