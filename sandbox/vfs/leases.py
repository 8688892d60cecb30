"""File leases: F_SETLEASE, F_GETLEASE, and the wait of who opens or truncates a leased file (fs/locks.c).

A lease belongs to an open file description. Who would violate it has its owner told (SIGIO, or F_SETSIG) and waits
until the lease is given up, weakened to a read lease where that suffices, or `BREAK_NS` have passed.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_LEASE
from sandbox.abi.linux.fcntl import F_OWNER_PID, F_RDLCK, F_UNLCK, F_WRLCK, O_ACCMODE, O_NONBLOCK, O_RDONLY
from sandbox.errors import SyscallError
from sandbox.kernel.control import Block
from sandbox.vfs.fasync import owner_of
from sandbox.vfs.locks import InodeLocks, Lease
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.inode import Inode

BREAK_NS: Final = 45_000_000_000  # /proc/sys/fs/lease-break-time


def set_lease(t: Task, file: FileDescription, fd: int, kind: int) -> int:
    """F_SETLEASE. EACCES: another's file, without CAP_LEASE; EAGAIN: it is open in a way that would violate the lease,
    another lease is in the way, or there is none to give up; EINVAL."""
    if kind not in (F_RDLCK, F_WRLCK, F_UNLCK):
        raise SyscallError(errno.EINVAL)
    path = file.path
    if path is None:
        raise SyscallError(errno.EINVAL)
    inode = path.inode
    if t.creds.fsuid != inode.uid and not t.creds.has(CAP_LEASE):
        raise SyscallError(errno.EACCES)
    if not inode.is_regular():
        raise SyscallError(errno.EINVAL)
    if kind == F_UNLCK:
        if inode.locks is None or not inode.locks.drop_lease(file):
            raise SyscallError(errno.EAGAIN)
        if file.owner is not None:  # lease_modify
            file.owner.ids = None
            file.owner.signo = 0
        return 0
    if inode.writers if kind == F_RDLCK else not _is_only(file, inode):
        raise SyscallError(errno.EAGAIN)
    locks = file.locks()
    for holder, lease in locks.leases.items():
        if holder is not file and (kind == F_WRLCK or lease.kind == F_WRLCK or lease.wanted == F_UNLCK):
            raise SyscallError(errno.EAGAIN)
    lease = locks.leases.setdefault(file, Lease(kind))
    lease.kind = kind
    if lease.wanted != F_UNLCK and (kind == F_RDLCK or not lease.break_at):
        lease.wanted, lease.break_at = kind, 0
    locks.queue.notify(EVENT_IN)
    owner = owner_of(t, file)
    if owner.ids is None:
        owner.set(t, F_OWNER_PID, t.group.pid)
    owner.fd = fd
    return 0


def _is_only(file: FileDescription, inode: Inode) -> bool:
    """Whether nobody else has it open or runs it (check_conflicting_open)."""
    writes = file.flags & O_ACCMODE != O_RDONLY
    readers = inode.opens - inode.unseen - inode.writers
    return inode.writers == writes and readers == (not writes) and not inode.runs


def get_lease(t: Task, file: FileDescription) -> int:
    """F_GETLEASE: what is held, or what it has to become while it is being broken."""
    locks = file.held_locks()
    if locks is None:
        return F_UNLCK
    _expire(locks, t.kernel.clock.now_ns())
    lease = locks.leases.get(file)
    return lease.wanted if lease is not None else F_UNLCK


def _expire(locks: InodeLocks, now: int) -> None:
    """Whoever did not give way in time has lost the lease, or what was too much of it."""
    for file, lease in list(locks.leases.items()):
        if lease.break_at and now >= lease.break_at:
            if lease.wanted == F_UNLCK:
                del locks.leases[file]
            else:
                locks.leases[file] = Lease(lease.wanted)


def break_leases(t: Task, inode: Inode, writing: bool, flags: int) -> Block | None:
    """Somebody is about to open or truncate it: wait, or None. EAGAIN with O_NONBLOCK in `flags`."""
    locks = inode.locks
    if locks is None or not locks.leases:
        return None
    now = t.kernel.clock.now_ns()
    _expire(locks, now)
    in_way = [(file, lease) for file, lease in locks.leases.items() if writing or lease.kind == F_WRLCK]
    if not in_way:
        return None
    wanted = F_UNLCK if writing else F_RDLCK
    for file, lease in in_way:
        told = lease.wanted == F_UNLCK or (not writing and lease.wanted != lease.kind)
        if told:
            continue
        lease.wanted = wanted
        lease.break_at = now + BREAK_NS
        if file.owner is not None:
            file.owner.lease_broken()
    if flags & O_NONBLOCK:
        raise SyscallError(errno.EAGAIN)
    return Block(((locks.queue, EVENT_IN),), min(lease.break_at for _, lease in in_way))
