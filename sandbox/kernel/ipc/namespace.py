"""IpcNamespace: the System V objects and POSIX queues of the sandbox, and their limits (include/linux/ipc_namespace.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.kernel.ipc.mqueue import MqueueLimits
from sandbox.kernel.ipc.msg import MsgTable
from sandbox.kernel.ipc.sem import SemTable
from sandbox.kernel.ipc.shm import Actor, ShmTable
from sandbox.kernel.user_namespace import INITIAL, UserNamespace

if TYPE_CHECKING:
    from tcpip.clock import Clock


class IpcNamespace:
    """`t.ns.ipc`; `kernel.ipc` is the first. `number` is its inode number in nsfs."""

    def __init__(
        self, clock: Clock, number: int = 0, parent: IpcNamespace | None = None, user: UserNamespace = INITIAL
    ) -> None:
        self.number = number
        self.user = user
        self.users = 0
        self.shm: ShmTable = ShmTable(clock, parent.shm.actor if parent is not None else Actor())
        self.sem = SemTable()
        self.msg = MsgTable()
        self.mqueue = MqueueLimits()

    def end(self) -> None:
        """Nobody is in it any more: its objects go (free_ipc_ns)."""
        for segment in self.shm.ids.ordered():
            segment.mark()
        for semaphores in self.sem.ids.ordered():
            self.sem.remove(semaphores)
        for queue in self.msg.ids.ordered():
            self.msg.remove(queue)
        if self.mqueue.fs is not None:
            self.mqueue.fs.end()
