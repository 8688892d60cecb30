"""epoll_create, epoll_create1, epoll_ctl, epoll_wait, epoll_pwait, epoll_pwait2 (fs/eventpoll.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import poll as abi
from sandbox.errors import SyscallError
from sandbox.kernel.control import ERESTARTSYS, Block, Result
from sandbox.syscalls.iov_iter import USER_MAX
from sandbox.syscalls.linux.long_scan import AT_ONCE, FOREVER
from sandbox.syscalls.linux.sys_poll import set_mask, start_deadline
from sandbox.syscalls.linux.timespec import read_timespec
from sandbox.syscalls.row import FULL, Arg, Row, reads, writes
from sandbox.vfs.epoll import EXCLUSIVE_OK, EventPoll
from tcpip.clock import NS_PER_MS
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

MAX_EVENTS: Final = 0x7FFFFFFF // abi.EPOLL_EVENT_SIZE


def sys_epoll_create1(t: Task, a: SyscallArgs) -> Result:
    """epoll_create1(2)."""
    flags = a.int(0)
    if flags & ~abi.EPOLL_CLOEXEC:
        return -errno.EINVAL
    return t.fds.install(EventPoll(), 0, flags != 0)


def sys_epoll_create(t: Task, a: SyscallArgs) -> Result:
    """epoll_create(2): the size is only checked."""
    if a.int(0) <= 0:
        return -errno.EINVAL
    return t.fds.install(EventPoll())


def sys_epoll_ctl(t: Task, a: SyscallArgs) -> Result:
    """epoll_ctl(2)."""
    op, fd = a.int(1), a.int(2)
    events = data = 0
    if op != abi.EPOLL_CTL_DEL:
        events, data = abi.EPOLL_EVENT.unpack(t.copy_in(a.addr(3), abi.EPOLL_EVENT_SIZE))
    epoll = t.fds.get_io(a.uint(0))
    file = t.fds.get_io(fd & 0xFFFFFFFF)
    if not file.epollable:
        return -errno.EPERM
    if file is epoll or not isinstance(epoll, EventPoll):
        return -errno.EINVAL
    if op != abi.EPOLL_CTL_DEL and events & abi.EPOLLEXCLUSIVE:
        if op == abi.EPOLL_CTL_MOD or isinstance(file, EventPoll) or events & ~EXCLUSIVE_OK:
            return -errno.EINVAL
    if op == abi.EPOLL_CTL_ADD:
        epoll.add(t, fd, file, events, data)
    elif op == abi.EPOLL_CTL_MOD:
        epoll.modify(t, fd, file, events, data)
    elif op == abi.EPOLL_CTL_DEL:
        epoll.remove(fd, file)
    else:
        return -errno.EINVAL
    return 0


def sys_epoll_wait(t: Task, a: SyscallArgs) -> Result:
    """epoll_wait(2)."""
    deadline = a.state
    if not isinstance(deadline, int):
        timeout = a.int(3)
        if timeout < 0:
            deadline = FOREVER
        else:
            deadline = t.kernel.clock.now_ns() + timeout * NS_PER_MS if timeout else AT_ONCE
    return _wait(t, a, deadline)


def _wait(t: Task, a: SyscallArgs, deadline: int) -> Result:
    epoll = a.held
    if epoll is None:
        epoll = t.fds.get_io(a.uint(0))
    count = a.int(2)
    if not 0 < count <= MAX_EVENTS:
        return -errno.EINVAL
    addr = a.addr(1)
    if addr + count * abi.EPOLL_EVENT_SIZE > USER_MAX:
        return -errno.EFAULT
    if not isinstance(epoll, EventPoll):
        return -errno.EINVAL
    if epoll.ready:
        data, items = epoll.collect(t, count)
        if items:
            try:
                t.copy_out(addr, data)
            except SyscallError:
                epoll.put_back(items, data)
                raise
            return len(items)
    if deadline == AT_ONCE or a.timed_out:
        return 0
    a.state = deadline
    a.hold(epoll)
    return Block(((epoll.queue, EVENT_IN),), None if deadline == FOREVER else deadline, ERESTARTSYS, -errno.EINTR)


def sys_epoll_pwait(t: Task, a: SyscallArgs) -> Result:
    """epoll_pwait(2)."""
    if not isinstance(a.state, int) and a.addr(4):
        set_mask(t, a.addr(4), a.size(5))
    return sys_epoll_wait(t, a)


def sys_epoll_pwait2(t: Task, a: SyscallArgs) -> Result:
    """epoll_pwait2(2)."""
    deadline = a.state
    if not isinstance(deadline, int):
        deadline = start_deadline(t, read_timespec(t, a.addr(3)) if a.addr(3) else None)
        if a.addr(4):
            set_mask(t, a.addr(4), a.size(5))
    return _wait(t, a, deadline)


_WAIT: Final = (Arg.FD, Arg.ADDR, Arg.INT, Arg.INT)
_NOTE: Final = "EPOLLEXCLUSIVE may wake more than one waiter; EPOLLWAKEUP changes nothing, as without CAP_BLOCK_SUSPEND"

ROWS: Final[tuple[Row, ...]] = (
    Row(213, "epoll_create", sys_epoll_create, FULL, (Arg.INT,)),
    Row(232, "epoll_wait", sys_epoll_wait, FULL, _WAIT, copies=(writes(1, 12, 2),)),
    Row(233, "epoll_ctl", sys_epoll_ctl, FULL, (Arg.FD, Arg.INT, Arg.FD, Arg.STRUCT_IN), _NOTE, copies=(reads(3, 12),)),
    Row(
        281, "epoll_pwait", sys_epoll_pwait, FULL, (*_WAIT, Arg.ADDR, Arg.SIZE), copies=(writes(1, 12, 2), reads(4, 8))
    ),
    Row(291, "epoll_create1", sys_epoll_create1, FULL, (Arg.HEX,)),
    Row(
        441,
        "epoll_pwait2",
        sys_epoll_pwait2,
        FULL,
        (*_WAIT[:3], Arg.STRUCT_IN, Arg.ADDR, Arg.SIZE),
        copies=(writes(1, 12, 2), reads(3, 16), reads(4, 8)),
    ),
)
