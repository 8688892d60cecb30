"""MADVISE (io_uring/advise.c): the platform does it in the guest's process, so it is done when its task is in io_uring_enter."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable

from sandbox.errors import SyscallError
from sandbox.io_uring.request import ARMED, Request
from sandbox.io_uring.run import complete
from sandbox.kernel.control import Assumed, Block, Execute, Result
from sandbox.syscalls.linux.sys_mm import sys_madvise
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.io_uring.ring import RingFile
    from sandbox.kernel.task import Task


def prepare(r: Request) -> None:
    """MADVISE."""
    if r.buf_index or r.off or r.file_index:
        raise SyscallError(errno.EINVAL)


def madvise(r: Request) -> Result:
    """MADVISE: its turn comes."""
    r.ring.orders.append(r)
    r.ring.queue.notify(EVENT_IN)
    return ARMED


def next_order(ring: RingFile, t: Task) -> Request | None:
    """The next one of `t`, taken out."""
    orders = ring.orders
    for _ in range(len(orders)):
        r = orders.popleft()
        if r.ended or r.queued:
            continue
        if r.t is t:
            return r
        orders.append(r)
    return None


def execute(t: Task, r: Request, go_on: Callable[[], Result]) -> Result | None:
    """In `t`'s own call: what that waits for, to `go_on` afterwards. None: it is done already."""
    r.args.raw = (r.addr, r.length, r.op_flags, 0, 0, 0)
    try:
        result = sys_madvise(t, r.args)
    except SyscallError as error:
        result = -error.errno
    return _follow(r, result, go_on)


def _follow(r: Request, result: Result, go_on: Callable[[], Result]) -> Result | None:
    if isinstance(result, Block):
        r.ring.orders.appendleft(r)
        return Block(result.queues, on_interrupt=lambda t, a: -errno.EINTR)
    if isinstance(result, Assumed):
        assumed = result
        result = Execute(
            (assumed.order,), lambda t, n, got: assumed.failed(t, got) if -4096 < got < 0 else assumed.value
        )
    if not isinstance(result, Execute):
        complete(r, result if isinstance(result, int) else -errno.EINVAL)
        r.ring.commit()
        return None
    wanted = result

    def finish(t: Task, index: int, got: int) -> Result:
        try:
            outcome = wanted.finish(t, index, got)
        except SyscallError as error:
            outcome = -error.errno
        more = _follow(r, outcome, go_on)
        return go_on() if more is None else more

    return Execute(wanted.orders, finish, wanted.abandoned)
