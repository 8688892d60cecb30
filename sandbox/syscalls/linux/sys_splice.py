"""sendfile, splice, tee, vmsplice (fs/splice.c, fs/read_write.c): bytes pass through the scratch buffer."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_APPEND, O_NONBLOCK
from sandbox.errors import SyscallError
from sandbox.kernel.broken_pipe import broken_pipe
from sandbox.kernel.control import AGAIN, Block, Result
from sandbox.kernel.io_count import did_copy
from sandbox.kernel.pipe import PipeFile
from sandbox.sockets.base import SocketFile
from sandbox.syscalls.iov_iter import MAX_RW_COUNT, SCRATCH_SIZE, IovIter
from sandbox.syscalls.row import FULL, Arg, Row
from sandbox.vfs.anon import AnonFile
from sandbox.vfs.file_description import WOULD_BLOCK, FileDescription
from tcpip.waiter import EVENT_IN, EVENT_OUT

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

SPLICE_F_NONBLOCK: Final = 2
SPLICE_F_ALL: Final = 0xF
CHUNK: Final = 65536


def _readable(file: FileDescription) -> None:
    if file.flags & 1:
        raise SyscallError(errno.EBADF)


def _writable(file: FileDescription) -> None:
    if not (file.flags + 1) & 2:
        raise SyscallError(errno.EBADF)


def _read_offset(t: Task, addr: int) -> int:
    value = int.from_bytes(t.copy_in(addr, 8), "little", signed=True)
    if value < 0:
        raise SyscallError(errno.EINVAL)
    return value


def _write_offset(t: Task, addr: int, value: int) -> None:
    t.copy_out(addr, value.to_bytes(8, "little"))


# --- sendfile ---


def sys_sendfile(t: Task, a: SyscallArgs) -> Result:
    """sendfile(2)."""
    return did_copy(t, _sendfile(t, a))


def _sendfile(t: Task, a: SyscallArgs) -> Result:
    """What was moved so far is kept in `a.state`; the input's offset is always up to date."""
    source = t.fds.get_io(a.uint(1))
    _readable(source)
    addr, count = a.addr(2), min(a.size(3), MAX_RW_COUNT)
    if addr and not source.positioned:
        return -errno.ESPIPE
    offset = int.from_bytes(t.copy_in(addr, 8), "little", signed=True) if addr else source.pos
    if offset < 0:
        _check_source(t, source, True)
        return -errno.EINVAL
    held = a.held
    out = held if held is not None else t.fds.get_io(a.uint(0))
    _writable(out)
    if out.flags & O_APPEND and not isinstance(out, PipeFile):
        return -errno.EINVAL
    if isinstance(out, PipeFile):
        return _send_to_pipe(t, source, out, count, offset if addr else -1, addr)
    if not count and not isinstance(source, (PipeFile, SocketFile)):
        return 0
    _check_source(t, source, addr != 0)
    done = a.state if isinstance(a.state, int) else 0
    blocked, turn = False, done + out.write_turn
    while done < min(count, turn):
        view = t.kernel.scratch[: min(count - done, SCRATCH_SIZE)]
        try:
            got = source.pread(t, view, offset)
            if got > 0 and not out.flagged_writes:
                return -errno.EINVAL  # no splice_write
            put = out.write(t, view[:got]) if got > 0 else 0
        except SyscallError:
            if not done:
                raise
            break
        if put == WOULD_BLOCK:
            blocked = True
            break
        if put <= 0:
            break
        done += put
        offset += put
    if addr:
        _write_offset(t, addr, offset)
    else:
        source.pos = offset
    if not blocked and (done < turn or done >= count):
        return done
    if blocked and (out.flags & O_NONBLOCK or a.timed_out):
        return done or WOULD_BLOCK
    a.state = done
    a.hold(out)
    if not blocked:
        return AGAIN
    return Block(((out.queue, EVENT_OUT),), out.write_deadline(t, None), interrupted=done or None)


def _send_to_pipe(t: Task, source: FileDescription, out: PipeFile, count: int, offset: int, addr: int) -> Result:
    """splice_file_to_pipe: as much as there is room for at once."""
    if not out.pipe.readers:
        broken_pipe(t)
    if out.pipe.room() <= 0:
        return _wait(out, EVENT_OUT, 0)
    if not count:
        return 0
    if isinstance(source, PipeFile):
        return -errno.EINVAL
    result = _to_pipe(t, source, out, count, 0, offset)
    if addr and isinstance(result, int) and result > 0:
        _write_offset(t, addr, offset + result)
    return result


def _check_source(t: Task, source: FileDescription, with_offset: bool) -> None:
    """The input must have positions, and be one that can be spliced from."""
    if with_offset and not source.positioned:
        raise SyscallError(errno.ESPIPE)
    if not source.positioned or not source.flagged:
        raise SyscallError(errno.EINVAL)


# --- splice ---


def sys_splice(t: Task, a: SyscallArgs) -> Result:
    """splice(2)."""
    size, flags = min(a.size(4), MAX_RW_COUNT), a.uint(5)
    if not size:
        return 0
    if flags & ~SPLICE_F_ALL:
        return -errno.EINVAL
    source, out = t.fds.get_io(a.uint(0)), t.fds.get_io(a.uint(2))
    from_addr, to_addr = a.addr(1), a.addr(3)
    if (isinstance(source, PipeFile) and from_addr) or (isinstance(out, PipeFile) and to_addr):
        return -errno.ESPIPE
    to_offset = _read_offset(t, to_addr) if to_addr else -1
    from_offset = _read_offset(t, from_addr) if from_addr else -1
    result = splice(t, source, out, size, flags, from_offset, to_offset)
    if isinstance(result, int) and result > 0:
        if to_addr:
            _write_offset(t, to_addr, to_offset + result)
        if from_addr:
            _write_offset(t, from_addr, from_offset + result)
    return result


def splice(
    t: Task, source: FileDescription, out: FileDescription, size: int, flags: int, from_offset: int, to_offset: int
) -> Result:
    """Between a pipe and a file, or two pipes; an offset of -1 is the file's own position."""
    from_pipe, to_pipe = isinstance(source, PipeFile), isinstance(out, PipeFile)
    if (from_pipe and from_offset >= 0) or (to_pipe and to_offset >= 0):
        return -errno.ESPIPE
    for file, is_pipe in ((source, from_pipe), (out, to_pipe)):
        if is_pipe:
            file.nowait = False  # pipe_clear_nowait
    _readable(source)
    _writable(out)
    if isinstance(source, PipeFile) and isinstance(out, PipeFile):
        if source.pipe is out.pipe:
            return -errno.EINVAL
        return _pipe_to_pipe(t, source, out, size, flags, True)
    if isinstance(source, PipeFile):
        return -errno.EINVAL if out.flags & O_APPEND else _from_pipe(t, source, out, size, flags, to_offset)
    return _to_pipe(t, source, out, size, flags, from_offset) if isinstance(out, PipeFile) else -errno.EINVAL


def _wait(file: FileDescription, mask: int, flags: int) -> Result:
    if flags & SPLICE_F_NONBLOCK or file.flags & O_NONBLOCK:
        return WOULD_BLOCK
    return Block(((file.queue, mask),))


def _pipe_to_pipe(t: Task, source: PipeFile, out: PipeFile, size: int, flags: int, consume: bool) -> Result:
    """Also tee(2), which does not consume."""
    if not source.pipe.size:
        return 0 if not source.pipe.writers else _wait(source, EVENT_IN, flags)
    if not out.pipe.readers:
        broken_pipe(t)
    room = out.pipe.room()
    if room <= 0:
        return _wait(out, EVENT_OUT, flags)
    view = t.kernel.scratch[: min(size, room, SCRATCH_SIZE)]
    count = out.pipe.put(view[: source.pipe.peek(view)], False)
    if consume:
        source.pipe.skip(count)
        source.queue.notify(EVENT_OUT)
    out.queue.notify(EVENT_IN)
    return count


def _from_pipe(t: Task, source: PipeFile, out: FileDescription, size: int, flags: int, offset: int) -> Result:
    pipe = source.pipe
    done = 0
    if not out.flagged_writes or not out.can_write or (offset >= 0 and not out.positioned):
        return -errno.EINVAL  # no splice_write
    while done < min(size, out.write_turn) and pipe.size:
        view = t.kernel.scratch[: min(size - done, SCRATCH_SIZE)]
        view = view[: pipe.peek(view)]
        try:
            put = out.write(t, view) if offset < 0 else out.pwrite(t, view, offset + done)
        except SyscallError as error:
            if done:
                break
            if offset >= 0 and error.errno == errno.ESPIPE:
                return -errno.EINVAL
            raise
        if put == WOULD_BLOCK:
            return done if done else _wait(out, EVENT_OUT, flags)
        if put <= 0:
            break
        pipe.skip(put)
        done += put
        source.queue.notify(EVENT_OUT)
    if done:
        return done
    return 0 if not pipe.writers else _wait(source, EVENT_IN, flags)


def _to_pipe(t: Task, source: FileDescription, out: PipeFile, size: int, flags: int, offset: int) -> Result:
    pipe = out.pipe
    if offset >= 0 and not source.positioned:
        return -errno.EINVAL
    if not pipe.readers:
        broken_pipe(t)
    room = pipe.room()
    if room <= 0:
        return _wait(out, EVENT_OUT, flags)
    if not source.flagged or isinstance(source, AnonFile):
        return -errno.EINVAL  # no splice_read, as what has no read_iter
    view = t.kernel.scratch[: min(size, room, CHUNK)]
    if offset < 0:
        got = source.read(t, view)
    else:
        try:
            got = source.pread(t, view, offset)
        except SyscallError as error:
            if error.errno == errno.ESPIPE:
                return -errno.EINVAL
            raise
    if got == WOULD_BLOCK:
        return _wait(source, EVENT_IN, flags)
    if got > 0:
        pipe.put(view[:got], False)
        out.queue.notify(EVENT_IN)
    return got


def sys_tee(t: Task, a: SyscallArgs) -> Result:
    """tee(2)."""
    size, flags = min(a.size(2), MAX_RW_COUNT), a.uint(3)
    if flags & ~SPLICE_F_ALL:
        return -errno.EINVAL
    if not size:
        return 0
    return tee(t, t.fds.get_io(a.uint(0)), t.fds.get_io(a.uint(1)), size, flags)


def tee(t: Task, first: FileDescription, second: FileDescription, size: int, flags: int) -> Result:
    """From a pipe to another, and it stays in the first."""
    _readable(first)
    _writable(second)
    if not isinstance(first, PipeFile) or not isinstance(second, PipeFile) or first.pipe is second.pipe:
        return -errno.EINVAL
    return _pipe_to_pipe(t, first, second, size, flags, False)


def sys_vmsplice(t: Task, a: SyscallArgs) -> Result:
    """vmsplice(2): the pages are copied, so SPLICE_F_GIFT changes nothing."""
    flags = a.uint(3)
    if flags & ~SPLICE_F_ALL:
        return -errno.EINVAL
    file = t.fds.get_io(a.uint(0))
    if not (file.flags + 1) & 2 and file.flags & 1:
        return -errno.EBADF
    it = IovIter(t.copy_in_iovec(a.addr(1), a.uint(2)))
    if not it.total:
        return 0
    if not isinstance(file, PipeFile):
        return -errno.EBADF
    file.nowait = False  # pipe_clear_nowait
    pipe = file.pipe
    if file.writing:
        if not pipe.readers:
            broken_pipe(t)
        room = pipe.room()
        if room <= 0:
            return _wait(file, EVENT_OUT, flags)
        view = t.kernel.scratch[: min(it.total, room, SCRATCH_SIZE)]
        got = it.copy_in(t, view)
        if not got:
            return -errno.EFAULT
        pipe.put(view[:got], False)
        file.queue.notify(EVENT_IN)
        return got
    if not pipe.size:
        return 0 if not pipe.writers else _wait(file, EVENT_IN, flags)
    view = t.kernel.scratch[: min(it.total, SCRATCH_SIZE)]
    put = it.copy_out(t, view[: pipe.peek(view)])
    pipe.skip(put)
    file.queue.notify(EVENT_OUT)
    return put or -errno.EFAULT


ROWS: Final[tuple[Row, ...]] = (
    Row(40, "sendfile", sys_sendfile, FULL, (Arg.FD, Arg.FD, Arg.STRUCT_IN, Arg.SIZE)),
    Row(275, "splice", sys_splice, FULL, (Arg.FD, Arg.STRUCT_IN, Arg.FD, Arg.STRUCT_IN, Arg.SIZE, Arg.HEX)),
    Row(276, "tee", sys_tee, FULL, (Arg.FD, Arg.FD, Arg.SIZE, Arg.HEX)),
    Row(278, "vmsplice", sys_vmsplice, FULL, (Arg.FD, Arg.IN_IOVEC, Arg.SIZE, Arg.HEX)),
)
