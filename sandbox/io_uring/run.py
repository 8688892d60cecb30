"""Attempts at a request, and its end (io_uring/io_uring.c: io_issue_sqe, io_req_complete, io_disarm_next)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import io_uring as abi
from sandbox.abi.linux.fcntl import O_NONBLOCK
from sandbox.errors import SyscallError
from sandbox.io_uring.buffers import give_back
from sandbox.io_uring.request import ARMED, END, START, Request
from sandbox.kernel.control import AGAIN, Block, Result

if TYPE_CHECKING:
    from sandbox.vfs.file_description import FileDescription

_OUTLIVE: Final = (abi.OP_TIMEOUT, abi.OP_LINK_TIMEOUT)  # need nothing of their task's
AGAIN_ERROR: Final = -errno.EAGAIN


def step(r: Request) -> None:
    """Its turn has come."""
    if r.ended:
        return
    if r.step == END:
        complete(r, r.result, r.cqe_flags)
    elif r.owner.gone and r.opcode not in _OUTLIVE:
        complete(r, -errno.ECANCELED)
    elif r.step == START:
        start(r)
    else:
        r.stop_waiting()
        r.block = None
        attempt(r)
        r.key = 0


def find_file(r: Request, fd: int, fixed: bool) -> FileDescription:
    """The open file behind a number of the entry, not held; EBADF."""
    if fixed:
        files = r.ring.files
        file = files[fd] if files is not None and 0 <= fd < len(files) else None
        if file is None:
            raise SyscallError(errno.EBADF)
        return file
    return r.t.fds.get_io(fd)


def start(r: Request) -> None:
    """The first attempt; what it finds at its descriptor now is what it works on."""
    op = r.op
    assert op is not None
    limit = r.link
    if limit is not None and limit.opcode == abi.OP_LINK_TIMEOUT:
        r.link, limit.link = limit.link, None
        r.timeout, limit.timeout = limit, r
    if op.file and r.file is None:
        try:
            r.file = find_file(r, r.fd, r.flags & abi.SQE_FIXED_FILE != 0)
        except SyscallError as error:
            complete(r, -error.errno)
            return
        r.args.hold(r.file)
        r.tracked = r.file.is_ring
    attempt(r)
    limit = r.timeout
    if not r.ended and limit is not None and limit.op is not None and limit.opcode == abi.OP_LINK_TIMEOUT:
        limit.op.issue(limit)


def attempt(r: Request) -> None:
    """In the name of the task that submitted it, which may be in a call of its own or run: nothing of that is touched."""
    t, op, file = r.t, r.op, r.file
    assert op is not None
    t.thread.forget_copies()
    args, creds = t.args, t.creds
    t.args = r.args
    if r.creds is not None:
        t.creds = r.creds
    flags = 0 if file is None else file.flags
    waits = op.waits and flags & O_NONBLOCK != 0
    if file is not None and waits:
        file.flags = flags & ~O_NONBLOCK
    result: Result
    try:
        result = op.issue(r)
    except SyscallError as error:
        result = -error.errno
    except Exception as bug:  # noqa: BLE001
        t.kernel.oops(t, bug)
        result = -errno.EFAULT
    finally:
        if file is not None and waits:
            file.flags = flags
        t.args, t.creds = args, creds
    r.issued = True
    if r.buffer is not None:
        give_back(r)
    if not r.ended:
        _settle(r, result)


def _settle(r: Request, result: Result) -> None:
    if isinstance(result, int):
        complete(r, result, r.cqe_flags)
    elif isinstance(result, Block):
        done = result.interrupted
        if done is not None and done > 0 and not r.waitall:
            complete(r, done, r.cqe_flags)
        elif r.nowait:
            complete(r, AGAIN_ERROR)
        else:
            r.block = result
            for queue, mask in result.queues:
                r.wait(queue, mask)
    elif result is AGAIN:
        r.queue(r.step + (r.step == START))
    elif result is not ARMED:
        raise TypeError(f"an operation returned {result!r}")


def complete(r: Request, result: int, flags: int = 0) -> None:
    """The end: a completion, unless it is not wanted, and on to what is linked to it."""
    if r.ended:
        return
    r.ended = True
    ring = r.ring
    r.stop_waiting()
    if result < 0 and not r.good:
        r.fail()
    if not r.flags & abi.SQE_CQE_SKIP_SUCCESS:
        ring.post(r.user_data, result, flags | abi.CQE_F_MORE if r.notifies and not r.good else flags)
        ring.told |= r.worker
        if r.notifies:  # what is sent is copied at once
            copied = -abi.NOTIF_USAGE_ZC_COPIED if r.ioprio & abi.SEND_ZC_REPORT_USAGE else 0
            ring.post(r.user_data, copied, abi.CQE_F_NOTIF)
    ring.leave(r)
    r.args.end()
    source, r.source = r.source, None
    if source is not None:
        source.drop()
    r.file = None
    r.state = None
    other = r.timeout
    if other is not None:
        r.timeout = other.timeout = None
        if other.opcode == abi.OP_LINK_TIMEOUT:
            other.end_later(-errno.ECANCELED)
    following = r.link
    if following is not None:
        r.link = None
        if r.failed and not r.flags & abi.SQE_IO_HARDLINK:
            _fail_links(r, following)
        else:
            following.queue(START)
    if ring.deferred:
        ring.drain()


def _fail_links(r: Request, following: Request | None) -> None:
    while following is not None:
        here, following = following, following.link
        here.link = None
        here.good = True
        if r.skip_links:
            here.flags |= abi.SQE_CQE_SKIP_SUCCESS
        else:
            here.flags &= ~abi.SQE_CQE_SKIP_SUCCESS
        here.end_later(here.result if here.failed else -errno.ECANCELED)


def tidy(r: Request) -> int:
    """Give up a wait: the result of what it had done by then, or ECANCELED."""
    block, result = r.block, -errno.ECANCELED
    if block is None:
        return result
    r.block = None
    if block.on_interrupt is not None:
        t = r.t
        args, t.args = t.args, r.args
        try:
            done = block.on_interrupt(t, r.args)
        finally:
            t.args = args
    else:
        done = block.interrupted or 0
    return done if done > 0 else result
