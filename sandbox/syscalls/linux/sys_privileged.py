"""Calls that nobody in the sandbox has the right to, once their arguments were looked at as Linux does before it refuses:
quotas, swap, performance counters, ports."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import AT_FDCWD
from sandbox.abi.linux.stat import S_IFBLK, S_IFMT
from sandbox.errors import SyscallError
from sandbox.syscalls.row import PARTIAL, Arg, Row
from sandbox.vfs.walk import FOLLOW, lookup_now

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

MAX_QUOTAS: Final = 3
Q_SYNC: Final = 0x800001
Q_QUOTAON: Final = 0x800002
SWAP_FLAGS_VALID: Final = 0x7FFFF
PERF_FLAGS: Final = 0xF
PERF_ATTR_LEAST: Final = 64
PERF_ATTR_SIZE: Final = 136
IO_PORTS: Final = 65536
PAGE: Final = 4096


def sys_quotactl(t: Task, a: SyscallArgs) -> int:
    """quotactl(2): there are no quotas, nor disks to have them; ENODEV, ENOTBLK, ENOENT (fs/quota/quota.c)."""
    command, kind = a.uint(0) >> 8, a.uint(0) & 0xFF
    if kind >= MAX_QUOTAS:
        return -errno.EINVAL
    if not a.addr(1):
        return 0 if command == Q_SYNC else -errno.ENODEV
    path = lookup_now(t, AT_FDCWD, t.copy_in_path(a.addr(1)), FOLLOW)
    return -errno.ENODEV if path.inode.mode & S_IFMT == S_IFBLK else -errno.ENOTBLK


def sys_quotactl_fd(t: Task, a: SyscallArgs) -> int:
    """quotactl_fd(2): no file system has quotas: ENOSYS."""
    t.fds.get(a.int(0))
    return -errno.EINVAL if a.uint(1) & 0xFF >= MAX_QUOTAS else -errno.ENOSYS


def sys_swapon(t: Task, a: SyscallArgs) -> int:
    """swapon(2): EINVAL for flags that there are not, before EPERM (mm/swapfile.c)."""
    return -errno.EINVAL if a.uint(1) & ~SWAP_FLAGS_VALID else -errno.EPERM


def _tail_is_zero(t: Task, address: int, known: int, size: int) -> bool:
    """Bytes beyond what this kernel knows of a structure; EFAULT (lib/usercopy.c: check_zeroed_user)."""
    return size <= known or not any(t.copy_in(address + known, size - known))


def sys_perf_event_open(t: Task, a: SyscallArgs) -> int:
    """perf_event_open(2): EFAULT, E2BIG, EINVAL; EACCES, as with kernel.perf_event_paranoid at its strictest."""
    if a.uint(4) & ~PERF_FLAGS:
        return -errno.EINVAL
    address = a.addr(0)
    size = int.from_bytes(t.copy_in(address + 4, 4), "little") or PERF_ATTR_LEAST
    if not PERF_ATTR_LEAST <= size <= PAGE or not _tail_is_zero(t, address, PERF_ATTR_SIZE, size):
        try:
            t.copy_out(address + 4, PERF_ATTR_SIZE.to_bytes(4, "little"))
        except SyscallError:
            return -errno.EFAULT
        return -errno.E2BIG
    t.copy_in(address, min(size, PERF_ATTR_SIZE))
    return -errno.EACCES


def sys_iopl(t: Task, a: SyscallArgs) -> int:
    """iopl(2): level 0, which everybody has (arch/x86/kernel/ioport.c)."""
    level = a.uint(0)
    if level > 3:
        return -errno.EINVAL
    return -errno.EPERM if level else 0


def sys_ioperm(t: Task, a: SyscallArgs) -> int:
    """ioperm(2): ports are given up only."""
    first, count = a.size(0), a.size(1)
    if not first < first + count <= IO_PORTS:
        return -errno.EINVAL
    return -errno.EPERM if a.int(2) else 0


_NO_QUOTAS: Final = "no file system has quotas"
_NO_RIGHT: Final = "arguments are checked; then EPERM, as without the privilege"

ROWS: Final[tuple[Row, ...]] = (
    Row(167, "swapon", sys_swapon, PARTIAL, (Arg.PATH, Arg.HEX), _NO_RIGHT),
    Row(172, "iopl", sys_iopl, PARTIAL, (Arg.UINT,), _NO_RIGHT),
    Row(173, "ioperm", sys_ioperm, PARTIAL, (Arg.LONG, Arg.LONG, Arg.INT), _NO_RIGHT),
    Row(179, "quotactl", sys_quotactl, PARTIAL, (Arg.HEX, Arg.PATH, Arg.INT, Arg.ADDR), _NO_QUOTAS),
    Row(298, "perf_event_open", sys_perf_event_open, PARTIAL, (Arg.ADDR, Arg.INT, Arg.INT, Arg.FD, Arg.HEX),
        "arguments are checked; then EACCES, as with kernel.perf_event_paranoid at its strictest"),
    Row(443, "quotactl_fd", sys_quotactl_fd, PARTIAL, (Arg.FD, Arg.HEX, Arg.INT, Arg.ADDR), _NO_QUOTAS),
)  # fmt: skip
