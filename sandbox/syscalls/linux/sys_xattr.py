"""The twelve calls for extended attributes (fs/xattr.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import AT_FDCWD
from sandbox.abi.linux.xattr import XATTR_CREATE, XATTR_NAME_MAX, XATTR_REPLACE, XATTR_SIZE_MAX
from sandbox.errors import SyscallError
from sandbox.syscalls.row import FULL, Arg, Row
from sandbox.vfs import xattr
from sandbox.vfs.open_file_path import path_of
from sandbox.vfs.walk import FOLLOW, lookup

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.vfs.path import Path


def _path(t: Task, a: SyscallArgs, follow: bool) -> Path:
    return lookup(t, AT_FDCWD, t.copy_in_path(a.addr(0)), FOLLOW if follow else 0)


def _file(t: Task, a: SyscallArgs) -> Path:
    """A descriptor's place; EBADF for O_PATH."""
    return path_of(t, t.fds.get_io(a.int(0)))


def _name(t: Task, a: SyscallArgs) -> bytes:
    name = t.copy_in_cstr(a.addr(1), XATTR_NAME_MAX + 1, errno.ERANGE)
    if not name:
        raise SyscallError(errno.ERANGE)
    return name


def _get(t: Task, a: SyscallArgs, path: Path, name: bytes) -> int:
    value = xattr.get(t, path, name)
    size = a.size(3)
    if size:
        if len(value) > size:
            return -errno.ERANGE
        t.copy_out(a.addr(2), value)
    return len(value)


def _set(t: Task, a: SyscallArgs, path: Path, name: bytes, value: bytes) -> int:
    return xattr.set_value(t, path, name, value, a.int(4))


def _value(t: Task, a: SyscallArgs) -> bytes:
    if a.int(4) & ~(XATTR_CREATE | XATTR_REPLACE):
        raise SyscallError(errno.EINVAL)
    if a.size(3) > XATTR_SIZE_MAX:
        raise SyscallError(errno.E2BIG)
    return t.copy_in(a.addr(2), a.size(3))


def _list(t: Task, a: SyscallArgs, path: Path) -> int:
    found = xattr.names(t, path)
    size = a.size(2)
    if size:
        if len(found) > size:
            return -errno.ERANGE
        t.copy_out(a.addr(1), found)
    return len(found)


def sys_setxattr(t: Task, a: SyscallArgs) -> int:
    """setxattr(2)."""
    value, name = _value(t, a), _name(t, a)
    return _set(t, a, _path(t, a, True), name, value)


def sys_lsetxattr(t: Task, a: SyscallArgs) -> int:
    """lsetxattr(2)."""
    value, name = _value(t, a), _name(t, a)
    return _set(t, a, _path(t, a, False), name, value)


def sys_fsetxattr(t: Task, a: SyscallArgs) -> int:
    """fsetxattr(2)."""
    value, name = _value(t, a), _name(t, a)
    return _set(t, a, _file(t, a), name, value)


def sys_getxattr(t: Task, a: SyscallArgs) -> int:
    """getxattr(2)."""
    name = _name(t, a)
    return _get(t, a, _path(t, a, True), name)


def sys_lgetxattr(t: Task, a: SyscallArgs) -> int:
    """lgetxattr(2)."""
    name = _name(t, a)
    return _get(t, a, _path(t, a, False), name)


def sys_fgetxattr(t: Task, a: SyscallArgs) -> int:
    """fgetxattr(2)."""
    name = _name(t, a)
    return _get(t, a, _file(t, a), name)


def sys_listxattr(t: Task, a: SyscallArgs) -> int:
    """listxattr(2)."""
    return _list(t, a, _path(t, a, True))


def sys_llistxattr(t: Task, a: SyscallArgs) -> int:
    """llistxattr(2)."""
    return _list(t, a, _path(t, a, False))


def sys_flistxattr(t: Task, a: SyscallArgs) -> int:
    """flistxattr(2)."""
    path = t.fds.get_io(a.int(0)).path
    return 0 if path is None else _list(t, a, path)


def sys_removexattr(t: Task, a: SyscallArgs) -> int:
    """removexattr(2)."""
    name = _name(t, a)
    return xattr.remove(t, _path(t, a, True), name)


def sys_lremovexattr(t: Task, a: SyscallArgs) -> int:
    """lremovexattr(2)."""
    name = _name(t, a)
    return xattr.remove(t, _path(t, a, False), name)


def sys_fremovexattr(t: Task, a: SyscallArgs) -> int:
    """fremovexattr(2)."""
    name = _name(t, a)
    return xattr.remove(t, _file(t, a), name)


_SET: Final = (Arg.STR, Arg.IN_BUF, Arg.SIZE, Arg.HEX)
_GET: Final = (Arg.STR, Arg.OUT_BUF, Arg.SIZE)

ROWS: Final[tuple[Row, ...]] = (
    Row(188, "setxattr", sys_setxattr, FULL, (Arg.PATH, *_SET)),
    Row(189, "lsetxattr", sys_lsetxattr, FULL, (Arg.PATH, *_SET)),
    Row(190, "fsetxattr", sys_fsetxattr, FULL, (Arg.FD, *_SET)),
    Row(191, "getxattr", sys_getxattr, FULL, (Arg.PATH, *_GET)),
    Row(192, "lgetxattr", sys_lgetxattr, FULL, (Arg.PATH, *_GET)),
    Row(193, "fgetxattr", sys_fgetxattr, FULL, (Arg.FD, *_GET)),
    Row(194, "listxattr", sys_listxattr, FULL, (Arg.PATH, Arg.OUT_BUF, Arg.SIZE)),
    Row(195, "llistxattr", sys_llistxattr, FULL, (Arg.PATH, Arg.OUT_BUF, Arg.SIZE)),
    Row(196, "flistxattr", sys_flistxattr, FULL, (Arg.FD, Arg.OUT_BUF, Arg.SIZE)),
    Row(197, "removexattr", sys_removexattr, FULL, (Arg.PATH, Arg.STR)),
    Row(198, "lremovexattr", sys_lremovexattr, FULL, (Arg.PATH, Arg.STR)),
    Row(199, "fremovexattr", sys_fremovexattr, FULL, (Arg.FD, Arg.STR)),
)
