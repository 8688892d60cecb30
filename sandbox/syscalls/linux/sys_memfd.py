"""memfd_create (mm/memfd.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_CLOEXEC
from sandbox.syscalls.row import PARTIAL, Arg, Row
from sandbox.vfs.memfd import (
    MFD_ALLOW_SEALING,
    MFD_CLOEXEC,
    MFD_EXEC,
    MFD_HUGE_MASK,
    MFD_HUGE_SHIFT,
    MFD_HUGETLB,
    MFD_NOEXEC_SEAL,
    new_memfd,
)
from sandbox.vfs.secretmem import new_secret

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

NAME_LIMIT: Final = 255 - len("memfd:") + 1
_FLAGS: Final = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC | MFD_NOEXEC_SEAL
_HUGE_FLAGS: Final = _FLAGS | MFD_HUGETLB | MFD_HUGE_MASK << MFD_HUGE_SHIFT


def sys_memfd_create(t: Task, a: SyscallArgs) -> int:
    """memfd_create(2)."""
    flags = a.uint(1)
    if flags & ~(_HUGE_FLAGS if flags & MFD_HUGETLB else _FLAGS):
        return -errno.EINVAL
    if flags & MFD_EXEC and flags & MFD_NOEXEC_SEAL:
        return -errno.EINVAL
    name = t.copy_in_cstr(a.addr(0), NAME_LIMIT, errno.EINVAL)
    if flags & MFD_HUGETLB:  # no size of huge pages is there
        return -errno.ENODEV
    return t.fds.install(new_memfd(t, name, flags), 0, bool(flags & MFD_CLOEXEC))


def sys_memfd_secret(t: Task, a: SyscallArgs) -> int:
    """memfd_secret(2)."""
    flags = a.uint(0)
    if flags & ~O_CLOEXEC:
        return -errno.EINVAL
    return t.fds.install(new_secret(t), 0, flags & O_CLOEXEC != 0)


ROWS: Final[tuple[Row, ...]] = (
    Row(319, "memfd_create", sys_memfd_create, PARTIAL, (Arg.STR, Arg.HEX), note="ENODEV for MFD_HUGETLB"),
    Row(
        447,
        "memfd_secret",
        sys_memfd_secret,
        PARTIAL,
        (Arg.HEX,),
        "process_vm_readv, ptrace and /proc/PID/mem do not see it; vmsplice and direct I/O do, and so does the host",
    ),
)
