"""MadeContents: what is open of a file whose contents are made when it is read (proc, sysfs, control groups)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.errors import SyscallError
from sandbox.vfs.regular_file import InodeFile
from tcpip.waiter import EVENT_ERR, EVENT_IN, EVENT_OUT, EVENT_PRI

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path


class MadeContents(InodeFile):
    """An open file whose contents are made when it is read, and whose writes are one value each. `fresh`: nothing was read since it was opened."""

    def __init__(self, flags: int, path: Path, inode: Inode) -> None:
        super().__init__(flags, path, inode)
        self.fresh = True

    @property
    def epollable(self) -> bool:
        """All but those of a process have poll (fs/proc/inode.c: proc_reg_poll, proc_sys_poll; fs/kernfs/file.c)."""
        return True

    @property
    def signals(self) -> bool:
        return False

    def has_news(self) -> bool:
        """There is something that its reader does not know."""
        return False

    def poll(self, t: Task | None) -> int:
        """News are told as an exception (kernfs_generic_poll)."""
        return EVENT_IN | EVENT_OUT | (EVENT_PRI | EVENT_ERR if self.has_news() else 0)

    def read(self, t: Task, dst: memoryview) -> int:
        """At the position, which advances."""
        n = self.pread(t, dst, self.pos)
        self.pos += n
        return n

    def write(self, t: Task, src: memoryview) -> int:
        """The whole of it is one value."""
        n = self.pwrite(t, src, self.pos)
        self.pos += n
        return n

    def seek(self, t: Task, offset: int, whence: int) -> int:
        return seek_without_end(self, offset, whence)


def seek_without_end(file: FileDescription, offset: int, whence: int) -> int:
    """lseek(2) of a file that nobody knows the length of: SEEK_SET and SEEK_CUR, else EINVAL."""
    if whence == 1:
        offset += file.pos
    elif whence != 0:
        raise SyscallError(errno.EINVAL)
    if not 0 <= offset < 1 << 63:
        raise SyscallError(errno.EINVAL)
    file.pos = offset
    return offset


def seek_unsigned(file: FileDescription, offset: int, whence: int) -> int:
    """The same where each of 64 bits is an offset, and they begin anew after the last one (fs/proc/base.c: mem_lseek). It is
    told as it is: negative from half of them on."""
    if whence == 1:
        offset += file.pos
    elif whence != 0:
        raise SyscallError(errno.EINVAL)
    file.pos = offset & (1 << 64) - 1
    return file.pos - (file.pos << 1 & 1 << 64)
