"""poll, ppoll (fs/select.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, Final

from sandbox.abi.linux.fcntl import O_PATH
from sandbox.abi.linux.personality import STICKY_TIMEOUTS
from sandbox.abi.linux.poll import POLLERR, POLLFD, POLLHUP, POLLNVAL
from sandbox.errors import SyscallError
from sandbox.kernel.control import ERESTART_RESTARTBLOCK, ERESTARTNOHAND, Block, Result
from sandbox.syscalls.linux.long_scan import AT_ONCE, FOREVER, PIECE, Scan, deadline_of, long_scan
from sandbox.syscalls.linux.timespec import pack_timespec, pack_timeval, read_timespec
from sandbox.syscalls.row import FULL, Arg, Row, reads, writes
from sandbox.vfs.poll import user_events, wait_mask
from tcpip.clock import NS_PER_MS
from tcpip.waiter import WaitQueue

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

_ALWAYS: Final = POLLERR | POLLHUP


def _scan(t: Task, addr: int, count: int, want_queues: bool) -> tuple[int, list[tuple[WaitQueue, int]]]:
    """Look at every descriptor, store revents: how many have some; when none has, what to wait on."""
    size = 8 * count
    data = bytearray(t.copy_in(addr, size))
    words = memoryview(data)
    ready = 0
    queues: list[tuple[WaitQueue, int]] = []
    find = t.fds.find
    offset = 0
    for fd, events, old in POLLFD.iter_unpack(bytes(data)):
        revents = 0
        if fd >= 0:
            file = find(fd)
            if file is None or file.flags & O_PATH:
                revents = POLLNVAL
            else:
                revents = user_events(file.poll(t), file.norm) & (events & 0xFFFF | _ALWAYS)
                if not revents and not ready and want_queues:
                    queues.append((file.queue_for(t), wait_mask(events & 0xFFFF)))
            if revents:
                ready += 1
        if revents != old & 0xFFFF:
            words[offset + 6] = revents & 0xFF
            words[offset + 7] = revents >> 8
        offset += 8
    if size:
        t.copy_out(addr, data)
    return ready, queues


def _poll(
    t: Task,
    a: SyscallArgs,
    deadline: int,
    restart: int,
    on_interrupt: Callable[[Task, SyscallArgs], int] | None = None,
) -> Result:
    """One look, and what the call returns or waits for then."""
    count = a.uint(1)
    if count > t.fds.limit:
        raise SyscallError(errno.EINVAL)
    if count > PIECE:
        wait = long_scan(t, a, deadline, count, lambda scan, size: _piece(t, a, scan, size), restart, on_interrupt)
        if wait is not None:
            return wait
        assert isinstance(a.state, Scan)
        return a.state.ready
    ready, queues = _scan(t, a.addr(0), count, deadline != AT_ONCE and not a.timed_out)
    if ready or deadline == AT_ONCE or a.timed_out:
        return ready
    a.state = deadline
    return Block(queues, None if deadline == FOREVER else deadline, restart, None, on_interrupt)


def _piece(t: Task, a: SyscallArgs, scan: Scan, size: int) -> int:
    return _scan(t, a.addr(0) + POLLFD.size * scan.at, size, False)[0]


def sys_poll(t: Task, a: SyscallArgs) -> Result:
    """poll(2)."""
    deadline = deadline_of(a)
    if deadline is None:
        timeout = a.int(2)
        if timeout < 0:
            deadline = FOREVER
        elif timeout == 0:
            deadline = AT_ONCE
        else:
            deadline = t.kernel.clock.now_ns() + timeout * NS_PER_MS
    return _poll(t, a, deadline, ERESTART_RESTARTBLOCK)


def start_deadline(t: Task, timeout: int | None) -> int:
    """The deadline for a relative time-out, None for no end."""
    if timeout is None:
        return FOREVER
    return AT_ONCE if timeout == 0 else t.kernel.clock.now_ns() + timeout


def write_remaining(t: Task, addr: int, deadline: int, timeval: bool, result: int) -> int:
    """poll_select_finish: the time left goes back to user space; if that fails, or is not wanted, the call can't be restarted."""
    if t.personality & STICKY_TIMEOUTS:
        return -errno.EINTR if result == -ERESTARTNOHAND else result
    if addr and deadline != FOREVER:
        left = 0 if deadline == AT_ONCE else max(0, deadline - t.kernel.clock.now_ns())
        try:
            t.copy_out(addr, pack_timeval(left) if timeval else pack_timespec(left))
        except SyscallError:
            if result == -ERESTARTNOHAND:
                return -errno.EINTR
    return result


def _ppoll_interrupted(t: Task, a: SyscallArgs) -> int:
    deadline = deadline_of(a)
    assert deadline is not None
    return write_remaining(t, a.addr(2), deadline, False, -ERESTARTNOHAND)


def sys_ppoll(t: Task, a: SyscallArgs) -> Result:
    """ppoll(2)."""
    deadline = deadline_of(a)
    if deadline is None:
        addr, mask = a.addr(2), a.addr(3)
        deadline = start_deadline(t, read_timespec(t, addr) if addr else None)
        if mask:
            set_mask(t, mask, a.size(4))
    try:
        result = _poll(t, a, deadline, ERESTARTNOHAND, _ppoll_interrupted)
    except SyscallError as error:
        return write_remaining(t, a.addr(2), deadline, False, -error.errno)
    return write_remaining(t, a.addr(2), deadline, False, result) if isinstance(result, int) else result


def set_mask(t: Task, addr: int, size: int) -> None:
    """set_user_sigmask: the mask for this call; EINVAL, EFAULT."""
    if size != 8:
        raise SyscallError(errno.EINVAL)
    t.set_temporary_mask(int.from_bytes(t.copy_in(addr, 8), "little"))


ROWS: Final[tuple[Row, ...]] = (
    Row(7, "poll", sys_poll, FULL, (Arg.ADDR, Arg.UINT, Arg.INT), copies=(reads(0, 8, 1), writes(0, 8, 1))),
    Row(
        271,
        "ppoll",
        sys_ppoll,
        FULL,
        (Arg.ADDR, Arg.UINT, Arg.STRUCT_IN, Arg.ADDR, Arg.SIZE),
        copies=(reads(0, 8, 1), writes(0, 8, 1), reads(2, 16), reads(3, 8)),
    ),
)
