"""read, write and their vector and positioned forms, lseek (fs/read_write.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_APPEND, O_DSYNC, O_SYNC
from sandbox.errors import SyscallError
from sandbox.kernel.control import Result
from sandbox.kernel.io_count import did_read, did_write, vector_read, vector_write
from sandbox.syscalls.iov_iter import (
    NO_OFFSET,
    SCRATCH_SIZE,
    USER_MAX,
    IovIter,
    one_segment,
    read_iter,
    wait_read,
    wait_write,
    write_iter,
)
from sandbox.syscalls.row import FULL, Arg, Row
from sandbox.vfs.file_description import WOULD_BLOCK, FileDescription
from sandbox.vfs.file_flags import check_not_append
from sandbox.vfs.notify import IN_ACCESS, on_path

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

LLONG_MAX: Final = (1 << 63) - 1
SEEK_MAX: Final = 4  # SEEK_HOLE

RWF_HIPRI: Final = 0x01
RWF_DSYNC: Final = 0x02
RWF_SYNC: Final = 0x04
RWF_NOWAIT: Final = 0x08
RWF_APPEND: Final = 0x10
RWF_NOAPPEND: Final = 0x20
_RWF_KNOWN: Final = RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND


def sys_read(t: Task, a: SyscallArgs) -> Result:
    """read(2)."""
    raw = a.raw
    try:
        file = a.held
        if file is None:
            file = t.fds.get_io(raw[0] & 0xFFFFFFFF)
        if file.flags & 1:
            return -errno.EBADF
        size = raw[2]
        if size > SCRATCH_SIZE:
            return did_read(t, _read_long(t, a, file))
        if raw[1] + size > USER_MAX:
            return -errno.EFAULT if file.can_read else -errno.EINVAL
        thread = t.thread
        view = thread.out_window(raw[1], size)
        if view is not None:
            got = file.read(t, view)
            if got > 0:
                thread.filled(got)
        else:
            view = file.stored(file.pos, size)
            if view is not None:
                got = size = len(view)
                file.pos += got
            else:
                view = t.kernel.scratch[:size]
                got = file.read(t, view)
            if got > 0:
                if got != size:
                    view = view[:got]
                try:
                    thread.write(raw[1], view)
                except SyscallError:
                    return did_read(t, _read_fault(t, file, raw[1], view))
    except SyscallError as error:
        did_read(t, -error.errno)
        raise
    if got > 0:  # as did_read, without the call
        io = t.io
        io.syscr += 1
        io.rchar += got
        return got
    return did_read(t, wait_read(t, a, file, None) if got == WOULD_BLOCK else got)


def _read_fault(t: Task, file: FileDescription, addr: int, data: memoryview) -> int:
    """The guest's buffer takes only part of it, or nothing."""
    it = IovIter([(addr, len(data))])
    put = it.copy_out(t, data)
    put -= put % file.fault_unit
    file.unread(data[put:])
    return put if put else -errno.EFAULT


def _read_long(t: Task, a: SyscallArgs, file: FileDescription) -> Result:
    it = a.state
    if not isinstance(it, IovIter):
        if not file.can_read:
            return -errno.EINVAL
        it = one_segment(a.addr(1), a.size(2))
    got = read_iter(t, a, file, it, NO_OFFSET)
    return wait_read(t, a, file, None) if got == WOULD_BLOCK else got


def sys_write(t: Task, a: SyscallArgs) -> Result:
    """write(2)."""
    raw = a.raw
    size = raw[2]
    try:
        if a.held is not None or size > SCRATCH_SIZE:
            return did_write(t, _write_on(t, a))
        file = t.fds.get_io(raw[0] & 0xFFFFFFFF)
        if not (file.flags + 1) & 2:
            return -errno.EBADF
        if raw[1] + size > USER_MAX:
            return -errno.EFAULT if file.can_write else -errno.EINVAL
        view = t.thread.in_window(raw[1], size) if file.looks_once else None
        if view is None:
            view = t.kernel.scratch[:size]
            try:
                t.thread.read_into(raw[1], view)
            except SyscallError:
                return did_write(t, _write_on(t, a))
        put = file.write(t, view)
        if put == size:  # as did_write, without the call
            io = t.io
            io.syscw += 1
            io.wchar += put
            return put
        it = IovIter([(raw[1], size)])
        if put > 0 and not file.write_once:
            it.advance(put)
            return did_write(t, _write_rest(t, a, file, it))
        return did_write(t, wait_write(t, a, file, it) if put == WOULD_BLOCK else put)
    except SyscallError as error:
        did_write(t, -error.errno)
        raise


def _write_rest(t: Task, a: SyscallArgs, file: FileDescription, it: IovIter) -> Result:
    put = write_iter(t, a, file, it, NO_OFFSET)
    return wait_write(t, a, file, it) if put == WOULD_BLOCK else put


def _write_on(t: Task, a: SyscallArgs) -> Result:
    """A write that goes on, is longer than the scratch buffer, or whose buffer is partly unreadable."""
    file = a.held
    if file is None:
        file = t.fds.get_io(a.uint(0))
        if not (file.flags + 1) & 2:
            return -errno.EBADF
    it = a.state
    if not isinstance(it, IovIter):
        if not file.can_write:
            return -errno.EINVAL
        it = one_segment(a.addr(1), a.size(2))
        file.check_write(t, a.size(2))
    return _write_rest(t, a, file, it)


def _check_access(file: FileDescription, writing: bool) -> None:
    """EBADF; EINVAL for a file without the operation."""
    if not (file.flags + 1) & 2 if writing else file.flags & 1:
        raise SyscallError(errno.EBADF)
    if not (file.can_write if writing else file.can_read):
        raise SyscallError(errno.EINVAL)


def _check_range(file: FileDescription, offset: int, size: int, writing: bool) -> None:
    """Order of vfs_read behind pread64: ESPIPE before EBADF before EINVAL."""
    if not file.positioned:
        raise SyscallError(errno.ESPIPE)
    _check_access(file, writing)
    if offset + size > LLONG_MAX:
        raise SyscallError(errno.EINVAL)


def sys_pread64(t: Task, a: SyscallArgs) -> Result:
    """pread64(2)."""
    raw = a.raw
    size, offset = raw[2], raw[3]
    if offset > LLONG_MAX:
        return -errno.EINVAL
    try:
        file = a.held
        if file is None:
            file = t.fds.get_io(raw[0] & 0xFFFFFFFF)
        if file.flags & 1 or size > SCRATCH_SIZE or offset + size > LLONG_MAX:
            return did_read(t, _pread_long(t, a, file))
        if raw[1] + size > USER_MAX:
            return -errno.EFAULT
        thread = t.thread
        view = thread.out_window(raw[1], size)
        if view is not None:
            got = file.pread(t, view, offset)
            if got > 0:
                thread.filled(got)
        else:
            view = file.stored(offset, size)
            if view is not None:
                got = size = len(view)
            else:
                view = t.kernel.scratch[:size]
                got = file.pread(t, view, offset)
            if got > 0:
                if got != size:
                    view = view[:got]
                try:
                    thread.write(raw[1], view)
                except SyscallError:
                    return did_read(t, IovIter([(raw[1], got)]).copy_out(t, view) or -errno.EFAULT)
    except SyscallError as error:
        did_read(t, -error.errno)
        raise
    if got > 0:  # as did_read, without the call
        io = t.io
        io.syscr += 1
        io.rchar += got
        return got
    return did_read(t, got)


def _pread_long(t: Task, a: SyscallArgs, file: FileDescription) -> Result:
    it = a.state
    if not isinstance(it, IovIter):
        it = one_segment(a.addr(1), a.size(2))
        _check_range(file, a.long(3), it.total, False)
    return read_iter(t, a, file, it, a.long(3))


def sys_pwrite64(t: Task, a: SyscallArgs) -> Result:
    """pwrite64(2)."""
    raw = a.raw
    size, offset = raw[2], raw[3]
    if offset > LLONG_MAX:
        return -errno.EINVAL
    try:
        file = a.held
        if file is None:
            file = t.fds.get_io(raw[0] & 0xFFFFFFFF)
        if not (file.flags + 1) & 2 or size > SCRATCH_SIZE or offset + size > LLONG_MAX:
            return did_write(t, _pwrite_long(t, a, file))
        if raw[1] + size > USER_MAX:
            return -errno.EFAULT
        view = t.thread.in_window(raw[1], size) if file.looks_once else None
        if view is None:
            view = t.kernel.scratch[:size]
            try:
                t.thread.read_into(raw[1], view)
            except SyscallError:
                return did_write(t, _pwrite_long(t, a, file))
        put = file.pwrite(t, view, offset)
    except SyscallError as error:
        did_write(t, -error.errno)
        raise
    if put > 0:  # as did_write, without the call
        io = t.io
        io.syscw += 1
        io.wchar += put
        return put
    return did_write(t, put)


def _pwrite_long(t: Task, a: SyscallArgs, file: FileDescription) -> Result:
    it = a.state
    if not isinstance(it, IovIter):
        it = one_segment(a.addr(1), a.size(2))
        _check_range(file, a.long(3), it.total, True)
    return write_iter(t, a, file, it, a.long(3))


def _readv(t: Task, a: SyscallArgs, offset: int, flags: int) -> Result:
    file = a.held
    try:
        if file is None:
            file = t.fds.get_io(a.uint(0))
        done = _readv_of(t, a, file, offset, flags)
        if done == 0 and file.path is not None and file.path.inode.fs.watched:
            on_path(file.path, IN_ACCESS)  # vfs_readv tells of nothing too
    except SyscallError as error:
        done = -error.errno
    return vector_read(t, done)


def _readv_of(t: Task, a: SyscallArgs, file: FileDescription, offset: int, flags: int) -> Result:
    it = a.state
    if not isinstance(it, IovIter):
        if offset < 0:
            _check_access(file, False)
        else:
            _check_range(file, offset, 0, False)
        it = IovIter(t.copy_in_iovec(a.addr(1), a.uint(2)))
        if not it.total:
            return 0
        if flags:
            rw_flags(file, flags, False)
    got = read_iter(t, a, file, it, offset)
    if got == WOULD_BLOCK and not flags & RWF_NOWAIT:
        return wait_read(t, a, file, it)
    return got


def _writev(t: Task, a: SyscallArgs, offset: int, flags: int) -> Result:
    file = a.held
    try:
        done = _writev_of(t, a, t.fds.get_io(a.uint(0)) if file is None else file, offset, flags)
    except SyscallError as error:
        done = -error.errno
    return vector_write(t, done)


def _writev_of(t: Task, a: SyscallArgs, file: FileDescription, offset: int, flags: int) -> Result:
    it = a.state
    if not isinstance(it, IovIter):
        if offset < 0:
            _check_access(file, True)
        else:
            _check_range(file, offset, 0, True)
        it = IovIter(t.copy_in_iovec(a.addr(1), a.uint(2)))
        if not it.total:
            return 0
        if flags:
            rw_flags(file, flags, True)
    put = write_iter(t, a, file, it, offset)
    if put == WOULD_BLOCK:
        return (it.done or WOULD_BLOCK) if flags & RWF_NOWAIT else wait_write(t, a, file, it)
    return put


def sys_readv(t: Task, a: SyscallArgs) -> Result:
    """readv(2)."""
    return _readv(t, a, NO_OFFSET, 0)


def sys_writev(t: Task, a: SyscallArgs) -> Result:
    """writev(2)."""
    return _writev(t, a, NO_OFFSET, 0)


def sys_preadv(t: Task, a: SyscallArgs) -> Result:
    """preadv(2): the offset is the fourth argument alone on 64-bit."""
    if a.long(3) < 0:
        return -errno.EINVAL
    return _readv(t, a, a.long(3), 0)


def sys_pwritev(t: Task, a: SyscallArgs) -> Result:
    """pwritev(2)."""
    if a.long(3) < 0:
        return -errno.EINVAL
    return _writev(t, a, a.long(3), 0)


def rw_flags(file: FileDescription, flags: int, writing: bool) -> None:
    """EINVAL, EOPNOTSUPP (kiocb_set_rw_flags, do_loop_readv_writev)."""
    takes = file.flagged_writes if writing else file.flagged
    if flags & ~_RWF_KNOWN or (flags & RWF_NOWAIT and not file.nowait) or (flags & ~RWF_HIPRI and not takes):
        raise SyscallError(errno.EOPNOTSUPP)
    if flags & RWF_APPEND and flags & RWF_NOAPPEND:
        raise SyscallError(errno.EINVAL)


def flags_during(flags: int, rw: int) -> int:
    """A description's flags for the time of a write with RWF_* (kiocb_set_rw_flags)."""
    if rw & RWF_APPEND:
        flags |= O_APPEND
    elif rw & RWF_NOAPPEND:
        flags &= ~O_APPEND
    if rw & RWF_SYNC:
        flags |= O_SYNC
    elif rw & RWF_DSYNC:
        flags |= O_DSYNC
    return flags


def sys_preadv2(t: Task, a: SyscallArgs) -> Result:
    """preadv2(2); offset -1 is the file's own position."""
    offset = a.long(3)
    if offset < -1:
        return -errno.EINVAL
    return _readv(t, a, offset, a.uint(5))


def sys_pwritev2(t: Task, a: SyscallArgs) -> Result:
    """pwritev2(2). Most of its flags are the description's during the call."""
    offset, flags = a.long(3), a.uint(5)
    if offset < -1:
        return -errno.EINVAL
    file = a.held
    if file is None:
        file = t.fds.get_io(a.uint(0))
    before = file.flags
    if flags & RWF_NOAPPEND and before & O_APPEND and file.path is not None:
        check_not_append(file.path.inode)
    file.flags = flags_during(before, flags)
    try:
        return _writev(t, a, offset, flags)
    finally:
        file.flags = before


def sys_lseek(t: Task, a: SyscallArgs) -> Result:
    """lseek(2)."""
    file = t.fds.get_io(a.raw[0] & 0xFFFFFFFF)
    whence = a.uint(2)
    if whence > SEEK_MAX:
        return -errno.EINVAL
    return file.seek(t, a.long(1), whence)


_IN: Final = (Arg.FD, Arg.IN_BUF, Arg.SIZE)
_OUT: Final = (Arg.FD, Arg.OUT_BUF, Arg.SIZE)

ROWS: Final[tuple[Row, ...]] = (
    Row(0, "read", sys_read, FULL, _OUT),
    Row(1, "write", sys_write, FULL, _IN),
    Row(8, "lseek", sys_lseek, FULL, (Arg.FD, Arg.LONG, Arg.INT)),
    Row(17, "pread64", sys_pread64, FULL, (*_OUT, Arg.LONG)),
    Row(18, "pwrite64", sys_pwrite64, FULL, (*_IN, Arg.LONG)),
    Row(19, "readv", sys_readv, FULL, (Arg.FD, Arg.OUT_IOVEC, Arg.INT)),
    Row(20, "writev", sys_writev, FULL, (Arg.FD, Arg.IN_IOVEC, Arg.INT)),
    Row(295, "preadv", sys_preadv, FULL, (Arg.FD, Arg.OUT_IOVEC, Arg.INT, Arg.LONG)),
    Row(296, "pwritev", sys_pwritev, FULL, (Arg.FD, Arg.IN_IOVEC, Arg.INT, Arg.LONG)),
    Row(327, "preadv2", sys_preadv2, FULL, (Arg.FD, Arg.OUT_IOVEC, Arg.INT, Arg.LONG, Arg.LONG, Arg.HEX)),
    Row(328, "pwritev2", sys_pwritev2, FULL, (Arg.FD, Arg.IN_IOVEC, Arg.INT, Arg.LONG, Arg.LONG, Arg.HEX)),
)
