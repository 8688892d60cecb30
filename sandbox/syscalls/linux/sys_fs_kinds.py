"""sysfs(2) and ustat(2): which kinds of file systems there are, and what is free on one (fs/filesystems.c, fs/statfs.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.fs.procfs.system_files import KINDS
from sandbox.syscalls.row import FULL, Arg, Row

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

_USTAT: Final = struct.Struct("<i4xQ16x")  # f_tfree, f_tinode, and names that nobody fills in


def sys_sysfs(t: Task, a: SyscallArgs) -> Result:
    """sysfs(2)."""
    what, index = a.int(0), a.ulong(1)
    if what == 1:
        name = t.copy_in_path(a.addr(1))
        return KINDS.index(name) if name in KINDS else -errno.EINVAL
    if what == 2:
        if index >= len(KINDS):
            return -errno.EINVAL
        t.copy_out(a.addr(2), KINDS[index] + b"\0")
        return 0
    return len(KINDS) if what == 3 else -errno.EINVAL


def sys_ustat(t: Task, a: SyscallArgs) -> Result:
    """ustat(2): EINVAL when no mounted file system has that number."""
    dev = a.uint(0)
    for mount in t.ns.mnt.mounts():
        if mount.fs.dev == dev:
            stat = mount.fs.statfs()
            t.copy_out(a.addr(1), _USTAT.pack(stat.bfree & 0x7FFFFFFF, stat.ffree & (1 << 64) - 1))
            return 0
    return -errno.EINVAL


ROWS: Final[tuple[Row, ...]] = (
    Row(136, "ustat", sys_ustat, FULL, (Arg.HEX, Arg.STRUCT_OUT)),
    Row(139, "sysfs", sys_sysfs, FULL, (Arg.INT, Arg.HEX, Arg.HEX)),
)
