"""What lives in no file system tree: inode numbers of pipes and sockets; files with an anonymous inode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.vfs.file_description import FileDescription

if TYPE_CHECKING:
    from sandbox.kernel.task import Task


class InodeNumbers:
    """Never gives a number twice."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last = 1000

    def take(self) -> int:
        """The next number."""
        self.last += 1
        return self.last


_NUMBERS: Final = InodeNumbers()


def next_inode() -> int:
    """A number for a new pipe or socket, as in `pipe:[N]`."""
    return _NUMBERS.take()


class AnonFile(FileDescription):
    """eventfd, timerfd, signalfd, epoll, inotify: it has no positions, but seeks are let through (noop_llseek)."""

    def seek(self, t: Task, offset: int, whence: int) -> int:
        return self.pos

    def unread(self, data: memoryview) -> None:
        """What was read is lost, as on Linux."""
