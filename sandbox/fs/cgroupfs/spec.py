"""Spec: what a control file does when it is read or written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.cgroup.events import Event
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.task import Task


class Writer:
    """Who writes: the task, and the rights with which the file was opened."""

    __slots__ = ("task", "creds")

    def __init__(self, task: Task, creds: Credentials) -> None:
        self.task = task
        self.creds = creds


class Spec:
    """What a control file is. `delegated`: whoever is in a cgroup namespace may write to that of its root, too."""

    __slots__ = ("read", "write", "delegated", "event")

    def __init__(
        self,
        read: Callable[[Cgroup, Task], str] | None,
        write: Callable[[Cgroup, Writer, str], None] | None = None,
        delegated: bool = False,
        event: Callable[[Cgroup], Event] | None = None,
    ) -> None:
        self.read = read
        self.write = write
        self.delegated = delegated
        self.event = event

    def mode(self) -> int:
        """Permission bits."""
        return (0o444 if self.read is not None else 0) | (0o200 if self.write is not None else 0)
