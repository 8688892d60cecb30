"""Looking into other processes: process_vm_readv(2), process_vm_writev(2), kcmp(2)."""

from __future__ import annotations

import errno
import struct
from typing import Final

from sandbox.errors import SyscallError
from sandbox.kernel.control import AGAIN, TURN_NS, Result
from sandbox.kernel.task import IOV_MAX, Task
from sandbox.platform.base import AddressSpace, MemoryFault
from sandbox.ptrace.access import may_inspect
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.row import FULL, Arg, Row
from sandbox.vfs.epoll import EventPoll
from sandbox.vfs.secretmem import open_part

KCMP_FILE: Final = 0
KCMP_VM: Final = 1
KCMP_FILES: Final = 2
KCMP_FS: Final = 3
KCMP_SIGHAND: Final = 4
KCMP_IO: Final = 5
KCMP_SYSVSEM: Final = 6
KCMP_EPOLL_TFD: Final = 7
_SLOT: Final = struct.Struct("<III")  # struct kcmp_epoll_slot: efd, tfd, toff

Ranges = list[tuple[int, int]]


def _remote_iovec(t: Task, addr: int, count: int) -> Ranges:
    """The ranges in the other process, unchecked."""
    if count > IOV_MAX:
        raise SyscallError(errno.EINVAL)
    out: Ranges = []
    for base, size in struct.iter_unpack("<QQ", t.copy_in(addr, 16 * count)):
        if size >> 63:
            raise SyscallError(errno.EINVAL)
        out.append((base, size))
    return out


class Transfer:
    """What is left of one call: from `source` with its ranges to `sink` with its own; `target` is whose memory it is."""

    __slots__ = ("target", "source", "read", "sink", "write", "done")

    def __init__(self, target: Task, source: AddressSpace, read: Ranges, sink: AddressSpace, write: Ranges) -> None:
        self.target = target
        self.source = source
        self.read = [part for part in read if part[1]]
        self.sink = sink
        self.write = [part for part in write if part[1]]
        self.done = 0

    def some(self, t: Task) -> bool:
        """Move as much as others may wait for. False: one side has ended, or a page is missing."""
        scratch, clock = t.kernel.scratch, t.kernel.clock
        until = clock.now_ns() + TURN_NS
        while self.read and self.write:
            (read_at, have), (write_at, room) = self.read[0], self.write[0]
            size = min(have, room, len(scratch))
            got, failed = size, False
            try:
                self.source.read_into(read_at, scratch[:size])
            except MemoryFault as fault:
                got, failed = fault.done, True
            try:
                self.sink.write(write_at, scratch[:got])
            except MemoryFault as fault:
                got, failed = fault.done, True
            self.done += got
            if failed:
                return False
            self.read[0:1] = [(read_at + got, have - got)] if have > got else []
            self.write[0:1] = [(write_at + got, room - got)] if room > got else []
            if clock.now_ns() > until:
                return True
        return False


def _transfer(t: Task, a: SyscallArgs, writing: bool) -> Result:
    """mm/process_vm_access.c: process_vm_rw. A fault ends the call with what was moved before it."""
    transfer = a.state
    if not isinstance(transfer, Transfer):
        begun = _begin(t, a, writing)
        if not isinstance(begun, Transfer):
            return begun
        transfer = begun
    if transfer.target.mm is not None and transfer.some(t):
        a.state = transfer
        return AGAIN
    return transfer.done or -errno.EFAULT


def _begin(t: Task, a: SyscallArgs, writing: bool) -> int | Transfer:
    """The result where there is nothing to move."""
    if a.ulong(5):
        return -errno.EINVAL
    local_count, remote_count = a.ulong(2), a.ulong(4)
    if local_count > IOV_MAX:
        return -errno.EINVAL
    local = t.copy_in_iovec(a.addr(1), local_count)
    remote = _remote_iovec(t, a.addr(3), remote_count)
    if not any(size for _, size in local) or not any(size for _, size in remote):
        return 0
    target = t.pids.tasks.get(a.int(0))
    if target is None:
        return -errno.ESRCH
    if not may_inspect(t, target):
        return -errno.EPERM
    if target.mm is None:
        return -errno.ESRCH
    there = _open(target, remote)
    if writing:
        return Transfer(target, t.space, local, target.space, there)
    return Transfer(target, target.space, there, t.space, local)


def _open(target: Task, ranges: Ranges) -> Ranges:
    """Up to the first secret memory."""
    out: Ranges = []
    for address, size in ranges:
        part = open_part(target.mm, address, size)
        out.append((address, part))
        if part < size:
            break
    return out


def sys_process_vm_readv(t: Task, a: SyscallArgs) -> Result:
    """process_vm_readv(2)."""
    return _transfer(t, a, False)


def sys_process_vm_writev(t: Task, a: SyscallArgs) -> Result:
    """process_vm_writev(2)."""
    return _transfer(t, a, True)


def sys_kcmp(t: Task, a: SyscallArgs) -> Result:
    """kcmp(2): 0 the same, 1 or 2 an order that means nothing but is stable."""
    one, two = t.pids.tasks.get(a.int(0)), t.pids.tasks.get(a.int(1))
    if one is None or two is None:
        return -errno.ESRCH
    if not may_inspect(t, one) or not may_inspect(t, two):
        return -errno.EPERM
    kind = a.int(2)
    if kind == KCMP_FILE:
        first, second = one.fds.find(a.int(3)), two.fds.find(a.int(4))
        if first is None or second is None:
            return -errno.EBADF
        return _order(first, second)
    if kind == KCMP_VM:
        return _order(one.mm, two.mm)
    if kind == KCMP_FILES:
        return _order(one.fds, two.fds)
    if kind == KCMP_FS:
        return _order(one.fs, two.fs)
    if kind == KCMP_SIGHAND:
        return _order(one.group.sighand, two.group.sighand)
    if kind == KCMP_SYSVSEM:
        return _order(one.sem_undo, two.sem_undo)
    if kind == KCMP_IO:  # an I/O context of its own has who was given a priority
        return _order(one, two) if one.ioprio or two.ioprio else 0
    return _kcmp_watched(t, one, two, a) if kind == KCMP_EPOLL_TFD else -errno.EINVAL


def _kcmp_watched(t: Task, one: Task, two: Task, a: SyscallArgs) -> int:
    """A file of `one`, and one that an interest list of `two` has: EFAULT, EBADF, EINVAL, ENOENT (kcmp_epoll_target)."""
    list_fd, fd, which = _SLOT.unpack(t.copy_in(a.addr(4), _SLOT.size))
    file, watcher = one.fds.find(a.uint(3)), two.fds.find(list_fd)
    if file is None or watcher is None:
        return -errno.EBADF
    if not isinstance(watcher, EventPoll):
        return -errno.EINVAL
    watched = watcher.watched(fd)
    return _order(file, watched[which]) if which < len(watched) else -errno.ENOENT


def _order(one: object, two: object) -> int:
    return 0 if one is two else 1 if id(one) < id(two) else 2


_COPY_ARGS: Final = (Arg.PID, Arg.ADDR, Arg.SIZE, Arg.ADDR, Arg.SIZE, Arg.HEX)

ROWS: Final[tuple[Row, ...]] = (
    Row(310, "process_vm_readv", sys_process_vm_readv, FULL, _COPY_ARGS),
    Row(311, "process_vm_writev", sys_process_vm_writev, FULL, _COPY_ARGS),
    Row(312, "kcmp", sys_kcmp, FULL, (Arg.PID, Arg.PID, Arg.INT, Arg.FD, Arg.FD)),
)
