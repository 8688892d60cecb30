"""NOP, reads, writes and FSYNC (io_uring/rw.c, nop.c, sync.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import io_uring as abi
from sandbox.errors import SyscallError
from sandbox.fs.host_stdio import HostFile
from sandbox.io_uring.buffers import selected, take
from sandbox.io_uring.request import Request, in_background
from sandbox.kernel.control import Result
from sandbox.syscalls.iov_iter import NO_OFFSET, IovIter, one_segment, read_iter, wait_read, wait_write, write_iter
from sandbox.syscalls.linux.sys_read_write import RWF_HIPRI, RWF_NOWAIT, flags_during, rw_flags
from sandbox.syscalls.linux.sys_sched import check_ioprio
from sandbox.syscalls.linux.sys_sync import synchronise, to_sync
from sandbox.vfs.file_description import WOULD_BLOCK
from sandbox.vfs.regular_file import InodeFile, RegularFile

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription

_LONG_MAX: Final = (1 << 63) - 1
_WRITES: Final = (abi.OP_WRITE, abi.OP_WRITEV, abi.OP_WRITE_FIXED)
_VECTORS: Final = (abi.OP_READV, abi.OP_WRITEV)
_FIXED: Final = (abi.OP_READ_FIXED, abi.OP_WRITE_FIXED)


def prepare_nop(r: Request) -> None:
    """NOP: nothing of the entry is looked at."""


def nop(r: Request) -> Result:
    """NOP."""
    return 0


def prepare(r: Request) -> None:
    """All that read and write (io_prep_rw)."""
    if r.opcode in _FIXED:
        buffers = r.ring.buffers
        if buffers is None or r.buf_index >= len(buffers):
            raise SyscallError(errno.EFAULT)
    if r.ioprio:
        check_ioprio(r.t, r.ioprio)
    if r.opcode == abi.OP_READV and r.flags & abi.SQE_BUFFER_SELECT and r.length != 1:
        raise SyscallError(errno.EINVAL)


def fetch(r: Request) -> None:
    """Read the vector now: the program may change it before the request starts."""
    if r.opcode in _VECTORS and not r.flags & abi.SQE_BUFFER_SELECT:
        r.args.state = IovIter(r.t.copy_in_iovec(r.addr, r.length))


def check_fixed(r: Request) -> None:
    """EFAULT unless it names a piece of a registered buffer."""
    buffers = r.ring.buffers
    if buffers is None or r.buf_index >= len(buffers) or r.ring.buffers_mm is not r.t.mm:
        raise SyscallError(errno.EFAULT)
    start, size = buffers[r.buf_index]
    if not start <= r.addr or r.addr + r.length > start + size:
        raise SyscallError(errno.EFAULT)


def _fixed(r: Request) -> IovIter:
    """A piece of a registered buffer; EFAULT."""
    check_fixed(r)
    return IovIter([(r.addr, r.length)])


def _where(r: Request) -> IovIter:
    if r.flags & abi.SQE_BUFFER_SELECT:
        if r.opcode == abi.OP_READV:
            segment = r.t.copy_in_iovec(r.addr, 1)
            r.length = segment[0][1]
        return take(r)
    if r.opcode in _VECTORS:
        return IovIter(r.t.copy_in_iovec(r.addr, r.length))
    return _fixed(r) if r.opcode in _FIXED else one_segment(r.addr, r.length)


def _position(t: Task, file: FileDescription, offset: int) -> int:
    """The offset, where the file has positions and one was given."""
    if offset == (1 << 64) - 1:
        return NO_OFFSET
    if isinstance(file, RegularFile):
        return offset
    if not isinstance(file, (InodeFile, HostFile)):
        return NO_OFFSET
    try:
        file.pread(t, t.kernel.scratch[:0], offset)
    except SyscallError as error:
        if error.errno == errno.ESPIPE:
            return NO_OFFSET
    return offset


def _check(r: Request, file: FileDescription, it: IovIter, writing: bool) -> int:
    """Where to begin; EBADF, EOPNOTSUPP, EINVAL (io_rw_init_file, rw_verify_area)."""
    if not (file.flags + 1) & 2 if writing else file.flags & 1:
        raise SyscallError(errno.EBADF)
    rw_flags(file, r.op_flags, writing)
    if r.ring.setup & abi.SETUP_IOPOLL:
        raise SyscallError(errno.EOPNOTSUPP)  # no file here can be polled for the end of direct I/O
    if r.op_flags & RWF_HIPRI:
        raise SyscallError(errno.EINVAL)
    r.nowait = r.op_flags & RWF_NOWAIT != 0
    offset = _position(r.t, file, r.off)
    if offset > _LONG_MAX or offset + it.total > _LONG_MAX:
        raise SyscallError(errno.EINVAL)
    return offset


def transfer(r: Request) -> Result:
    """READ, READV, READ_FIXED and their opposites: one attempt."""
    t, a, file, writing = r.t, r.args, r.file, r.opcode in _WRITES
    assert file is not None
    it = a.state
    if not isinstance(it, IovIter):
        it = _where(r)
    if not r.issued:
        r.off = _check(r, file, it, writing)
    a.state = it
    if not it.total and not (file.flagged_writes if writing else file.flagged):
        return 0  # nothing is asked of a file that takes one piece after the other (loop_rw_iter)
    flags = file.flags
    if writing:
        file.flags = flags_during(flags, r.op_flags)
    try:
        got = write_iter(t, a, file, it, r.off) if writing else read_iter(t, a, file, it, r.off)
    finally:
        file.flags = flags
    if got == WOULD_BLOCK:
        result = wait_write(t, a, file, it) if writing else wait_read(t, a, file, it)
        if not isinstance(result, int):
            return result
        got = result
    if isinstance(got, int):
        if got != it.total:
            r.fail()
        if got >= 0:
            selected(r)
    return got


def prepare_fsync(r: Request) -> None:
    """FSYNC."""
    if r.addr or r.buf_index or r.file_index or r.op_flags & ~abi.FSYNC_DATASYNC:
        raise SyscallError(errno.EINVAL)


def fsync(r: Request) -> Result:
    """FSYNC: the whole file, whatever the range."""
    assert r.file is not None
    return in_background(synchronise(r.t, to_sync(r.file), r.op_flags & abi.FSYNC_DATASYNC != 0, r.end_later))
