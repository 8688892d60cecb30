"""Links to whoever reads them (proc(5))."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.stat import S_IFLNK
from sandbox.errors import SyscallError
from sandbox.vfs.inode import Inode

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.kernel.task import Task


class SelfLink(Inode):
    """/proc/self and /proc/thread-self."""

    __slots__ = ("thread", "pids")

    def __init__(self, fs: ProcFs, ino: int, thread: bool) -> None:
        super().__init__(fs, ino, S_IFLNK | 0o777, 0, 0, fs.now())
        self.pids = fs.pids
        self.thread = thread

    def readlink(self, t: Task) -> bytes:
        """The reader's own; ENOENT where it is not seen."""
        pid, tid = t.group.ids.number_in(self.pids), t.ids.number_in(self.pids)
        if not pid:
            raise SyscallError(errno.ENOENT)
        return b"%d/task/%d" % (pid, tid) if self.thread else b"%d" % pid
