"""ioctl: what every file has; the rest is the file's (fs/ioctl.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import ioctls
from sandbox.abi.linux import socket as abi
from sandbox.abi.linux.capability import CAP_SYS_ADMIN
from sandbox.abi.linux.fcntl import O_ASYNC, O_NONBLOCK
from sandbox.abi.linux.stat import S_IFDIR, S_IFLNK, S_IFMT, S_IFREG
from sandbox.kernel.control import Result
from sandbox.sockets.base import SocketFile
from sandbox.syscalls.row import FULL, Arg, Row
from sandbox.vfs.fasync import get_owner, owner_of, set_owner
from sandbox.vfs.file_flags import COMMANDS, file_flags_ioctl

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.vfs.file_description import FileDescription

_ANONYMOUS_BLOCK: Final = 4096  # bytes of a block of what has no file system
_EXTENTS: Final = frozenset(
    (ioctls.FS_IOC_FIEMAP, ioctls.FICLONE, ioctls.FICLONERANGE, ioctls.FIDEDUPERANGE, ioctls.FIBMAP)
)
_INT: Final = struct.Struct("<i")


def sys_ioctl(t: Task, a: SyscallArgs) -> Result:
    """ioctl(2)."""
    file = a.held
    if file is None:
        file = t.fds.get_io(a.uint(0))
    cmd = a.uint(1)
    if cmd == ioctls.FIOCLEX or cmd == ioctls.FIONCLEX:
        t.fds.set_cloexec(a.uint(0), cmd == ioctls.FIOCLEX)
        return 0
    if cmd == ioctls.FIONBIO:
        on = _INT.unpack(t.copy_in(a.addr(2), 4))[0]
        file.flags = file.flags | O_NONBLOCK if on else file.flags & ~O_NONBLOCK
        return 0
    if cmd == ioctls.FIOASYNC:
        on = _INT.unpack(t.copy_in(a.addr(2), 4))[0]
        return set_async(t, file, a.uint(0), on != 0)
    if abi.FIOSETOWN <= cmd <= abi.SIOCGPGRP and isinstance(file, SocketFile):
        return _socket_owner(t, file, cmd, a.addr(2))
    path = file.path
    if path is not None:
        handled = _file_ioctl(t, file, cmd, a.addr(2))
        if handled is not None:
            return handled
    elif cmd in (ioctls.FIFREEZE, ioctls.FITHAW):
        return -errno.EPERM
    elif cmd == ioctls.FIGETBSZ:
        t.copy_out(a.addr(2), _INT.pack(_ANONYMOUS_BLOCK))
        return 0
    if cmd in _EXTENTS:
        from sandbox.syscalls.linux.extent_ioctls import extent_ioctl

        handled = extent_ioctl(t, file, cmd, a.addr(2))
        if handled is not None:
            return handled
    return file.ioctl(t, cmd, a.addr(2), a)


def _socket_owner(t: Task, file: SocketFile, cmd: int, arg: int) -> int:
    """sock_ioctl: the owner of a socket, as F_SETOWN and F_GETOWN have it."""
    if cmd in (abi.FIOSETOWN, abi.SIOCSPGRP):
        set_owner(t, file, _INT.unpack(t.copy_in(arg, 4))[0])
    else:
        t.copy_out(arg, _INT.pack(get_owner(t, file)))
    return 0


def set_async(t: Task, file: FileDescription, fd: int, on: bool) -> int:
    """O_ASYNC on or off; ENOTTY for a file that sends no signals."""
    if not file.signals:
        return -errno.ENOTTY if bool(file.flags & O_ASYNC) != on else 0
    if on:
        file.flags |= O_ASYNC
        owner_of(t, file).start(fd)
    else:
        file.flags &= ~O_ASYNC
        if file.owner is not None:
            file.owner.stop()
    return 0


def _file_ioctl(t: Task, file: FileDescription, cmd: int, arg: int) -> int | None:
    """do_vfs_ioctl for what has an inode; None: ask the file."""
    path = file.path
    if path is None:
        return None
    inode = path.inode
    kind = inode.mode & S_IFMT
    if cmd == ioctls.FIONREAD and kind == S_IFREG:
        if inode.live:
            inode.refresh()
        left = inode.size - file.pos
        t.copy_out(arg, _INT.pack(((left + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000))
        return 0
    if cmd in COMMANDS:
        return file_flags_ioctl(t, path, cmd, arg)
    if cmd in (ioctls.FIFREEZE, ioctls.FITHAW):  # no file system here can be frozen (ioctl_fsfreeze, ioctl_fsthaw)
        if not t.creds.has_in(inode.fs.user, CAP_SYS_ADMIN):
            return -errno.EPERM
        return -errno.EOPNOTSUPP if cmd == ioctls.FIFREEZE else -errno.EINVAL
    if cmd == ioctls.FIGETBSZ:
        t.copy_out(arg, _INT.pack(inode.blksize()))
        return 0
    if cmd == ioctls.FIOQSIZE:
        if kind not in (S_IFREG, S_IFDIR, S_IFLNK):
            return -errno.ENOTTY
        if inode.live:
            inode.refresh()
        t.copy_out(arg, inode.size.to_bytes(8, "little"))
        return 0
    return None


ROWS: Final[tuple[Row, ...]] = (Row(16, "ioctl", sys_ioctl, FULL, (Arg.FD, Arg.HEX, Arg.HEX)),)
