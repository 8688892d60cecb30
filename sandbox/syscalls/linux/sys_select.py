"""select, pselect6 (fs/select.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import poll as abi
from sandbox.abi.linux.fcntl import O_PATH
from sandbox.errors import SyscallError
from sandbox.kernel.control import ERESTARTNOHAND, Block, Result
from sandbox.syscalls.linux.sys_poll import AT_ONCE, FOREVER, set_mask, start_deadline, write_remaining
from sandbox.syscalls.linux.timespec import read_timespec, timespec_ns
from sandbox.syscalls.row import FULL, Arg, Row
from sandbox.vfs.poll import user_events, wait_mask
from tcpip.waiter import WaitQueue

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

_READ: Final = abi.POLLIN | abi.POLLRDNORM | abi.POLLRDBAND | abi.POLLHUP | abi.POLLERR | abi.POLLNVAL
_WRITE: Final = abi.POLLOUT | abi.POLLWRNORM | abi.POLLWRBAND | abi.POLLERR | abi.POLLNVAL
_EXCEPT: Final = abi.POLLPRI | abi.POLLNVAL
_SETS: Final = ((1, _READ), (2, _WRITE), (3, _EXCEPT))
_TIMEVAL: Final = struct.Struct("<qq")
_MASK_ARG: Final = struct.Struct("<QQ")


def _table_size(highest: int) -> int:
    """How many numbers Linux's table would have room for (fs/file.c: alloc_fdtable); bits above are not looked at."""
    if highest < 64:
        return 64
    blocks = 1
    while blocks <= highest >> 7:
        blocks <<= 1
    return blocks << 7


def _select(t: Task, a: SyscallArgs, want_queues: bool) -> tuple[int, list[tuple[WaitQueue, int]]]:
    """One look at the sets; results are stored when something is ready, or nobody is going to wait."""
    count = a.int(0)
    if count < 0:
        raise SyscallError(errno.EINVAL)
    fds = t.fds
    count = min(count, _table_size(fds.highest()))
    size = (count + 63) // 64 * 8
    sets = [int.from_bytes(t.copy_in(a.addr(n), size), "little") if a.addr(n) else 0 for n in (1, 2, 3)]
    every = (sets[0] | sets[1] | sets[2]) & ((1 << count) - 1)
    out = [0, 0, 0]
    ready = 0
    queues: list[tuple[WaitQueue, int]] = []
    while every:
        low = every & -every
        every ^= low
        file = fds.find(low.bit_length() - 1)
        if file is None or file.flags & O_PATH:
            raise SyscallError(errno.EBADF)
        events = user_events(file.poll(t))
        wanted = 0
        for n, mask in _SETS:
            if sets[n - 1] & low:
                wanted |= mask
                if events & mask:
                    out[n - 1] |= low
                    ready += 1
        if want_queues and not ready:
            queues.append((file.queue_for(t), wait_mask(wanted)))
    if ready or not want_queues:
        for n in (1, 2, 3):
            if a.addr(n):
                t.copy_out(a.addr(n), out[n - 1].to_bytes(size, "little"))
    return ready, queues


def _go(t: Task, a: SyscallArgs, deadline: int, timeval: bool) -> Result:
    addr = a.addr(4)
    waiting = deadline != AT_ONCE and not a.timed_out
    try:
        ready, queues = _select(t, a, waiting)
    except SyscallError as error:
        return write_remaining(t, addr, deadline, timeval, -error.errno)
    if ready or not waiting:
        return write_remaining(t, addr, deadline, timeval, ready)
    a.state = deadline
    interrupted = _select_interrupted if timeval else _pselect_interrupted
    return Block(queues, None if deadline == FOREVER else deadline, ERESTARTNOHAND, None, interrupted)


def _select_interrupted(t: Task, a: SyscallArgs) -> int:
    assert isinstance(a.state, int)
    return write_remaining(t, a.addr(4), a.state, True, -ERESTARTNOHAND)


def _pselect_interrupted(t: Task, a: SyscallArgs) -> int:
    assert isinstance(a.state, int)
    return write_remaining(t, a.addr(4), a.state, False, -ERESTARTNOHAND)


def sys_select(t: Task, a: SyscallArgs) -> Result:
    """select(2)."""
    if isinstance(a.state, int):
        return _go(t, a, a.state, True)
    timeout: int | None = None
    if a.addr(4):
        seconds, micros = _TIMEVAL.unpack(t.copy_in(a.addr(4), 16))
        # As Linux has it: microseconds may be a million or more, they carry over.
        whole = abs(micros) // 1_000_000
        rest = (abs(micros) - whole * 1_000_000) * 1000
        if micros < 0:
            whole, rest = -whole, -rest
        timeout = timespec_ns(seconds + whole, rest)
    return _go(t, a, start_deadline(t, timeout), True)


def sys_pselect6(t: Task, a: SyscallArgs) -> Result:
    """pselect6(2): the sixth argument points to the mask and its size."""
    if isinstance(a.state, int):
        return _go(t, a, a.state, False)
    mask = size = 0
    if a.addr(5):
        mask, size = _MASK_ARG.unpack(t.copy_in(a.addr(5), 16))
    deadline = start_deadline(t, read_timespec(t, a.addr(4)) if a.addr(4) else None)
    if mask:
        set_mask(t, mask, size)
    return _go(t, a, deadline, False)


_ARGS: Final = (Arg.INT, Arg.ADDR, Arg.ADDR, Arg.ADDR, Arg.STRUCT_IN)

ROWS: Final[tuple[Row, ...]] = (
    Row(23, "select", sys_select, FULL, _ARGS),
    Row(270, "pselect6", sys_pselect6, FULL, (*_ARGS, Arg.ADDR)),
)
