"""acct(2), vhangup(2): what an administrator's programs ask for (kernel/acct.c, fs/open.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYS_PACCT, CAP_SYS_TTY_CONFIG
from sandbox.abi.linux.fcntl import AT_FDCWD, O_APPEND, O_LARGEFILE, O_WRONLY
from sandbox.abi.linux.stat import S_IFMT, S_IFREG
from sandbox.kernel.acct import Accounting
from sandbox.syscalls.row import FULL, PARTIAL, Arg, Row
from sandbox.vfs.file_description import FileDescription
from sandbox.vfs.open import open_path

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

_KERNELS_OWN: Final = ("proc", "sysfs")


def sys_acct(t: Task, a: SyscallArgs) -> Result:
    """acct(2): of the caller's PID namespace."""
    if not t.creds.has(CAP_SYS_PACCT):
        return -errno.EPERM
    ids = t.pids
    if not a.addr(0):
        if ids.acct is not None:
            ids.acct.end(t)
        return 0
    file = open_path(t, AT_FDCWD, t.copy_in_path(a.addr(0)), O_WRONLY | O_APPEND | O_LARGEFILE, 0)
    if not isinstance(file, FileDescription):
        return file  # a FIFO that nobody reads: it waits for one, as open(2) does
    file.acquire()
    try:
        path = file.path
        if path is None:
            return -errno.EINVAL
        if path.inode.mode & S_IFMT != S_IFREG:
            return -errno.EACCES
        if path.mount.fs.name in _KERNELS_OWN or path.mount is path.mount.namespace.vfs.internal:
            return -errno.EINVAL
        before = ids.acct
        ids.acct = Accounting(ids, file, path.mount.namespace.vfs)
        if before is not None:
            before.end(t)
    finally:
        file.drop()
    return 0


def sys_vhangup(t: Task, a: SyscallArgs) -> Result:
    """vhangup(2): of the caller's controlling terminal, if there is one."""
    if not t.creds.has(CAP_SYS_TTY_CONFIG):
        return -errno.EPERM
    tty = t.group.tty
    if tty is not None:
        tty.hang_up()
    return 0


_MISSING: Final = "ac_io and ac_rw are 0; ASU and ACOMPAT are never set"

ROWS: Final[tuple[Row, ...]] = (
    Row(153, "vhangup", sys_vhangup, FULL),
    Row(163, "acct", sys_acct, PARTIAL, (Arg.PATH,), _MISSING),
)
