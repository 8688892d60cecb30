"""chmod, chown, utime and their kin, umask (fs/open.c, fs/utimes.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import AT_FDCWD
from sandbox.abi.linux.stat import AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, UTIME_NOW, UTIME_OMIT
from sandbox.errors import SyscallError
from sandbox.syscalls.row import FULL, Arg, Row, reads
from sandbox.vfs import attr
from sandbox.vfs.open_file_path import path_of
from sandbox.vfs.walk import EMPTY, FOLLOW, lookup

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.vfs.path import Path

_PAIRS: Final = struct.Struct("<qqqq")
_UTIMBUF: Final = struct.Struct("<qq")
S: Final = 1_000_000_000
_INT_MAX_S: Final = (1 << 33) - 1  # seconds that a file system with 34-bit times keeps; later ones are cut


def _file(t: Task, fd: int) -> Path:
    """A descriptor's place; EBADF for O_PATH, EOPNOTSUPP of an anonymous inode (fs/libfs.c: anon_inode_setattr)."""
    file = t.fds.get_io(fd)
    if file.path is None and not file.own_attributes:
        raise SyscallError(errno.EOPNOTSUPP)
    return path_of(t, file)


def sys_chmod(t: Task, a: SyscallArgs) -> int:
    """chmod(2)."""
    return attr.chmod(t, lookup(t, AT_FDCWD, t.copy_in_path(a.addr(0))), a.uint(1))


def sys_fchmod(t: Task, a: SyscallArgs) -> int:
    """fchmod(2)."""
    return attr.chmod(t, _file(t, a.int(0)), a.uint(1))


def sys_fchmodat(t: Task, a: SyscallArgs) -> int:
    """fchmodat(2): the system call, which has no flags."""
    return attr.chmod(t, lookup(t, a.int(0), t.copy_in_path(a.addr(1))), a.uint(2))


def sys_fchmodat2(t: Task, a: SyscallArgs) -> int:
    """fchmodat2(2)."""
    flags = a.uint(3)
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        return -errno.EINVAL
    how = (0 if flags & AT_SYMLINK_NOFOLLOW else FOLLOW) | (EMPTY if flags & AT_EMPTY_PATH else 0)
    return attr.chmod(t, lookup(t, a.int(0), t.copy_in_path(a.addr(1)), how), a.uint(2))


def sys_chown(t: Task, a: SyscallArgs) -> int:
    """chown(2)."""
    return attr.chown(t, lookup(t, AT_FDCWD, t.copy_in_path(a.addr(0))), a.uint(1), a.uint(2))


def sys_lchown(t: Task, a: SyscallArgs) -> int:
    """lchown(2)."""
    return attr.chown(t, lookup(t, AT_FDCWD, t.copy_in_path(a.addr(0)), 0), a.uint(1), a.uint(2))


def sys_fchown(t: Task, a: SyscallArgs) -> int:
    """fchown(2)."""
    return attr.chown(t, _file(t, a.int(0)), a.uint(1), a.uint(2))


def sys_fchownat(t: Task, a: SyscallArgs) -> int:
    """fchownat(2)."""
    flags = a.int(4)
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        return -errno.EINVAL
    how = (0 if flags & AT_SYMLINK_NOFOLLOW else FOLLOW) | (EMPTY if flags & AT_EMPTY_PATH else 0)
    return attr.chown(t, lookup(t, a.int(0), t.copy_in_path(a.addr(1)), how), a.uint(2), a.uint(3))


def _set_times(t: Task, path: Path, times: tuple[int, int, int, int] | None) -> int:
    """`times`: seconds and ns twice, with UTIME_NOW and UTIME_OMIT; None: both now."""
    now = path.inode.fs.now()
    if times is None:
        return attr.set_times(t, path, now, now, True)
    for ns in (times[1], times[3]):
        if not 0 <= ns < S and ns not in (UTIME_NOW, UTIME_OMIT):
            return -errno.EINVAL
    atime, mtime = _one_time(times[0], times[1], now), _one_time(times[2], times[3], now)
    touch = times[1] == UTIME_NOW and times[3] == UTIME_NOW
    return attr.set_times(t, path, atime, mtime, touch)


def _one_time(seconds: int, ns: int, now: int) -> int | None:
    if ns == UTIME_NOW:
        return now
    if ns == UTIME_OMIT:
        return None
    if seconds > _INT_MAX_S:
        return _INT_MAX_S * S
    return max(seconds, -(1 << 31)) * S + ns


def sys_utimensat(t: Task, a: SyscallArgs) -> int:
    """utimensat(2)."""
    dirfd, flags = a.int(0), a.int(3)
    times = None
    if a.addr(2):
        times = _PAIRS.unpack(t.copy_in(a.addr(2), 32))
        if times[1] == UTIME_OMIT and times[3] == UTIME_OMIT:
            return 0
    if not a.addr(1):
        if dirfd == AT_FDCWD:
            return -errno.EFAULT
        if flags:
            return -errno.EINVAL
        return _set_times(t, _file(t, dirfd), times)
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        return -errno.EINVAL
    how = (0 if flags & AT_SYMLINK_NOFOLLOW else FOLLOW) | (EMPTY if flags & AT_EMPTY_PATH else 0)
    return _set_times(t, lookup(t, dirfd, t.copy_in_path(a.addr(1)), how), times)


def _timevals(t: Task, address: int) -> tuple[int, int, int, int] | None:
    if not address:
        return None
    first, first_us, second, second_us = _PAIRS.unpack(t.copy_in(address, 32))
    if not 0 <= first_us < 1_000_000 or not 0 <= second_us < 1_000_000:
        raise SyscallError(errno.EINVAL)
    return first, first_us * 1000, second, second_us * 1000


def sys_utimes(t: Task, a: SyscallArgs) -> int:
    """utimes(2)."""
    times = _timevals(t, a.addr(1))
    return _set_times(t, lookup(t, AT_FDCWD, t.copy_in_path(a.addr(0))), times)


def sys_futimesat(t: Task, a: SyscallArgs) -> int:
    """futimesat(2)."""
    times = _timevals(t, a.addr(2))
    if not a.addr(1):
        return _set_times(t, _file(t, a.int(0)), times)
    return _set_times(t, lookup(t, a.int(0), t.copy_in_path(a.addr(1))), times)


def sys_utime(t: Task, a: SyscallArgs) -> int:
    """utime(2)."""
    times = None
    if a.addr(1):
        atime, mtime = _UTIMBUF.unpack(t.copy_in(a.addr(1), 16))
        times = (atime, 0, mtime, 0)
    return _set_times(t, lookup(t, AT_FDCWD, t.copy_in_path(a.addr(0))), times)


def sys_umask(t: Task, a: SyscallArgs) -> int:
    """umask(2)."""
    before = t.fs.umask
    t.fs.umask = a.int(0) & 0o777
    return before


ROWS: Final[tuple[Row, ...]] = (
    Row(90, "chmod", sys_chmod, FULL, (Arg.PATH, Arg.OCT)),
    Row(91, "fchmod", sys_fchmod, FULL, (Arg.FD, Arg.OCT)),
    Row(92, "chown", sys_chown, FULL, (Arg.PATH, Arg.INT, Arg.INT)),
    Row(93, "fchown", sys_fchown, FULL, (Arg.FD, Arg.INT, Arg.INT)),
    Row(94, "lchown", sys_lchown, FULL, (Arg.PATH, Arg.INT, Arg.INT)),
    Row(95, "umask", sys_umask, FULL, (Arg.OCT,)),
    Row(132, "utime", sys_utime, FULL, (Arg.PATH, Arg.STRUCT_IN)),
    Row(235, "utimes", sys_utimes, FULL, (Arg.PATH, Arg.STRUCT_IN)),
    Row(260, "fchownat", sys_fchownat, FULL, (Arg.FD, Arg.PATH, Arg.INT, Arg.INT, Arg.HEX)),
    Row(261, "futimesat", sys_futimesat, FULL, (Arg.FD, Arg.PATH, Arg.STRUCT_IN)),
    Row(268, "fchmodat", sys_fchmodat, FULL, (Arg.FD, Arg.PATH, Arg.OCT)),
    Row(280, "utimensat", sys_utimensat, FULL, (Arg.FD, Arg.PATH, Arg.STRUCT_IN, Arg.HEX), copies=(reads(2, 32),)),
    Row(452, "fchmodat2", sys_fchmodat2, FULL, (Arg.FD, Arg.PATH, Arg.OCT, Arg.HEX)),
)
