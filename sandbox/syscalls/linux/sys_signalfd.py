"""signalfd, signalfd4 (fs/signalfd.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_CLOEXEC, O_NONBLOCK
from sandbox.abi.linux.signal import SIGSET_SIZE
from sandbox.kernel.control import Result
from sandbox.syscalls.row import FULL, Arg, Row, reads
from sandbox.vfs.signalfd import SignalFile

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs


def _signalfd(t: Task, a: SyscallArgs, flags: int) -> Result:
    if a.size(2) != SIGSET_SIZE:
        return -errno.EINVAL
    mask = int.from_bytes(t.copy_in(a.addr(1), SIGSET_SIZE), "little")
    if flags & ~(O_CLOEXEC | O_NONBLOCK):
        return -errno.EINVAL
    if a.int(0) == -1:
        return t.fds.install(SignalFile(mask, flags & O_NONBLOCK), 0, flags & O_CLOEXEC != 0)
    file = t.fds.get_io(a.uint(0))
    if not isinstance(file, SignalFile):
        return -errno.EINVAL
    file.set_mask(t, mask)
    return a.int(0)


def sys_signalfd(t: Task, a: SyscallArgs) -> Result:
    """signalfd(2) of old, without flags."""
    return _signalfd(t, a, 0)


def sys_signalfd4(t: Task, a: SyscallArgs) -> Result:
    """signalfd(2)."""
    return _signalfd(t, a, a.int(3))


ROWS: Final[tuple[Row, ...]] = (
    Row(282, "signalfd", sys_signalfd, FULL, (Arg.FD, Arg.STRUCT_IN, Arg.SIZE)),
    Row(289, "signalfd4", sys_signalfd4, FULL, (Arg.FD, Arg.STRUCT_IN, Arg.SIZE, Arg.HEX), copies=(reads(1, 8),)),
)
