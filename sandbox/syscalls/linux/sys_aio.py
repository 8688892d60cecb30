"""io_setup, io_destroy, io_submit, io_cancel, io_getevents, io_pgetevents (fs/aio.c)."""

from __future__ import annotations

import errno
import struct
from itertools import islice
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_NONBLOCK
from sandbox.abi.linux.mman import MAP_SHARED, PROT_READ, PROT_WRITE
from sandbox.abi.linux.time import NS_PER_S, TIMESPEC
from sandbox.errors import SyscallError
from sandbox.kernel.aio import AioContext, AioPoll, AioRequest, AioRing, ring_size
from sandbox.kernel.control import AGAIN, ERESTARTNOHAND, Assumed, Block, Execute, Result
from sandbox.mm import op_map, op_unmap
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.iov_iter import NO_OFFSET, IovIter, one_segment, read_iter, write_iter
from sandbox.syscalls.linux.sys_mmap import memory
from sandbox.syscalls.linux.sys_poll import set_mask
from sandbox.syscalls.linux.sys_read_write import RWF_NOWAIT, flags_during, rw_flags
from sandbox.syscalls.linux.sys_sched import check_ioprio
from sandbox.syscalls.linux.sys_sync import synchronise, to_sync
from sandbox.syscalls.row import FULL, ORDERS, Arg, Row
from sandbox.vfs.eventfd import EventFile
from sandbox.vfs.file_description import WOULD_BLOCK, FileDescription
from sandbox.vfs.memfd import internal_file
from sandbox.vfs.regular_file import RegularFile
from tcpip.waiter import EVENT_IN, EVENT_OUT

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.mm.memory_manager import MemoryManager

# struct iocb: data, key, rw_flags, opcode, reqprio, fildes, buf, nbytes, offset, reserved2, flags, resfd
_IOCB: Final = struct.Struct("<QIiHhIQQqQII")
_PREAD, _PWRITE, _FSYNC, _FDSYNC, _POLL, _PREADV, _PWRITEV = 0, 1, 2, 3, 5, 7, 8
IOCB_FLAG_RESFD: Final = 1
IOCB_FLAG_IOPRIO: Final = 2
_SETUP_MAX: Final = 0x10000000 // 32
_TURN: Final = 64  # control blocks that one call serves before others have a turn
_LONG_MAX: Final = (1 << 63) - 1
_AIO_SIGSET: Final = struct.Struct("<QQ")


def _context(t: Task, number: int) -> AioContext:
    """The one whose ring is there and says so itself: lookup_ioctx."""
    try:
        context = memory(t).aio.get(int.from_bytes(t.copy_in(number, 4), "little"))
    except SyscallError:
        context = None
    if context is None or context.ring.address != number:
        raise SyscallError(errno.EINVAL)
    return context


def sys_io_setup(t: Task, a: SyscallArgs) -> Result:
    """io_setup(2): the context's number is the address of the ring that is mapped for it."""
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    count, at = a.uint(0), a.addr(1)
    if t.copy_in(at, 8) != bytes(8) or not count or max(count, 4 * t.kernel.cpus) * 2 > _SETUP_MAX:
        return -errno.EINVAL
    total = t.kernel.aio
    if not total.has_room(count, t.kernel.cpus):
        return -errno.EAGAIN
    t.copy_out(at, bytes(8))
    ring = _ring(t, mm, ring_size(count, t.kernel.cpus))
    try:
        mapping = op_map.mmap(t, mm, 0, ring.size, PROT_READ | PROT_WRITE, MAP_SHARED, ring.file, 0)
    except SyscallError:
        ring.close()
        raise

    def mapped(t: Task, address: int) -> int:
        ring.address = address
        mm.aio[ring.number] = AioContext(total, ring, count, t.kernel.cpus)
        try:
            t.copy_out(at, address.to_bytes(8, "little"))
        except SyscallError:
            mm.aio.pop(ring.number).destroy()
            raise
        return 0

    def finished(t: Task, index: int, result: int) -> Result:
        outcome = finish(t, index, result)
        if isinstance(outcome, int):
            if outcome > 0:
                return mapped(t, outcome)
            ring.close()
        return outcome

    def abandoned(t: Task, index: int, result: int) -> None:
        ring.close()
        if left is not None:
            left(t, index, result)

    def refused(t: Task, error: int) -> Result:
        mm.aio.pop(ring.number).destroy()
        return failed(t, error)

    if isinstance(mapping, Assumed):
        address, failed = mapping.value, mapping.failed
        mapped(t, address)
        return Assumed(mapping.order, 0, refused)
    if isinstance(mapping, Execute):
        finish, left = mapping.finish, mapping.abandoned
        return Execute(mapping.orders, finished, abandoned)
    raise AssertionError("a mapping that is neither")


def _ring(t: Task, mm: MemoryManager, size: int) -> AioRing:
    """A ring that nobody has mapped yet, with the lowest number that is free; ENOMEM."""
    file = internal_file(t, b"[aio]", 0o777)
    file.acquire()
    try:
        file.inode.fallocate(0, 0, size)
    except SyscallError:
        file.drop()
        raise SyscallError(errno.ENOMEM) from None
    return AioRing(file, next(number for number in range(len(mm.aio) + 1) if number not in mm.aio), size)


def sys_io_destroy(t: Task, a: SyscallArgs) -> Result:
    """io_destroy(2)."""
    mm = memory(t)
    if mm.busy:
        return mm.wait()
    number = a.addr(0)
    ring = _context(t, number).ring
    mm.aio.pop(ring.number).destroy()
    return op_unmap.munmap(mm, number, ring.size)


class _Transfer:
    """A read or write under way."""

    __slots__ = ("request", "file", "it", "offset", "writing", "nowait", "how")

    def __init__(self, request: AioRequest, file: FileDescription, it: IovIter, offset: int, writing: bool) -> None:
        self.request = request
        self.file = file
        self.it = it
        self.offset = offset if isinstance(file, RegularFile) else NO_OFFSET
        self.writing = writing
        self.nowait = False
        self.how = 0  # RWF_*


class _Submission:
    """One io_submit: `done` control blocks have been taken; `transfer` is the one that is in the way."""

    __slots__ = ("context", "done", "count", "transfer")

    def __init__(self, context: AioContext, count: int) -> None:
        self.context = context
        self.done = 0
        self.count = count
        self.transfer: _Transfer | None = None


def sys_io_submit(t: Task, a: SyscallArgs) -> Result:
    """io_submit(2): how many were taken, or why the first was not."""
    state = a.state
    if not isinstance(state, _Submission):
        context = _context(t, a.addr(0))
        if a.long(1) < 0:
            return -errno.EINVAL
        state = _Submission(context, min(a.long(1), context.capacity))
    turn = state.done + _TURN
    while state.transfer is not None or state.done < state.count:
        if state.transfer is None:
            try:
                state.transfer = _take(t, state.context, a.addr(2) + 8 * state.done)
            except SyscallError as error:
                return state.done or -error.errno
        if state.transfer is not None:
            waiting = _go_on(t, a, state, state.transfer)
            if waiting is not None:
                a.state = state
                return waiting
        state.done += 1
        if state.done >= turn:
            a.state = state
            return AGAIN
    return state.done


def _go_on(t: Task, a: SyscallArgs, state: _Submission, transfer: _Transfer) -> Result | None:
    """One attempt; None: it has ended."""
    file = transfer.file
    inner = SyscallArgs((0, 0, 0, 0, 0, 0))
    flags = file.flags
    if transfer.writing:
        file.flags = flags_during(flags, transfer.how)
    try:
        move = write_iter if transfer.writing else read_iter
        got = move(t, inner, file, transfer.it, transfer.offset)
    except SyscallError as error:
        got = -error.errno
    finally:
        file.flags = flags
        inner.end()
    if not isinstance(got, int):
        a.hold(file)
        return got
    if got == WOULD_BLOCK:
        if transfer.it.done:
            got = transfer.it.done
        if not (transfer.nowait or flags & O_NONBLOCK):
            a.hold(file)
            queue, mask = (file.queue, EVENT_OUT) if transfer.writing else (file.queue_for(t), EVENT_IN)
            return Block(((queue, mask),), on_interrupt=_submit_interrupted)
    _end(state, transfer, got)
    a.end()
    return None


def _end(state: _Submission, transfer: _Transfer, result: int) -> None:
    state.transfer = None
    state.context.busy -= 1
    state.context.complete(transfer.request, result)


def _submit_interrupted(t: Task, a: SyscallArgs) -> int:
    """The operation that waits has ended with what it moved, or EINTR; those after it were not taken."""
    state = a.state
    assert isinstance(state, _Submission)
    transfer = state.transfer
    assert transfer is not None
    _end(state, transfer, transfer.it.done or -errno.EINTR)
    return state.done + 1


def _take(t: Task, context: AioContext, at: int) -> _Transfer | None:
    """Fetch, check and begin one control block; what has to be read or written now. (io_submit_one)"""
    address = int.from_bytes(t.copy_in(at, 8), "little")
    block = _IOCB.unpack(t.copy_in(address, _IOCB.size))
    data, rw, opcode, prio, fd, flags, resfd = block[0], block[2], block[3], block[4], block[5], block[10], block[11]
    if block[9] or block[7] > _LONG_MAX:
        raise SyscallError(errno.EINVAL)
    if context.full():
        raise SyscallError(errno.EAGAIN)
    file = t.fds.get_io(fd)
    notify: EventFile | None = None
    if flags & IOCB_FLAG_RESFD:
        candidate = t.fds.get_io(resfd)
        if not isinstance(candidate, EventFile):
            raise SyscallError(errno.EINVAL)
        notify = candidate
    t.copy_out(address + 8, bytes(4))
    if opcode in (_FSYNC, _FDSYNC):
        if block[6] or block[8] or block[7] or rw:
            raise SyscallError(errno.EINVAL)
        request = AioRequest(address, data, notify)

        def ended(result: int) -> None:
            context.busy -= 1
            context.complete(request, result)

        result = synchronise(t, to_sync(file), opcode == _FDSYNC, ended)
        context.busy += 1
        if isinstance(result, int):
            ended(result)
        return None
    if opcode == _POLL:
        if block[6] > 0xFFFF or block[8] or block[7] or rw:
            raise SyscallError(errno.EINVAL)
        _poll(t, context, file, block[6], AioRequest(address, data, notify))
        return None
    if opcode not in (_PREAD, _PWRITE, _PREADV, _PWRITEV):
        raise SyscallError(errno.EINVAL)
    rw_flags(file, rw, opcode in (_PWRITE, _PWRITEV))
    if flags & IOCB_FLAG_IOPRIO:
        check_ioprio(t, prio & 0xFFFF)
    it = _buffers(t, file, opcode, block[6], block[7], block[8])
    transfer = _Transfer(AioRequest(address, data, notify), file, it, block[8], opcode in (_PWRITE, _PWRITEV))
    transfer.nowait, transfer.how = rw & RWF_NOWAIT != 0, rw
    context.busy += 1
    return transfer


def _buffers(t: Task, file: FileDescription, opcode: int, address: int, size: int, offset: int) -> IovIter:
    """Where a transfer's bytes are; EBADF, EFAULT, EINVAL."""
    if file.flags & 1 if opcode in (_PREAD, _PREADV) else not (file.flags + 1) & 2:
        raise SyscallError(errno.EBADF)
    if opcode in (_PREAD, _PWRITE):
        it = one_segment(address, size)
    else:
        it = IovIter(t.copy_in_iovec(address, size))
    if offset < 0 or offset + it.total > _LONG_MAX:
        raise SyscallError(errno.EINVAL)
    return it


def _poll(t: Task, context: AioContext, file: FileDescription, events: int, request: AioRequest) -> None:
    """IOCB_CMD_POLL: at once where something is ready; EINVAL for a file that never changes."""
    poll = AioPoll(t, context, request, file, events)
    found = file.poll(t) & poll.events
    if found:
        poll.end(found)
    elif isinstance(file, RegularFile):
        poll.refuse()
        raise SyscallError(errno.EINVAL)


def sys_io_cancel(t: Task, a: SyscallArgs) -> Result:
    """io_cancel(2): only polls can be; what is cancelled ends with an event all the same."""
    at = a.addr(1)
    if t.copy_in(at + 8, 4) != bytes(4):
        return -errno.EINVAL
    poll = _context(t, a.addr(0)).find_poll(at)
    if poll is None:
        return -errno.EINVAL
    poll.end(0)
    return -errno.EINPROGRESS


class _Fetch:
    """One io_getevents: `done` events have been stored."""

    __slots__ = ("context", "done", "deadline")

    def __init__(self, context: AioContext, deadline: int | None) -> None:
        self.context = context
        self.done = 0
        self.deadline = deadline


def _timeout(t: Task, address: int) -> int | None:
    """The deadline, None without one; not looked at more closely, as on Linux."""
    if not address:
        return None
    seconds: int
    fraction: int
    seconds, fraction = TIMESPEC.unpack(t.copy_in(address, 16))
    return t.kernel.clock.now_ns() + max(0, min(seconds * NS_PER_S + fraction, _LONG_MAX))


def _fetch(t: Task, a: SyscallArgs, state: _Fetch, interrupted: int) -> Result:
    """Store what there is; wait while it is too little."""
    least, most, to = a.long(1), a.long(2), a.addr(3)
    context = state.context
    if context.dead:
        return state.done or -errno.EINVAL
    context.settle()
    got = [*islice(context.events, most - state.done)]
    for index, event in enumerate(got):
        try:
            t.copy_out(to + 32 * state.done, event)
        except SyscallError:
            context.fetched(index)
            return state.done or -errno.EFAULT
        state.done += 1
    if got:
        context.fetched(len(got))
    if state.done >= least or a.timed_out:
        return state.done
    deadline = state.deadline
    if deadline is not None and deadline <= t.kernel.clock.now_ns():
        return state.done
    a.state = state
    return Block(((state.context.queue, EVENT_IN),), deadline, interrupted=state.done or interrupted)


def _begin_fetch(t: Task, a: SyscallArgs) -> _Fetch:
    deadline = _timeout(t, a.addr(4))
    context = _context(t, a.addr(0))
    if not 0 <= a.long(1) <= a.long(2):
        raise SyscallError(errno.EINVAL)
    return _Fetch(context, deadline)


def sys_io_getevents(t: Task, a: SyscallArgs) -> Result:
    """io_getevents(2)."""
    state = a.state
    return _fetch(t, a, state if isinstance(state, _Fetch) else _begin_fetch(t, a), -errno.EINTR)


def sys_io_pgetevents(t: Task, a: SyscallArgs) -> Result:
    """io_pgetevents(2): with a signal mask for the time of the wait."""
    state = a.state
    if not isinstance(state, _Fetch):
        if a.addr(5):
            mask: int
            mask, size = _AIO_SIGSET.unpack(t.copy_in(a.addr(5), 16))
            if mask:
                set_mask(t, mask, size)
        state = _begin_fetch(t, a)
    return _fetch(t, a, state, -ERESTARTNOHAND)


_GET: Final = (Arg.ADDR, Arg.LONG, Arg.LONG, Arg.ADDR, Arg.ADDR)

ROWS: Final[tuple[Row, ...]] = (
    Row(206, "io_setup", sys_io_setup, FULL, (Arg.UINT, Arg.ADDR), trap=ORDERS),
    Row(207, "io_destroy", sys_io_destroy, FULL, (Arg.ADDR,), trap=ORDERS),
    Row(208, "io_getevents", sys_io_getevents, FULL, _GET),
    Row(209, "io_submit", sys_io_submit, FULL, (Arg.ADDR, Arg.LONG, Arg.ADDR)),
    Row(210, "io_cancel", sys_io_cancel, FULL, (Arg.ADDR, Arg.ADDR, Arg.ADDR)),
    Row(333, "io_pgetevents", sys_io_pgetevents, FULL, (*_GET, Arg.ADDR)),
)
