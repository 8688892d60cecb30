"""getdents, getcwd, chdir, fchdir, chroot, mkdir, rmdir (fs/readdir.c, fs/open.c, fs/namei.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYS_CHROOT
from sandbox.abi.linux.fcntl import AT_FDCWD
from sandbox.errors import SyscallError
from sandbox.syscalls.row import FULL, Arg, Row, writes
from sandbox.vfs import namei
from sandbox.vfs.directory_file import DirectoryFile
from sandbox.vfs.notify import IN_ACCESS, on_path
from sandbox.vfs.permission import MAY_EXEC, check
from sandbox.vfs.walk import DIRECTORY, FOLLOW, lookup

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

MAX_DENTS: Final = 1 << 20  # bytes answered at once


def _getdents(t: Task, a: SyscallArgs, old: bool) -> int:
    file = t.fds.get_io(a.int(0))
    if not isinstance(file, DirectoryFile):
        return -errno.ENOTDIR
    before = file.pos
    fs = file.inode.fs
    if fs.guards:
        fs.lists_for(t)
    try:
        records = file.getdents(min(a.uint(2), MAX_DENTS), old)
    finally:
        if fs.guards:
            fs.lists_for(None)
    try:
        t.copy_out(a.addr(1), records)
    except SyscallError:
        file.pos = before
        raise
    if file.inode.fs.watched and file.path is not None:
        on_path(file.path, IN_ACCESS)
    return len(records)


def sys_getdents(t: Task, a: SyscallArgs) -> int:
    """getdents(2)."""
    return _getdents(t, a, True)


def sys_getdents64(t: Task, a: SyscallArgs) -> int:
    """getdents64(2)."""
    return _getdents(t, a, False)


def sys_getcwd(t: Task, a: SyscallArgs) -> int:
    """getcwd(2): ENOENT when the directory has been removed, ERANGE."""
    cwd = t.fs.cwd
    if cwd.dentry.deleted:
        return -errno.ENOENT
    text = cwd.text(t.fs.root) + b"\0"
    if len(text) > 4096:
        return -errno.ENAMETOOLONG
    if len(text) > a.ulong(1):
        return -errno.ERANGE
    t.copy_out(a.addr(0), text)
    return len(text)


def sys_chdir(t: Task, a: SyscallArgs) -> int:
    """chdir(2)."""
    there = lookup(t, AT_FDCWD, t.copy_in_path(a.addr(0)), FOLLOW | DIRECTORY)
    check(t.creds, there.inode, MAY_EXEC)
    t.fs.set_cwd(there)
    return 0


def sys_fchdir(t: Task, a: SyscallArgs) -> int:
    """fchdir(2)."""
    path = t.fds.get(a.int(0)).path
    if path is None or not path.inode.is_dir():
        return -errno.ENOTDIR
    check(t.creds, path.inode, MAY_EXEC)
    t.fs.set_cwd(path)
    return 0


def sys_chroot(t: Task, a: SyscallArgs) -> int:
    """chroot(2)."""
    there = lookup(t, AT_FDCWD, t.copy_in_path(a.addr(0)), FOLLOW | DIRECTORY)
    check(t.creds, there.inode, MAY_EXEC)
    if not t.creds.has_here(CAP_SYS_CHROOT):
        return -errno.EPERM
    t.fs.set_root(there)
    return 0


def sys_mkdir(t: Task, a: SyscallArgs) -> int:
    """mkdir(2)."""
    return namei.mkdir(t, AT_FDCWD, t.copy_in_path(a.addr(0)), a.uint(1))


def sys_mkdirat(t: Task, a: SyscallArgs) -> int:
    """mkdirat(2)."""
    return namei.mkdir(t, a.int(0), t.copy_in_path(a.addr(1)), a.uint(2))


def sys_rmdir(t: Task, a: SyscallArgs) -> int:
    """rmdir(2)."""
    return namei.rmdir(t, AT_FDCWD, t.copy_in_path(a.addr(0)))


ROWS: Final[tuple[Row, ...]] = (
    Row(78, "getdents", sys_getdents, FULL, (Arg.FD, Arg.STRUCT_OUT, Arg.UINT), copies=(writes(1, 1, 2),)),
    Row(79, "getcwd", sys_getcwd, FULL, (Arg.OUT_BUF, Arg.SIZE)),
    Row(80, "chdir", sys_chdir, FULL, (Arg.PATH,)),
    Row(81, "fchdir", sys_fchdir, FULL, (Arg.FD,)),
    Row(83, "mkdir", sys_mkdir, FULL, (Arg.PATH, Arg.OCT)),
    Row(84, "rmdir", sys_rmdir, FULL, (Arg.PATH,)),
    Row(161, "chroot", sys_chroot, FULL, (Arg.PATH,)),
    Row(217, "getdents64", sys_getdents64, FULL, (Arg.FD, Arg.STRUCT_OUT, Arg.UINT), copies=(writes(1, 1, 2),)),
    Row(258, "mkdirat", sys_mkdirat, FULL, (Arg.FD, Arg.PATH, Arg.OCT)),
)
