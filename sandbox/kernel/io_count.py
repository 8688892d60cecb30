"""IoCount: what /proc/PID/io says that a process or thread has read and written (struct task_io_accounting).

read(2), write(2) and their kin count, sendfile(2) and copy_file_range(2) too; messages of sockets and io_uring don't. Files of
the sandbox are held in memory or by the host, so nothing is read from or written to a disk of the sandbox's.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup

# Said before the file was asked: such a call has not read or written (fs/read_write.c: vfs_read).
_TOO_EARLY: Final = frozenset((-errno.EBADF, -errno.EINVAL, -errno.ESPIPE))
_USER_MAX: Final = 0x7FFF_FFFF_F000


class IoCount:
    """Bytes and calls."""

    __slots__ = ("rchar", "wchar", "syscr", "syscw")

    def __init__(self) -> None:
        self.rchar = self.wchar = self.syscr = self.syscw = 0

    def add(self, other: IoCount) -> None:
        """Another's come on top."""
        self.rchar += other.rchar
        self.wchar += other.wchar
        self.syscr += other.syscr
        self.syscw += other.syscw

    def text(self) -> bytes:
        """As /proc/PID/io has them (fs/proc/base.c: do_io_accounting)."""
        return (
            f"rchar: {self.rchar}\nwchar: {self.wchar}\nsyscr: {self.syscr}\nsyscw: {self.syscw}\n"
            "read_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n"
        ).encode()


def _too_early(t: Task, result: int) -> bool:
    raw = t.args.raw
    return result in _TOO_EARLY or (result == -errno.EFAULT and raw[1] + raw[2] > _USER_MAX)


def did_read(t: Task, result: Result) -> Result:
    """A call of `t` that reads is done, or waits: `result`."""
    if type(result) is int and result < 0 and _too_early(t, result):
        return result
    return vector_read(t, result)


def did_write(t: Task, result: Result) -> Result:
    """The same of one that writes."""
    if type(result) is int and result < 0 and _too_early(t, result):
        return result
    return vector_write(t, result)


def vector_read(t: Task, result: Result) -> Result:
    """The same of readv(2) and its kin, which count however early they fail (do_readv)."""
    if type(result) is int:
        count = t.io
        count.syscr += 1
        if result > 0:
            count.rchar += result
    return result


def vector_write(t: Task, result: Result) -> Result:
    """The same of writev(2) and its kin (do_writev)."""
    if type(result) is int:
        count = t.io
        count.syscw += 1
        if result > 0:
            count.wchar += result
    return result


def did_copy(t: Task, result: Result) -> Result:
    """The same of one that does both in the kernel."""
    return vector_write(t, vector_read(t, result))


def of_group(group: ThreadGroup) -> IoCount:
    """Of a process: its threads', those that have ended, and the children that it waited for."""
    total = IoCount()
    total.add(group.io)
    for task in group.tasks:
        total.add(task.io)
    return total
