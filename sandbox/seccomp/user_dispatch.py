"""Calls that a thread keeps for itself: PR_SET_SYSCALL_USER_DISPATCH (kernel/entry/syscall_user_dispatch.c,
Documentation/admin-guide/syscall-user-dispatch.rst).

As with seccomp and tracers, such a task has a table of handlers that names `gate` for every call. It comes before theirs.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.seccomp import AUDIT_ARCH_X86_64, SYS_USER_DISPATCH
from sandbox.abi.linux.signal import SIGSEGV, SIGSYS
from sandbox.arch.amd64 import RAX, RIP
from sandbox.errors import SyscallError
from sandbox.kernel import task_signals
from sandbox.kernel.control import NO_RETURN, Result
from sandbox.kernel.signal_info import SignalInfo
from sandbox.ptrace.gate import serve

if TYPE_CHECKING:
    from sandbox.kernel.control import Handler
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

PR_SYS_DISPATCH_OFF: Final = 0
PR_SYS_DISPATCH_ON: Final = 1
_ALLOW: Final = 0
_BLOCK: Final = 1
_M64: Final = (1 << 64) - 1


class UserDispatch:
    """What a thread said: calls from `offset` on for `length` bytes are made, and others while the byte at `selector`
    allows them (0: there is no such byte). `below` are the handlers of those that are made."""

    __slots__ = ("offset", "length", "selector", "below")

    def __init__(self, offset: int, length: int, selector: int, below: list[Handler]) -> None:
        self.offset = offset
        self.length = length
        self.selector = selector
        self.below = below


def set_dispatch(t: Task, mode: int, offset: int, length: int, selector: int) -> int:
    """`t` has its calls told from now on, or no more: EINVAL, EFAULT (task_set_syscall_user_dispatch)."""
    if mode == PR_SYS_DISPATCH_OFF:
        if offset or length or selector:
            return -errno.EINVAL
        t.keep_no_calls()
        return 0
    if mode != PR_SYS_DISPATCH_ON or (offset and offset + length & _M64 <= offset):
        return -errno.EINVAL
    if selector >= t.kernel.task_size:
        return -errno.EFAULT
    below = t.table()
    t.dispatch = UserDispatch(offset, length, selector, below)
    t.handlers = gated(below)
    t.thread.unlearn()
    return 0


def gated(table: list[Handler]) -> list[Handler]:
    """The table of a task that has its calls told."""
    return [gate] * len(table)


def gate(t: Task, a: SyscallArgs) -> Result:
    """Make the call or tell the thread of it by SIGSYS (syscall_user_dispatch)."""
    dispatch = t.dispatch
    assert dispatch is not None
    if t.thread.get_reg(RIP) - dispatch.offset & _M64 < dispatch.length:
        return _make(t, a, dispatch)
    if dispatch.selector:
        try:
            state = t.copy_in(dispatch.selector, 1)[0]
        except SyscallError:
            t.group.begin_exit(SIGSEGV)
            return 0
        if state == _ALLOW:
            return _make(t, a, dispatch)
        if state != _BLOCK:
            t.group.begin_exit(SIGSYS)
            return 0
    return raise_sigsys(t, SYS_USER_DISPATCH, 0)


def _make(t: Task, a: SyscallArgs, dispatch: UserDispatch) -> Result:
    """On to the tracer, to seccomp or to the call."""
    table = dispatch.below
    return serve(t, a) if table is t.kernel.handlers else table[0](t, a)


def raise_sigsys(t: Task, code: int, error: int) -> Result:
    """SIGSYS for the call under way, which is not made; the registers are as they were at it (syscall_rollback)."""
    t.force_signal(_sigsys(t, code, error))
    t.result = None
    task_signals.return_to_guest(t)
    return NO_RETURN


def kill_by(t: Task, code: int, error: int) -> Result:
    """The same signal ends the process, whatever it does about it, and leaves a core."""
    info = _sigsys(t, code, error)
    t.result = None
    if task_signals.begin_core(t, info):
        return NO_RETURN
    t.group.begin_exit(SIGSYS)
    return 0


def _sigsys(t: Task, code: int, error: int) -> SignalInfo:
    number = t.nr & 0xFFFFFFFF
    number -= number << 1 & 1 << 32  # an int, for who asks
    info = SignalInfo(SIGSYS, code, addr=t.thread.get_reg(RIP), value=number, status=AUDIT_ARCH_X86_64)
    info.errno = error
    t.thread.set_reg(RAX, number & _M64)
    if t.kernel.trace is not None:
        t.kernel.trace.leave(t, t.nr)
    return info
