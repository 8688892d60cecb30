"""Priority-inheritance futexes: ownership is handed over in the word, first come first served.

The word holds the owner's tid and FUTEX_WAITERS when the kernel knows somebody who waits
(Documentation/locking/pi-futex.rst). Nothing here inherits a priority: the host schedules.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.futex import FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS
from sandbox.errors import SyscallError
from sandbox.kernel.control import ERESTARTNOINTR, Block, Result
from sandbox.kernel.futex import FutexWaiter, Key, PiState, key_of
from sandbox.kernel.futex_turns import LockUpdate

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs


class PiWait:
    """A lock attempt: first the word is changed, then the task waits (`waiter.woken`: the lock is its own). `missing`: whom the
    word has named, and who is not there."""

    __slots__ = ("t", "a", "key", "waiter", "try_only", "taken", "missing", "private")

    def __init__(self, t: Task, a: SyscallArgs, address: int, key: Key, deadline: int | None, try_only: bool) -> None:
        self.t = t
        self.a = a
        self.key = key
        self.waiter = FutexWaiter(t, address, 0, deadline)
        self.try_only = try_only
        self.taken = False  # what `change` decided
        self.missing = -1
        self.private = False  # FUTEX_PRIVATE_FLAG: no other process can own it

    def _free(self, word: int) -> bool:
        """Nobody owns it, and nobody has waited longer."""
        return not word & FUTEX_TID_MASK and self.key not in self.t.kernel.futexes.pi

    def change(self, word: int) -> int | None:
        """Take a free lock, else announce a waiter."""
        t = self.t
        owner = word & FUTEX_TID_MASK
        self.taken = self._free(word)
        if self.taken:
            return word & FUTEX_OWNER_DIED | t.tid
        if owner == t.tid:
            raise SyscallError(errno.EDEADLK)
        if not owner and not word & FUTEX_OWNER_DIED:
            raise SyscallError(
                errno.EINVAL
            )  # somebody waits: the word is not what the kernel has made it (attach_to_pi_state)
        if owner == self.missing:
            raise SyscallError(errno.ESRCH)
        return None if word & FUTEX_WAITERS else word | FUTEX_WAITERS

    def then(self, t: Task, word: int) -> Result:
        """The word said `word` before: the lock is ours, or we wait for its owner."""
        if self.taken:
            return 0
        owner = t.pids.tasks.get(word & FUTEX_TID_MASK)
        if owner is None:  # the word is looked at once more (handle_exit_race)
            self.missing = word & FUTEX_TID_MASK
            return LockUpdate(self.key, self.waiter.address, self.change, self.then).run(t)
        if self.private and owner.mm is not t.mm:
            return -errno.EPERM
        if self.try_only:
            return -errno.EAGAIN
        futexes = t.kernel.futexes
        state = futexes.pi.get(self.key)
        if state is None:
            state = futexes.pi[self.key] = PiState(owner)
        state.waiters[self.waiter] = None
        self.waiter.queued = True
        self.a.state = self
        return Block((), self.waiter.deadline, on_interrupt=_interrupted)


def lock(t: Task, a: SyscallArgs, address: int, private: bool, deadline: int | None) -> Result:
    """FUTEX_LOCK_PI."""
    return _attempt(t, a, address, private, deadline, False)


def trylock(t: Task, a: SyscallArgs, address: int, private: bool) -> Result:
    """FUTEX_TRYLOCK_PI: EAGAIN when it is taken."""
    return _attempt(t, a, address, private, None, True)


def _attempt(t: Task, a: SyscallArgs, address: int, private: bool, deadline: int | None, try_only: bool) -> Result:
    if address & 3:
        raise SyscallError(errno.EINVAL)
    wait = PiWait(t, a, address, key_of(t, address, private), deadline, try_only)
    wait.private = private
    return LockUpdate(wait.key, address, wait.change, wait.then).run(t)


def lock_again(t: Task, a: SyscallArgs, wait: PiWait) -> Result:
    """The waiting task was woken or its time is up."""
    if wait.waiter.woken:
        return 0
    if a.timed_out:
        leave(t, wait.key, wait.waiter)
        return -errno.ETIMEDOUT
    return Block((), wait.waiter.deadline, on_interrupt=_interrupted)


def _interrupted(t: Task, a: SyscallArgs) -> int:
    wait = a.state
    assert isinstance(wait, PiWait)
    if wait.waiter.woken:
        return 0
    leave(t, wait.key, wait.waiter)
    return -ERESTARTNOINTR


def leave(t: Task, key: Key, waiter: FutexWaiter) -> None:
    """Wait no longer. FUTEX_WAITERS stays: the owner then asks the kernel, which finds nobody."""
    state = t.kernel.futexes.pi.get(key)
    waiter.queued = False
    if state is not None:
        state.waiters.pop(waiter, None)
        if not state.waiters:
            del t.kernel.futexes.pi[key]


class _Unlock:
    """Hand the lock to who waited longest, or free it."""

    __slots__ = ("t", "key", "address", "owner_tid", "heir")

    def __init__(self, t: Task, key: Key, address: int) -> None:
        self.t = t
        self.key = key
        self.address = address
        self.owner_tid = t.tid
        self.heir: FutexWaiter | None = None

    def change(self, word: int) -> int:
        """The word after the unlock."""
        if word & FUTEX_TID_MASK != self.owner_tid:
            raise SyscallError(errno.EPERM)
        state = self.t.kernel.futexes.pi.get(self.key)
        if state is None:
            self.heir = None
            return 0
        self.heir = next(iter(state.waiters))
        return self.heir.task.ids.number_in(self.t.pids) | (FUTEX_WAITERS if len(state.waiters) > 1 else 0)

    def then(self, t: Task, word: int) -> Result:
        """The word has changed: wake the heir, or choose another if that one has left meanwhile."""
        heir = self.heir
        futexes = t.kernel.futexes
        if heir is None:
            return 0
        state = futexes.pi.get(self.key)
        if state is None or heir not in state.waiters:
            self.owner_tid = heir.task.ids.number_in(t.pids)
            return LockUpdate(self.key, self.address, self.change, self.then).run(t)
        del state.waiters[heir]
        heir.queued = False
        heir.woken = True
        state.owner = heir.task
        if not state.waiters:
            del futexes.pi[self.key]
        heir.task.woken(0)
        return 0


def unlock(t: Task, address: int, private: bool) -> Result:
    """FUTEX_UNLOCK_PI: the word is read before anything else is looked at."""
    if address & 3:
        if int.from_bytes(t.copy_in(address, 4), "little") & FUTEX_TID_MASK != t.tid:
            raise SyscallError(errno.EPERM)
        raise SyscallError(errno.EINVAL)
    unlocking = _Unlock(t, key_of(t, address, private), address)
    return LockUpdate(unlocking.key, address, unlocking.change, unlocking.then).run(t)
