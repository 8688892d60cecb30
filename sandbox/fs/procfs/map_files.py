"""/proc/PID/map_files: a link for each area that maps a file, called by its range (fs/proc/base.c: proc_map_files_lookup)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN
from sandbox.abi.linux.mman import VM_MAYSHARE, VM_MAYWRITE
from sandbox.abi.linux.stat import S_IFLNK
from sandbox.errors import SyscallError
from sandbox.fs.procfs.owner import own
from sandbox.fs.pseudo.nodes import PseudoDir
from sandbox.kernel.user_namespace import INITIAL
from sandbox.mm.backing import backing_text
from sandbox.ptrace.access import may_inspect
from sandbox.vfs.directory_file import DirectoryFile
from sandbox.vfs.inode import Inode

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.kernel.task import Task
    from sandbox.mm.vma import VMA
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.path import Path

_FIRST_INDEX: Final = 3072
_INDICES: Final = 1024


class MapFilesDir(PseudoDir):
    """Who may trace the process may look: EACCES."""

    __slots__ = ("proc", "task")

    def __init__(self, fs: ProcFs, ino: int, task: Task) -> None:
        super().__init__(fs, ino, 0o500)
        self.live = self.loose = True
        self.proc = fs
        self.task = task
        self.refresh()

    def refresh(self) -> None:
        """The owner follows the task's; a process may always look into its own (proc_fd_permission)."""
        own(self, self.task)

    def _number(self, area: VMA) -> int:
        index = _FIRST_INDEX + (area.start >> 12) % _INDICES
        return self.proc.task_ino(self.task.ids.number_in(self.proc.pids), index)

    def lookup(self, name: bytes) -> Inode | None:
        """An area of just this range that maps a file."""
        mm = self.task.mm
        start, dash, end = name.partition(b"-")
        if mm is None or not dash:
            return None
        try:
            area = mm.areas.find(int(start, 16))
        except ValueError:
            return None
        if area is None or area.backing is None or name != range_name(area):
            return None
        return MapFileLink(self.proc, self._number(area), self.task, area)

    def entries(self) -> list[tuple[bytes, int, int]]:
        """In the order of addresses."""
        mm = self.task.mm
        areas = list(mm.areas) if mm is not None else []
        return [(range_name(area), self._number(area), S_IFLNK) for area in areas if area.backing is not None]

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """EACCES."""
        if not may_inspect(t, self.task, filesystem=True):
            raise SyscallError(errno.EACCES)
        return DirectoryFile(flags, path, self)


class MapFileLink(Inode):
    """What an area maps: its text is the file's name, and it leads to the file, though that has none any more."""

    __slots__ = ("task", "start", "mapped")

    def __init__(self, fs: ProcFs, ino: int, task: Task, area: VMA) -> None:
        backing = area.backing
        assert backing is not None
        writable = area.flags & (VM_MAYSHARE | VM_MAYWRITE) == VM_MAYSHARE | VM_MAYWRITE
        mode = S_IFLNK | (0o700 if writable else 0o500) & 0o600
        super().__init__(fs, ino, mode, task.creds.euid, task.creds.egid, fs.now())
        self.task = task
        self.start = area.start
        self.mapped = backing
        self.size = 64

    def _check(self, t: Task) -> None:
        if not may_inspect(t, self.task, filesystem=True):
            raise SyscallError(errno.EACCES)

    def readlink(self, t: Task) -> bytes:
        """The file's name; EACCES."""
        self._check(t)
        return backing_text(self.mapped, t.fs.root)

    def magic_link(self, t: Task) -> Path | None:
        """EPERM without the right of those who save and restore processes (proc_map_files_get_link)."""
        if not t.creds.has_in(INITIAL, CAP_CHECKPOINT_RESTORE) and not t.creds.has_in(INITIAL, CAP_SYS_ADMIN):
            raise SyscallError(errno.EPERM)
        self._check(t)
        mm = self.task.mm
        area = mm.areas.find(self.start) if mm is not None else None
        place = area.backing.place if area is not None and area.backing is not None else None
        if place is None:
            raise SyscallError(errno.ENOENT)
        return place


def range_name(area: VMA) -> bytes:
    """Start and end in hexadecimal."""
    return b"%x-%x" % (area.start, area.end)
