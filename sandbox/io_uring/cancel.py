"""Ending requests that wait (io_uring/cancel.c): ASYNC_CANCEL, IORING_REGISTER_SYNC_CANCEL, and what other operations use of
it."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final, Iterable

from sandbox.abi.linux import io_uring as abi
from sandbox.errors import SyscallError
from sandbox.io_uring.request import END, Request
from sandbox.io_uring.run import find_file, tidy
from sandbox.kernel.control import Result

if TYPE_CHECKING:
    from sandbox.io_uring.ring import RingFile
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription

_KNOWN: Final = 0x3F
_SYNC: Final = struct.Struct("<QiIqqB7s24s")  # struct io_uring_sync_cancel_reg
_MANY: Final = abi.ASYNC_CANCEL_ALL | abi.ASYNC_CANCEL_ANY


def find(ring: RingFile, data: int) -> Iterable[Request]:
    """Requests of this user_data, the newest first. None of them may end meanwhile."""
    same = ring.by_data.get(data)
    return reversed(same) if same else ()


def waits(r: Request) -> bool:
    """It has been started, or given to a worker, and can be cancelled."""
    if r.ended or r.step == END or r.opcode == abi.OP_LINK_TIMEOUT:
        return False
    return r.issued or (r.worker and r.queued)


def cancel(r: Request) -> bool:
    """End it with ECANCELED, or with what it has done by now. False: it does not wait."""
    if not waits(r):
        return False
    r.ring.timeouts.pop(r, None)
    r.end_later(tidy(r))
    return True


class Criteria:
    """What ASYNC_CANCEL looks for (struct io_cancel_data)."""

    __slots__ = ("data", "flags", "file", "opcode")

    def __init__(self, data: int, flags: int, file: FileDescription | None, opcode: int) -> None:
        self.data = data
        self.flags = flags
        self.file = file
        self.opcode = opcode

    def match(self, r: Request) -> bool:
        """As io_cancel_req_match."""
        flags = self.flags
        if flags & abi.ASYNC_CANCEL_ANY:
            return True
        if flags & abi.ASYNC_CANCEL_FD and (self.file is None or r.file is not self.file):
            return False
        if flags & abi.ASYNC_CANCEL_OP and r.opcode != self.opcode:
            return False
        return self.data == r.user_data or not self.by_data()

    def by_data(self) -> bool:
        """user_data counts."""
        others = abi.ASYNC_CANCEL_FD | abi.ASYNC_CANCEL_OP | abi.ASYNC_CANCEL_ANY
        return self.flags & abi.ASYNC_CANCEL_USERDATA != 0 or not self.flags & others


def cancel_matching(ring: RingFile, what: Criteria, but: Request | None = None) -> int:
    """How many were cancelled, or 0 when one was to be; -ENOENT."""
    many = what.flags & _MANY
    found = find(ring, what.data) if what.by_data() else ring.inflight
    count = 0
    for r in found:
        if r is not but and waits(r) and what.match(r):
            cancel(r)
            if not many:
                return 0
            count += 1
    return count if many else -errno.ENOENT


def prepare(r: Request) -> None:
    """ASYNC_CANCEL."""
    if r.flags & abi.SQE_BUFFER_SELECT or r.off or r.file_index or r.op_flags & ~_KNOWN:
        raise SyscallError(errno.EINVAL)
    if r.op_flags & abi.ASYNC_CANCEL_ANY and r.op_flags & (abi.ASYNC_CANCEL_FD | abi.ASYNC_CANCEL_OP):
        raise SyscallError(errno.EINVAL)


def async_cancel(r: Request) -> Result:
    """ASYNC_CANCEL: 0 or how many."""
    flags, file = r.op_flags, None
    if flags & abi.ASYNC_CANCEL_FD:
        fixed = r.flags & abi.SQE_FIXED_FILE or flags & abi.ASYNC_CANCEL_FD_FIXED
        file = find_file(r, r.fd, fixed != 0)
    return cancel_matching(r.ring, Criteria(r.addr, flags, file, r.length), r)


def sync_cancel(t: Task, ring: RingFile, address: int, count: int) -> int:
    """IORING_REGISTER_SYNC_CANCEL: as ASYNC_CANCEL; nothing that can be cancelled here takes its time, so its time-out never
    counts. EFAULT, EINVAL, EBADF, ENOENT."""
    if count != 1 or not address:
        return -errno.EINVAL
    data, fd, flags, _, _, opcode, pad, more = _SYNC.unpack(t.copy_in(address, _SYNC.size))
    if flags & ~_KNOWN or any(pad) or any(more):
        return -errno.EINVAL
    file: FileDescription | None = None
    if flags & abi.ASYNC_CANCEL_FD:
        if flags & abi.ASYNC_CANCEL_FD_FIXED:
            files = ring.files
            file = files[fd] if files is not None and 0 <= fd < len(files) else None
            if file is None:
                return -errno.EBADF
        else:
            file = t.fds.get(fd & 0xFFFFFFFF)
    return cancel_matching(ring, Criteria(data, flags, file, opcode))
