"""View: what the processes of one container see of the sandbox's kernel: their mounts, process numbers and terminals.

The containers of a pod share the rest: network, IPC, names of the machine, memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from sandbox.kernel.user_namespace import INITIAL, UserNamespace

if TYPE_CHECKING:
    from sandbox.fs.tty.pty_table import PtyTable
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.namespaces import Namespaces
    from sandbox.kernel.pid_namespace import PidNamespace
    from sandbox.kernel.thread_group import ThreadGroup
    from sandbox.vfs.filesystem import Filesystem
    from sandbox.vfs.mount import MountNamespace


class View:
    """`number`: 0 for the sandbox's own container, another for each further one. `cgroup` is the container's top. `shared`: `pids` is another container's, too. `on_exit(status)` is called once, when
    the `first` process has ended (wait status). `mounts`, `namespaces` and `terminals` are set by whoever assembles the container, before its first process."""

    mounts: MountNamespace
    namespaces: Namespaces
    terminals: PtyTable

    def __init__(self, pids: PidNamespace, cgroup: Cgroup, shared: bool = False, number: int = 0) -> None:
        self.number = number
        self.pids = pids
        self.cgroup = cgroup
        cgroup.view = self
        self.shared = shared
        self.cpu_us = (
            0,
            0,
        )  # quota and period of a control group of the host's that the container is in; 0: none, the usual one
        self.processors = 0  # the mask of those that its processes run on; 0: all that the sandbox has
        self.user: UserNamespace = INITIAL  # of processes that are started from outside
        self.personality = 0  # PER_* of personality(2), of processes that are started from outside
        self.oom_kills = 0  # of its processes, since there was too little memory
        self.given: list[Filesystem] = []  # what its bundle mounts, the root first
        self.first: ThreadGroup | None = None
        self.on_exit: Callable[[int], None] | None = None

    def confine(self, mask: int) -> None:
        """Its processes run on these processors from now on, and on no others of those that they had asked for."""
        old, self.processors = self.processors, mask
        for group in self.groups():
            for task in group.tasks:
                allowed, before = mask or task.kernel.cpu_mask, old or task.kernel.cpu_mask
                wanted = allowed if task.affinity == before else task.affinity & allowed or allowed
                if wanted != task.affinity:
                    task.affinity = wanted
                    task.thread.set_affinity(wanted)

    def limit_tasks(self, most: int) -> None:
        """The most that the container may have."""
        if self.shared:
            self.cgroup.limit_tasks(most)
        else:
            self.pids.max_tasks = most

    def task_limit(self) -> int:
        """What bounds the container's tasks."""
        return self.cgroup.pids_max or self.pids.max_tasks

    def groups(self) -> list[ThreadGroup]:
        """The container's processes, by number; zombies too."""
        return [group for _, group in sorted(self.pids.groups.items()) if group.view is self]
