"""Semaphore sets (ipc/sem.c).

Who completes an operation also completes what that lets go on, first come first served and in the
sleepers' names, so a sleeper that is woken only has to take its result.
"""

from __future__ import annotations

import errno
from collections import deque
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.ipc import (
    IPC_NOWAIT,
    SEM_UNDO,
    SEMID64_DS,
    SEMMNI,
    SEMMNS,
    SEMMSL,
    SEMOPM,
    SEMVMX,
)
from sandbox.errors import SyscallError
from sandbox.kernel.control import TURN_NS
from sandbox.kernel.ipc.ids import IpcIds, IpcObject, seconds
from sandbox.kernel.ipc.sem_undo import SemUndo

if TYPE_CHECKING:
    from array import array

    from sandbox.kernel.pid_namespace import Pid
    from sandbox.kernel.task import Task
    from sandbox.kernel.user_namespace import UserNamespace
    from sandbox.vfs.space import SpaceAccount

SEMAEM: Final = SEMVMX  # a value that an undo may adjust by
MUST_WAIT: Final = 1
_SET_COST: Final = 1024
_SEM_COST: Final = 8

SemOp = tuple[int, int, int]  # number, operation, flags


class SemWait:
    """One semop(2): its operations, in whose name, and, once somebody has completed it, its `result`."""

    __slots__ = ("task", "ids", "ops", "undo", "alters", "blocking", "before", "result", "deadline", "semaphores")

    def __init__(self, t: Task, ops: list[SemOp], undo: SemUndo | None) -> None:
        self.task = t
        self.ids = t.group.ids
        self.ops = ops
        self.undo = undo
        self.alters = any(op[1] for op in ops)
        self.blocking: SemOp = ops[0]
        self.before = 0  # what its operations before that would have added there
        self.result: int | None = None
        self.deadline: int | None = None
        self.semaphores: SemaphoreSet | None = None  # where it sleeps

    def sleep(self, semaphores: SemaphoreSet) -> None:
        """Wait for somebody to complete it."""
        self.semaphores = semaphores
        semaphores.pending[self] = None

    def give_up(self) -> None:
        """Time has passed, or a signal has come."""
        if self.semaphores is not None:
            self.semaphores.pending.pop(self, None)

    def complete(self, result: int) -> None:
        """It need not sleep any longer."""
        self.result = result
        self.task.woken(0)


class SemaphoreSet(IpcObject):
    """`values` and the last process that changed each; `pending` in order of arrival; `undos` of all processes."""

    __slots__ = ("values", "pids", "otime", "pending", "undos", "space")

    def __init__(self, t: Task, key: int, count: int, mode: int) -> None:
        from array import array

        super().__init__(t, key, mode)
        self.values: array[int] = array("H", bytes(2 * count))
        self.pids: list[Pid | None] = [None] * count
        self.otime = 0
        self.pending: dict[SemWait, None] = {}
        self.undos: dict[SemUndo, None] = {}
        self.space: SpaceAccount = t.kernel.mounts.vfs.space

    def cost(self) -> int:
        """Bytes of the sentry."""
        return _SET_COST + _SEM_COST * len(self.values)

    # --- operations ---

    def attempt(self, wait: SemWait) -> int:
        """All of its operations, or none: 0, MUST_WAIT or a negative errno (perform_atomic_semop)."""
        new: dict[int, int] = {}
        adjusted: dict[int, int] = {}
        undo = wait.undo
        for op in wait.ops:
            number, change, flags = op
            value = new.get(number)
            if value is None:
                value = self.values[number]
            if (not change and value) or value + change < 0:
                wait.blocking, wait.before = op, value - self.values[number]
                return -errno.EAGAIN if flags & IPC_NOWAIT else MUST_WAIT
            if value + change > SEMVMX:
                return -errno.ERANGE
            if flags & SEM_UNDO and undo is not None:
                adjusted[number] = adjusted.get(number, undo.adjustments.get(number, 0)) - change
                if not -SEMAEM - 1 <= adjusted[number] <= SEMAEM:
                    return -errno.ERANGE
            new[number] = value + change
        for number, value in new.items():
            self.values[number] = value
            self.pids[number] = wait.ids
        if undo is not None:
            undo.adjustments.update(adjusted)
        self.otime = seconds(wait.task)
        return 0

    def settle(self) -> None:
        """Values have changed: complete every sleeper that can go on now (do_smart_update)."""
        if not self.pending:
            return
        under_way = UNSETTLED.get(self)
        if under_way is not None:
            under_way.again = True
        else:
            Settling(self).go_on()

    def stuck(self, wait: SemWait) -> bool:
        """It would come as far as where it was stopped, if that, and no further: what stands before that is not looked at."""
        number, change, _ = wait.blocking
        value = self.values[number] + wait.before
        return value + change < 0 if change else value != 0

    def waiting(self, number: int, for_zero: bool) -> int:
        """How many sleep on that semaphore (count_semcnt)."""
        return sum(
            1
            for wait in self.pending
            if wait.blocking[0] == number and (wait.blocking[1] == 0 if for_zero else wait.blocking[1] < 0)
        )

    # --- values from outside ---

    def set_value(self, t: Task, number: int, value: int) -> None:
        """SETVAL."""
        for undo in self.undos:
            undo.adjustments.pop(number, None)
        self.values[number] = value
        self.pids[number] = t.group.ids
        self.ctime = seconds(t)
        self.settle()

    def set_all(self, t: Task, values: array[int]) -> None:
        """SETALL."""
        for undo in self.undos:
            undo.adjustments.clear()
        self.values = values
        self.pids = [t.group.ids] * len(values)
        self.ctime = seconds(t)
        self.settle()

    def pack(self, user: UserNamespace) -> bytes:
        """struct semid64_ds."""
        return SEMID64_DS.pack(self.pack_perm(user), self.otime, self.ctime, len(self.values))


class Settling:
    """The sleepers of a set are looked at, first those who change nothing, then in order of arrival, from the start again after
    each that goes on. That can take very long: then others have their turn in between, and may take what a sleeper waited for."""

    __slots__ = ("semaphores", "again", "_turn")

    def __init__(self, semaphores: SemaphoreSet) -> None:
        self.semaphores = semaphores
        self.again = True  # values have changed since this round began
        self._turn: deque[SemWait] = deque()  # who is still to be looked at in this round

    def go_on(self, all_of_it: bool = False) -> None:
        """For a while, or (from the event loop, or before a checkpoint) until it is done."""
        semaphores, turn = self.semaphores, self._turn
        UNSETTLED.pop(semaphores, None)
        until = 0
        while semaphores.pending and (turn or self.again):
            if not turn:
                self.again = False
                turn.extend([wait for wait in semaphores.pending if not wait.alters])
                turn.extend([wait for wait in semaphores.pending if wait.alters])
            wait = turn.popleft()
            if wait not in semaphores.pending or semaphores.stuck(wait):
                continue
            result = semaphores.attempt(wait)
            if result != MUST_WAIT:
                del semaphores.pending[wait]
                wait.complete(result)
                if wait.alters and not result:
                    self.again = True
                    turn.clear()
            kernel = wait.task.kernel
            now = kernel.clock.now_ns()
            until = until or now + TURN_NS
            if now > until and not all_of_it:
                UNSETTLED[semaphores] = self
                kernel.reactor.call_soon(self.later)
                return

    def later(self) -> None:
        """From the event loop, unless it is done."""
        if UNSETTLED.get(self.semaphores) is self:
            self.go_on()


UNSETTLED: Final[dict[SemaphoreSet, Settling]] = {}


def settle_all() -> None:
    """Nothing is left for later."""
    for under_way in list(UNSETTLED.values()):
        under_way.go_on(True)


class SemTable:
    """All sets, and the limits of kernel.sem."""

    def __init__(self) -> None:
        self.ids: IpcIds[SemaphoreSet] = IpcIds()
        self.per_set = SEMMSL
        self.max_semaphores = SEMMNS
        self.max_ops = SEMOPM
        self.max_sets = SEMMNI
        self.used = 0  # semaphores

    def create(self, t: Task, key: int, count: int, flags: int) -> int:
        """A new set's id (newary): EINVAL, ENOSPC, ENOMEM."""
        if not count:
            raise SyscallError(errno.EINVAL)
        if self.used + count > self.max_semaphores or len(self.ids.objects) >= self.max_sets:
            raise SyscallError(errno.ENOSPC)
        try:
            t.kernel.mounts.vfs.space.take_bytes(_SET_COST + _SEM_COST * count)
        except SyscallError:
            raise SyscallError(errno.ENOMEM) from None
        ident = self.ids.add(SemaphoreSet(t, key, count, flags), self.max_sets)
        self.used += count
        return ident

    def remove(self, semaphores: SemaphoreSet) -> None:
        """IPC_RMID: sleepers get EIDRM, undos are void (freeary)."""
        self.ids.remove(semaphores)
        self.used -= len(semaphores.values)
        semaphores.space.add_bytes(-semaphores.cost())
        for undo in list(semaphores.undos):
            undo.discard()
        pending, semaphores.pending = semaphores.pending, {}
        for wait in pending:
            wait.complete(-errno.EIDRM)
