"""link, symlink, unlink, rename, mknod and their *at forms (fs/namei.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import AT_FDCWD
from sandbox.abi.linux.stat import AT_EMPTY_PATH, AT_REMOVEDIR, AT_SYMLINK_FOLLOW
from sandbox.errors import SyscallError
from sandbox.syscalls.row import FULL, Arg, Row
from sandbox.vfs import namei
from sandbox.vfs.namei import how_to_link
from sandbox.vfs.rename import check_flags, rename
from sandbox.vfs.walk import lookup, walk_parent

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs


def _second(t: Task, address: int, dirfd: int, first: bytes, flags: int | None) -> bytes:
    """The second path; what is wrong with the first one is found before it: with its directory for `flags` None, else
    with what it names."""
    try:
        return t.copy_in_path(address)
    except SyscallError:
        if flags is None:
            walk_parent(t, dirfd, first)
        else:
            lookup(t, dirfd, first, how_to_link(t, dirfd, first, flags))
        raise


def sys_link(t: Task, a: SyscallArgs) -> int:
    """link(2)."""
    old = t.copy_in_path(a.addr(0))
    return namei.link(t, AT_FDCWD, old, AT_FDCWD, _second(t, a.addr(1), AT_FDCWD, old, 0), 0)


def sys_linkat(t: Task, a: SyscallArgs) -> int:
    """linkat(2)."""
    if a.int(4) & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH):
        return -errno.EINVAL
    old = t.copy_in_path(a.addr(1))
    return namei.link(t, a.int(0), old, a.int(2), _second(t, a.addr(3), a.int(0), old, a.int(4)), a.int(4))


def _target(t: Task, address: int) -> bytes:
    """What a symbolic link is to say. ENOENT: nothing."""
    target = t.copy_in_path(address)
    if not target:
        raise SyscallError(errno.ENOENT)
    return target


def sys_symlink(t: Task, a: SyscallArgs) -> int:
    """symlink(2)."""
    return namei.symlink(t, _target(t, a.addr(0)), AT_FDCWD, t.copy_in_path(a.addr(1)))


def sys_symlinkat(t: Task, a: SyscallArgs) -> int:
    """symlinkat(2)."""
    return namei.symlink(t, _target(t, a.addr(0)), a.int(1), t.copy_in_path(a.addr(2)))


def sys_unlink(t: Task, a: SyscallArgs) -> int:
    """unlink(2)."""
    return namei.unlink(t, AT_FDCWD, t.copy_in_path(a.addr(0)))


def sys_unlinkat(t: Task, a: SyscallArgs) -> int:
    """unlinkat(2)."""
    flags = a.int(2)
    if flags & ~AT_REMOVEDIR:
        return -errno.EINVAL
    path = t.copy_in_path(a.addr(1))
    if flags:
        return namei.rmdir(t, a.int(0), path)
    return namei.unlink(t, a.int(0), path)


def sys_rename(t: Task, a: SyscallArgs) -> int:
    """rename(2)."""
    old = t.copy_in_path(a.addr(0))
    return rename(t, AT_FDCWD, old, AT_FDCWD, _second(t, a.addr(1), AT_FDCWD, old, None), 0)


def sys_renameat(t: Task, a: SyscallArgs) -> int:
    """renameat(2)."""
    old = t.copy_in_path(a.addr(1))
    return rename(t, a.int(0), old, a.int(2), _second(t, a.addr(3), a.int(0), old, None), 0)


def sys_renameat2(t: Task, a: SyscallArgs) -> int:
    """renameat2(2)."""
    check_flags(a.uint(4))
    old = t.copy_in_path(a.addr(1))
    return rename(t, a.int(0), old, a.int(2), _second(t, a.addr(3), a.int(0), old, None), a.uint(4))


def sys_mknod(t: Task, a: SyscallArgs) -> int:
    """mknod(2)."""
    namei.check_kind(a.uint(1) & 0xFFFF)
    return namei.mknod(t, AT_FDCWD, t.copy_in_path(a.addr(0)), a.uint(1) & 0xFFFF, a.uint(2))


def sys_mknodat(t: Task, a: SyscallArgs) -> int:
    """mknodat(2)."""
    namei.check_kind(a.uint(2) & 0xFFFF)
    return namei.mknod(t, a.int(0), t.copy_in_path(a.addr(1)), a.uint(2) & 0xFFFF, a.uint(3))


ROWS: Final[tuple[Row, ...]] = (
    Row(82, "rename", sys_rename, FULL, (Arg.PATH, Arg.PATH)),
    Row(86, "link", sys_link, FULL, (Arg.PATH, Arg.PATH)),
    Row(87, "unlink", sys_unlink, FULL, (Arg.PATH,)),
    Row(88, "symlink", sys_symlink, FULL, (Arg.PATH, Arg.PATH)),
    Row(133, "mknod", sys_mknod, FULL, (Arg.PATH, Arg.OCT, Arg.HEX)),
    Row(259, "mknodat", sys_mknodat, FULL, (Arg.FD, Arg.PATH, Arg.OCT, Arg.HEX)),
    Row(263, "unlinkat", sys_unlinkat, FULL, (Arg.FD, Arg.PATH, Arg.HEX)),
    Row(264, "renameat", sys_renameat, FULL, (Arg.FD, Arg.PATH, Arg.FD, Arg.PATH)),
    Row(265, "linkat", sys_linkat, FULL, (Arg.FD, Arg.PATH, Arg.FD, Arg.PATH, Arg.HEX)),
    Row(266, "symlinkat", sys_symlinkat, FULL, (Arg.PATH, Arg.FD, Arg.PATH)),
    Row(316, "renameat2", sys_renameat2, FULL, (Arg.FD, Arg.PATH, Arg.FD, Arg.PATH, Arg.HEX)),
)
