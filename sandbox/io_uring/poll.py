"""POLL_ADD and POLL_REMOVE (io_uring/poll.c)."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.abi.linux import io_uring as abi
from sandbox.abi.linux import poll as events
from sandbox.errors import SyscallError
from sandbox.io_uring.cancel import cancel, find, waits
from sandbox.io_uring.request import ARMED, Request
from sandbox.kernel.control import Result
from sandbox.vfs.poll import user_events, wait_mask

_ALWAYS: Final = events.POLLERR | events.POLLHUP | events.POLLNVAL | events.POLLRDHUP
_WHOLE: Final = events.POLLERR | events.POLLHUP
_UPDATES: Final = abi.POLL_UPDATE_EVENTS | abi.POLL_UPDATE_USER_DATA


def prepare_add(r: Request) -> None:
    """POLL_ADD."""
    if r.buf_index or r.off or r.addr or r.length & ~abi.POLL_ADD_MULTI:
        raise SyscallError(errno.EINVAL)
    if r.length and r.flags & abi.SQE_CQE_SKIP_SUCCESS:
        raise SyscallError(errno.EINVAL)


def _wanted(r: Request) -> int:
    return r.op_flags | _ALWAYS


def _begin(r: Request) -> int:
    """Wait; what is ready now."""
    file = r.file
    assert file is not None
    wanted = _wanted(r)
    r.wait(file.queue_for(r.t), wait_mask(wanted))
    return user_events(file.poll(r.t), file.norm) & wanted


def _found(r: Request) -> int:
    """After it was woken: what that was about, as far as it is still so."""
    file = r.file
    assert file is not None
    ready = user_events(file.poll(r.t), file.norm) & _wanted(r)
    return ready if not r.key or r.key & _WHOLE else ready & (user_events(r.key, file.norm) | _ALWAYS)


def poll_add(r: Request) -> Result:
    """POLL_ADD: the events, once or each time when there are some."""
    multi = r.length & abi.POLL_ADD_MULTI != 0
    if not r.issued:
        r.once = not multi
        found = _begin(r)
    else:
        found = _found(r)
        file = r.file
        assert file is not None
        r.wait(file.queue_for(r.t), wait_mask(_wanted(r)))
    assert r.file is not None
    if not r.file.epollable:
        r.stop_waiting()
        return found or -errno.EINVAL  # nothing will ever happen there
    if not found:
        return ARMED
    if not multi or r.once or not r.ring.post_more(r, found, 0):
        return found
    return ARMED


def prepare_remove(r: Request) -> None:
    """POLL_REMOVE, also the update of one."""
    flags = r.length
    if r.buf_index or r.file_index or flags & ~(_UPDATES | abi.POLL_ADD_MULTI) or flags == abi.POLL_ADD_MULTI:
        raise SyscallError(errno.EINVAL)
    if not flags & abi.POLL_UPDATE_USER_DATA and r.off:
        raise SyscallError(errno.EINVAL)
    if not flags & abi.POLL_UPDATE_EVENTS and r.op_flags:
        raise SyscallError(errno.EINVAL)


def poll_remove(r: Request) -> Result:
    """POLL_REMOVE."""
    for found in find(r.ring, r.addr):
        if found.opcode == abi.OP_POLL_ADD and waits(found):
            break
    else:
        return -errno.ENOENT
    if not r.length & _UPDATES:
        cancel(found)
        return 0
    if found.queued:
        return -errno.EALREADY
    if r.length & abi.POLL_UPDATE_EVENTS:
        found.op_flags = found.op_flags & ~0xFFFF | r.op_flags & 0xFFFF
    if r.length & abi.POLL_UPDATE_USER_DATA:
        r.ring.rename(found, r.off)
    found.stop_waiting()
    if _begin(found):
        found.key = 0
        found.wake(0)
    return 0
