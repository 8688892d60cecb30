"""/proc/PID/pagemap: which pages of a process are there (Documentation/admin-guide/mm/pagemap.rst)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.stat import S_IFREG
from sandbox.errors import SyscallError
from sandbox.fs.procfs.owner import own_dump
from sandbox.fs.pseudo.made_contents import seek_unsigned
from sandbox.ptrace.access import may_inspect
from sandbox.vfs.inode import Inode
from sandbox.vfs.regular_file import InodeFile

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.path import Path

_ENTRY: Final = 8
_FRAME: Final = 0x7F  # of the seventh byte: bits of the frame number, which nobody may know without CAP_SYS_ADMIN
_MOST: Final = 1 << 16  # bytes that one look at the host gives


class PagemapInode(Inode):
    """Who may trace the task may open it: EACCES."""

    __slots__ = ("task",)

    def __init__(self, fs: ProcFs, ino: int, task: Task) -> None:
        super().__init__(fs, ino, S_IFREG | 0o400, task.creds.euid, task.creds.egid, fs.now())
        self.task = task

    def refresh(self) -> None:
        """The owner follows the task's."""
        own_dump(self, self.task)

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """Of the memory that the task has now."""
        if not may_inspect(t, self.task, filesystem=True):
            raise SyscallError(errno.EACCES)
        return PagemapFile(flags, path, self)


class PagemapFile(InodeFile):
    """A word for each page of the address space: present, swapped, of a file, written; frame numbers are 0."""

    flagged = False
    flagged_writes = False

    def __init__(self, flags: int, path: Path, inode: PagemapInode) -> None:
        super().__init__(flags, path, inode)
        self._space = inode.task.space
        self._mm = inode.task.mm

    def read(self, t: Task, dst: memoryview) -> int:
        """At the position, which advances."""
        n = self.pread(t, dst, self.pos)
        self.pos += n
        return n

    def pread(self, t: Task, dst: memoryview, offset: int) -> int:
        """Whole words: EINVAL."""
        if offset % _ENTRY or len(dst) % _ENTRY or offset >> 63:
            raise SyscallError(errno.EINVAL)
        mm = self._mm
        if mm is None or self._space not in t.kernel.spaces:
            return 0
        size = min(len(dst), max(0, (mm.task_size >> 12) * _ENTRY - offset))
        dst[:size] = bytes(size)
        first, end = offset // _ENTRY, (offset + size) // _ENTRY
        for area in mm.areas.overlapping(first << 12, end << 12):
            low, high = max(first, area.start >> 12), min(end, area.end >> 12)
            while low < high:
                count = min(high - low, _MOST // _ENTRY)
                at = (low - first) * _ENTRY
                dst[at : at + count * _ENTRY] = without_frames(self._space.host_pagemap(low, count))
                low += count
        return size

    def seek(self, t: Task, offset: int, whence: int) -> int:
        return seek_unsigned(self, offset, whence)


def without_frames(words: bytes) -> bytes:
    """The flags of each word alone: bits 55 to 63."""
    out = bytearray(len(words))
    out[7::_ENTRY] = words[7::_ENTRY]
    out[6::_ENTRY] = bytes(byte & ~_FRAME & 0xFF for byte in words[6::_ENTRY])
    return bytes(out)
