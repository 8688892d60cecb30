"""IpcNamespace: the System V objects and POSIX queues of the sandbox, and their limits (include/linux/ipc_namespace.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.kernel.ipc.mqueue import MqueueLimits
from sandbox.kernel.ipc.msg import MsgTable
from sandbox.kernel.ipc.sem import SemTable
from sandbox.kernel.ipc.shm import ShmTable

if TYPE_CHECKING:
    from tcpip.clock import Clock


class IpcNamespace:
    """`kernel.ipc`; there is one."""

    def __init__(self, clock: Clock) -> None:
        self.shm = ShmTable(clock)
        self.sem = SemTable()
        self.msg = MsgTable()
        self.mqueue = MqueueLimits()
