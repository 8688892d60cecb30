"""One change of a lock's word at a time.

A change reads the word, has the guest exchange it, and only then enters or leaves the queue of who waits: the kernel of
Linux does all that under one lock (kernel/futex/pi.c: hb->lock, pi_mutex.wait_lock). Here other calls are served while the
guest exchanges, so that two changes of one word would not see each other's waiters: the second waits for its turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from sandbox.kernel.control import ERESTARTNOINTR, Block, Execute, Result
from sandbox.kernel.futex_word import WordUpdate

if TYPE_CHECKING:
    from sandbox.kernel.futex import FutexTable, Key
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs


class Turn:
    """Who changes a lock's word now, and who wants to."""

    __slots__ = ("holder", "waiting")

    def __init__(self, holder: Task) -> None:
        self.holder = holder
        self.waiting: dict[Task, None] = {}


class LockUpdate(WordUpdate):
    """A WordUpdate of the lock `key`; while another is under way, the call waits and begins anew."""

    __slots__ = ("key",)

    def __init__(
        self, key: Key, address: int, change: Callable[[int], int | None], then: Callable[[Task, int], Result]
    ) -> None:
        super().__init__(address, change, then)
        self.key = key

    def run(self, t: Task) -> Result:
        """As WordUpdate's. What `then` runs belongs to the same turn."""
        turns = t.kernel.futexes.turns
        turn = turns.get(self.key)
        if turn is not None and turn.holder is not t:
            turn.waiting[t] = None
            return Block((), on_interrupt=_interrupted)
        if turn is None:
            turns[self.key] = Turn(t)
        return self._step(t, lambda: WordUpdate.run(self, t))

    def _done(self, t: Task, index: int, result: int) -> Result:
        return self._step(t, lambda: WordUpdate._done(self, t, index, result))

    def _step(self, t: Task, step: Callable[[], Result]) -> Result:
        """The turn ends with anything that is not a further exchange."""
        result: Result = 0
        try:
            result = step()
        finally:
            if not isinstance(result, Execute):
                end_turn(t.kernel.futexes, self.key)
        return result


def end_turn(futexes: FutexTable, key: Key) -> None:
    """Let the others begin anew."""
    turn = futexes.turns.pop(key, None)
    if turn is not None:
        for task in turn.waiting:
            task.woken(0)


def _interrupted(t: Task, a: SyscallArgs) -> int:
    for turn in t.kernel.futexes.turns.values():
        turn.waiting.pop(t, None)
    return -ERESTARTNOINTR


def leave_turns(t: Task) -> None:
    """`t` dies: nobody waits for what it was about to change."""
    futexes = t.kernel.futexes
    for key, turn in list(futexes.turns.items()):
        turn.waiting.pop(t, None)
        if turn.holder is t:
            end_turn(futexes, key)
