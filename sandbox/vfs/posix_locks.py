"""F_GETLK, F_SETLK, F_SETLKW and their F_OFD_ forms (fs/locks.c: fcntl_setlk, fcntl_getlk)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.fcntl import (
    F_GETLK,
    F_OFD_GETLK,
    F_OFD_SETLK,
    F_OFD_SETLKW,
    F_RDLCK,
    F_SETLKW,
    F_UNLCK,
    F_WRLCK,
    O_WRONLY,
)
from sandbox.errors import SyscallError
from sandbox.kernel.control import Block
from sandbox.vfs.locks import FLOCK, OFFSET_MAX, DeadlockGraph, RecordLock, kind_allowed, pack_flock
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.locks import InodeLocks, OutsideLocks


def fcntl_lock(t: Task, a: SyscallArgs, file: FileDescription, cmd: int, arg: int) -> Result:
    """One attempt at a record lock; a Block when it has to wait (F_SETLKW)."""
    kind, whence, start, length, pid = FLOCK.unpack(t.copy_in(arg, FLOCK.size))
    ofd = cmd in (F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW)
    if ofd and pid != 0:
        raise SyscallError(errno.EINVAL)
    getting = cmd in (F_GETLK, F_OFD_GETLK)
    if not kind_allowed(kind) or (getting and kind == F_UNLCK and not ofd):
        raise SyscallError(errno.EINVAL)
    start, end = _range(file, whence, start, length)
    wanted = RecordLock(file if ofd else t.fds, kind, start, end, None if ofd else t.group.ids)
    locks = file.locks()
    outside = file.outside_locks()
    if getting:
        _get(t, arg, locks, wanted, outside)
        return 0
    if (kind == F_RDLCK and file.flags & O_WRONLY) or (kind == F_WRLCK and not (file.flags + 1) & 2):
        raise SyscallError(errno.EBADF)
    graph = t.kernel.mounts.vfs.lock_waits
    graph.edges.pop(t.fds, None)
    if kind != F_UNLCK:
        held = locks.conflict(wanted)
        if held is not None:
            return _wait(t, a, file, graph, held, ofd, cmd)
        if outside is not None and not outside.take(locks, wanted):
            if cmd not in (F_SETLKW, F_OFD_SETLKW):
                raise SyscallError(errno.EAGAIN)
            outside.try_later(t, locks)
            a.hold(file)
            return Block(((locks.queue, EVENT_IN),))
    try:
        locks.set(wanted)
    except SyscallError:
        kind = F_UNLCK
        raise
    finally:
        if kind == F_UNLCK and outside is not None:
            outside.changed(locks, start, end)
    if kind != F_UNLCK and not ofd and a.held is not None and t.fds.find(a.uint(0)) is not file:
        # The descriptor was closed while this waited: nobody would give the lock up again.
        locks.set(RecordLock(t.fds, F_UNLCK, start, end, None))
        if outside is not None:
            outside.changed(locks, start, end)
        raise SyscallError(errno.EBADF)
    return 0


def _get(t: Task, arg: int, locks: InodeLocks, wanted: RecordLock, outside: OutsideLocks | None) -> None:
    """What is in the way, or with F_UNLCK what the owner itself holds."""
    held = locks.own(wanted) if wanted.kind == F_UNLCK else locks.conflict(wanted)
    if held is not None:
        owner = held.ids.number_in(t.pids) if held.ids is not None else -1
        found: tuple[int, int, int, int] | None = (held.kind, held.start, held.end, owner)
    else:
        found = outside.blocker(wanted) if outside is not None and wanted.kind != F_UNLCK else None
    if found is None:
        t.copy_out(arg, F_UNLCK.to_bytes(2, "little"))
        return
    kind, start, end, owner = found
    t.copy_out(arg, pack_flock(kind, start, end, owner))


def _wait(
    t: Task,
    a: SyscallArgs,
    file: FileDescription,
    graph: DeadlockGraph,
    held: RecordLock,
    ofd: bool,
    cmd: int,
) -> Result:
    """Somebody is in the way: EAGAIN, EDEADLK, or wait."""
    if cmd not in (F_SETLKW, F_OFD_SETLKW):
        raise SyscallError(errno.EAGAIN)
    if not ofd and held.ids is not None:
        if graph.would_deadlock(t.fds, held.owner):
            raise SyscallError(errno.EDEADLK)
        graph.edges[t.fds] = held.owner
    a.hold(file)
    return Block(((file.locks().queue, EVENT_IN),))


def _range(file: FileDescription, whence: int, start: int, length: int) -> tuple[int, int]:
    """First and last byte. EINVAL, EOVERFLOW."""
    if whence == 1:
        start += file.pos
    elif whence == 2:
        if file.path is not None:
            inode = file.path.inode
            if inode.live:
                inode.refresh()
            start += inode.size
    elif whence != 0:
        raise SyscallError(errno.EINVAL)
    if start > OFFSET_MAX:
        raise SyscallError(errno.EOVERFLOW)
    if start < 0:
        raise SyscallError(errno.EINVAL)
    if length > 0:
        if length - 1 > OFFSET_MAX - start:
            raise SyscallError(errno.EOVERFLOW)
        return start, start + length - 1
    if length < 0:
        if start + length < 0:
            raise SyscallError(errno.EINVAL)
        return start + length, start - 1
    return start, OFFSET_MAX
