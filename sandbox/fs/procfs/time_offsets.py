"""/proc/PID/timens_offsets: what the clocks of a process's children will be ahead (time_namespaces(7))."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.fs.pseudo.nodes import GeneratedFile, PseudoFile

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.task import Task
    from sandbox.vfs.path import Path

NAME: Final = b"timens_offsets"
_PAGE: Final = 4096


class TimeOffsetsNode(PseudoFile):
    """The file of one task."""

    __slots__ = ("task",)

    def __init__(self, fs: ProcFs, ino: int, task: Task) -> None:
        super().__init__(fs, ino, 0o644)
        self.task = task
        self.refresh()

    def refresh(self) -> None:
        """The owner is the task's."""
        self.uid, self.gid = self.task.creds.euid, self.task.creds.egid

    def content(self, t: Task) -> bytes:
        return self.task.ns.time_of_children.text()

    def open(self, t: Task, path: Path, flags: int) -> TimeOffsetsFile:
        return TimeOffsetsFile(flags, path, self, t.creds)


class TimeOffsetsFile(GeneratedFile):
    """An open one; `opener` is who opened it."""

    def __init__(self, flags: int, path: Path, node: TimeOffsetsNode, opener: Credentials) -> None:
        super().__init__(flags, path, node)
        self.node = node
        self.opener = opener

    @property
    def epollable(self) -> bool:
        return False

    def pwrite(self, t: Task, src: memoryview, offset: int) -> int:
        """EINVAL unless it is written at once; and as TimeNamespace.write has it."""
        if offset or len(src) >= _PAGE:
            raise SyscallError(errno.EINVAL)
        self.node.task.ns.time_of_children.write(self.opener, t.kernel.monotonic_ns(), bytes(src))
        self._snapshot.data = None
        return len(src)
