"""File locks: flock(2), POSIX and open-file-description record locks (fs/locks.c).

A POSIX lock belongs to a descriptor table (`t.fds`), an OFD lock and a flock to an open file
description. All of an inode's locks are in its `InodeLocks`; who waits is on `queue`, and every
unlock wakes all waiters, which try again in their order.
"""

from __future__ import annotations

import errno
import struct
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import F_RDLCK, F_UNLCK, F_WRLCK
from sandbox.errors import SyscallError
from tcpip.waiter import EVENT_IN, WaitQueue

if TYPE_CHECKING:
    from sandbox.kernel.pid_namespace import Pid
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.inode import Inode

FLOCK: Final = struct.Struct("<hh4xqqi4x")  # struct flock: l_type, l_whence, l_start, l_len, l_pid
OFFSET_MAX: Final = (1 << 63) - 1
MAX_LOCKS: Final = 4096  # records of one inode

LOCK_SH: Final = 1
LOCK_EX: Final = 2
LOCK_NB: Final = 4
LOCK_UN: Final = 8
LOCK_MAND: Final = 32


class RecordLock:
    """[start, end], both included. `owner`: a descriptor table or a description; `ids`: whose it is, for F_GETLK (None: OFD)."""

    __slots__ = ("owner", "kind", "start", "end", "ids")

    def __init__(self, owner: object, kind: int, start: int, end: int, ids: Pid | None) -> None:
        self.owner = owner
        self.kind = kind
        self.start = start
        self.end = end
        self.ids = ids

    def conflicts(self, other: RecordLock) -> bool:
        """Both can't be held."""
        return (
            self.owner is not other.owner
            and (self.kind == F_WRLCK or other.kind == F_WRLCK)
            and self.start <= other.end
            and other.start <= self.end
        )


class Lease:
    """`kind`: F_RDLCK or F_WRLCK. `wanted`: what it has to become (the same while nobody minds), by `break_at` (ns; 0: no
    such time)."""

    __slots__ = ("kind", "wanted", "break_at")

    def __init__(self, kind: int) -> None:
        self.kind = kind
        self.wanted = kind
        self.break_at = 0


class InodeLocks:
    """The locks and leases on one inode, and how long its data are expected to live (F_SET_RW_HINT)."""

    __slots__ = ("records", "held", "flocks", "queue", "leases", "life")

    def __init__(self) -> None:
        self.leases: dict[FileDescription, Lease] = {}
        self.life = 0
        self.records: dict[object, list[RecordLock]] = {}  # of each owner, in order, none over another
        self.held = 0
        self.flocks: dict[object, int] = {}  # description -> LOCK_SH or LOCK_EX
        self.queue = WaitQueue()

    # --- record locks ---

    def conflict(self, wanted: RecordLock) -> RecordLock | None:
        """The first held lock that is in the way: owners in the order in which they came, then by offset."""
        if wanted.owner in self.records and len(self.records) == 1:
            return None
        for mine in self.records.values():
            n = bisect_left(mine, wanted.start, key=_start_of)
            if n and mine[n - 1].end >= wanted.start:
                n -= 1
            while n < len(mine) and mine[n].start <= wanted.end:
                if mine[n].conflicts(wanted):
                    return mine[n]
                n += 1
        return None

    def own(self, wanted: RecordLock) -> RecordLock | None:
        """The first lock of the same owner over some of the range: F_OFD_GETLK with F_UNLCK asks for it."""
        mine = self.records.get(wanted.owner, ())
        return next((held for held in mine if held.start <= wanted.end and wanted.start <= held.end), None)

    def set(self, new: RecordLock) -> None:
        """Enter a lock that has no conflict, or unlock a range (F_UNLCK); merges and splits the owner's own.
        ENOLCK at the bound."""
        owner = new.owner
        mine = self.records.get(owner)
        if mine is None:
            mine = []
        start, end = new.start, new.end
        first = bisect_left(mine, start, key=_start_of)
        if first and mine[first - 1].end >= start - 1:
            first -= 1
        last = bisect_right(mine, end + 1, key=_start_of)
        kept: list[RecordLock] = []
        for held in mine[first:last]:
            if held.kind == new.kind:
                start, end = min(start, held.start), max(end, held.end)
            elif held.end < new.start or held.start > new.end:
                kept.append(held)
            else:
                if held.start < new.start:
                    kept.append(RecordLock(owner, held.kind, held.start, new.start - 1, held.ids))
                if held.end > new.end:
                    kept.append(RecordLock(owner, held.kind, new.end + 1, held.end, held.ids))
        if new.kind != F_UNLCK:
            kept.append(RecordLock(owner, new.kind, start, end, new.ids))
        more = len(kept) - (last - first)
        if more > 0 and self.held + more > MAX_LOCKS:
            raise SyscallError(errno.ENOLCK)
        kept.sort(key=_start_of)
        mine[first:last] = kept
        self.held += more
        if not mine:
            self.records.pop(owner, None)
        else:
            self.records[owner] = mine
        if first < last:  # else nothing was given up
            self.queue.notify(EVENT_IN)

    # --- flock ---

    def flock(self, owner: object, kind: int) -> bool:
        """Take, change or give up (LOCK_UN) a flock; False when another holds it. A change that must wait has
        given up the old lock, as Linux does."""
        held = self.flocks.get(owner)
        if kind == LOCK_UN:
            if held is not None:
                del self.flocks[owner]
                self.queue.notify(EVENT_IN)
            return True
        if held == kind:
            return True
        if held is not None:
            del self.flocks[owner]
            self.queue.notify(EVENT_IN)
        if kind == LOCK_EX:
            if self.flocks:
                return False
        elif LOCK_EX in self.flocks.values():
            return False
        self.flocks[owner] = kind
        return True

    def take_back(self, owner: object) -> None:
        """A flock that was granted a moment ago is not held: nobody has waited for it."""
        self.flocks.pop(owner, None)

    def drop_lease(self, file: FileDescription) -> bool:
        """It is given up; False: there was none."""
        if self.leases.pop(file, None) is None:
            return False
        self.queue.notify(EVENT_IN)
        return True

    def drop_owner(self, owner: object, outside: OutsideLocks | None) -> None:
        """A descriptor table closed the file, or a description is gone."""
        mine = self.records.pop(owner, None)
        if mine is not None:
            self.held -= len(mine)
            if outside is not None:
                for lock in mine:
                    outside.changed(self, lock.start, lock.end)
            self.queue.notify(EVENT_IN)
        if owner in self.flocks:
            del self.flocks[owner]
            if outside is not None:
                outside.flock(self)
            self.queue.notify(EVENT_IN)


def _start_of(lock: RecordLock) -> int:
    return lock.start


def held_over(locks: InodeLocks, start: int, end: int) -> list[tuple[int, int, int]]:
    """What all owners together hold of [start, end]: kind, first, last, in order, none over another."""
    found: list[tuple[int, int, int]] = []
    for mine in locks.records.values():
        n = bisect_left(mine, start, key=_start_of)
        if n and mine[n - 1].end >= start:
            n -= 1
        while n < len(mine) and mine[n].start <= end:
            found.append((max(mine[n].start, start), min(mine[n].end, end), mine[n].kind))
            n += 1
    found.sort()
    out: list[tuple[int, int, int]] = []
    for first, last, kind in found:
        if out and out[-1][0] == kind and first <= out[-1][2] + 1:
            out[-1] = (kind, out[-1][1], max(last, out[-1][2]))
        else:
            out.append((kind, first, last))
    return out


class OutsideLocks:
    """Locks on the same file that others than the guests hold, and to whom those of the guests are shown. `locks` are
    the guests'."""

    __slots__ = ()

    def take(self, locks: InodeLocks, wanted: RecordLock) -> bool:
        """No guest is in the way of `wanted`, which is not held yet: it is held against the others. False: one of them is in
        the way."""
        raise NotImplementedError

    def changed(self, locks: InodeLocks, start: int, end: int) -> None:
        """Guests have given something up in the range."""
        raise NotImplementedError

    def blocker(self, wanted: RecordLock) -> tuple[int, int, int, int] | None:
        """Who of the others is in the way: kind, first, last, and the process as F_GETLK calls it."""
        raise NotImplementedError

    def flock(self, locks: InodeLocks) -> bool:
        """Hold what guests hold. False: one of the others is in the way; nothing is held now."""
        raise NotImplementedError

    def try_later(self, t: Task, locks: InodeLocks) -> None:
        """Wake all waiters after a while."""
        raise NotImplementedError


def locks_of(inode: Inode) -> InodeLocks:
    """The inode's locks, made on first use."""
    locks = inode.locks
    if locks is None:
        locks = inode.locks = InodeLocks()
    return locks


class DeadlockGraph:
    """Which owner of POSIX locks waits for which, over all inodes (fs/locks.c: posix_locks_deadlock)."""

    __slots__ = ("edges",)

    def __init__(self) -> None:
        self.edges: dict[object, object] = {}

    def would_deadlock(self, waiter: object, holder: object) -> bool:
        """Waiting for `holder` would close a circle."""
        at: object | None = holder
        for _ in range(16):
            if at is waiter:
                return True
            at = self.edges.get(at)
            if at is None:
                return False
        return False


def pack_flock(kind: int, start: int, end: int, pid: int = 0) -> bytes:
    """struct flock of [start, end], both included."""
    return FLOCK.pack(kind, 0, start, 0 if end == OFFSET_MAX else end - start + 1, pid)


def kind_allowed(kind: int) -> bool:
    """F_RDLCK, F_WRLCK or F_UNLCK."""
    return kind in (F_RDLCK, F_WRLCK, F_UNLCK)
