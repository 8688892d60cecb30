"""View: what the processes of one container see of the sandbox's kernel: their mounts, process numbers and terminals.

The containers of a pod share the rest: network, IPC, names of the machine, memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from sandbox.fs.tty.pty_table import PtyTable
    from sandbox.kernel.namespaces import Namespaces
    from sandbox.kernel.pid_namespace import PidNamespace
    from sandbox.kernel.thread_group import ThreadGroup
    from sandbox.vfs.mount import MountNamespace


class View:
    """`pids` may be another container's, too. `on_exit(status)` is called once, when the `first` process has ended
    (wait status). `mounts`, `namespaces` and `terminals` are set by whoever assembles the container, before its first process."""

    mounts: MountNamespace
    namespaces: Namespaces
    terminals: PtyTable

    def __init__(self, pids: PidNamespace) -> None:
        self.pids = pids
        self.first: ThreadGroup | None = None
        self.on_exit: Callable[[int], None] | None = None

    def groups(self) -> list[ThreadGroup]:
        """The container's processes, by number; zombies too."""
        return [group for _, group in sorted(self.pids.groups.items()) if group.view is self]
