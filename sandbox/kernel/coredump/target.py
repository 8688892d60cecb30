"""Where a core is written: a file, or a program that reads it (fs/coredump.c: do_coredump, dump_emit, dump_skip)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.fcntl import AT_FDCWD, O_CREAT, O_EXCL, O_LARGEFILE, O_NOFOLLOW, O_WRONLY
from sandbox.abi.linux.stat import S_IFMT, S_IFREG
from sandbox.errors import SyscallError
from sandbox.kernel.coredump.areas import PAGE
from sandbox.kernel.coredump.name import core_name
from sandbox.kernel.fs_context import FSContext
from sandbox.kernel.rlimits import RLIM_INFINITY, RLIMIT_CORE
from sandbox.vfs.file_description import FileDescription
from sandbox.vfs.namei import unlink
from sandbox.vfs.open import open_path

if TYPE_CHECKING:
    from sandbox.kernel.signal_info import SignalInfo
    from sandbox.kernel.task import Task

LEAST: Final = PAGE  # bytes of RLIMIT_CORE below which there is no core at all
_FLAGS: Final = O_CREAT | O_WRONLY | O_NOFOLLOW | O_LARGEFILE | O_EXCL
_OWN_MODE: Final = 0o677
SUID_DUMP_ROOT: Final = 2


class Target:
    """`limit`: the most bytes that are written, those that are skipped not counted."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.written = 0
        self.failed = False  # there is nobody who would read it

    def emit(self, data: bytes, again: Callable[[], None]) -> bool:
        """Write all of it; SyscallError where that does not go. False: not all of it is written yet, `again` is called when
        there is room."""
        raise NotImplementedError

    def skip(self, zeros: int) -> None:
        """So many zeros follow."""
        raise NotImplementedError

    def flush(self, again: Callable[[], None]) -> bool:
        """Write what is left of the last `emit`, as there."""
        return True

    def close(self) -> None:
        """All has been written. SyscallError."""
        raise NotImplementedError

    def read_out(self, again: Callable[[], None]) -> bool:
        """The process may end. False: `again` is called when that should be asked anew."""
        return True

    def drop(self) -> None:
        """It is needed no longer."""


class FileTarget(Target):
    """A regular file, with holes where nothing was ever written."""

    def __init__(self, t: Task, file: FileDescription, limit: int) -> None:
        super().__init__(limit)
        self._t = t
        self._file = file
        self._at = 0

    def emit(self, data: bytes, again: Callable[[], None]) -> bool:
        """SyscallError at the limit, or where the file system is full."""
        view = memoryview(data)
        room = self.limit - self.written
        if room < len(data):
            view = view[: room // PAGE * PAGE]  # as it is written by pages
        self.written += len(view)
        while view:
            count = self._file.pwrite(self._t, view, self._at)
            if count <= 0:
                raise SyscallError(errno.ENOSPC)
            self._at += count
            view = view[count:]
        if room < len(data):
            raise SyscallError(errno.EFBIG)
        return True

    def skip(self, zeros: int) -> None:
        self._at += zeros

    def close(self) -> None:
        """A hole at its end belongs to it, too."""
        path = self._file.path
        assert path is not None
        inode = path.inode
        if inode.live:
            inode.refresh()
        if inode.size < self._at:
            inode.truncate(self._at)

    def drop(self) -> None:
        self._file.drop()


def wants_core(t: Task) -> bool:
    """Its memory may be seen by its user, and its limit leaves room for a core."""
    mm = t.mm
    if mm is None or not mm.dumpable:
        return False
    limit = t.group.rlimits.soft[RLIMIT_CORE]
    settings = t.kernel.settings
    if settings.core_pattern[:1] == b"|":
        return t.kernel.start_helper is not None and limit != 1 and settings.core_container == t.group.view.number
    return limit >= LEAST


def open_target(t: Task, info: SignalInfo) -> Target | None:
    """None where there can be none."""
    limit = t.group.rlimits.soft[RLIMIT_CORE]
    if t.kernel.settings.core_pattern[:1] == b"|":
        from sandbox.kernel.coredump.helper import start

        return start(t, info)
    try:
        file = _open_file(t, core_name(t, info))
    except SyscallError:
        return None
    return None if file is None else FileTarget(t, file, limit if limit != RLIM_INFINITY else 1 << 62)


def _open_file(t: Task, name: bytes) -> FileDescription | None:
    """A new one of its user's; root's, and never in place of another one, where the process had rights that its user has not."""
    mm = t.mm
    safe = mm is not None and mm.dumpable == SUID_DUMP_ROOT
    if safe and name[:1] != b"/":
        return None
    creds, fs = t.creds, t.fs
    if safe:
        t.creds = creds.copy()
        t.creds.fsuid = 0
        root = t.group.view.mounts.root_path()
        t.fs = FSContext(root, root, fs.umask)
    try:
        if not safe:
            try:
                unlink(t, AT_FDCWD, name)
            except SyscallError:
                pass
        file = open_path(t, AT_FDCWD, name, _FLAGS, 0o600)
        return _checked(t, file) if isinstance(file, FileDescription) else None
    finally:
        if safe:
            t.fs.release()
        t.creds, t.fs = creds, fs


def _checked(t: Task, file: FileDescription) -> FileDescription | None:
    """Only a regular file with one name that nobody else may read."""
    file.acquire()
    path = file.path
    inode = path.inode if path is not None else None
    if (
        inode is None
        or inode.mode & S_IFMT != S_IFREG
        or inode.nlink > 1
        or inode.uid != t.creds.fsuid
        or inode.mode & _OWN_MODE != 0o600
    ):
        file.drop()
        return None
    return file
