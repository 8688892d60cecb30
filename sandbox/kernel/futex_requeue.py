"""Waiting on a word to be moved to a priority-inheritance lock (kernel/futex/requeue.c).

A condition variable's waiters wait on its word (FUTEX_WAIT_REQUEUE_PI); a broadcast gives the first of them
the lock, if it is free, and lets the others wait for the lock instead (FUTEX_CMP_REQUEUE_PI).
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.futex import FUTEX_BITSET_MATCH_ANY, FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS
from sandbox.errors import SyscallError
from sandbox.kernel import futex_pi
from sandbox.kernel.control import ERESTARTNOINTR, Block, Result
from sandbox.kernel.futex import FutexWaiter, Key, PiState, key_of
from sandbox.kernel.futex_turns import LockUpdate
from sandbox.kernel.futex_word import read_word, wait_at

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs


class RequeueWait:
    """A wait on a word; `lock` is the key of the lock that it will be moved to."""

    __slots__ = ("waiter", "lock")

    def __init__(self, waiter: FutexWaiter, lock: Key) -> None:
        self.waiter = waiter
        self.lock = lock

    def moved(self) -> bool:
        """It waits for the lock by now."""
        return self.waiter.target is None

    def leave(self, t: Task) -> None:
        """Wait no longer, wherever it is."""
        if self.moved():
            futex_pi.leave(t, self.lock, self.waiter)
        else:
            t.kernel.futexes.remove(self.waiter)


def wait(t: Task, a: SyscallArgs, address: int, target: int, private: bool, deadline: int | None) -> Result:
    """FUTEX_WAIT_REQUEUE_PI: 0 once the lock at `target` is the caller's."""
    if address == target:
        raise SyscallError(errno.EINVAL)
    if address & 3 or target & 3:
        raise SyscallError(errno.EINVAL)
    lock = key_of(t, target, private)
    key = key_of(t, address, private)
    waiter = FutexWaiter(t, target, FUTEX_BITSET_MATCH_ANY, deadline)
    waiter.target = lock
    if not wait_at(t, waiter, key, address, a.uint(2)):
        return -errno.EAGAIN
    if key == lock:
        t.kernel.futexes.remove(waiter)
        raise SyscallError(errno.EINVAL)
    a.state = RequeueWait(waiter, lock)
    return Block((), deadline, on_interrupt=_interrupted)


def wait_again(t: Task, a: SyscallArgs, state: RequeueWait) -> Result:
    """Woken as the owner, timed out, or woken for nothing."""
    if state.waiter.woken:
        return 0
    if a.timed_out:
        state.leave(t)
        return -errno.ETIMEDOUT
    return Block((), state.waiter.deadline, on_interrupt=_interrupted)


def _interrupted(t: Task, a: SyscallArgs) -> int:
    """Once moved it cannot be restarted: the word has changed by now."""
    state = a.state
    assert isinstance(state, RequeueWait)
    if state.waiter.woken:
        return 0
    moved = state.moved()
    state.leave(t)
    return -errno.EAGAIN if moved else -ERESTARTNOINTR


class _Requeue:
    """One FUTEX_CMP_REQUEUE_PI: the lock's word is changed first, then the waiters are moved."""

    __slots__ = ("t", "key", "lock", "address", "count", "first", "taken", "phantom")

    def __init__(self, t: Task, key: Key, lock: Key, address: int, count: int) -> None:
        self.t = t
        self.key = key
        self.lock = lock
        self.address = address
        self.count = count  # to be moved, besides the one that gets the lock
        self.first: FutexWaiter | None = None
        self.taken = False
        self.phantom = 0  # who was made the owner and has left meanwhile

    def change(self, word: int) -> int | None:
        """Give the first waiter a free lock, else announce waiters (futex_proxy_trylock_atomic)."""
        futexes = self.t.kernel.futexes
        owner = word & FUTEX_TID_MASK
        if owner == self.phantom:
            owner = 0
        self.first = first = futexes.first(self.key)
        self.taken = False
        if first is None:
            return word & FUTEX_OWNER_DIED if self.phantom and not owner else None
        if first.target != self.lock:
            raise SyscallError(errno.EINVAL)
        if not owner and self.lock not in futexes.pi:
            self.taken = True
            return (
                word & FUTEX_OWNER_DIED | first.task.ids.number_in(self.t.pids) | (FUTEX_WAITERS if self.count else 0)
            )
        if owner == first.task.ids.number_in(self.t.pids):
            raise SyscallError(errno.EDEADLK)
        if self.t.pids.tasks.get(owner) is None:
            raise SyscallError(errno.ESRCH)
        return None if word & FUTEX_WAITERS else word | FUTEX_WAITERS

    def then(self, t: Task, word: int) -> Result:
        """The word has changed; who was to get the lock may have left meanwhile."""
        first = self.first
        if first is None:
            return 0
        futexes = t.kernel.futexes
        owner = first.task if self.taken else t.pids.tasks.get(word & FUTEX_TID_MASK)
        if owner is None or futexes.first(self.key) is not first:
            self.phantom = first.task.ids.number_in(t.pids) if self.taken else 0
            return LockUpdate(self.lock, self.address, self.change, self.then).run(t)
        if self.taken:
            futexes.remove(first)
            first.woken = True
            first.task.woken(0)
        return self._move(t, owner, int(self.taken))

    def _move(self, t: Task, owner: Task, done: int) -> int:
        """The others wait for the lock from now on: how many waiters it was in all."""
        futexes = t.kernel.futexes
        for waiter in futexes.queued(self.key):
            if done - 1 >= self.count:
                break
            if waiter.target != self.lock:
                return -errno.EINVAL
            if waiter.task is owner:
                return -errno.EDEADLK
            futexes.remove(waiter)
            waiter.target = None
            waiter.queued = True
            state = futexes.pi.get(self.lock)
            if state is None:
                state = futexes.pi[self.lock] = PiState(owner)
            state.waiters[waiter] = None
            done += 1
        return done


def requeue(t: Task, a: SyscallArgs, private: bool) -> Result:
    """FUTEX_CMP_REQUEUE_PI."""
    source, target = a.addr(0), a.addr(4)
    nr_wake, nr_requeue = a.int(2), a.int(3)
    if nr_wake < 0 or nr_requeue < 0 or source == target or nr_wake != 1:
        return -errno.EINVAL
    if source & 3 or target & 3:
        return -errno.EINVAL
    key, lock = key_of(t, source, private), key_of(t, target, private)
    if key == lock:
        return -errno.EINVAL
    if read_word(t, source) != a.uint(5):
        return -errno.EAGAIN
    read_word(t, target)
    requeuing = _Requeue(t, key, lock, target, nr_requeue)
    return LockUpdate(lock, target, requeuing.change, requeuing.then).run(t)
