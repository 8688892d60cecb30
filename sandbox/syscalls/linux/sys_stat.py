"""stat, lstat, fstat, newfstatat, statx, readlink, access (fs/stat.c, fs/open.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import ALL_CAPS
from sandbox.abi.linux.fcntl import AT_FDCWD
from sandbox.abi.linux.stat import (
    AT_EACCESS,
    AT_EMPTY_PATH,
    AT_NO_AUTOMOUNT,
    AT_STATX_SYNC_TYPE,
    AT_SYMLINK_NOFOLLOW,
    S_IFBLK,
    S_IFCHR,
    S_IFIFO,
    S_IFMT,
    S_IFREG,
    STATX_RESERVED,
)
from sandbox.abi.linux.statfs import ST_NOEXEC
from sandbox.errors import SyscallError
from sandbox.syscalls.row import FULL, Arg, Row, writes
from sandbox.vfs.device_access import check_device
from sandbox.vfs.kstat import pack_stat, pack_statx
from sandbox.vfs.permission import MAY_EXEC, MAY_WRITE, permitted, permitted_by_mode
from sandbox.vfs.regular_file import touch_atime
from sandbox.vfs.walk import EMPTY, FOLLOW, lookup, lookup_now

if TYPE_CHECKING:
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

SECBIT_NO_SETUID_FIXUP: Final = 1 << 2
_STAT_FLAGS: Final = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH


def sys_stat(t: Task, a: SyscallArgs) -> int:
    """stat(2)."""
    t.copy_out(a.addr(1), pack_stat(lookup_now(t, AT_FDCWD, t.copy_in_path(a.addr(0))).inode, t.creds.user))
    return 0


def sys_lstat(t: Task, a: SyscallArgs) -> int:
    """lstat(2)."""
    t.copy_out(a.addr(1), pack_stat(lookup_now(t, AT_FDCWD, t.copy_in_path(a.addr(0)), 0).inode, t.creds.user))
    return 0


def _pack_fd(t: Task, fd: int) -> bytes:
    file = t.fds.get(fd)
    path = file.path
    if path is None:
        return file.stat().pack(t.creds.user)
    inode = path.inode
    if inode.live:
        inode.refresh()
    return pack_stat(inode, t.creds.user)


def sys_fstat(t: Task, a: SyscallArgs) -> int:
    """fstat(2)."""
    raw = a.raw
    t.thread.write(raw[1], _pack_fd(t, raw[0] & 0xFFFFFFFF))
    return 0


def sys_newfstatat(t: Task, a: SyscallArgs) -> int:
    """fstatat(2)."""
    raw = a.raw
    flags = raw[3] & 0xFFFFFFFF
    if flags & ~_STAT_FLAGS:
        return -errno.EINVAL
    dirfd = a.int(0)
    path = b"" if not raw[1] and flags & AT_EMPTY_PATH else t.copy_in_path(raw[1])
    if not path and flags & AT_EMPTY_PATH and dirfd != AT_FDCWD:
        packed = _pack_fd(t, dirfd)
    else:
        how = (0 if flags & AT_SYMLINK_NOFOLLOW else FOLLOW) | (EMPTY if flags & AT_EMPTY_PATH else 0)
        packed = pack_stat(lookup_now(t, dirfd, path, how).inode, t.creds.user)
    t.thread.write(raw[2], packed)
    return 0


def sys_statx(t: Task, a: SyscallArgs) -> int:
    """statx(2)."""
    dirfd, flags, mask = a.int(0), a.int(2), a.uint(3)
    if mask & STATX_RESERVED or flags & AT_STATX_SYNC_TYPE == AT_STATX_SYNC_TYPE:
        return -errno.EINVAL
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE):
        return -errno.EINVAL
    path = b"" if not a.addr(1) and flags & AT_EMPTY_PATH else t.copy_in_path(a.addr(1))
    if not path and flags & AT_EMPTY_PATH and dirfd != AT_FDCWD:
        file = t.fds.get(dirfd)
        there = file.path
        if there is not None and there.inode.live:
            there.inode.refresh()
        packed = pack_statx(there, t.creds.user) if there is not None else file.stat().packx(t.creds.user)
    else:
        how = (0 if flags & AT_SYMLINK_NOFOLLOW else FOLLOW) | (EMPTY if flags & AT_EMPTY_PATH else 0)
        packed = pack_statx(lookup_now(t, dirfd, path, how), t.creds.user)
    t.copy_out(a.addr(4), packed)
    return 0


def _readlink(t: Task, dirfd: int, address: int, buffer: int, size: int) -> int:
    if size <= 0:
        return -errno.EINVAL
    path = t.copy_in_path(address)
    there = lookup(t, dirfd, path, 0 if path or dirfd == AT_FDCWD else EMPTY)
    inode = there.inode
    if not inode.is_symlink():
        return -(errno.EINVAL if path else errno.ENOENT)
    target = inode.readlink(t)[:size]
    if inode.atime <= inode.mtime or inode.atime <= inode.ctime:
        touch_atime(there, inode, 0)
    t.copy_out(buffer, target)
    return len(target)


def sys_readlink(t: Task, a: SyscallArgs) -> int:
    """readlink(2)."""
    return _readlink(t, AT_FDCWD, a.addr(0), a.addr(1), a.int(2))


def sys_readlinkat(t: Task, a: SyscallArgs) -> int:
    """readlinkat(2)."""
    return _readlink(t, a.int(0), a.addr(1), a.addr(2), a.int(3))


def _access_creds(creds: Credentials) -> Credentials:
    """access(2) asks for the real ids (fs/open.c: access_override_creds)."""
    if creds.fsuid == creds.uid and creds.fsgid == creds.gid:
        if creds.securebits & SECBIT_NO_SETUID_FIXUP or (creds.effective == creds.permitted) == (
            creds.uid == creds.user.root()
        ):
            return creds
    new = creds.copy()
    new.fsuid, new.fsgid = creds.uid, creds.gid
    if not creds.securebits & SECBIT_NO_SETUID_FIXUP:
        new.effective = new.permitted & ALL_CAPS if creds.uid == creds.user.root() else 0
    return new


def _access(t: Task, dirfd: int, address: int, mode: int, flags: int) -> int:
    if mode & ~7 or flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        return -errno.EINVAL
    creds = t.creds if flags & AT_EACCESS else _access_creds(t.creds)
    path = t.copy_in_path(address)
    how = (0 if flags & AT_SYMLINK_NOFOLLOW else FOLLOW) | (EMPTY if flags & AT_EMPTY_PATH else 0)
    if not path and flags & AT_EMPTY_PATH and dirfd != AT_FDCWD and t.fds.get(dirfd).path is None:
        own = t.fds.get(dirfd).stat()
        return 0 if permitted_by_mode(creds, own.mode, own.uid, own.gid, mode) else -errno.EACCES
    there = lookup_now(t, dirfd, path, how, creds)
    inode = there.inode
    kind = inode.mode & S_IFMT
    if mode & MAY_EXEC and kind == S_IFREG and there.mount.flags & ST_NOEXEC:
        raise SyscallError(errno.EACCES)
    if not permitted(creds, inode, mode) and not inode.admits(t, mode):
        raise SyscallError(errno.EACCES)
    if kind in (S_IFCHR, S_IFBLK):
        check_device(t, inode, mode)
    if mode & MAY_WRITE and there.mount.readonly() and kind not in (S_IFCHR, S_IFIFO):
        return -errno.EROFS
    return 0


def sys_access(t: Task, a: SyscallArgs) -> int:
    """access(2)."""
    return _access(t, AT_FDCWD, a.addr(0), a.int(1), 0)


def sys_faccessat(t: Task, a: SyscallArgs) -> int:
    """faccessat(2): the system call, which has no flags."""
    return _access(t, a.int(0), a.addr(1), a.int(2), 0)


def sys_faccessat2(t: Task, a: SyscallArgs) -> int:
    """faccessat2(2)."""
    return _access(t, a.int(0), a.addr(1), a.int(2), a.int(3))


ROWS: Final[tuple[Row, ...]] = (
    Row(4, "stat", sys_stat, FULL, (Arg.PATH, Arg.STRUCT_OUT), copies=(writes(1, 144),)),
    Row(5, "fstat", sys_fstat, FULL, (Arg.FD, Arg.STRUCT_OUT), copies=(writes(1, 144),)),
    Row(6, "lstat", sys_lstat, FULL, (Arg.PATH, Arg.STRUCT_OUT), copies=(writes(1, 144),)),
    Row(21, "access", sys_access, FULL, (Arg.PATH, Arg.OCT)),
    Row(89, "readlink", sys_readlink, FULL, (Arg.PATH, Arg.OUT_BUF, Arg.SIZE)),
    Row(262, "newfstatat", sys_newfstatat, FULL, (Arg.FD, Arg.PATH, Arg.STRUCT_OUT, Arg.HEX), copies=(writes(2, 144),)),
    Row(267, "readlinkat", sys_readlinkat, FULL, (Arg.FD, Arg.PATH, Arg.OUT_BUF, Arg.SIZE)),
    Row(269, "faccessat", sys_faccessat, FULL, (Arg.FD, Arg.PATH, Arg.OCT)),
    Row(332, "statx", sys_statx, FULL, (Arg.FD, Arg.PATH, Arg.HEX, Arg.HEX, Arg.STRUCT_OUT), copies=(writes(4, 256),)),
    Row(439, "faccessat2", sys_faccessat2, FULL, (Arg.FD, Arg.PATH, Arg.OCT, Arg.HEX)),
)
