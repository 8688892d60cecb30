"""An open file description: what a descriptor refers to (open(2), "Open file descriptions").

Every kind of open file derives from `FileDescription` and overrides what it can do; the defaults are
what Linux answers for a file that has no such operation. Each I/O method is *one attempt* that never
blocks: it returns `WOULD_BLOCK` when the object is not ready, and the handler turns that into EAGAIN
or a `Block` on `queue`.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_DIRECT
from sandbox.errors import SyscallError
from sandbox.vfs.poll import NORM
from tcpip.native import mypyc_attr
from tcpip.waiter import EVENT_IN, EVENT_OUT, WaitQueue

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.mm.backing import Backing
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.vfs.epoll import EpollItem
    from sandbox.vfs.fasync import FileOwner
    from sandbox.vfs.kstat import Kstat
    from sandbox.vfs.locks import InodeLocks, OutsideLocks
    from sandbox.vfs.path import Path

WOULD_BLOCK: Final = -errno.EAGAIN


@mypyc_attr(allow_interpreted_subclasses=True)
class FileDescription:
    """`flags` are the O_* status flags and access mode; `pos` the file offset. Reference-counted by fd tables."""

    most_read = 0x8000_0000  # bytes that one read gives; fewer where they cost much
    write_turn = 16 << 20  # bytes that one call writes before others have a turn; fewer where they cost much
    can_read = True  # it has a read operation at all (FMODE_CAN_READ); EINVAL otherwise, before the buffer is looked at
    can_write = True
    positioned = False  # pread(2) and pwrite(2) mean something (FMODE_PREAD); ESPIPE otherwise
    secret = False  # of memfd_secret(2): mappings of it are nobody else's to look at
    nowait = False  # RWF_NOWAIT (FMODE_NOWAIT); EOPNOTSUPP otherwise
    norm = NORM  # those of POLLRDNORM, POLLWRNORM, POLLWRBAND that go along with POLLIN and POLLOUT
    own_attributes = (
        False  # without a `path`: what fchmod(2) and its like may change, not an inode that all of its kind share
    )
    flagged = True  # preadv2(2) takes flags: it has read_iter
    flagged_writes = True  # pwritev2(2) does: it has write_iter
    is_ring = False  # an io_uring
    looks_once = False  # at each byte of what is written: it may lie in memory that a guest can change meanwhile

    def __init__(self, flags: int) -> None:
        self.flags = flags
        self.pos = 0
        self.refs = 0
        self.truncatable = True  # Landlock lets ftruncate(2) through
        self.queue = WaitQueue()  # readiness; regular files never use it
        self.epoll_items: dict[EpollItem, None] | None = None  # the interest lists that name it
        self.owner: FileOwner | None = None  # F_SETOWN, F_SETSIG, O_ASYNC
        self.own_locks: InodeLocks | None = None  # of what has no place in the tree
        self.path: Path | None = None  # where it was opened, pinned; None for what has no place in the tree

    # --- life ---

    def acquire(self) -> None:
        """One more fd table entry, message in flight or call holds it."""
        self.refs += 1

    def drop(self) -> None:
        """The opposite; the last one releases."""
        self.refs -= 1
        if self.refs == 0:
            items = self.epoll_items
            if items is not None:
                self.epoll_items = None
                for item in items:
                    item.file_gone()
            if self.owner is not None:
                self.owner.gone()
            locks = self.held_locks()
            if locks is not None:
                locks.drop_owner(self, self.outside_locks())
                locks.drop_lease(self)
            self.release()
            path = self.path
            if path is not None:
                path.unpin()

    def release(self) -> None:
        """The last reference is gone: give back what it holds."""

    def flush(self, t: Task) -> None:
        """A descriptor for it was closed by `t`: the process's POSIX locks on the file go."""
        locks = self.held_locks()
        if locks is not None:
            locks.drop_owner(t.fds, self.outside_locks())

    def outside_locks(self) -> OutsideLocks | None:
        """Those that others than guests hold on its file; None: nobody else can."""
        path = self.path
        return None if path is None else path.inode.outside_locks()

    def held_locks(self) -> InodeLocks | None:
        """The locks and leases on its file; None: there have been none."""
        path = self.path
        return self.own_locks if path is None else path.inode.locks

    def locks(self) -> InodeLocks:
        """The same, made on first use. What has no place in the tree has its own, for each open description."""
        from sandbox.vfs.locks import InodeLocks, locks_of

        if self.path is not None:
            return locks_of(self.path.inode)
        if self.own_locks is None:
            self.own_locks = InodeLocks()
        return self.own_locks

    # --- data: one attempt each ---

    def check_write(self, t: Task, size: int) -> None:
        """What write(2) answers before it looks at the bytes."""

    @property
    def fault_unit(self) -> int:
        """Bytes, counted from where a read or write begins, that are moved together: none when the guest's memory does not
        take, or give, all of them."""
        return 1

    def read(self, t: Task, dst: memoryview) -> int:
        """Into `dst` from the file's own position (advances it): bytes read, 0 at end, or WOULD_BLOCK."""
        raise SyscallError(errno.EINVAL)

    def write(self, t: Task, src: memoryview) -> int:
        """From `src` (O_APPEND honoured): bytes written, maybe fewer, or WOULD_BLOCK."""
        raise SyscallError(errno.EINVAL)

    def pread(self, t: Task, dst: memoryview, offset: int) -> int:
        """At `offset`, leaving the position alone. ESPIPE where there are no positions."""
        raise SyscallError(errno.ESPIPE)

    def stored(self, offset: int, size: int) -> memoryview | None:
        """What `pread` would give, where it lies in the sentry's memory: a read without a copy. For this call only: the
        contents can't change their length as long as it is there. None: it has to be read."""
        return None

    def pwrite(self, t: Task, src: memoryview, offset: int) -> int:
        """At `offset`, leaving the position alone."""
        raise SyscallError(errno.ESPIPE)

    def seek(self, t: Task, offset: int, whence: int) -> int:
        """lseek(2): the new position."""
        raise SyscallError(errno.ESPIPE)

    @property
    def write_once(self) -> bool:
        """When a write takes fewer bytes than were offered the call is done: one record, or a regular file at its limit."""
        return False

    def queue_for(self, t: Task) -> WaitQueue:
        """What `t` waits on: `queue`, except where readiness depends on who asks (signalfd)."""
        return self.queue

    def read_deadline(self, t: Task, before: int | None) -> int | None:
        """When a read that must wait gives up (SO_RCVTIMEO, VTIME): ns, kernel clock. `before` is the answer
        for an earlier wait of the same call. None: never."""
        return None

    def write_deadline(self, t: Task, before: int | None) -> int | None:
        """The same for a write (SO_SNDTIMEO)."""
        return None

    def read_expired(self) -> int:
        """What a read returns that gave up with nothing."""
        return WOULD_BLOCK

    def unread(self, data: memoryview) -> None:
        """Take back the end of what the last `read` gave: the caller could not store it (EFAULT).
        A stream overrides this and puts it back at its head; messages are lost, as on Linux."""
        self.pos = max(0, self.pos - len(data))

    def poll(self, t: Task | None) -> int:
        """Readiness now, as EVENT_* bits. `queue` is notified whenever it grows."""
        return EVENT_IN | EVENT_OUT

    def check_status_flags(self, t: Task, flags: int) -> None:
        """F_SETFL: `flags` are about to become the status flags; EINVAL for one that the file cannot have: O_DIRECT,
        unless it has direct I/O or packets."""
        if flags & O_DIRECT:
            raise SyscallError(errno.EINVAL)

    def write_fault(self, t: Task, size: int) -> int:
        """What a write of `size` bytes returns of which not even the first could be fetched."""
        return -errno.EFAULT

    def write_sealed(self) -> bool:
        """F_SEAL_WRITE or F_SEAL_FUTURE_WRITE: it is mapped to be read alone."""
        return False

    def add_seals(self, t: Task, seals: int) -> int:
        """F_ADD_SEALS of a memfd."""
        raise SyscallError(errno.EINVAL)

    def get_seals(self, t: Task) -> int:
        """F_GET_SEALS of a memfd."""
        raise SyscallError(errno.EINVAL)

    def ioctl(self, t: Task, cmd: int, arg: int, a: SyscallArgs) -> Result:
        """ioctl(2) except what every file has (FIONBIO, FIOCLEX …)."""
        raise SyscallError(errno.ENOTTY)

    def check_mapping(self, size: int, offset: int) -> None:
        """mmap(2) of so much of it, in whole pages: EINVAL where only certain ranges can be mapped."""

    def backing(self, t: Task, shared: bool, prot: int) -> Backing:
        """What mmap(2) maps. Raises ENODEV where there is nothing to map."""
        raise SyscallError(errno.ENODEV)

    def backing_at(self, t: Task, shared: bool, prot: int, offset: int) -> Backing:
        """The same, where it depends on the offset."""
        return self.backing(t, shared, prot)

    @property
    def epollable(self) -> bool:
        """epoll_ctl(2) accepts it (EPERM otherwise): true for everything but regular files and directories."""
        return True

    @property
    def signals(self) -> bool:
        """O_ASYNC can be had: whoever has poll has that too, but for files that are made when they are read."""
        return self.epollable

    def reopen(self, t: Task, flags: int) -> FileDescription | None:
        """open(2) through /proc/PID/fd/N of a file that has no `path`: another description of the same object
        (or this one, where there is only one); None: ENXIO."""
        return None

    def link_text(self) -> str:
        """What readlink of /proc/PID/fd/N shows: a path, or `pipe:[7]`, `anon_inode:[eventfd]` …"""
        raise NotImplementedError

    def fdinfo(self) -> str:
        """Extra lines of /proc/PID/fdinfo/N."""
        return ""

    def stat(self) -> Kstat:
        """fstat(2) of a file that has no `path`: an anonymous inode, unless overridden (pipes, sockets)."""
        from sandbox.vfs.kstat import Kstat

        return Kstat(0o600)

    def set_stat(self, attributes: Kstat) -> None:
        """From now on these are the attributes of a file with `own_attributes`; EOPNOTSUPP."""
        raise SyscallError(errno.EOPNOTSUPP)

    def to_sync(self) -> int:
        """As an inode's, of a file without a path; EINVAL."""
        raise SyscallError(errno.EINVAL)

    def truncate(self, size: int) -> None:
        """ftruncate(2) of a file without a path that has a size; EINVAL."""
        raise SyscallError(errno.EINVAL)

    # Path-based operations (fstat, getdents, fsync, ftruncate, fallocate, xattrs, locks) work on
    # `path.inode`; see sandbox/vfs/.
