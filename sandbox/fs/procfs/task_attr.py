"""/proc/PID/attr: what security modules keep of a process; there is none that does (fs/proc/base.c: proc_pid_attr_write)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.fs.procfs.owner import own_dump
from sandbox.fs.pseudo.nodes import PseudoFile, TaskGeneratedFile

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.path import Path

NAMES: Final = ("current", "prev", "exec", "fscreate", "keycreate", "sockcreate")


class AttrFile(PseudoFile):
    """One of them: EINVAL for all, and EPERM for who writes to another process's."""

    __slots__ = ("task",)

    def __init__(self, fs: ProcFs, ino: int, task: Task, name: str) -> None:
        super().__init__(fs, ino, 0o444 if name == "prev" else 0o666)
        self.task = task
        self.refresh()

    def refresh(self) -> None:
        """The owner follows the task's."""
        own_dump(self, self.task)

    def content(self, t: Task) -> bytes:
        """EINVAL."""
        raise SyscallError(errno.EINVAL)

    def store(self, t: Task, data: bytes) -> None:
        """EPERM of another process, EACCES of another thread, EINVAL."""
        if self.task is not t:
            raise SyscallError(errno.EACCES if self.task.group is t.group else errno.EPERM)
        raise SyscallError(errno.EINVAL)

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """As any file of a process."""
        return TaskGeneratedFile(flags, path, self)
