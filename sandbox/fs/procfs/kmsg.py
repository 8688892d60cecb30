"""/proc/kmsg: the kernel's log as a stream, of which there is one reader (proc_kmsg(5), fs/proc/kmsg.c);
/proc/sys/kernel/printk: its levels."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.capability import CAP_SYSLOG
from sandbox.errors import SyscallError
from sandbox.fs.pseudo.nodes import PseudoFile
from sandbox.vfs.file_description import WOULD_BLOCK
from sandbox.vfs.regular_file import InodeFile
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path


class KmsgNode(PseudoFile):
    """Its place in /proc."""

    __slots__ = ()

    def __init__(self, fs: ProcFs, ino: int) -> None:
        super().__init__(fs, ino, 0o400)

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """EPERM without CAP_SYSLOG."""
        if not t.creds.has(CAP_SYSLOG):
            raise SyscallError(errno.EPERM)
        return KmsgStream(flags, path, self, t.kernel)


class PrintkFile(PseudoFile):
    """kernel.printk: the console's level, which can be set, and three more (Documentation/core-api/printk-basics.rst)."""

    __slots__ = ()

    def __init__(self, fs: ProcFs, ino: int) -> None:
        super().__init__(fs, ino, 0o644)

    def content(self, t: Task) -> bytes:
        """Four numbers."""
        return b"%d\t%d\t%d\t%d\n" % t.kernel.log.reader().levels()

    def store(self, t: Task, data: bytes) -> None:
        """The first one or more of them: EINVAL for what is no number, and for another of the three."""
        words = data.split()
        if not 1 <= len(words) <= 4 or not all(word.isdigit() and len(word) < 3 for word in words):
            raise SyscallError(errno.EINVAL)
        numbers = [int(word) for word in words]
        reader = t.kernel.log.reader()
        if tuple(numbers[1:]) != reader.levels()[1 : len(numbers)]:
            raise SyscallError(errno.EINVAL)
        reader.set_console(numbers[0], False)


class KmsgStream(InodeFile):
    """What is read is gone."""

    def __init__(self, flags: int, path: Path, inode: Inode, kernel: Kernel) -> None:
        super().__init__(flags, path, inode)
        self._log = kernel.log
        self.queue = kernel.log.queue

    @property
    def epollable(self) -> bool:
        """It can be polled."""
        return True

    def read(self, t: Task, dst: memoryview) -> int:
        """Whole lines, or a part of one where there is no more room."""
        reader = self._log.reader()
        if not len(dst):
            return 0
        if not reader.waits():
            return WOULD_BLOCK
        text = reader.take(len(dst))
        dst[: len(text)] = text
        return len(text)

    def pread(self, t: Task, dst: memoryview, offset: int) -> int:
        """As read."""
        return self.read(t, dst)

    def poll(self, t: Task | None) -> int:
        return EVENT_IN if self._log.reader().waits() else 0
