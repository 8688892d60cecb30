"""open, openat, openat2, creat (fs/open.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import (
    AT_FDCWD,
    O_ACCMODE,
    O_APPEND,
    O_ASYNC,
    O_CLOEXEC,
    O_CREAT,
    O_DIRECT,
    O_DIRECTORY,
    O_DSYNC,
    O_EXCL,
    O_LARGEFILE,
    O_NOATIME,
    O_NOCTTY,
    O_NOFOLLOW,
    O_NONBLOCK,
    O_PATH,
    O_SYNC,
    O_TMPFILE,
    O_TRUNC,
    O_WRONLY,
)
from sandbox.errors import SyscallError
from sandbox.kernel.control import Block, Result
from sandbox.syscalls.row import FULL, PARTIAL, Arg, Row
from sandbox.syscalls.user_struct import copy_in_struct
from sandbox.vfs.open import check_flags, open_path, whole_flags
from sandbox.vfs.walk import RESOLVE_ALL, RESOLVE_BENEATH, RESOLVE_CACHED, RESOLVE_IN_ROOT

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

# include/linux/fcntl.h: VALID_OPEN_FLAGS; open(2) ignores the others, openat2(2) refuses them.
VALID: Final = (
    O_ACCMODE
    | O_CREAT
    | O_EXCL
    | O_NOCTTY
    | O_TRUNC
    | O_APPEND
    | O_NONBLOCK
    | O_SYNC
    | O_DSYNC
    | O_ASYNC
    | O_DIRECT
    | O_LARGEFILE
    | O_DIRECTORY
    | O_NOFOLLOW
    | O_NOATIME
    | O_CLOEXEC
    | O_PATH
    | O_TMPFILE
)
_CREATES: Final = O_CREAT | O_TMPFILE & ~O_DIRECTORY
_OPEN_HOW: Final = struct.Struct("<QQQ")
_PATH_ALLOWS: Final = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC


def _open(t: Task, a: SyscallArgs, dirfd: int, address: int, flags: int, mode: int, resolve: int = 0) -> Result:
    if flags & _CREATES:
        check_flags(flags)
    path = t.copy_in_path(address)
    flags = whole_flags(flags)
    if not path:
        return -errno.ENOENT
    t.fds.lowest_free()  # EMFILE before anything is looked up or made
    file = open_path(t, dirfd, path, flags, mode, resolve)
    if isinstance(file, Block):
        return file
    try:
        return t.fds.install(file, 0, bool(flags & O_CLOEXEC))
    except SyscallError:
        file.acquire()
        file.drop()
        raise


def sys_open(t: Task, a: SyscallArgs) -> Result:
    """open(2)."""
    return _open(t, a, AT_FDCWD, a.addr(0), a.int(1) & VALID, a.uint(2))


def sys_openat(t: Task, a: SyscallArgs) -> Result:
    """openat(2)."""
    raw = a.raw
    return _open(t, a, a.int(0), raw[1], raw[2] & VALID, raw[3] & 0xFFFFFFFF)


def sys_creat(t: Task, a: SyscallArgs) -> Result:
    """creat(2)."""
    return _open(t, a, AT_FDCWD, a.addr(0), O_CREAT | O_WRONLY | O_TRUNC, a.uint(1))


def read_how(t: Task, address: int, size: int) -> tuple[int, int, int]:
    """struct open_how: flags, mode, resolve. E2BIG when bytes beyond the known structure are not zero; EINVAL, EFAULT."""
    if size < _OPEN_HOW.size:
        raise SyscallError(errno.EINVAL)
    flags, mode, resolve = _OPEN_HOW.unpack(copy_in_struct(t, address, size, _OPEN_HOW.size))
    return flags, mode, resolve


def check_how(flags: int, mode: int, resolve: int) -> int:
    """0, -EINVAL or -EAGAIN (build_open_flags)."""
    if flags & ~VALID or resolve & ~RESOLVE_ALL:
        return -errno.EINVAL
    if resolve & RESOLVE_BENEATH and resolve & RESOLVE_IN_ROOT:
        return -errno.EINVAL
    if flags & _CREATES:
        if mode & ~0o7777:
            return -errno.EINVAL
    elif mode:
        return -errno.EINVAL
    if flags & O_PATH and flags & ~_PATH_ALLOWS:
        return -errno.EINVAL
    if resolve & RESOLVE_CACHED and flags & (O_TRUNC | _CREATES):
        return -errno.EAGAIN
    return 0


def sys_openat2(t: Task, a: SyscallArgs) -> Result:
    """openat2(2)."""
    flags, mode, resolve = read_how(t, a.addr(2), a.size(3))
    return check_how(flags, mode, resolve) or _open(t, a, a.int(0), a.addr(1), flags, mode, resolve)


ROWS: Final[tuple[Row, ...]] = (
    Row(2, "open", sys_open, FULL, (Arg.PATH, Arg.HEX, Arg.OCT)),
    Row(85, "creat", sys_creat, FULL, (Arg.PATH, Arg.OCT)),
    Row(257, "openat", sys_openat, FULL, (Arg.FD, Arg.PATH, Arg.HEX, Arg.OCT)),
    Row(
        437,
        "openat2",
        sys_openat2,
        PARTIAL,
        (Arg.FD, Arg.PATH, Arg.STRUCT_IN, Arg.SIZE),
        note="RESOLVE_CACHED never answers EAGAIN: no lookup here waits",
    ),
)
