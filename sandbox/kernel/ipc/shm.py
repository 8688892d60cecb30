"""Shared memory segments (ipc/shm.c). A segment's pages are a tmpfs file's: a memfd of the sentry once mapped."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.ipc import (
    SHM_DEST,
    SHM_HUGE_MASK,
    SHM_HUGE_SHIFT,
    SHM_HUGETLB,
    SHMALL,
    SHMID64_DS,
    SHMMAX,
    SHMMIN,
    SHMMNI,
)
from sandbox.errors import SyscallError
from sandbox.fs.tmpfs.data import FileData
from sandbox.kernel.ipc.ids import IpcIds, IpcObject
from sandbox.kernel.pid_namespace import number_in
from sandbox.vfs.space import INODE_COST

if TYPE_CHECKING:
    from sandbox.kernel.pid_namespace import Pid, PidNamespace
    from sandbox.kernel.task import Task
    from sandbox.kernel.user_namespace import UserNamespace
    from sandbox.mm.commit import CommitAccount
    from sandbox.vfs.path import Path
    from tcpip.clock import Clock

_HUGE_SIZES: Final = (0, 21, 30)  # log2; 0 is the default size


class ShmSegment(IpcObject):
    """`size` bytes as asked for. It is destroyed when it is marked (SHM_DEST), or its namespace has `rmid_forced`, and no
    area maps it. `creator`: the task that made it, while that lives."""

    __slots__ = (
        "table",
        "size",
        "pages",
        "atime",
        "dtime",
        "cpid",
        "lpid",
        "nattch",
        "data",
        "name",
        "commit",
        "creator",
    )

    def __init__(self, t: Task, table: ShmTable, key: int, size: int, mode: int) -> None:
        super().__init__(t, key, mode)
        self.table = table
        self.size = size
        self.pages = (size + 4095) >> 12
        self.atime = self.dtime = 0
        self.cpid: Pid = t.group.ids
        self.lpid: Pid | None = None
        self.nattch = 0
        self.creator: Task | None = t
        self.name = f"/SYSV{key & 0xFFFFFFFF:08x} (deleted)"
        self.commit: CommitAccount = t.kernel.commit
        self.data = FileData(t.kernel.mounts.vfs.space)
        self.data.truncate(size)

    def mark(self) -> None:
        """IPC_RMID (do_shm_rmid)."""
        if self.nattch:
            self.mode |= SHM_DEST
            self.table.ids.forget_key(self)
        else:
            self.table.destroy(self)

    def resident_pages(self) -> int:
        """Pages that have been touched."""
        return self.data.blocks() // 8

    def pack(self, pids: PidNamespace, user: UserNamespace) -> bytes:
        """struct shmid64_ds, with process numbers as seen from `pids`."""
        return SHMID64_DS.pack(
            self.pack_perm(user),
            self.size,
            self.atime,
            self.dtime,
            self.ctime,
            self.cpid.number_in(pids),
            number_in(self.lpid, pids),
            self.nattch,
        )


class ShmBacking:
    """One attachment and what was split off it or copied by fork: each area counts in `nattch` (shm_open, shm_close)."""

    base = 0
    counted = True
    outside = False
    keepable: object = None
    place: Path | None = None
    device = 1  # the kernel's own shmem mount, 00:01

    def __init__(self, segment: ShmSegment) -> None:
        self.segment = segment
        self.key: object = segment
        self.name = segment.name
        self.inode = segment.id

    def host_fd(self, writable: bool) -> int:
        """The memfd, read-write: who may write was decided by shmat."""
        return self.segment.data.fd

    def acquire(self) -> None:
        """One area more."""
        segment = self.segment
        segment.nattch += 1
        segment.data.account.mapped[segment.data] = None
        segment.atime = segment.table.now()
        segment.lpid = segment.table.actor.ids

    def drop(self) -> None:
        """One area fewer."""
        segment = self.segment
        segment.nattch -= 1
        segment.dtime = segment.table.now()
        segment.lpid = segment.table.actor.ids
        segment.data.blocks()  # pages that were touched are counted
        if not segment.nattch:
            segment.data.account.mapped.pop(segment.data, None)
            if segment.mode & SHM_DEST or segment.table.rmid_forced:
                segment.table.destroy(segment)


class Actor:
    """`ids`: the process on whose behalf areas come and go now. `created`: what tasks that live have made."""

    __slots__ = ("ids", "created")

    def __init__(self) -> None:
        self.ids: Pid | None = None
        self.created: dict[Task, dict[ShmSegment, None]] = {}


class ShmTable:
    """All segments of an IPC namespace; the `actor` is known to all namespaces."""

    def __init__(self, clock: Clock, actor: Actor) -> None:
        self.actor = actor
        self.ids: IpcIds[ShmSegment] = IpcIds()
        self.clock = clock
        self.max_bytes = SHMMAX  # kernel.shmmax
        self.max_pages = SHMALL  # kernel.shmall
        self.max_segments = SHMMNI  # kernel.shmmni
        self.rmid_forced = False  # kernel.shm_rmid_forced
        self.pages = 0

    def now(self) -> int:
        """Seconds of the day's time."""
        return self.clock.realtime_ns() // 1_000_000_000

    def create(self, t: Task, key: int, size: int, flags: int) -> int:
        """A new segment's id (newseg): EINVAL, ENOSPC by the limits, ENOMEM by the sandbox's memory."""
        if not SHMMIN <= size <= self.max_bytes:
            raise SyscallError(errno.EINVAL)
        pages = (size + 4095) >> 12
        if self.pages + pages > self.max_pages:
            raise SyscallError(errno.ENOSPC)
        if size >> 63:
            raise SyscallError(errno.EINVAL)
        if flags & SHM_HUGETLB:  # no huge page is reserved
            known = flags >> SHM_HUGE_SHIFT & SHM_HUGE_MASK in _HUGE_SIZES
            raise SyscallError(errno.ENOMEM if known else errno.EINVAL)
        space = t.kernel.mounts.vfs.space
        if not t.kernel.commit.charge(pages):
            raise SyscallError(errno.ENOMEM)
        try:
            segment = ShmSegment(t, self, key, size, flags)
            ident = self.ids.add(segment, self.max_segments)
        except SyscallError:
            t.kernel.commit.uncharge(pages)
            raise
        space.add_bytes(INODE_COST)
        self.actor.created.setdefault(t, {})[segment] = None
        self.pages += pages
        return ident

    def destroy(self, segment: ShmSegment) -> None:
        """No key, no area: everything is given back (shm_destroy)."""
        creator = segment.creator
        if creator is not None:
            segment.creator = None
            mine = self.actor.created[creator]
            del mine[segment]
            if not mine:
                del self.actor.created[creator]
        self.ids.remove(segment)
        self.pages -= segment.pages
        segment.commit.uncharge(segment.pages)
        segment.data.account.add_bytes(-INODE_COST)
        segment.data.release()

    def force(self, on: bool) -> None:
        """kernel.shm_rmid_forced; with it go all segments whose makers have ended and that nobody maps
        (shm_destroy_orphaned)."""
        self.rmid_forced = on
        for segment in self.ids.ordered() if on else ():
            if segment.creator is None and not segment.nattch:
                self.destroy(segment)


def leave_segments(t: Task) -> None:
    """A task ends, or leaves its IPC namespace: what it has made is an orphan (exit_shm)."""
    for segment in t.kernel.ipc.shm.actor.created.pop(t, ()):
        segment.creator = None
        if segment.table.rmid_forced and not segment.nattch:
            segment.table.destroy(segment)
