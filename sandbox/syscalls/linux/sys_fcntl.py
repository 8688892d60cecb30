"""fcntl (fs/fcntl.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import fcntl as abi
from sandbox.abi.linux.capability import CAP_FOWNER
from sandbox.abi.linux.signal import NSIG
from sandbox.errors import SyscallError
from sandbox.kernel.control import Result
from sandbox.kernel.pid_namespace import number_in
from sandbox.kernel.pipe import PipeFile
from sandbox.syscalls.linux.sys_ioctl import set_async
from sandbox.syscalls.row import FULL, Arg, Row
from sandbox.vfs.dnotify import set_notice
from sandbox.vfs.fasync import FileOwner, get_owner, owner_of, set_owner
from sandbox.vfs.file_description import FileDescription
from sandbox.vfs.file_flags import check_not_append
from sandbox.vfs.leases import get_lease, set_lease
from sandbox.vfs.permission import owner_or_capable

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

SETFL_MASK: Final = abi.O_APPEND | abi.O_NONBLOCK | abi.O_ASYNC | abi.O_DIRECT | abi.O_NOATIME
_HIDDEN: Final = abi.O_CLOEXEC | abi.O_CREAT | abi.O_EXCL | abi.O_NOCTTY | abi.O_TRUNC
_PATH_COMMANDS: Final = frozenset(
    (abi.F_DUPFD, abi.F_DUPFD_CLOEXEC, abi.F_DUPFD_QUERY, abi.F_GETFD, abi.F_SETFD, abi.F_GETFL, abi.F_CREATED_QUERY)
)
_LOCK_COMMANDS: Final = frozenset(
    (abi.F_GETLK, abi.F_SETLK, abi.F_SETLKW, abi.F_OFD_GETLK, abi.F_OFD_SETLK, abi.F_OFD_SETLKW)
)
RWH_WRITE_LIFE_EXTREME: Final = 5
_UIDS: Final = struct.Struct("<II")
_OWNER_EX: Final = struct.Struct("<ii")


def sys_fcntl(t: Task, a: SyscallArgs) -> Result:
    """fcntl(2)."""
    fd, cmd, arg = a.uint(0), a.uint(1), a.addr(2)
    file = a.held
    if file is None:
        file = t.fds.get(fd)
        if file.flags & abi.O_PATH and cmd not in _PATH_COMMANDS:
            return -errno.EBADF
    if cmd == abi.F_GETFD:
        return abi.FD_CLOEXEC if t.fds.cloexec(fd) else 0
    if cmd == abi.F_SETFD:
        t.fds.set_cloexec(fd, arg & abi.FD_CLOEXEC != 0)
        return 0
    if cmd == abi.F_GETFL:
        return file.flags & ~_HIDDEN
    if cmd == abi.F_SETFL:
        return _set_flags(t, file, fd, arg)
    if cmd == abi.F_DUPFD or cmd == abi.F_DUPFD_CLOEXEC:
        at_least = a.uint(2)
        if at_least >= t.fds.limit:
            return -errno.EINVAL
        return t.fds.install(file, at_least, cmd == abi.F_DUPFD_CLOEXEC)
    if cmd in _LOCK_COMMANDS:
        return _lock(t, a, file, cmd, arg)
    return _rare(t, a, file, cmd, arg)


def _set_flags(t: Task, file: FileDescription, fd: int, arg: int) -> int:
    """setfl."""
    changed = (arg ^ file.flags) & SETFL_MASK
    path = file.path
    if changed & arg & abi.O_NOATIME and path is not None:
        if t.creds.fsuid != path.inode.uid and not t.creds.has_over(path.inode, CAP_FOWNER):
            return -errno.EPERM
    if changed & abi.O_APPEND and path is not None:
        check_not_append(path.inode)
    file.check_status_flags(t, arg & SETFL_MASK)
    if changed & abi.O_ASYNC and file.signals:
        set_async(t, file, fd, arg & abi.O_ASYNC != 0)
    kept = SETFL_MASK & ~abi.O_ASYNC  # which is there only where it sends signals
    file.flags = (file.flags & ~kept) | (arg & kept)
    return 0


def _lock(t: Task, a: SyscallArgs, file: FileDescription, cmd: int, arg: int) -> Result:
    """POSIX and open-file-description locks live with the inode."""
    from sandbox.vfs.posix_locks import fcntl_lock

    return fcntl_lock(t, a, file, cmd, arg)


def _rare(t: Task, a: SyscallArgs, file: FileDescription, cmd: int, arg: int) -> Result:
    if cmd == abi.F_GETPIPE_SZ or cmd == abi.F_SETPIPE_SZ:
        if not isinstance(file, PipeFile):
            return -errno.EBADF
        if cmd == abi.F_GETPIPE_SZ:
            return file.pipe.slots << 12
        return file.pipe.resize(t, a.uint(2))
    if cmd == abi.F_GETOWN:
        return get_owner(t, file)
    if cmd == abi.F_SETOWN:
        set_owner(t, file, a.int(2))
        return 0
    if cmd == abi.F_GETSIG:
        return file.owner.signo if file.owner is not None else 0
    if cmd == abi.F_SETSIG:
        signo = a.int(2)
        if not 0 <= signo <= NSIG:
            return -errno.EINVAL
        owner_of(t, file).signo = signo
        return 0
    if cmd == abi.F_SETOWN_EX or cmd == abi.F_GETOWN_EX:
        return _owner_ex(t, file, cmd, arg)
    if cmd == abi.F_GETOWNER_UIDS:
        return _owner_uids(t, file, arg)
    if cmd == abi.F_DUPFD_QUERY:
        return int(t.fds.get(a.uint(2)) is file)
    if cmd == abi.F_ADD_SEALS:
        if not (file.flags + 1) & 2:
            return -errno.EPERM
        return file.add_seals(t, a.uint(2))
    if cmd == abi.F_GET_SEALS:
        return file.get_seals(t)
    if cmd == abi.F_NOTIFY:
        return set_notice(t, file, a.uint(0), a.uint(2))
    if cmd == abi.F_GETLEASE:
        return get_lease(t, file)
    if cmd == abi.F_SETLEASE:
        return set_lease(t, file, a.uint(0), a.int(2))
    if cmd == abi.F_GET_RW_HINT:
        locks = file.held_locks()
        t.copy_out(arg, (locks.life if locks is not None else 0).to_bytes(8, "little"))
        return 0
    if cmd == abi.F_SET_RW_HINT:
        return _set_life(t, file, arg)
    return -errno.EINVAL


def _set_life(t: Task, file: FileDescription, arg: int) -> int:
    """F_SET_RW_HINT: remembered. EPERM for another's file."""
    life = int.from_bytes(t.copy_in(arg, 8), "little")
    if file.path is not None and not owner_or_capable(t.creds, file.path.inode):
        return -errno.EPERM
    if life > RWH_WRITE_LIFE_EXTREME:
        return -errno.EINVAL
    file.locks().life = life
    return 0


def _owner_uids(t: Task, file: FileDescription, arg: int) -> int:
    """F_GETOWNER_UIDS: the real and effective user of who set the owner (f_getowner_uids)."""
    owner: FileOwner | None = file.owner
    creds, ids = owner.creds if owner is not None else None, t.creds.user.uids
    uid, euid = (ids.shown(creds.uid), ids.shown(creds.euid)) if creds is not None else (ids.shown(0), ids.shown(0))
    t.copy_out(arg, _UIDS.pack(uid, euid))
    return 0


def _owner_ex(t: Task, file: FileDescription, cmd: int, arg: int) -> int:
    if cmd == abi.F_GETOWN_EX:
        owner: FileOwner | None = file.owner
        kind, number = (owner.kind, number_in(owner.ids, t.pids)) if owner is not None else (abi.F_OWNER_TID, 0)
        t.copy_out(arg, _OWNER_EX.pack(kind, number))
        return 0
    kind, number = _OWNER_EX.unpack(t.copy_in(arg, 8))
    if kind not in (abi.F_OWNER_TID, abi.F_OWNER_PID, abi.F_OWNER_PGRP) or number < 0:
        raise SyscallError(errno.EINVAL if number >= 0 else errno.ESRCH)
    owner_of(t, file).set(t, kind, number)
    return 0


ROWS: Final[tuple[Row, ...]] = (Row(72, "fcntl", sys_fcntl, FULL, (Arg.FD, Arg.INT, Arg.HEX)),)
