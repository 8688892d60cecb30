"""A program to be executed, from the path that execve(2) was given to the file that the CPU will run."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.errors import SyscallError
from sandbox.kernel.rlimits import RLIMIT_STACK
from sandbox.loader import elf, script, stack

if TYPE_CHECKING:
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.task import Task
    from sandbox.loader.elf import ElfFile
    from sandbox.loader.load import Loading
    from sandbox.vfs.file_description import FileDescription

Opener = Callable[["Task", bytes], "FileDescription"]  # a path, for execution: ENOENT, EACCES …

HEAD_SIZE: Final = 4096


class ExecImage:
    """`file`: opened for execution; `path`: as the caller wrote it (`/dev/fd/N/…` for execveat).

    `prepare` turns a script into its interpreter, so that `file`, `argv` and `interp` change, and reads the
    ELF headers. After it the caller may look at `file` (set-user-ID), and set `creds` and `secure`
    for the auxiliary vector; without that they are the task's. `release` when done, whatever happened.
    """

    def __init__(
        self, file: FileDescription, path: bytes, argv: list[bytes], envp: list[bytes], opener: Opener
    ) -> None:
        self.file = file
        self.path = path
        self.argv = argv or [b""]
        self.envp = envp
        self.opener = opener
        self.inaccessible = False  # `path` is gone after a successful exec (a close-on-exec descriptor): no scripts
        self.creds: Credentials | None = None
        self.secure = False
        self.interp: FileDescription | None = None
        self.elf: ElfFile | None = None
        self.interp_elf: ElfFile | None = None
        self.loading: Loading | None = None  # while it is being mapped
        file.acquire()

    def release(self) -> None:
        """Let the files go; what is still being mapped will not be (its space is gone)."""
        loading = self.loading
        if loading is not None:
            self.loading = None
            loading.cancel()
        self.file.drop()
        if self.interp is not None:
            self.interp.drop()
            self.interp = None

    @property
    def comm(self) -> bytes:
        """The thread's name afterwards: the last component, 15 bytes."""
        return self.path.rsplit(b"/", 1)[-1][:15]


def prepare(t: Task, image: ExecImage) -> None:
    """Everything that may fail before the old program is given up: ENOEXEC, ELIBBAD, ELOOP, E2BIG, ENOENT, EACCES …"""
    limit = t.group.rlimits.get(RLIMIT_STACK)
    stack.check_strings(image.argv, image.envp, image.path, limit)
    path, depth = image.path, 0
    head = read_at(t, image.file, 0, HEAD_SIZE)
    while script.is_script(head):
        depth += 1
        if depth > script.MAX_DEPTH:
            raise SyscallError(errno.ELOOP)
        path = _enter_script(t, image, head, path)
        stack.check_strings(image.argv, image.envp, image.path, limit)
        head = read_at(t, image.file, 0, HEAD_SIZE)
    file = image.file
    image.elf = elf.parse(head, lambda offset, size: read_at(t, file, offset, size))
    if image.elf.interp is not None:
        _open_interpreter(t, image, image.elf.interp)


def _enter_script(t: Task, image: ExecImage, head: bytes, path: bytes) -> bytes:
    """Replace the script by its interpreter; the interpreter's path."""
    name, argument = script.parse(head)
    if image.inaccessible:
        raise SyscallError(errno.ENOENT)
    if not name:
        raise SyscallError(errno.EACCES)  # the empty path is the working directory there
    file = image.opener(t, name)
    file.acquire()
    image.file.drop()
    image.file = file
    image.argv[:1] = [name, path] if argument is None else [name, argument, path]
    return name


def _open_interpreter(t: Task, image: ExecImage, path: bytes) -> None:
    if not path:
        raise SyscallError(errno.EACCES)
    file = image.opener(t, path)
    file.acquire()
    image.interp = file
    head = read_at(t, file, 0, HEAD_SIZE)
    if len(head) < 64:
        raise SyscallError(errno.EIO)
    image.interp_elf = elf.parse(head, lambda offset, size: read_at(t, file, offset, size), errno.ELIBBAD)


def read_at(t: Task, file: FileDescription, offset: int, size: int) -> bytes:
    """Up to `size` bytes at `offset`."""
    buf = memoryview(bytearray(size))
    done = 0
    while done < size:
        n = file.pread(t, buf[done:], offset + done)
        if n < 0:
            raise SyscallError(-n)
        if n == 0:
            break
        done += n
    return bytes(buf[:done])
