"""What is undone when a process ends: SEM_UNDO of semop(2) (ipc/sem.c: sem_undo, exit_sem)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.ipc import SEMVMX
from sandbox.errors import SyscallError
from sandbox.kernel.ipc.ids import seconds

if TYPE_CHECKING:
    from sandbox.kernel.ipc.sem import SemaphoreSet, SemOp
    from sandbox.kernel.task import Task

_UNDO_COST: Final = 400
_ENTRY_COST: Final = 104


class SemUndo:
    """One process's adjustments of one set, by semaphore."""

    __slots__ = ("owner", "semaphores", "adjustments", "cost")

    def __init__(self, owner: UndoList, semaphores: SemaphoreSet) -> None:
        self.owner = owner
        self.semaphores = semaphores
        self.adjustments: dict[int, int] = {}
        self.cost = 0

    def reserve(self, ops: list[SemOp]) -> None:
        """Room for what `ops` may adjust; ENOMEM."""
        count = min(len(self.adjustments) + len(ops), len(self.semaphores.values))
        cost = _UNDO_COST + _ENTRY_COST * count
        if cost > self.cost:
            try:
                self.semaphores.space.take_bytes(cost - self.cost)
            except SyscallError:
                raise SyscallError(errno.ENOMEM) from None
            self.cost = cost

    def discard(self) -> None:
        """It will never be applied."""
        del self.owner.undos[self.semaphores]
        del self.semaphores.undos[self]
        self.semaphores.space.add_bytes(-self.cost)

    def apply(self, t: Task) -> None:
        """The process is gone: give back what it took (exit_sem)."""
        semaphores, adjustments = self.semaphores, self.adjustments
        self.discard()
        for number, change in adjustments.items():
            if change:
                semaphores.values[number] = min(max(semaphores.values[number] + change, 0), SEMVMX)
                semaphores.pids[number] = t.group.ids
        semaphores.otime = seconds(t)
        semaphores.settle()


class UndoList:
    """The undos of a process, or of several that share them (CLONE_SYSVSEM)."""

    __slots__ = ("users", "undos")

    def __init__(self) -> None:
        self.users = 1
        self.undos: dict[SemaphoreSet, SemUndo] = {}

    def share(self) -> UndoList:
        """One more task has it."""
        self.users += 1
        return self

    def undo_for(self, semaphores: SemaphoreSet, ops: list[SemOp]) -> SemUndo:
        """The adjustments of one set, with room for `ops`; ENOMEM."""
        undo = self.undos.get(semaphores)
        if undo is None:
            undo = SemUndo(self, semaphores)
        undo.reserve(ops)
        self.undos[semaphores] = undo
        semaphores.undos[undo] = None
        return undo


def undo_list(t: Task) -> UndoList:
    """The task's, made when it is first needed (get_undo_list)."""
    if t.sem_undo is None:
        t.sem_undo = UndoList()
    return t.sem_undo


def leave_undo(t: Task) -> None:
    """The task ends, or gives up sharing: the last user's end applies them."""
    shared = t.sem_undo
    if shared is None:
        return
    t.sem_undo = None
    shared.users -= 1
    if not shared.users:
        for undo in list(shared.undos.values()):
            undo.apply(t)
