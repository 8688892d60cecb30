"""The PID namespace: which number names which task, process, process group and session (pid_namespaces(7))."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError

if TYPE_CHECKING:
    from sandbox.kernel.sessions import ProcessGroup, Session
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup

PID_MAX: Final = 4194304
RESERVED_PIDS: Final = 300  # after a wrap numbers start here


class PidNamespace:
    """A number is free again when no task, process, group or session bears it."""

    def __init__(self, max_tasks: int = 32768) -> None:
        self.max_tasks = max_tasks
        self.tasks: dict[int, Task] = {}
        self.groups: dict[int, ThreadGroup] = {}  # zombies too, until reaped
        self.process_groups: dict[int, ProcessGroup] = {}
        self.sessions: dict[int, Session] = {}
        self.held: set[int] = set()  # of threads that have ended and that their tracers have not waited for
        self.init: ThreadGroup | None = None
        self.last_pid = 0

    def allocate(self) -> int:
        """The next free number; EAGAIN at the sandbox's limit of tasks."""
        if len(self.tasks) + len(self.held) >= self.max_tasks or len(self.groups) >= self.max_tasks:
            raise SyscallError(errno.EAGAIN)
        pid = self.last_pid
        for _ in range(PID_MAX):
            pid += 1
            if pid >= PID_MAX:
                pid = RESERVED_PIDS
            if not self._taken(pid):
                self.last_pid = pid
                return pid
        raise SyscallError(errno.EAGAIN)

    def take(self, pid: int) -> int:
        """This very number: EINVAL out of range, EEXIST, EAGAIN as `allocate`."""
        if not 0 < pid < PID_MAX:
            raise SyscallError(errno.EINVAL)
        if self._taken(pid):
            raise SyscallError(errno.EEXIST)
        if len(self.tasks) + len(self.held) >= self.max_tasks or len(self.groups) >= self.max_tasks:
            raise SyscallError(errno.EAGAIN)
        return pid

    def _taken(self, pid: int) -> bool:
        return (
            pid in self.tasks
            or pid in self.groups
            or pid in self.process_groups
            or pid in self.sessions
            or pid in self.held
        )
