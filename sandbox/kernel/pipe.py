"""Pipes and FIFOs (pipe(7), fs/pipe.c).

Capacity is counted in page slots as Linux counts it: a write takes whole slots except where its odd end fits
into the last slot in use. So what fills a pipe, and when poll(2) says POLLOUT, is the same as there, and a
write of at most PIPE_BUF bytes is taken whole or not at all.
"""

from __future__ import annotations

import errno
from collections import deque
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYS_RESOURCE
from sandbox.abi.linux.fcntl import O_ACCMODE, O_DIRECT, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY
from sandbox.abi.linux.stat import S_IFIFO
from sandbox.errors import SyscallError
from sandbox.kernel.broken_pipe import broken_pipe
from sandbox.kernel.control import Block, Result
from sandbox.kernel.settings import PIPE_MAX_SIZE
from sandbox.vfs.anon import next_inode
from sandbox.vfs.file_description import WOULD_BLOCK, FileDescription
from sandbox.vfs.kstat import PIPE_DEV, Kstat
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT, WaitQueue

if TYPE_CHECKING:
    from sandbox.kernel.pipe_pages import PipePages
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.locks import InodeLocks
    from sandbox.vfs.path import Path

PAGE: Final = 4096
PAGE_MASK: Final = 4095
FIONREAD: Final = 0x541B


class _Segment:
    """Bytes of one or more writes; `pos` of them have been read. A `packet` is read alone."""

    __slots__ = ("data", "pos", "packet")

    def __init__(self, data: bytearray, packet: bool) -> None:
        self.data = data
        self.pos = 0
        self.packet = packet

    def slots(self) -> int:
        """Pages still in use."""
        return ((len(self.data) + PAGE_MASK) >> 12) - (self.pos >> 12)


class Pipe:
    """The buffer. `readers` and `writers` count open descriptions; `queue` is theirs all. Its slots are
    charged to `pages` while it has readers or writers."""

    __slots__ = (
        "_segments",
        "_pages",
        "used",
        "slots",
        "size",
        "readers",
        "writers",
        "reads_opened",
        "writes_opened",
        "queue",
        "new_stat",
        "locks",
    )

    def __init__(self, pages: PipePages) -> None:
        self._segments: deque[_Segment] = deque()
        self._pages = pages
        self.used = 0  # slots in use
        self.slots = pages.take()
        self.size = 0  # bytes held
        self.readers = 0
        self.writers = 0
        self.reads_opened = 0  # how often a reader has come: what a FIFO's open waits for
        self.writes_opened = 0
        self.queue = WaitQueue()
        self.locks: InodeLocks | None = None  # of both ends, too
        self.new_stat: Kstat | None = None  # attributes of both ends, once fchmod(2) or its like has changed them

    def closed(self) -> None:
        """An end was closed: with the last one the contents go (a FIFO's next opener starts anew)."""
        if self.readers or self.writers:
            return
        self._segments.clear()
        self.used = self.size = 0
        self._pages.count -= self.slots
        self.slots = 0

    def reopened(self) -> None:
        """A FIFO that nobody had open; ENFILE."""
        if not self.slots:
            self.slots = self._pages.take()

    def put(self, src: memoryview, packet: bool) -> int:
        """Bytes taken, 0 when there is no slot."""
        size = len(src)
        segments = self._segments
        if size <= PAGE and not segments:
            segments.append(_Segment(bytearray(src), packet))
            self.used = 1
            self.size = size
            return size
        done = 0
        odd = size & PAGE_MASK
        if odd and segments and not packet:
            last = segments[-1]
            tail = len(last.data) & PAGE_MASK
            if tail and not last.packet and tail + odd <= PAGE:
                last.data += src[:odd]
                done = odd
        left = size - done
        if left:
            room = (self.slots - self.used) << 12
            if room <= 0:
                left = 0
            elif left > room:
                left = room
            if left:
                if packet and left > PAGE:
                    left = PAGE
                segments.append(_Segment(bytearray(src[done : done + left]), packet))
                self.used += (left + PAGE_MASK) >> 12
                done += left
        self.size += done
        return done

    def get(self, dst: memoryview) -> int:
        """Move bytes out: how many. A packet ends the read and what did not fit of it is lost."""
        done, size = 0, len(dst)
        segments = self._segments
        if len(segments) == 1 and size >= self.size:
            segment = segments.popleft()
            done = self.size
            dst[:done] = segment.data if not segment.pos else memoryview(segment.data)[segment.pos :]
            self.used = self.size = 0
            return done
        while segments and done < size:
            segment = segments[0]
            data, pos = segment.data, segment.pos
            left = len(data) - pos
            take = min(left, size - done)
            dst[done : done + take] = memoryview(data)[pos : pos + take]
            done += take
            if segment.packet:
                self._drop_first(left)
                break
            if take == left:
                self._drop_first(left)
            else:
                self.used -= ((pos + take) >> 12) - (pos >> 12)
                segment.pos = pos + take
                self.size -= take
        return done

    def _drop_first(self, left: int) -> None:
        segment = self._segments.popleft()
        self.used -= segment.slots()
        self.size -= left

    def peek(self, dst: memoryview) -> int:
        """Copy bytes out without consuming them (tee(2)): how many."""
        done, size = 0, len(dst)
        for segment in self._segments:
            take = min(len(segment.data) - segment.pos, size - done)
            dst[done : done + take] = memoryview(segment.data)[segment.pos : segment.pos + take]
            done += take
            if done >= size or segment.packet:
                break
        return done

    def skip(self, count: int) -> None:
        """Consume `count` bytes that were peeked at."""
        segments = self._segments
        while count > 0 and segments:
            segment = segments[0]
            left = len(segment.data) - segment.pos
            if segment.packet or count >= left:
                count -= left
                self._drop_first(left)
            else:
                self.used -= ((segment.pos + count) >> 12) - (segment.pos >> 12)
                segment.pos += count
                self.size -= count
                return

    def room(self) -> int:
        """Bytes that whole free slots hold."""
        return (self.slots - self.used) << 12

    def put_back(self, data: memoryview) -> None:
        """At the head, what was just read from there. May exceed the capacity for a moment."""
        segment = _Segment(bytearray(data), False)
        self._segments.appendleft(segment)
        self.used += segment.slots()
        self.size += len(data)

    def resize(self, t: Task, wanted: int) -> int:
        """F_SETPIPE_SZ: the new capacity in bytes; EBUSY, EPERM, EINVAL."""
        if wanted > 1 << 31:
            raise SyscallError(errno.EINVAL)
        size = PAGE
        while size < wanted:
            size <<= 1
        slots = size >> 12
        if slots > self.slots and size > t.kernel.settings.pipe_max_size and not t.creds.has(CAP_SYS_RESOURCE):
            raise SyscallError(errno.EPERM)
        # As for an unprivileged user, whoever asks: the memory is the sandbox's own.
        if size > PIPE_MAX_SIZE or (
            slots > self.slots and self._pages.count + slots - self.slots > self._pages.soft_limit()
        ):
            raise SyscallError(errno.EPERM)
        if slots < self.used:
            raise SyscallError(errno.EBUSY)
        self._pages.count += slots - self.slots
        self.slots = slots
        self.queue.notify(EVENT_OUT)
        return size

    def poll(self, reading: bool, writing: bool, hung: bool) -> int:
        """fs/pipe.c: pipe_poll. `hung`: a reader saw a writer come and go (FIFOs opened before any writer don't)."""
        mask = 0
        if reading:
            if self.size:
                mask |= EVENT_IN
            if not self.writers and hung:
                mask |= EVENT_HUP
        if writing:
            if self.used < self.slots:
                mask |= EVENT_OUT
            if not self.readers:
                mask |= EVENT_ERR
        return mask


class PipeFile(FileDescription):
    """One end, or both (a FIFO opened O_RDWR)."""

    looks_once = True
    nowait = True
    own_attributes = True

    def __init__(self, pipe: Pipe, flags: int, inode: int, mode: int = S_IFIFO | 0o600) -> None:
        super().__init__(flags)
        self.pipe = pipe
        self.queue = pipe.queue
        self._inode = inode
        self._mode = mode
        self.uid = 0
        self.gid = 0
        self.created = 0
        access = flags & O_ACCMODE
        self.reading = access in (O_RDONLY, O_RDWR)
        self.writing = access in (O_WRONLY, O_RDWR)
        self._writes_seen = -1  # hang-up shows once writes_opened differs
        if self.reading:
            pipe.readers += 1
            pipe.reads_opened += 1
        if self.writing:
            pipe.writers += 1
            pipe.writes_opened += 1

    def release(self) -> None:
        pipe = self.pipe
        if self.reading:
            pipe.readers -= 1
        if self.writing:
            pipe.writers -= 1
        pipe.closed()
        if self.reading and not pipe.readers:
            pipe.queue.notify(EVENT_OUT | EVENT_ERR)
        if self.writing and not pipe.writers:
            pipe.queue.notify(EVENT_IN | EVENT_HUP)

    def read(self, t: Task, dst: memoryview) -> int:
        pipe = self.pipe
        if not pipe.size:
            if not pipe.writers or not len(dst):
                return 0
            return WOULD_BLOCK
        got = pipe.get(dst)
        if got and pipe.writers:
            pipe.queue.notify(EVENT_OUT)
        return got

    def write(self, t: Task, src: memoryview) -> int:
        pipe = self.pipe
        if not len(src):
            return 0
        if not pipe.readers:
            broken_pipe(t)
        done = pipe.put(src, self.flags & O_DIRECT != 0)
        if not done:
            return WOULD_BLOCK
        pipe.queue.notify(EVENT_IN)
        return done

    def check_status_flags(self, t: Task, flags: int) -> None:
        """O_DIRECT: packets."""

    @property
    def fault_unit(self) -> int:
        """A page is filled whole."""
        return PAGE

    def write_fault(self, t: Task, size: int) -> int:
        if not self.pipe.readers:
            broken_pipe(t)
        return -errno.EFAULT

    def unread(self, data: memoryview) -> None:
        self.pipe.put_back(data)

    def poll(self, t: Task | None) -> int:
        pipe = self.pipe
        return pipe.poll(self.reading, self.writing, pipe.writes_opened != self._writes_seen)

    def ioctl(self, t: Task, cmd: int, arg: int, a: SyscallArgs) -> Result:
        if cmd == FIONREAD:
            t.copy_out(arg, self.pipe.size.to_bytes(4, "little"))
            return 0
        raise SyscallError(errno.ENOTTY)

    def held_locks(self) -> InodeLocks | None:
        return self.pipe.locks if self.path is None else super().held_locks()

    def locks(self) -> InodeLocks:
        if self.path is not None:
            return super().locks()
        if self.pipe.locks is None:
            from sandbox.vfs.locks import InodeLocks

            self.pipe.locks = InodeLocks()
        return self.pipe.locks

    # --- opening a FIFO ---

    def start_opening(self) -> None:
        """open(2) of a FIFO: note who was there, wake who waits for us."""
        pipe = self.pipe
        if self.reading and not self.writing and not pipe.writers:
            self._writes_seen = pipe.writes_opened if self.flags & O_NONBLOCK else -1
        pipe.queue.notify(EVENT_IN | EVENT_OUT)

    def opening(self, other_seen: int) -> Block | None:
        """Wait for the other end, which had come `other_seen` times when the open began; None: it is open."""
        pipe = self.pipe
        if self.flags & O_NONBLOCK or (self.reading and self.writing):
            return None
        if self.reading:
            if pipe.writers or pipe.writes_opened != other_seen:
                return None
            return Block(((pipe.queue, EVENT_IN),))
        if pipe.readers or pipe.reads_opened != other_seen:
            return None
        return Block(((pipe.queue, EVENT_OUT),))

    def stat(self) -> Kstat:
        return self.pipe.new_stat or Kstat(self._mode, self._inode, PIPE_DEV, self.uid, self.gid, self.created)

    def set_stat(self, attributes: Kstat) -> None:
        self.pipe.new_stat = attributes

    def reopen(self, t: Task, flags: int) -> PipeFile:
        """Another end of the same pipe; it never waits for the other side, which is there or was."""
        end = PipeFile(self.pipe, flags & (O_ACCMODE | O_NONBLOCK | O_DIRECT), self._inode, self._mode)
        end.uid, end.gid, end.created = self.uid, self.gid, self.created
        end.start_opening()
        return end

    def link_text(self) -> str:
        path = self.path
        if path is not None:
            return path.text().decode("utf-8", "surrogateescape")
        return f"pipe:[{self._inode}]"


def new_pipe(t: Task, flags: int) -> tuple[PipeFile, PipeFile]:
    """pipe2(2): (read end, write end); `flags`: O_NONBLOCK, O_DIRECT."""
    pipe = Pipe(t.kernel.pipe_pages)
    inode = next_inode()
    kept = flags & (O_NONBLOCK | O_DIRECT)
    ends = (PipeFile(pipe, O_RDONLY | (kept & O_NONBLOCK), inode), PipeFile(pipe, O_WRONLY | kept, inode))
    for end in ends:
        end.uid, end.gid = t.creds.fsuid, t.creds.fsgid
        end.created = t.kernel.clock.realtime_ns()
    return ends


def open_fifo(t: Task, path: Path, inode: Inode, flags: int) -> PipeFile | Block:
    """open(2) of a FIFO (fs/pipe.c: fifo_open): `DeviceRegistry` leads to it.

    A Block is to be returned by the handler, which comes here again when it is run again; the half-open end is
    kept in `t.args.held`. ENXIO: O_WRONLY | O_NONBLOCK and nobody reads.
    """
    a = t.args
    file = a.held
    if isinstance(file, PipeFile) and isinstance(a.state, int):
        block = file.opening(a.state)
        return file if block is None else block
    if flags & O_ACCMODE == O_ACCMODE:
        raise SyscallError(errno.EINVAL)
    pipe = inode.attached
    writing = flags & O_ACCMODE == O_WRONLY
    if writing and flags & O_NONBLOCK and not (isinstance(pipe, Pipe) and pipe.readers):
        raise SyscallError(errno.ENXIO)
    if not isinstance(pipe, Pipe):
        pipe = inode.attached = Pipe(t.kernel.pipe_pages)
    pipe.reopened()
    seen = pipe.reads_opened if writing else pipe.writes_opened
    file = PipeFile(pipe, flags, inode.ino, inode.mode)
    file.start_opening()
    block = file.opening(seen)
    if block is None:
        return file
    file.path = path.pin()
    a.state = seen
    a.hold(file)
    return block
