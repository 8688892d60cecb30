"""Locks on files of a volume that others have as well: other sandboxes, and programs of the host (fs/locks.c).

What guests hold among them is in the inode's `InodeLocks`. The sentry holds the same for all of them together on the host: a
flock, and record locks that belong to its open description (F_OFD_SETLK, fcntl(2)), on descriptors that it has anyway. So there
is one order of things: no guest is in the way, then the host is asked, then the lock is entered. The host wakes nobody who does
not block in it: who has to wait tries again after a while.
"""

from __future__ import annotations

import errno
import fcntl
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import F_OFD_GETLK, F_OFD_SETLK, F_UNLCK, F_WRLCK
from sandbox.errors import SyscallError
from sandbox.vfs.locks import (
    FLOCK,
    LOCK_EX,
    LOCK_NB,
    LOCK_SH,
    LOCK_UN,
    OFFSET_MAX,
    OutsideLocks,
    RecordLock,
    held_over,
    pack_flock,
)
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.fs.hostfs.inode import HostInode
    from sandbox.kernel.task import Task
    from sandbox.vfs.locks import InodeLocks
    from tcpip.timers import Timer

_IN_THE_WAY: Final = (errno.EAGAIN, errno.EACCES)
SOON_NS: Final = 5_000_000  # until the first new attempt; twice as long each time
LATE_NS: Final = 160_000_000


class HostLocks(OutsideLocks):
    """Of one file or directory. `record_fd`, `flock_fd`: the description that holds them; -1 while there are none, since the
    inode's descriptors may be closed then."""

    __slots__ = ("inode", "record_fd", "flock_fd", "flocked", "delay", "timer")

    def __init__(self, inode: HostInode) -> None:
        self.inode = inode
        self.record_fd = -1
        self.flock_fd = -1
        self.flocked = LOCK_UN
        self.delay = SOON_NS
        self.timer: Timer | None = None

    # --- record locks ---

    def take(self, locks: InodeLocks, wanted: RecordLock) -> bool:
        """As OutsideLocks'."""
        inode = self.inode
        if wanted.kind == F_WRLCK and self.record_fd != inode.wfd >= 0:
            self._change_records(locks, inode.wfd)
        if self.record_fd < 0:
            self._change_records(locks, inode.wfd if inode.wfd >= 0 else inode.fd)
        taken = False
        try:
            taken = self.record_fd < 0 or self._set(wanted.kind, wanted.start, wanted.end)
        finally:
            if not taken and not locks.held:
                self.record_fd = -1
        return taken

    def changed(self, locks: InodeLocks, start: int, end: int) -> None:
        """As OutsideLocks'. Where the host has no memory to divide a lock, it holds more until the last one goes."""
        if self.record_fd < 0:
            return
        try:
            if locks.held:
                self._give_up(locks, start, end)
            else:
                self._set(F_UNLCK, 0, OFFSET_MAX)
        except SyscallError:
            pass
        if not locks.held:
            self.record_fd = -1

    def _give_up(self, locks: InodeLocks, start: int, end: int) -> None:
        at = start
        for kind, first, last in held_over(locks, start, end):
            if first > at:
                self._set(F_UNLCK, at, first - 1)
            self._set(kind, first, last)
            at = last + 1
        if at <= end:
            self._set(F_UNLCK, at, end)

    def blocker(self, wanted: RecordLock) -> tuple[int, int, int, int] | None:
        """As OutsideLocks'."""
        fd = self.record_fd if self.record_fd >= 0 else max(self.inode.fd, self.inode.wfd)
        if fd < 0:
            return None
        try:
            found = fcntl.fcntl(fd, F_OFD_GETLK, pack_flock(wanted.kind, wanted.start, wanted.end))
        except OSError:
            return None  # a file system without them
        kind, _, start, size, pid = FLOCK.unpack(found)
        if kind == F_UNLCK:
            return None
        return kind, start, start + size - 1 if size else OFFSET_MAX, -1 if pid < 0 else 0

    def _change_records(self, locks: InodeLocks, fd: int) -> None:
        """Those that there are belong to another description from now on: locks to write with need one that writes. All there
        are are to read with, if any: they are held by both for a moment, and nobody comes between. ENOLCK: nothing has changed."""
        before, self.record_fd = self.record_fd, fd
        try:
            for kind, first, last in held_over(locks, 0, OFFSET_MAX) if fd >= 0 else ():
                self._set(kind, first, last)
        except SyscallError:
            self._set(F_UNLCK, 0, OFFSET_MAX)
            self.record_fd = before
            raise
        if before >= 0:
            self.record_fd = before
            self._set(F_UNLCK, 0, OFFSET_MAX)
            self.record_fd = fd

    def _set(self, kind: int, start: int, end: int) -> bool:
        """False: somebody is in the way. ENOLCK. Where the host's file system has no locks nobody is."""
        try:
            fcntl.fcntl(self.record_fd, F_OFD_SETLK, pack_flock(kind, start, end))
        except OSError as error:
            if error.errno == errno.ENOLCK:
                raise SyscallError(errno.ENOLCK) from None
            return error.errno not in _IN_THE_WAY
        self.delay = SOON_NS
        return True

    # --- flock ---

    def flock(self, locks: InodeLocks) -> bool:
        """As OutsideLocks'."""
        kinds = locks.flocks.values()
        wanted = LOCK_EX if LOCK_EX in kinds else LOCK_SH if kinds else LOCK_UN
        if wanted == self.flocked:
            return True
        if self.flock_fd < 0:
            inode = self.inode
            self.flock_fd = inode.dir_fd() if inode.is_dir() else inode.fd if inode.fd >= 0 else inode.wfd
        if self.flock_fd < 0:
            return True  # nothing of the host's is behind it
        try:
            fcntl.flock(self.flock_fd, wanted | LOCK_NB)
        except OSError as error:
            if error.errno in _IN_THE_WAY:
                self.flocked = LOCK_UN  # what there was is given up
                self.flock_fd = -1
                return False
        self.flocked = wanted
        self.delay = SOON_NS
        if wanted == LOCK_UN:
            self.flock_fd = -1
        return True

    # --- both ---

    def resume(self, locks: InodeLocks) -> None:
        """Hold on this host what guests held on another one, or before; what somebody has taken since is not held."""
        inode = self.inode
        try:
            if inode.writers:
                inode.writer()
            elif not inode.is_dir():
                inode.reader()
        except SyscallError:
            return  # it is not there any more
        if locks.held:
            self._change_records(locks, inode.wfd if inode.wfd >= 0 else inode.fd)
        self.flock(locks)

    def try_later(self, t: Task, locks: InodeLocks) -> None:
        """As OutsideLocks'."""
        if self.timer is None:
            self.timer = t.kernel.timers.timer(lambda: locks.queue.notify(EVENT_IN))
        if self.timer.deadline is None:
            self.timer.arm(t.kernel.clock.now_ns() + self.delay)
            self.delay = min(self.delay * 2, LATE_NS)
