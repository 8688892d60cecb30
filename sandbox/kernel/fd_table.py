"""The descriptor table of a process (struct files_struct): small numbers to open file descriptions.

Tasks cloned with CLONE_FILES share one table; fork copies it. `limit` follows RLIMIT_NOFILE of the
process that uses the table; a number at or above it is never handed out. Small numbers are a list, large
ones a dictionary, so that one large number costs nothing; all entries of a sandbox are counted.
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


LIST_MAX: Final = 4096
MAX_ENTRIES: Final = 262_144  # in all tables together: what fs.file-max is for


class EntryCount:
    """How many descriptors there are in all tables that were forked from one."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class FDTable:
    """Every entry holds one reference to its description."""

    __slots__ = ("_files", "_high", "_cloexec", "_next", "_entries", "limit", "users")

    def __init__(self, limit: int = DEFAULT_LIMIT, entries: EntryCount | None = None) -> None:
        self._files: list[FileDescription | None] = []  # below LIST_MAX
        self._high: dict[int, FileDescription] = {}  # from LIST_MAX on
        self._entries = entries if entries is not None else EntryCount()
        self._cloexec: set[int] = set()
        self._next = 0  # no free number lies below it
        self.limit = limit
        self.users = 1  # tasks that share the table

    # --- looking up ---

    def get(self, fd: int) -> FileDescription:
        """The description behind `fd`, O_PATH ones included; EBADF. `fd` may be any int, negative or unsigned."""
        files = self._files
        file = files[fd] if 0 <= fd < len(files) else self._high.get(fd)
        if file is None:
            raise SyscallError(errno.EBADF)
        return file

    def get_io(self, fd: int) -> FileDescription:
        """As `get`, but EBADF for an O_PATH description."""
        files = self._files
        file = files[fd] if 0 <= fd < len(files) else self._high.get(fd)
        if file is None or file.flags & O_PATH:
            raise SyscallError(errno.EBADF)
        return file

    def find(self, fd: int) -> FileDescription | None:
        """As `get`, None instead of EBADF."""
        files = self._files
        return files[fd] if 0 <= fd < len(files) else self._high.get(fd)

    def highest(self) -> int:
        """No number above it is in use."""
        return max(self._high) if self._high else len(self._files) - 1

    def fds(self) -> list[int]:
        """The numbers in use, ascending."""
        return [fd for fd, file in enumerate(self._files) if file is not None] + sorted(self._high)

    def items(self) -> Iterator[tuple[int, FileDescription]]:
        """The numbers in use with their descriptions, ascending."""
        for fd in self.fds():
            yield fd, self.get(fd)

    def __len__(self) -> int:
        return sum(1 for file in self._files if file is not None) + len(self._high)

    # --- entering ---

    def install(self, file: FileDescription, at_least: int = 0, cloexec: bool = False) -> int:
        """Enter `file` at the lowest free number not below `at_least`.

        EMFILE when that reaches the limit, ENFILE when there are too many in all; a file that nobody else refers
        to is released then.
        """
        try:
            fd = self.lowest_free(at_least)
        except SyscallError:
            if file.refs == 0:
                file.acquire()
                file.drop()
            raise
        self._put(fd, file)
        if cloexec:
            self._cloexec.add(fd)
        if at_least <= self._next:
            self._next = fd + 1
        file.acquire()
        self._entries.count += 1
        return fd

    def lowest_free(self, at_least: int = 0) -> int:
        """The number that `install` would use; EMFILE, ENFILE."""
        files = self._files
        fd = self._next if self._next > at_least else at_least
        n = len(files)
        while fd < n and files[fd] is not None:
            fd += 1
        if fd >= LIST_MAX:
            high = self._high
            while fd in high:
                fd += 1
        if fd >= self.limit:
            raise SyscallError(errno.EMFILE)
        if self._entries.count >= MAX_ENTRIES:
            raise SyscallError(errno.ENFILE)
        if at_least <= self._next:
            self._next = fd
        return fd

    def set(self, fd: int, file: FileDescription, cloexec: bool = False, t: Task | None = None) -> None:
        """dup2(2): enter `file` at `fd`, closing what was there. EBADF when `fd` is out of bounds; ENFILE."""
        if not 0 <= fd < self.limit:
            raise SyscallError(errno.EBADF)
        old = self.find(fd)
        if old is None:
            if self._entries.count >= MAX_ENTRIES:
                raise SyscallError(errno.ENFILE)
            self._entries.count += 1
        file.acquire()
        self._put(fd, file)
        if cloexec:
            self._cloexec.add(fd)
        else:
            self._cloexec.discard(fd)
        if old is not None:
            if t is not None:
                old.flush(t)
            old.drop()

    def _put(self, fd: int, file: FileDescription) -> None:
        files = self._files
        if fd < len(files):
            files[fd] = file
        elif fd < LIST_MAX:
            files.extend([None] * (fd - len(files)))
            files.append(file)
        else:
            self._high[fd] = file

    # --- leaving ---

    def close(self, fd: int, t: Task | None = None) -> None:
        """close(2); `t` is who closes (its POSIX locks on the file go). EBADF."""
        files = self._files
        if 0 <= fd < len(files):
            file = files[fd]
            files[fd] = None
        else:
            file = self._high.pop(fd, None)
        if file is None:
            raise SyscallError(errno.EBADF)
        if fd < self._next:
            self._next = fd
        if self._cloexec:
            self._cloexec.discard(fd)
        self._entries.count -= 1
        if t is not None:
            file.flush(t)
        file.drop()

    def _in_range(self, first: int, last: int) -> list[int]:
        return [fd for fd in self.fds() if first <= fd <= last]

    def close_range(self, first: int, last: int, t: Task | None = None) -> None:
        """Close every number in [first, last]."""
        for fd in self._in_range(first, last):
            self.close(fd, t)

    def close_on_exec(self, t: Task | None = None) -> None:
        """execve(2): close what is marked."""
        for fd in sorted(self._cloexec):
            if self.find(fd) is not None:
                self.close(fd, t)
        self._cloexec.clear()

    def release(self, t: Task | None = None) -> None:
        """One task fewer uses the table; the last one closes everything."""
        self.users -= 1
        if self.users:
            return
        files = [file for file in self._files if file is not None]
        if self._high:
            files += [file for _, file in sorted(self._high.items())]
            self._high.clear()
        self._files.clear()
        self._cloexec.clear()
        self._next = 0
        self._entries.count -= len(files)
        if t is None:
            for file in files:
                file.drop()
            return
        for file in dict.fromkeys(files):
            file.flush(t)
        t.kernel.closing.drop(files)

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
        self._cloexec.update(self._in_range(first, last))

    # --- copying ---

    def share(self) -> FDTable:
        """CLONE_FILES: one more task uses this table."""
        self.users += 1
        return self

    def may_copy(self) -> bool:
        """A fork would not pass the bound on all entries."""
        return self._entries.count + len(self._files) + len(self._high) <= MAX_ENTRIES

    def copy(self, below: int = NR_OPEN) -> FDTable:
        """fork, unshare: a table of its own with the same descriptions; only numbers under `below`."""
        table = FDTable(self.limit, self._entries)
        table._files = self._files[:below]
        table._next = min(self._next, below)
        if self._cloexec:
            table._cloexec = {fd for fd in self._cloexec if fd < below}
        count = 0
        for file in table._files:
            if file is not None:
                file.acquire()
                count += 1
        if self._high:
            table._high = {fd: file for fd, file in self._high.items() if fd < below}
            for file in table._high.values():
                file.acquire()
                count += 1
        self._entries.count += count
        return table
