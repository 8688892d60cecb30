"""TIMEOUT, TIMEOUT_REMOVE and LINK_TIMEOUT (io_uring/timeout.c)."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.abi.linux import io_uring as abi
from sandbox.abi.linux.time import NS_PER_S, TIMESPEC
from sandbox.errors import SyscallError
from sandbox.io_uring.cancel import cancel, find
from sandbox.io_uring.request import ARMED, RETRY, Request
from sandbox.kernel.control import Result

_CLOCKS: Final = abi.TIMEOUT_BOOTTIME | abi.TIMEOUT_REALTIME
_UPDATES: Final = abi.TIMEOUT_UPDATE | abi.LINK_TIMEOUT_UPDATE
_KNOWN: Final = abi.TIMEOUT_ABS | _CLOCKS | abi.TIMEOUT_ETIME_SUCCESS | abi.TIMEOUT_MULTISHOT
_LONGEST: Final = 1 << 62


class Timeout:
    """`ns`: when, or how long; `repeats`: how often a multishot one fires yet, 0 without end."""

    __slots__ = ("ns", "flags", "repeats")

    def __init__(self, ns: int, flags: int, repeats: int) -> None:
        self.ns = ns
        self.flags = flags
        self.repeats = repeats


def _read_time(r: Request, address: int) -> int:
    """ns; EFAULT, EINVAL."""
    seconds: int
    fraction: int
    seconds, fraction = TIMESPEC.unpack(r.t.copy_in(address, 16))
    if seconds < 0 or fraction < 0:
        raise SyscallError(errno.EINVAL)
    return min(seconds * NS_PER_S + fraction, _LONGEST)


def _one_clock(flags: int) -> None:
    if flags & _CLOCKS == _CLOCKS:
        raise SyscallError(errno.EINVAL)


def prepare(r: Request) -> None:
    """Both kinds (__io_timeout_prep)."""
    count, flags = r.off & 0xFFFF_FFFF, r.op_flags
    if r.buf_index or r.length != 1 or r.file_index:
        raise SyscallError(errno.EINVAL)
    if count and r.opcode == abi.OP_LINK_TIMEOUT:
        raise SyscallError(errno.EINVAL)
    if flags & ~_KNOWN:
        raise SyscallError(errno.EINVAL)
    _one_clock(flags)
    if flags & abi.TIMEOUT_MULTISHOT and flags & abi.TIMEOUT_ABS:
        raise SyscallError(errno.EINVAL)
    repeats = count if flags & abi.TIMEOUT_MULTISHOT else 0
    r.state = Timeout(_read_time(r, r.addr), flags, repeats)
    r.off = count


def _arm(r: Request, what: Timeout) -> None:
    clock, timer = r.t.kernel.clock, r.timer
    if timer is None:
        timer = r.timer = r.t.kernel.timers.timer(lambda: r.queue(RETRY))
    now = clock.now_ns()
    if not what.flags & abi.TIMEOUT_ABS:
        deadline = now + what.ns
    elif what.flags & abi.TIMEOUT_REALTIME:
        deadline = now + what.ns - clock.realtime_ns()
    else:
        deadline = what.ns
    timer.arm(deadline)


def timeout(r: Request) -> Result:
    """TIMEOUT: -ETIME when it is over, 0 when as many completions have come as `off` says."""
    what = r.state
    assert isinstance(what, Timeout)
    if not r.issued:
        _arm(r, what)
        if r.off and not what.flags & abi.TIMEOUT_MULTISHOT:
            r.ring.count_timeout(r, r.off)
        return ARMED
    ring = r.ring
    ring.timeouts.pop(r, None)
    ring.cq_timeouts += 1
    r.good = what.flags & abi.TIMEOUT_ETIME_SUCCESS != 0
    if what.flags & abi.TIMEOUT_MULTISHOT:
        if what.repeats != 1 and ring.post_more(r, -errno.ETIME, 0):
            what.repeats -= what.repeats > 0
            _arm(r, what)
            return ARMED
    return -errno.ETIME


def link_timeout(r: Request) -> Result:
    """LINK_TIMEOUT: armed when the request before it has been started and waits; when it is over it cancels that one."""
    what = r.state
    assert isinstance(what, Timeout)
    if not r.issued:
        r.issued = True
        _arm(r, what)
        return ARMED
    before = r.timeout
    r.good = what.flags & abi.TIMEOUT_ETIME_SUCCESS != 0
    if before is not None:
        r.timeout = before.timeout = None
        if not cancel(before):
            return -errno.EALREADY
    return -errno.ETIME


def prepare_remove(r: Request) -> None:
    """TIMEOUT_REMOVE, also the update of one."""
    flags = r.op_flags
    if r.flags & (abi.SQE_FIXED_FILE | abi.SQE_BUFFER_SELECT) or r.buf_index or r.length or r.file_index:
        raise SyscallError(errno.EINVAL)
    if not flags & _UPDATES:
        if flags:
            raise SyscallError(errno.EINVAL)
        return
    _one_clock(flags)
    if flags & ~(_UPDATES | abi.TIMEOUT_ABS | _CLOCKS):
        raise SyscallError(errno.EINVAL)
    r.state = _read_time(r, r.off)


def remove(r: Request) -> Result:
    """TIMEOUT_REMOVE."""
    updates = r.op_flags & abi.TIMEOUT_UPDATE != 0  # of a linked one it takes both flags
    link = updates and r.op_flags & abi.LINK_TIMEOUT_UPDATE != 0
    opcode = abi.OP_LINK_TIMEOUT if link else abi.OP_TIMEOUT
    for found in find(r.ring, r.addr):
        if found.opcode == opcode and found.issued and found.step != 2:
            break
    else:
        return -errno.ENOENT
    if not updates:
        cancel(found)
        return 0
    what = found.state
    ns = r.state
    assert isinstance(what, Timeout) and isinstance(ns, int)
    if found.queued:
        return -errno.EALREADY
    what.ns = ns
    what.flags = what.flags & ~(abi.TIMEOUT_ABS | _CLOCKS) | r.op_flags & (abi.TIMEOUT_ABS | _CLOCKS)
    if not link and r.ring.timeouts.pop(found, None) is not None:
        found.off = 0
    _arm(found, what)
    return 0
