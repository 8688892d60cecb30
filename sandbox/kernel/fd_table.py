"""The descriptor table of a process (struct files_struct): small numbers to open file descriptions.

Tasks cloned with CLONE_FILES share one table; fork copies it. `limit` follows RLIMIT_NOFILE of the
process that uses the table; a number at or above it is never handed out.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final, Iterator

from sandbox.errors import SyscallError
from sandbox.vfs.file_description import FileDescription

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

O_PATH: Final = 0o10000000
DEFAULT_LIMIT: Final = 1024
NR_OPEN: Final = 1 << 20  # /proc/sys/fs/nr_open: RLIMIT_NOFILE can't be raised above it


class FDTable:
    """Every entry holds one reference to its description."""

    __slots__ = ("_files", "_cloexec", "_next", "limit", "users")

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._files: list[FileDescription | None] = []
        self._cloexec: set[int] = set()
        self._next = 0  # no free number lies below it
        self.limit = limit
        self.users = 1  # tasks that share the table

    # --- looking up ---

    def get(self, fd: int) -> FileDescription:
        """The description behind `fd`, O_PATH ones included; EBADF. `fd` may be any int, negative or unsigned."""
        files = self._files
        if 0 <= fd < len(files):
            file = files[fd]
            if file is not None:
                return file
        raise SyscallError(errno.EBADF)

    def get_io(self, fd: int) -> FileDescription:
        """As `get`, but EBADF for an O_PATH description."""
        files = self._files
        if 0 <= fd < len(files):
            file = files[fd]
            if file is not None and not file.flags & O_PATH:
                return file
        raise SyscallError(errno.EBADF)

    def find(self, fd: int) -> FileDescription | None:
        """As `get`, None instead of EBADF."""
        files = self._files
        return files[fd] if 0 <= fd < len(files) else None

    def highest(self) -> int:
        """No number above it is in use."""
        return len(self._files) - 1

    def fds(self) -> list[int]:
        """The numbers in use, ascending."""
        return [fd for fd, file in enumerate(self._files) if file is not None]

    def items(self) -> Iterator[tuple[int, FileDescription]]:
        """The numbers in use with their descriptions, ascending."""
        for fd, file in enumerate(self._files):
            if file is not None:
                yield fd, file

    def __len__(self) -> int:
        return sum(1 for file in self._files if file is not None)

    # --- entering ---

    def install(self, file: FileDescription, at_least: int = 0, cloexec: bool = False) -> int:
        """Enter `file` at the lowest free number not below `at_least`.

        EMFILE when that reaches the limit; a file that nobody else refers to is released then.
        """
        try:
            fd = self.lowest_free(at_least)
        except SyscallError:
            if file.refs == 0:
                file.acquire()
                file.drop()
            raise
        files = self._files
        if fd < len(files):
            files[fd] = file
        else:
            self._grow(fd)
            files[fd] = file
        if cloexec:
            self._cloexec.add(fd)
        if at_least <= self._next:
            self._next = fd + 1
        file.acquire()
        return fd

    def lowest_free(self, at_least: int = 0) -> int:
        """The number that `install` would use; EMFILE."""
        files = self._files
        fd = self._next if self._next > at_least else at_least
        n = len(files)
        while fd < n and files[fd] is not None:
            fd += 1
        if fd >= self.limit:
            raise SyscallError(errno.EMFILE)
        if at_least <= self._next:
            self._next = fd
        return fd

    def set(self, fd: int, file: FileDescription, cloexec: bool = False, t: Task | None = None) -> None:
        """dup2(2): enter `file` at `fd`, closing what was there. EBADF when `fd` is out of bounds."""
        if not 0 <= fd < self.limit:
            raise SyscallError(errno.EBADF)
        self._grow(fd)
        old = self._files[fd]
        file.acquire()
        self._files[fd] = file
        if cloexec:
            self._cloexec.add(fd)
        else:
            self._cloexec.discard(fd)
        if old is not None:
            if t is not None:
                old.flush(t)
            old.drop()

    def _grow(self, fd: int) -> None:
        missing = fd + 1 - len(self._files)
        if missing > 0:
            self._files.extend([None] * missing)

    # --- leaving ---

    def close(self, fd: int, t: Task | None = None) -> None:
        """close(2); `t` is who closes (its POSIX locks on the file go). EBADF."""
        files = self._files
        file = files[fd] if 0 <= fd < len(files) else None
        if file is None:
            raise SyscallError(errno.EBADF)
        files[fd] = None
        if fd < self._next:
            self._next = fd
        if self._cloexec:
            self._cloexec.discard(fd)
        if t is not None:
            file.flush(t)
        file.drop()

    def close_range(self, first: int, last: int, t: Task | None = None) -> None:
        """Close every number in [first, last]."""
        for fd in range(first, min(last + 1, len(self._files))):
            if self._files[fd] is not None:
                self.close(fd, t)

    def close_on_exec(self, t: Task | None = None) -> None:
        """execve(2): close what is marked."""
        for fd in sorted(self._cloexec):
            if self._files[fd] is not None:
                self.close(fd, t)
        self._cloexec.clear()

    def release(self, t: Task | None = None) -> None:
        """One task fewer uses the table; the last one closes everything."""
        self.users -= 1
        if self.users == 0:
            self.close_range(0, len(self._files) - 1, t)
            self._files.clear()
            self._next = 0

    # --- marks ---

    def cloexec(self, fd: int) -> bool:
        """FD_CLOEXEC of a number in use."""
        return fd in self._cloexec

    def set_cloexec(self, fd: int, on: bool) -> None:
        """Set or clear FD_CLOEXEC; EBADF."""
        self.get(fd)
        if on:
            self._cloexec.add(fd)
        else:
            self._cloexec.discard(fd)

    def mark_range(self, first: int, last: int) -> None:
        """close_range(2) with CLOSE_RANGE_CLOEXEC."""
        for fd in range(first, min(last + 1, len(self._files))):
            if self._files[fd] is not None:
                self._cloexec.add(fd)

    # --- copying ---

    def share(self) -> FDTable:
        """CLONE_FILES: one more task uses this table."""
        self.users += 1
        return self

    def copy(self, below: int = NR_OPEN) -> FDTable:
        """fork, unshare: a table of its own with the same descriptions; only numbers under `below`."""
        table = FDTable(self.limit)
        table._files = self._files[:below]
        table._cloexec = {fd for fd in self._cloexec if fd < below}
        table._next = min(self._next, below)
        for file in table._files:
            if file is not None:
                file.acquire()
        return table
