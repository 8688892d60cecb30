"""select, pselect6 (fs/select.c)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux import poll as abi
from sandbox.abi.linux.fcntl import O_PATH
from sandbox.errors import SyscallError
from sandbox.kernel.control import ERESTARTNOHAND, Block, Result
from sandbox.syscalls.linux.long_scan import AT_ONCE, FOREVER, PIECE, Scan, deadline_of, long_scan
from sandbox.syscalls.linux.sys_poll import set_mask, start_deadline, write_remaining
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
_SETS: Final = (_READ, _WRITE, _EXCEPT)
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


def _look(
    t: Task, a: SyscallArgs, first: int, count: int, out: list[bytearray], want_queues: bool
) -> tuple[int, list[tuple[WaitQueue, int]]]:
    """Look at `count` descriptors from `first` (a multiple of 64) on, and append what they show to `out`; when none is ready,
    what to wait on. EBADF, EFAULT."""
    size = (count + 63) // 64
    fmt = f"<{size}Q"
    sets = [
        struct.unpack(fmt, t.copy_in(a.addr(n) + first // 8, size * 8)) if a.addr(n) else (0,) * size for n in (1, 2, 3)
    ]
    shown = [[0] * size, [0] * size, [0] * size]
    ready = 0
    queues: list[tuple[WaitQueue, int]] = []
    find = t.fds.find
    for index, words in enumerate(zip(*sets, strict=True)):
        every = words[0] | words[1] | words[2]
        if index == size - 1 and count % 64:
            every &= (1 << count % 64) - 1
        while every:
            low = every & -every
            every ^= low
            file = find(first + index * 64 + low.bit_length() - 1)
            if file is None:
                raise SyscallError(errno.EBADF)
            path_only = file.flags & O_PATH != 0
            events = abi.POLLNVAL if path_only else user_events(file.poll(t), file.norm)
            wanted = 0
            for n, mask in enumerate(_SETS):
                if words[n] & low:
                    wanted |= mask
                    if events & mask:
                        shown[n][index] |= low
                        ready += 1
            if want_queues and not ready:
                queues.append((file.queue_for(t), wait_mask(wanted)))
    for n in range(3):
        out[n] += struct.pack(fmt, *shown[n])
    return ready, queues


def _select(t: Task, a: SyscallArgs, deadline: int, on_interrupt: Callable[[Task, SyscallArgs], int]) -> Result:
    """One look at the sets; results are stored when something is ready, or nobody is going to wait."""
    count = a.int(0)
    if count < 0:
        raise SyscallError(errno.EINVAL)
    count = min(count, _table_size(t.fds.highest()))
    if count > PIECE:
        wait = long_scan(
            t, a, deadline, count, lambda scan, size: _piece(t, a, scan, size), ERESTARTNOHAND, on_interrupt
        )
        if wait is not None:
            return wait
        assert isinstance(a.state, Scan)
        return _store(t, a, a.state.ready, a.state.out)
    out = [bytearray(), bytearray(), bytearray()]
    waiting = deadline != AT_ONCE and not a.timed_out
    ready, queues = _look(t, a, 0, count, out, waiting)
    if ready or not waiting:
        return _store(t, a, ready, out)
    a.state = deadline
    return Block(queues, None if deadline == FOREVER else deadline, ERESTARTNOHAND, None, on_interrupt)


def _piece(t: Task, a: SyscallArgs, scan: Scan, size: int) -> int:
    return _look(t, a, scan.at, size, scan.out, False)[0]


def _store(t: Task, a: SyscallArgs, ready: int, out: list[bytearray]) -> int:
    for n in (1, 2, 3):
        if a.addr(n):
            t.copy_out(a.addr(n), out[n - 1])
    return ready


def _go(t: Task, a: SyscallArgs, deadline: int, timeval: bool) -> Result:
    addr = a.addr(4)
    try:
        result = _select(t, a, deadline, _select_interrupted if timeval else _pselect_interrupted)
    except SyscallError as error:
        return write_remaining(t, addr, deadline, timeval, -error.errno)
    return write_remaining(t, addr, deadline, timeval, result) if isinstance(result, int) else result


def _select_interrupted(t: Task, a: SyscallArgs) -> int:
    return _interrupted(t, a, True)


def _pselect_interrupted(t: Task, a: SyscallArgs) -> int:
    return _interrupted(t, a, False)


def _interrupted(t: Task, a: SyscallArgs, timeval: bool) -> int:
    deadline = deadline_of(a)
    assert deadline is not None
    return write_remaining(t, a.addr(4), deadline, timeval, -ERESTARTNOHAND)


def sys_select(t: Task, a: SyscallArgs) -> Result:
    """select(2)."""
    deadline = deadline_of(a)
    if deadline is not None:
        return _go(t, a, deadline, True)
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
    deadline = deadline_of(a)
    if deadline is not None:
        return _go(t, a, deadline, False)
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
