"""View: what the processes of one container see of the sandbox's kernel: their mounts, process numbers and terminals.

The containers of a pod share the rest: network, IPC, names of the machine, memory.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable

from sandbox.errors import SyscallError

if TYPE_CHECKING:
    from sandbox.fs.tty.pty_table import PtyTable
    from sandbox.kernel.namespaces import Namespaces
    from sandbox.kernel.pid_namespace import PidNamespace
    from sandbox.kernel.thread_group import ThreadGroup
    from sandbox.vfs.mount import MountNamespace


class View:
    """`shared`: `pids` is another container's, too. `on_exit(status)` is called once, when the `first` process has ended
    (wait status). `mounts`, `namespaces` and `terminals` are set by whoever assembles the container, before its first process."""

    mounts: MountNamespace
    namespaces: Namespaces
    terminals: PtyTable

    def __init__(self, pids: PidNamespace, shared: bool = False) -> None:
        self.pids = pids
        self._shared = shared
        self._max_tasks = 0  # of a container that shares its numbers; 0: what bounds them all
        self.memory_pages = 0  # the most that the processes of one of `Kernel.bounded_views` may have
        self.oom_kills = 0  # of its processes, since there was too little memory
        self.first: ThreadGroup | None = None
        self.on_exit: Callable[[int], None] | None = None

    def limit_tasks(self, most: int) -> None:
        """The most that the container may have."""
        if self._shared:
            self._max_tasks = most
        else:
            self.pids.max_tasks = most

    def task_limit(self) -> int:
        """What bounds the container's tasks."""
        return self._max_tasks or self.pids.max_tasks

    def check_room(self) -> None:
        """For one more task: EAGAIN at the container's own bound. As in a control group of pids, zombies count."""
        if not self._max_tasks:
            return
        count = sum(max(1, len(group.tasks)) for group in self.pids.groups.values() if group.view is self)
        if count >= self._max_tasks:
            raise SyscallError(errno.EAGAIN)

    def groups(self) -> list[ThreadGroup]:
        """The container's processes, by number; zombies too."""
        return [group for _, group in sorted(self.pids.groups.items()) if group.view is self]
