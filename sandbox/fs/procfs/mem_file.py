"""/proc/PID/mem: the memory of a process as a file, at its addresses (fs/proc/base.c: proc_mem_open, mem_rw)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.stat import S_IFREG
from sandbox.errors import SyscallError
from sandbox.fs.procfs.owner import own_dump
from sandbox.fs.pseudo.made_contents import seek_unsigned
from sandbox.platform.base import MemoryFault
from sandbox.ptrace.access import may_inspect
from sandbox.vfs.inode import Inode
from sandbox.vfs.regular_file import InodeFile
from sandbox.vfs.secretmem import open_part

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.path import Path

_PAGE: Final = 4096
_OFFSETS: Final = 1 << 64


class MemInode(Inode):
    """Who may trace the task may open it: EACCES."""

    __slots__ = ("task",)

    def __init__(self, fs: ProcFs, ino: int, task: Task) -> None:
        super().__init__(fs, ino, S_IFREG | 0o600, task.creds.euid, task.creds.egid, fs.now())
        self.task = task

    def refresh(self) -> None:
        """The owner follows the task's."""
        own_dump(self, self.task)

    def blocks(self) -> int:
        """None."""
        return 0

    def truncate(self, size: int) -> None:
        """Opening with O_TRUNC is accepted and does nothing."""

    def touch_mtime(self, now: int) -> None:
        """Not recorded."""

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """Of the memory that the task has now; after its execve or end there is nothing in it."""
        if not may_inspect(t, self.task, filesystem=True):
            raise SyscallError(errno.EACCES)
        return MemFile(flags, path, self)


class MemFile(InodeFile):
    """Protection is not heeded. EIO where nothing is mapped."""

    def __init__(self, flags: int, path: Path, inode: MemInode) -> None:
        super().__init__(flags, path, inode)
        self._space = inode.task.space

    def _gone(self, t: Task) -> bool:
        return self._space not in t.kernel.spaces

    def _open(self, t: Task, offset: int, size: int) -> int:
        """How much of it there is before secret memory: EIO for none."""
        owner = next(iter(t.kernel.spaces.get(self._space, ())), None)
        part = open_part(owner.mm, offset, size) if owner is not None else size
        if size and not part:
            raise SyscallError(errno.EIO)
        return part

    def _check(self, size: int) -> None:
        """EOVERFLOW beyond the last of all offsets (rw_verify_area)."""
        if self.pos >= _OFFSETS >> 1 and self.pos + size >= _OFFSETS:
            raise SyscallError(errno.EOVERFLOW)

    def read(self, t: Task, dst: memoryview) -> int:
        """At the position, which advances."""
        self._check(len(dst))
        n = self.pread(t, dst, self.pos)
        self.pos = (self.pos + n) % _OFFSETS
        return n

    def pread(self, t: Task, dst: memoryview, offset: int) -> int:
        """As far as pages are there."""
        if self._gone(t):
            return 0
        size = self._open(t, offset, len(dst))
        dst = dst[:size]
        try:
            dst[:] = self._space.peek(offset, size)
            return size
        except MemoryFault:
            pass
        done = 0
        while done < size:
            part = min(size - done, _PAGE - (offset + done) % _PAGE)
            try:
                dst[done : done + part] = self._space.peek(offset + done, part)
            except MemoryFault:
                break
            done += part
        if size and not done:
            raise SyscallError(errno.EIO)
        return done

    def write(self, t: Task, src: memoryview) -> int:
        """At the position, which advances."""
        self._check(len(src))
        n = self.pwrite(t, src, self.pos)
        self.pos = (self.pos + n) % _OFFSETS
        return n

    def pwrite(self, t: Task, src: memoryview, offset: int) -> int:
        """As far as pages are there; what is private becomes a copy."""
        if self._gone(t):
            return 0
        size, done = self._open(t, offset, len(src)), 0
        while done < size:
            part = min(size - done, _PAGE - (offset + done) % _PAGE)
            try:
                self._space.poke(offset + done, bytes(src[done : done + part]))
            except MemoryFault:
                break
            done += part
        if size and not done:
            raise SyscallError(errno.EIO)
        return done

    def seek(self, t: Task, offset: int, whence: int) -> int:
        return seek_unsigned(self, offset, whence)
