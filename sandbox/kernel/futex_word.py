"""Atomic read-modify-write of a futex word while other guest threads may run."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final, Sequence

from sandbox.errors import SyscallError
from sandbox.kernel.control import Execute, Result
from sandbox.platform.base import OP_CMPXCHG32, Order

if TYPE_CHECKING:
    from sandbox.kernel.futex import FutexWaiter, Key
    from sandbox.kernel.task import Task

MAX_ATTEMPTS: Final = 1000  # a hostile sibling may change the word for ever


def read_word(t: Task, address: int) -> int:
    """The 32-bit word; EFAULT."""
    return int.from_bytes(t.copy_in(address, 4), "little")


def write_word(t: Task, address: int, value: int) -> None:
    """Plain store; EFAULT."""
    t.copy_out(address, (value & 0xFFFFFFFF).to_bytes(4, "little"))


def wait_at(t: Task, waiter: FutexWaiter, key: Key, address: int, value: int) -> bool:
    """Wait under the key if the word at `address` has that value. Who changes a word and then wakes may look for waiters
    without the kernel (FutexTable), so they are there before the word is read. False: nobody waits."""
    futexes = t.kernel.futexes
    futexes.add(key, waiter)
    same = False
    try:
        same = read_word(t, address) == value
    finally:
        if not same:
            futexes.remove(waiter)
    return same


def wait_at_all(t: Task, words: Sequence[tuple[FutexWaiter, Key, int, int]]) -> bool:
    """The same for several words, all of which must have their values."""
    waiting = 0
    try:
        for waiter, key, address, value in words:
            if not wait_at(t, waiter, key, address, value):
                break
            waiting += 1
    finally:
        if waiting < len(words):
            for waiter, _, _, _ in words[:waiting]:
                t.kernel.futexes.remove(waiter)
    return waiting == len(words)


class WordUpdate:
    """Replace the word by `change(old)`; then the call's result is `then(t, old)`.

    `change` returns None to leave the word alone; it may raise. It is called again when the word has
    changed meanwhile, and other calls may be served between it and `then`.
    """

    __slots__ = ("address", "change", "then", "attempts", "expected")

    def __init__(self, address: int, change: Callable[[int], int | None], then: Callable[[Task, int], Result]) -> None:
        self.address = address
        self.change = change
        self.then = then
        self.attempts = 0
        self.expected = 0

    def run(self, t: Task) -> Result:
        """The result of the whole operation, or the next step of it."""
        return self._attempt(t, read_word(t, self.address))

    def _attempt(self, t: Task, old: int) -> Result:
        self.attempts += 1
        if self.attempts > MAX_ATTEMPTS:
            raise SyscallError(errno.EAGAIN)
        new = self.change(old)
        if new is None:
            return self.then(t, old)
        self.expected = old
        return Execute((Order(OP_CMPXCHG32, (self.address, old, new & 0xFFFFFFFF)),), self._done)

    def _done(self, t: Task, index: int, result: int) -> Result:
        if result == -errno.EFAULT:
            raise SyscallError(errno.EFAULT)
        seen = result & 0xFFFFFFFF
        return self.then(t, seen) if seen == self.expected else self._attempt(t, seen)
