"""shmget(2), shmat(2), shmdt(2), shmctl(2) (ipc/shm.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_IPC_LOCK
from sandbox.abi.linux.ipc import (
    IPC_INFO,
    IPC_RMID,
    IPC_SET,
    IPC_STAT,
    SHM_INFO,
    SHM_INFO_STRUCT,
    SHM_LOCK,
    SHM_LOCKED,
    SHM_STAT,
    SHM_STAT_ANY,
    SHM_UNLOCK,
    SHMID64_DS,
    SHMINFO64,
    SHMMIN,
)
from sandbox.errors import SyscallError
from sandbox.kernel.ipc.ids import ipc_get
from sandbox.kernel.rlimits import RLIMIT_MEMLOCK
from sandbox.mm import op_shm
from sandbox.syscalls.linux.sys_mmap import memory
from sandbox.syscalls.row import FULL, PARTIAL, Arg, Row

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.ipc.shm import ShmSegment
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs


def sys_shmget(t: Task, a: SyscallArgs) -> Result:
    """shmget(2)."""
    table = t.ns.ipc.shm
    key, size, flags = a.int(0), a.size(1), a.int(2)

    def check(segment: ShmSegment) -> None:
        if segment.size < size:
            raise SyscallError(errno.EINVAL)

    return ipc_get(t, table.ids, key, flags, lambda: table.create(t, key, size, flags), check)


def sys_shmat(t: Task, a: SyscallArgs) -> Result:
    """shmat(2)."""
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    return op_shm.attach(t, mm, t.ns.ipc.shm, a.int(0), a.addr(1), a.int(2))


def sys_shmdt(t: Task, a: SyscallArgs) -> Result:
    """shmdt(2)."""
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    return op_shm.detach(mm, a.addr(0))


def sys_shmctl(t: Task, a: SyscallArgs) -> Result:
    """shmctl(2)."""
    ident, command, address = a.int(0), a.int(1), a.addr(2)
    if command < 0 or ident < 0:
        return -errno.EINVAL
    ids = t.ns.ipc.shm.ids
    if command in (IPC_INFO, SHM_INFO):
        return _info(t, command, address)
    if command in (IPC_STAT, SHM_STAT, SHM_STAT_ANY):
        segment = ids.get(ident) if command == IPC_STAT else ids.at(ident)
        if command != SHM_STAT_ANY:
            segment.check(t, 0o444)
        t.copy_out(address, segment.pack(t.pids, t.creds.user))
        return 0 if command == IPC_STAT else segment.id
    if command == IPC_SET:
        perm = SHMID64_DS.unpack(t.copy_in(address, SHMID64_DS.size))[0]
        segment = ids.get(ident)
        segment.check_owner(t)
        segment.update(t, perm)
        return 0
    if command == IPC_RMID:
        segment = ids.get(ident)
        segment.check_owner(t)
        segment.mark()
        return 0
    if command in (SHM_LOCK, SHM_UNLOCK):
        return _lock(t, ids.get(ident), command)
    return -errno.EINVAL


def _info(t: Task, command: int, address: int) -> int:
    """The limits, or what is in use; the highest index."""
    table = t.ns.ipc.shm
    segments = table.ids.objects
    if command == IPC_INFO:
        limits = SHMINFO64.pack(table.max_bytes, SHMMIN, table.max_segments, table.max_segments, table.max_pages)
        t.copy_out(address, limits)
    else:
        resident = sum(segment.resident_pages() for segment in segments.values())
        t.copy_out(address, SHM_INFO_STRUCT.pack(len(segments), table.pages, resident, 0, 0, 0))
    return table.ids.highest()


def _lock(t: Task, segment: ShmSegment, command: int) -> int:
    """SHM_LOCK, SHM_UNLOCK: nothing is ever swapped out, so only the mode tells (shmctl_do_lock)."""
    limit = t.group.rlimits.get(RLIMIT_MEMLOCK)
    if not t.creds.has_in(t.ns.ipc.user, CAP_IPC_LOCK):
        if t.creds.euid not in (segment.uid, segment.cuid) or (command == SHM_LOCK and not limit):
            return -errno.EPERM
        if command == SHM_LOCK and not segment.mode & SHM_LOCKED and segment.pages > limit >> 12:
            return -errno.ENOMEM
    if command == SHM_LOCK:
        segment.mode |= SHM_LOCKED
    else:
        segment.mode &= ~SHM_LOCKED
    return 0


ROWS: Final[tuple[Row, ...]] = (
    Row(
        29,
        "shmget",
        sys_shmget,
        PARTIAL,
        (Arg.HEX, Arg.SIZE, Arg.OCT),
        "no huge page is reserved: SHM_HUGETLB answers ENOMEM; SHM_NORESERVE reserves all the same",
    ),
    Row(30, "shmat", sys_shmat, FULL, (Arg.INT, Arg.ADDR, Arg.OCT)),
    Row(31, "shmctl", sys_shmctl, FULL, (Arg.INT, Arg.INT, Arg.ADDR)),
    Row(67, "shmdt", sys_shmdt, FULL, (Arg.ADDR,)),
)
