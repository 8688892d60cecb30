"""IpcNamespace: the System V objects and POSIX queues of the sandbox, and their limits (include/linux/ipc_namespace.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.kernel.ipc.mqueue import MqueueLimits
from sandbox.kernel.ipc.shm import Actor, ShmTable
from sandbox.kernel.user_namespace import INITIAL, UserNamespace

if TYPE_CHECKING:
    from sandbox.kernel.ipc.msg import MsgTable
    from sandbox.kernel.ipc.sem import SemTable
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
        self._sem: SemTable | None = None
        self._msg: MsgTable | None = None
        self.mqueue = MqueueLimits()

    @property
    def sem(self) -> SemTable:
        """Semaphore sets; made when somebody wants one."""
        if self._sem is None:
            from sandbox.kernel.ipc.sem import SemTable

            self._sem = SemTable()
        return self._sem

    @property
    def msg(self) -> MsgTable:
        """Message queues; made when somebody wants one."""
        if self._msg is None:
            from sandbox.kernel.ipc.msg import MsgTable

            self._msg = MsgTable()
        return self._msg

    def end(self) -> None:
        """Nobody is in it any more: its objects go (free_ipc_ns)."""
        for segment in self.shm.ids.ordered():
            segment.mark()
        if self._sem is not None:
            for semaphores in self._sem.ids.ordered():
                self._sem.remove(semaphores)
        if self._msg is not None:
            for queue in self._msg.ids.ordered():
                self._msg.remove(queue)
        if self.mqueue.fs is not None:
            self.mqueue.fs.end()
