"""pidfds: open file descriptions that name a process (pidfd_open(2))."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.vfs.file_description import FileDescription
from tcpip.waiter import EVENT_HUP, EVENT_IN

if TYPE_CHECKING:
    from sandbox.kernel.pid_namespace import PidNamespace
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup

O_RDWR: Final = 2
O_NONBLOCK: Final = 0o4000


class PidFile(FileDescription):
    """Readable once the process has ended; keeps naming it after it was reaped."""

    can_read = False
    can_write = False

    def __init__(self, group: ThreadGroup, flags: int) -> None:
        super().__init__(flags | O_RDWR)
        self.group = group
        self.queue = group.exit_queue

    def poll(self, t: Task | None) -> int:
        if self.group.reaped:
            return EVENT_IN | EVENT_HUP
        return EVENT_IN if self.group.exited else 0

    def link_text(self) -> str:
        return "anon_inode:[pidfd]"

    def numbers(self, pids: PidNamespace) -> str:
        """The lines of fdinfo, as seen from `pids`."""
        if self.group.reaped:
            return "Pid:\t-1\nNSpid:\t-1\n"
        numbers = self.group.ids.numbers_from(pids)
        return f"Pid:\t{numbers[0]}\nNSpid:" + "".join(f"\t{number}" for number in numbers) + "\n"


def process_of(t: Task, fd: int) -> ThreadGroup:
    """The process that descriptor `fd` names; EBADF."""
    return process_and_flags(t, fd)[0]


def process_and_flags(t: Task, fd: int) -> tuple[ThreadGroup, int]:
    """The same, with the descriptor's status flags."""
    file = t.fds.get(fd)
    if not isinstance(file, PidFile):
        raise SyscallError(errno.EBADF)
    return file.group, file.flags


def signal_target(t: Task, fd: int) -> ThreadGroup:
    """As `process_of`; a /proc/PID directory names its process too (kernel/signal.c: pidfd_to_pid)."""
    file = t.fds.get(fd)
    if isinstance(file, PidFile):
        return file.group
    from sandbox.fs.procfs.task_dir import TaskDir
    from sandbox.vfs.regular_file import InodeFile

    if isinstance(file, InodeFile) and isinstance(file.inode, TaskDir) and not file.inode.thread:
        return file.inode.task.group
    raise SyscallError(errno.EBADF)
