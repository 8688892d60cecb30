"""inotify_init, inotify_init1, inotify_add_watch, inotify_rm_watch (fs/notify/inotify/inotify_user.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import AT_FDCWD
from sandbox.abi.linux.inotify import IN_CLOEXEC, IN_NONBLOCK
from sandbox.syscalls.row import FULL, PARTIAL, Arg, Row
from sandbox.vfs.inotify import (
    IN_DONT_FOLLOW,
    IN_EXCL_UNLINK,
    IN_MASK_ADD,
    IN_MASK_CREATE,
    IN_ONESHOT,
    IN_ONLYDIR,
    IN_UNMOUNT,
    InotifyFile,
)
from sandbox.vfs.notify import IN_ALL_EVENTS, IN_ISDIR
from sandbox.vfs.permission import MAY_READ, check
from sandbox.vfs.walk import DIRECTORY, FOLLOW, lookup

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

_KNOWN: Final = (
    IN_ALL_EVENTS
    | IN_ISDIR
    | IN_UNMOUNT
    | 0xC000  # IN_Q_OVERFLOW, IN_IGNORED
    | IN_ONLYDIR
    | IN_DONT_FOLLOW
    | IN_EXCL_UNLINK
    | IN_MASK_ADD
    | IN_MASK_CREATE
    | IN_ONESHOT
)


def _init(t: Task, flags: int) -> int:
    if flags & ~(IN_CLOEXEC | IN_NONBLOCK):
        return -errno.EINVAL
    vfs = t.kernel.mounts.vfs
    t.fds.lowest_free(0)
    if vfs.inotify_instances >= t.kernel.settings.inotify_instances:
        return -errno.EMFILE
    return t.fds.install(
        InotifyFile(flags & IN_NONBLOCK, vfs, t.kernel.settings.inotify_events), 0, bool(flags & IN_CLOEXEC)
    )


def sys_inotify_init(t: Task, a: SyscallArgs) -> int:
    """inotify_init(2)."""
    return _init(t, 0)


def sys_inotify_init1(t: Task, a: SyscallArgs) -> int:
    """inotify_init1(2)."""
    return _init(t, a.int(0))


def sys_inotify_add_watch(t: Task, a: SyscallArgs) -> int:
    """inotify_add_watch(2)."""
    mask = a.uint(2)
    if not mask & _KNOWN:
        return -errno.EINVAL
    file = t.fds.get_io(a.int(0))
    if mask & IN_MASK_ADD and mask & IN_MASK_CREATE or not isinstance(file, InotifyFile):
        return -errno.EINVAL
    how = (0 if mask & IN_DONT_FOLLOW else FOLLOW) | (DIRECTORY if mask & IN_ONLYDIR else 0)
    path = lookup(t, AT_FDCWD, t.copy_in_path(a.addr(1)), how)
    check(t.creds, path.inode, MAY_READ)
    return file.add(path.inode, mask, t.kernel.settings.inotify_watches)


def sys_inotify_rm_watch(t: Task, a: SyscallArgs) -> int:
    """inotify_rm_watch(2)."""
    file = t.fds.get_io(a.int(0))
    if not isinstance(file, InotifyFile):
        return -errno.EINVAL
    file.remove(a.int(1))
    return 0


_NOTE: Final = "of what others than guests do in a volume, changes are told, not that they open or read"

ROWS: Final[tuple[Row, ...]] = (
    Row(253, "inotify_init", sys_inotify_init, FULL),
    Row(254, "inotify_add_watch", sys_inotify_add_watch, PARTIAL, (Arg.FD, Arg.PATH, Arg.HEX), note=_NOTE),
    Row(255, "inotify_rm_watch", sys_inotify_rm_watch, FULL, (Arg.FD, Arg.INT)),
    Row(294, "inotify_init1", sys_inotify_init1, FULL, (Arg.HEX,)),
)
