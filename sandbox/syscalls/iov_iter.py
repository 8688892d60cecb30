"""IovIter: a cursor over a guest's buffer or buffers (struct iov_iter), and the loops that move bytes with it.

The loops stand for Linux's rules on partial progress: what was moved before a fault or an error is what the
call returns; a blocked write keeps its progress in `a.state`; a read returns as soon as it has something.
Data passes through `t.kernel.scratch`, which no file operation may keep or use itself.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.kernel.control import AGAIN, ERESTARTSYS, TURN_NS, Block, Result
from sandbox.kernel.task import USER_MAX as USER_MAX
from sandbox.vfs.file_description import WOULD_BLOCK, FileDescription
from tcpip.waiter import EVENT_IN, EVENT_OUT

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

O_NONBLOCK: Final = 0o4000
SCRATCH_SIZE: Final = 1 << 20
TURN_SIZE: Final = 16 << 20  # bytes read by one call before others have a turn; a file says itself how many it takes
PAGE_SIZE: Final = 4096
PAGE_MASK: Final = 0xFFF
MAX_RW_COUNT: Final = 0x7FFFF000  # INT_MAX & PAGE_MASK
NO_OFFSET: Final = -1  # use the file's own position


def copy_out_prefix(t: Task, addr: int, data: memoryview) -> int:
    """Store as much of `data` as the guest's memory takes, page by page: bytes stored."""
    try:
        t.copy_out(addr, data)
        return len(data)
    except SyscallError:
        pass
    done = 0
    size = len(data)
    while done < size:
        step = min(size - done, PAGE_SIZE - ((addr + done) & PAGE_MASK))
        try:
            t.copy_out(addr + done, data[done : done + step])
        except SyscallError:
            break
        done += step
    return done


def copy_in_prefix(t: Task, addr: int, dst: memoryview) -> int:
    """Fetch as much of the guest's memory as is readable, page by page: bytes fetched."""
    try:
        t.copy_in_into(addr, dst)
        return len(dst)
    except SyscallError:
        pass
    done = 0
    size = len(dst)
    while done < size:
        step = min(size - done, PAGE_SIZE - ((addr + done) & PAGE_MASK))
        try:
            t.copy_in_into(addr + done, dst[done : done + step])
        except SyscallError:
            break
        done += step
    return done


class IovIter:
    """`done` bytes of `total` have been moved. A plain object: a blocked call keeps it in `a.state`."""

    __slots__ = ("segments", "index", "offset", "done", "total", "deadline")

    def __init__(self, segments: list[tuple[int, int]]) -> None:
        self.segments = segments
        self.index = 0
        self.offset = 0
        self.done = 0
        total = 0
        for _, size in segments:
            total += size
        self.total = total if total < MAX_RW_COUNT else MAX_RW_COUNT
        self.deadline: int | None = None

    def advance(self, size: int) -> None:
        """`size` more bytes have been moved."""
        self.done += size
        while size:
            room = self.segments[self.index][1] - self.offset
            if size < room:
                self.offset += size
                return
            size -= room
            self.index += 1
            self.offset = 0

    def copy_in(self, t: Task, dst: memoryview) -> int:
        """Fetch what comes next without advancing: bytes fetched, fewer than len(dst) before a fault."""
        index, offset = self.index, self.offset
        done, size = 0, len(dst)
        while done < size:
            base, length = self.segments[index]
            step = min(length - offset, size - done)
            if step:
                got = copy_in_prefix(t, base + offset, dst[done : done + step])
                done += got
                if got < step:
                    break
            index += 1
            offset = 0
        return done

    def copy_out(self, t: Task, data: memoryview) -> int:
        """Store `data` and advance: bytes stored, fewer than len(data) before a fault."""
        done, size = 0, len(data)
        while done < size:
            base, length = self.segments[self.index]
            step = min(length - self.offset, size - done)
            if step:
                put = copy_out_prefix(t, base + self.offset, data[done : done + step])
                done += put
                self.offset += put
                if put < step:
                    break
            if self.offset == length:
                self.index += 1
                self.offset = 0
        self.done += done
        return done


def one_segment(addr: int, size: int) -> IovIter:
    """A single buffer: access_ok, then MAX_RW_COUNT. EFAULT."""
    if addr + size > USER_MAX:
        raise SyscallError(errno.EFAULT)
    return IovIter([(addr, min(size, MAX_RW_COUNT))])


def _others_first(a: SyscallArgs, file: FileDescription, it: IovIter) -> Result:
    a.state = it
    a.hold(file)
    return AGAIN


def read_iter(t: Task, a: SyscallArgs, file: FileDescription, it: IovIter, offset: int) -> Result:
    """Fill the buffers: bytes read, WOULD_BLOCK when there was nothing yet, or AGAIN with `it` in `a.state`."""
    turn = it.done + TURN_SIZE
    scratch, clock = t.kernel.scratch, t.kernel.clock
    total = min(it.total, file.most_read)
    until = clock.now_ns() + TURN_NS if total > SCRATCH_SIZE else 0
    while True:
        size = min(total - it.done, SCRATCH_SIZE)
        view = scratch[:size]
        try:
            got = file.read(t, view) if offset < 0 else file.pread(t, view, offset + it.done)
        except SyscallError:
            if it.done:
                return it.done
            raise
        if got <= 0:
            return it.done if it.done else got
        put = it.copy_out(t, view[:got])
        if put < got:
            part = put % file.fault_unit
            it.done -= part
            if offset < 0:
                file.unread(view[put - part : got])
            return it.done or -errno.EFAULT
        if got < size or it.done >= total:
            return it.done
        if it.done >= turn or clock.now_ns() > until:
            return _others_first(a, file, it)


def write_iter(t: Task, a: SyscallArgs, file: FileDescription, it: IovIter, offset: int) -> Result:
    """Send the buffers on: all bytes written so far, WOULD_BLOCK when the file takes no more for now, or AGAIN with `it` in
    `a.state`."""
    turn = it.done + file.write_turn
    scratch, clock = t.kernel.scratch, t.kernel.clock
    until = clock.now_ns() + TURN_NS if it.total > SCRATCH_SIZE else 0
    while True:
        size = min(it.total - it.done, SCRATCH_SIZE)
        view = scratch[:size]
        got = it.copy_in(t, view)
        if got < size:
            got -= got % file.fault_unit
            if not got:
                return it.done or file.write_fault(t, it.total)
        sent = 0
        while True:
            try:
                chunk = view[sent:got]
                put = file.write(t, chunk) if offset < 0 else file.pwrite(t, chunk, offset + it.done)
            except SyscallError:
                if it.done:
                    return it.done
                raise
            if put <= 0:
                return it.done if put == 0 else put
            it.advance(put)
            sent += put
            if sent >= got:
                break
            if file.write_once:
                return it.done
            if it.done >= turn:
                return _others_first(a, file, it)
        if got < size or it.done >= it.total:
            return it.done
        if it.done >= turn or clock.now_ns() > until:
            return _others_first(a, file, it)


def wait_read(t: Task, a: SyscallArgs, file: FileDescription, it: IovIter | None) -> Result:
    """A read found nothing: EAGAIN, or wait for more."""
    if file.flags & O_NONBLOCK:
        return WOULD_BLOCK
    expired = file.read_expired()
    if a.timed_out:
        return expired
    before = None
    if it is not None:
        before = it.deadline
    elif isinstance(a.state, int):
        before = a.state
    deadline = file.read_deadline(t, before)
    if it is not None:
        it.deadline = deadline
        a.state = it
    else:
        a.state = deadline
    a.hold(file)
    # A socket with SO_RCVTIMEO answers EINTR (sock_intr_errno); a terminal with VTIME, whose wait ends with 0, restarts.
    interrupted = -errno.EINTR if deadline is not None and expired == WOULD_BLOCK else None
    return Block(((file.queue_for(t), EVENT_IN),), deadline, ERESTARTSYS, interrupted)


def wait_write(t: Task, a: SyscallArgs, file: FileDescription, it: IovIter) -> Result:
    """A write could not go on: what was written, EAGAIN, or wait for room."""
    done = it.done
    if file.flags & O_NONBLOCK or a.timed_out:
        return done if done else WOULD_BLOCK
    deadline = it.deadline = file.write_deadline(t, it.deadline)
    a.state = it
    a.hold(file)
    interrupted: int | None = None
    if done:
        interrupted = done
    elif deadline is not None:
        interrupted = -errno.EINTR
    return Block(((file.queue, EVENT_OUT),), deadline, ERESTARTSYS, interrupted)
