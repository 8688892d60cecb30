"""execve(2), execveat(2)."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.abi.linux.fcntl import AT_FDCWD
from sandbox.abi.linux.stat import AT_EMPTY_PATH
from sandbox.errors import SyscallError
from sandbox.kernel.control import ERESTARTNOINTR, Result
from sandbox.kernel.rlimits import RLIMIT_STACK
from sandbox.kernel.task import Task
from sandbox.kernel.task_exec import execve
from sandbox.loader.image import ExecImage
from sandbox.loader.stack import MAX_ARG_STRLEN, string_room
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.row import FULL, WHOLE, Arg, Row
from sandbox.vfs.file_description import FileDescription

_PAGE: Final = 4096


class _Strings:
    """argv or envp out of guest memory, page by page: the strings of a program lie side by side."""

    __slots__ = ("t", "room", "_page", "_bytes")

    def __init__(self, t: Task, room: int) -> None:
        self.t = t
        self.room = room
        self._page = -1
        self._bytes = b""

    def vector(self, addr: int) -> list[bytes]:
        """The strings of a NULL-terminated array of pointers; E2BIG, EFAULT. NULL is an empty array."""
        out: list[bytes] = []
        if not addr:
            return out
        while True:
            size = min(_PAGE - addr % _PAGE, _PAGE) & ~7
            words = memoryview(self.t.copy_in(addr, size or 8)).cast("Q")
            for word in words:
                if word == 0:
                    return out
                out.append(self._string(word))
            addr += len(words) * 8

    def _string(self, addr: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            page = addr & ~(_PAGE - 1)
            if page != self._page:
                self._bytes = self.t.copy_in(page, _PAGE)
                self._page = page
            start = addr - page
            end = self._bytes.find(b"\0", start)
            part = self._bytes[start:] if end < 0 else self._bytes[start:end]
            size += len(part)
            if size >= MAX_ARG_STRLEN or size > self.room:
                raise SyscallError(errno.E2BIG)
            parts.append(part)
            if end >= 0:
                self.room -= size + 9
                return b"".join(parts)
            addr = page + _PAGE


def open_program(t: Task, path: bytes) -> FileDescription:
    """A path that a program names: its interpreter."""
    return t.kernel.open_exec(t, AT_FDCWD, path, 0)


def _exec(t: Task, dirfd: int, path: bytes, argv: int, envp: int, flags: int) -> Result:
    if t.signal_pending():
        return -ERESTARTNOINTR
    file = t.kernel.open_exec(t, dirfd, path, flags)
    name, inaccessible = path, False
    if dirfd != AT_FDCWD and not path.startswith(b"/"):
        name = b"/dev/fd/%d" % dirfd + (b"/" + path if path else b"")
        inaccessible = t.fds.cloexec(dirfd)
    file.acquire()
    try:
        strings = _Strings(t, string_room(t.group.rlimits.get(RLIMIT_STACK), 0, 0))
        image = ExecImage(file, name, strings.vector(argv), strings.vector(envp), open_program)
        image.inaccessible = inaccessible
    finally:
        file.drop()
    return execve(t, image)


def sys_execve(t: Task, a: SyscallArgs) -> Result:
    """execve(2)."""
    return _exec(t, AT_FDCWD, t.copy_in_path(a.addr(0)), a.addr(1), a.addr(2), 0)


def sys_execveat(t: Task, a: SyscallArgs) -> Result:
    """execveat(2)."""
    path = t.copy_in_path(a.addr(1))
    if not path and a.int(4) & AT_EMPTY_PATH and a.int(0) != AT_FDCWD and t.fds.get(a.int(0)).path is None:
        return -errno.EACCES  # a pipe, a socket: no regular file
    if not path and not a.int(4) & AT_EMPTY_PATH:
        return -errno.ENOENT
    return _exec(t, a.int(0), path, a.addr(2), a.addr(3), a.int(4))


ROWS: Final[tuple[Row, ...]] = (
    Row(59, "execve", sys_execve, FULL, (Arg.PATH, Arg.ADDR, Arg.ADDR), trap=WHOLE),
    Row(322, "execveat", sys_execveat, FULL, (Arg.FD, Arg.PATH, Arg.ADDR, Arg.ADDR, Arg.HEX), trap=WHOLE),
)
