"""pipe, pipe2 (fs/pipe.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_CLOEXEC, O_DIRECT, O_NONBLOCK
from sandbox.errors import SyscallError
from sandbox.kernel.control import Result
from sandbox.kernel.pipe import new_pipe
from sandbox.syscalls.row import FULL, Arg, Row, writes

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.vfs.file_description import FileDescription

_PAIR: Final = struct.Struct("<ii")


def _pipe(t: Task, addr: int, flags: int) -> Result:
    read_end, write_end = new_pipe(t, flags)
    install_pair(t, read_end, write_end, addr, flags & O_CLOEXEC != 0)
    return 0


def install_pair(t: Task, one: FileDescription, two: FileDescription, addr: int, cloexec: bool) -> None:
    """Enter both and store their numbers at `addr`, or neither (EMFILE, EFAULT)."""
    fds = t.fds
    two.acquire()
    try:
        first = fds.install(one, 0, cloexec)
        try:
            second = fds.install(two, 0, cloexec)
        except SyscallError:
            fds.close(first)
            raise
    finally:
        two.drop()
    try:
        t.copy_out(addr, _PAIR.pack(first, second))
    except SyscallError:
        fds.close(first)
        fds.close(second)
        raise


O_NOTIFICATION_PIPE: Final = 0o200  # O_EXCL


def sys_pipe(t: Task, a: SyscallArgs) -> Result:
    """pipe(2)."""
    return _pipe(t, a.addr(0), 0)


def sys_pipe2(t: Task, a: SyscallArgs) -> Result:
    """pipe2(2)."""
    flags = a.int(1)
    if flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT | O_NOTIFICATION_PIPE):
        return -errno.EINVAL
    if flags & O_NOTIFICATION_PIPE:
        return -errno.ENOPKG  # as a kernel built without it
    return _pipe(t, a.addr(0), flags)


ROWS: Final[tuple[Row, ...]] = (
    Row(22, "pipe", sys_pipe, FULL, (Arg.STRUCT_OUT,), copies=(writes(0, 8),)),
    Row(293, "pipe2", sys_pipe2, FULL, (Arg.STRUCT_OUT, Arg.HEX), copies=(writes(0, 8),)),
)
