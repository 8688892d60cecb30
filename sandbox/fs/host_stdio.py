"""HostFile: an open file over a host descriptor that the launcher gave: a pipe, a socket, a file, /dev/null.

The descriptor's description may be shared with programs outside, so it is never made non-blocking: reads and
writes use RWF_NOWAIT where the host has it for that kind of file, else a look with poll(2) and an amount that
cannot block. Readiness comes through the reactor, armed once for each time that somebody found it not ready.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.fcntl import O_ACCMODE, O_APPEND, O_WRONLY
from sandbox.errors import SyscallError
from sandbox.kernel.broken_pipe import broken_pipe
from sandbox.vfs.anon import next_inode
from sandbox.vfs.file_description import WOULD_BLOCK, FileDescription
from sandbox.vfs.kstat import Kstat
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.reactor import Reactor
    from sandbox.syscalls.args import SyscallArgs

FIONREAD: Final = 0x541B
RWF_APPEND: Final = 0x10
WHENCES: Final = (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END)
SAFE_WRITE: Final = 4096  # what a pipe takes without blocking once poll(2) says POLLOUT
_ANSWERABLE: Final = frozenset((errno.EIO, errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EISDIR, errno.EINVAL))


class HostFile(FileDescription):
    """Owns `fd` and closes it with the last reference. `flags` give the access mode the guest has. It belongs to the user `uid`
    inside, whoever's it is on the host: a container's standard streams are its first user's."""

    own_attributes = True

    def __init__(self, fd: int, flags: int, reactor: Reactor, uid: int = 0) -> None:
        super().__init__(flags)
        self.fd = fd
        self.uid = uid
        self.new_stat: Kstat | None = (
            None  # of a pipe or a socket, once fchmod(2) or its like has changed what guests see
        )
        self.origin = -1  # which of a container's first process's descriptors it is
        self.container = 0  # the number of that container's view
        self._reactor = reactor
        status = os.fstat(fd)
        self._kind = stat.S_IFMT(status.st_mode)
        self._mode = status.st_mode
        self._rdev = status.st_rdev
        self._inode = next_inode()
        self._armed = 0
        self._nowait = True
        self._pollable = self._kind in (stat.S_IFIFO, stat.S_IFSOCK) or os.isatty(fd)

    @property
    def epollable(self) -> bool:
        return self._kind != stat.S_IFREG

    def release(self) -> None:
        if self._armed:
            self._reactor.unwatch(self.fd)
            self._armed = 0
        os.close(self.fd)

    # --- data ---

    def read(self, t: Task, dst: memoryview) -> int:
        try:
            if not self._pollable:
                return os.readv(self.fd, [dst])
            got = self._read_now(dst)
        except OSError as error:
            raise SyscallError(_translate(error)) from None
        if got == WOULD_BLOCK:
            self._arm(select.EPOLLIN)
        return got

    def _read_now(self, dst: memoryview) -> int:
        if self._nowait:
            try:
                return os.preadv(self.fd, [dst], -1, os.RWF_NOWAIT)
            except OSError as error:
                if error.errno == errno.EAGAIN:
                    return WOULD_BLOCK
                if error.errno not in (errno.EOPNOTSUPP, errno.ESPIPE, errno.EINVAL):
                    raise
                self._nowait = False
        if not self._host_poll(select.POLLIN):
            return WOULD_BLOCK
        return os.readv(self.fd, [dst])

    def write(self, t: Task, src: memoryview) -> int:
        try:
            if not self._pollable:
                if self.flags & O_APPEND and self._kind == stat.S_IFREG:
                    return os.pwritev(self.fd, [src], -1, RWF_APPEND)
                return os.write(self.fd, src)
            done = self._write_now(src)
        except BrokenPipeError:
            broken_pipe(t)
        except OSError as error:
            raise SyscallError(_translate(error)) from None
        if done == WOULD_BLOCK:
            self._arm(select.EPOLLOUT)
        return done

    def _write_now(self, src: memoryview) -> int:
        if self._nowait:
            try:
                return os.pwritev(self.fd, [src], -1, os.RWF_NOWAIT)
            except OSError as error:
                if error.errno == errno.EAGAIN:
                    return WOULD_BLOCK
                if error.errno not in (errno.EOPNOTSUPP, errno.ESPIPE, errno.EINVAL):
                    raise
                self._nowait = False
        if not self._host_poll(select.POLLOUT):
            return WOULD_BLOCK
        return os.write(self.fd, src[:SAFE_WRITE])

    def pread(self, t: Task, dst: memoryview, offset: int) -> int:
        try:
            return os.preadv(self.fd, [dst], offset)
        except OSError as error:
            raise SyscallError(_translate(error)) from None

    def pwrite(self, t: Task, src: memoryview, offset: int) -> int:
        try:
            return os.pwrite(self.fd, src, offset)
        except OSError as error:
            raise SyscallError(_translate(error)) from None

    def seek(self, t: Task, offset: int, whence: int) -> int:
        if self._kind != stat.S_IFREG:
            raise SyscallError(errno.ESPIPE)
        try:
            return os.lseek(self.fd, offset, whence)
        except OSError as error:
            raise SyscallError(_translate(error)) from None

    def unread(self, data: memoryview) -> None:
        if self._kind == stat.S_IFREG:
            os.lseek(self.fd, -len(data), os.SEEK_CUR)

    # --- readiness ---

    def _host_poll(self, mask: int) -> int:
        poller = select.poll()
        poller.register(self.fd, mask)
        ready = poller.poll(0)
        return ready[0][1] if ready else 0

    def poll(self, t: Task | None) -> int:
        wanted = EVENT_IN | EVENT_OUT
        if not self._pollable:
            return wanted
        ready = self._host_poll(wanted) & (wanted | EVENT_HUP | EVENT_ERR)
        access = self.flags & O_ACCMODE
        missing = wanted & ~ready
        if access == O_WRONLY:
            missing &= ~EVENT_IN
        elif access == 0:
            missing &= ~EVENT_OUT
        if missing and not ready & (EVENT_HUP | EVENT_ERR):
            self._arm(missing)
        return ready

    def _arm(self, mask: int) -> None:
        """Have the reactor tell once that one of `mask` (epoll bits are poll bits) has come."""
        armed = self._armed | mask
        if armed == self._armed:
            return
        if self._armed:
            self._reactor.change(self.fd, armed)
        else:
            self._reactor.watch(self.fd, armed, self._ready)
        self._armed = armed

    def _ready(self, mask: int) -> None:
        self._reactor.unwatch(self.fd)
        self._armed = 0
        self.queue.notify(mask)

    # --- the rest ---

    def ioctl(self, t: Task, cmd: int, arg: int, a: SyscallArgs) -> Result:
        if cmd == FIONREAD and self._kind in (stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFREG):
            answer = fcntl.ioctl(self.fd, FIONREAD, bytes(4))
            t.copy_out(arg, answer)
            return 0
        raise SyscallError(errno.ENOTTY)

    def stat(self) -> Kstat:
        if self.new_stat is not None:
            return self.new_stat
        now = os.fstat(self.fd)
        shown = 0o666 if self._kind == stat.S_IFIFO else 0o777  # as pipes are, also where an engine made a FIFO
        attributes = Kstat(self._kind | (self._mode & shown), self._inode, uid=self.uid)
        attributes.rdev = self._rdev if self._kind == stat.S_IFCHR else 0
        attributes.size = now.st_size if self._kind == stat.S_IFREG else 0
        attributes.atime = attributes.mtime = attributes.ctime = now.st_mtime_ns
        return attributes

    def to_sync(self) -> int:
        """What is a file on the host; EINVAL."""
        if self._kind != stat.S_IFREG:
            raise SyscallError(errno.EINVAL)
        return self.fd

    def truncate(self, size: int) -> None:
        """ftruncate on the host of what is a file there."""
        self._of_file(os.ftruncate, size)

    def _of_file(self, call: Callable[..., None], *arguments: int) -> None:
        """EINVAL of what is none."""
        if self._kind != stat.S_IFREG:
            raise SyscallError(errno.EINVAL)
        try:
            call(self.fd, *arguments)
        except OSError as error:
            raise SyscallError(_translate(error)) from None

    def set_stat(self, attributes: Kstat) -> None:
        """A pipe or a socket is the sandbox's alone as far as guests see; the attributes of the host's files and devices are not a
        guest's to change."""
        if self._kind not in (stat.S_IFIFO, stat.S_IFSOCK):
            raise SyscallError(errno.EPERM)
        self.new_stat = attributes

    def reopen(self, t: Task, flags: int) -> HostFile:
        """This one: the host's descriptor is all there is. Of a file, one with a place of its own in it (fs/proc/fd.c: opened anew)."""
        if self._kind != stat.S_IFREG:
            return self
        file = HostFileAgain(os.dup(self.fd), self.flags & O_ACCMODE | flags & ~O_ACCMODE, self._reactor, self.uid)
        file.origin, file.container = self.origin, self.container
        return file

    def link_text(self) -> str:
        if self._kind == stat.S_IFIFO:
            return f"pipe:[{self._inode}]"
        if self._kind == stat.S_IFSOCK:
            return f"socket:[{self._inode}]"
        if self._kind == stat.S_IFCHR and self._rdev == os.makedev(1, 3):
            return "/dev/null"
        return f"host:[{self._inode}]"


class HostFileAgain(HostFile):
    """A file of the host's that was opened by /proc/PID/fd: over the same descriptor, and with a position of its own."""

    def __init__(self, fd: int, flags: int, reactor: Reactor, uid: int) -> None:
        super().__init__(fd, flags, reactor, uid)
        self._position = 0

    def read(self, t: Task, dst: memoryview) -> int:
        done = self.pread(t, dst, self._position)
        self._position += done
        return done

    def write(self, t: Task, src: memoryview) -> int:
        if self.flags & O_APPEND:
            self._position = self.stat().size
        done = self.pwrite(t, src, self._position)
        self._position += done
        return done

    def seek(self, t: Task, offset: int, whence: int) -> int:
        start = (0, self._position, self.stat().size)[whence] if whence in WHENCES else -1
        if start < 0 or start + offset < 0:
            raise SyscallError(errno.EINVAL)
        self._position = start + offset
        return self._position

    def unread(self, data: memoryview) -> None:
        self._position -= len(data)


def _translate(error: OSError) -> int:
    """A host errno that a guest may see as it is, EIO for the rest."""
    number = error.errno or errno.EIO
    if number in _ANSWERABLE or number in (errno.ESPIPE, errno.ECONNRESET, errno.ENXIO, errno.EBADF):
        return number
    return errno.EIO
