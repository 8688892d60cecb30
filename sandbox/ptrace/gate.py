"""What the calls of a traced task go through (kernel/entry/common.c: syscall_trace_enter).

As with seccomp, such a task has a table of handlers that names `gate` for every call, so that nobody else pays for it.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.arch.amd64 import R8, R9, R10, RAX, RDI, RDX, RSI
from sandbox.errors import SyscallError
from sandbox.kernel import trace_stop
from sandbox.kernel.control import NO_RETURN, Result
from sandbox.kernel.task import Task
from sandbox.kernel.task_state import PARK_DEAD, PARK_NONE, PARK_PENDING
from sandbox.kernel.tracee import GOES_ON, SKIPS_CALLS
from sandbox.syscalls.args import SyscallArgs

if TYPE_CHECKING:
    from sandbox.kernel.control import Handler
    from sandbox.kernel.kernel import Kernel

_ENOSYS: Final = -errno.ENOSYS & 0xFFFFFFFFFFFFFFFF


def traced(kernel: Kernel) -> list[Handler]:
    """The table of a task with a tracer."""
    return [gate] * len(kernel.handlers)


def gate(t: Task, a: SyscallArgs) -> Result:
    """Stop if the tracer wants that, then make the call."""
    if not t.thread.whole():
        return _make_whole(t, a)
    tracee = t.ptrace
    if tracee is None:
        return _pass(t, a)
    trace_stop.clear_step(t, tracee)
    tracee.in_call = True
    t.thread.set_reg(RAX, _ENOSYS)
    if tracee.mode == GOES_ON:
        return _pass(t, a)
    skip = tracee.mode == SKIPS_CALLS

    def entered() -> None:
        t.finish_call(make_call(t, a, -1 if skip else tracee.orig_rax, _pass))

    trace_stop.at_entry(t, tracee, entered)
    return NO_RETURN


def _make_whole(t: Task, a: SyscallArgs) -> Result:
    """It came without a frame: its registers can be had when it has one."""
    t.parked = PARK_PENDING
    t.host_op = True

    def done() -> None:
        t.host_op = False
        if t.parked != PARK_DEAD:
            t.parked = PARK_NONE
            t.finish_call(run(t, a))

    t.thread.make_whole(done)
    return NO_RETURN


def run(t: Task, a: SyscallArgs) -> Result:
    """`gate`, with exceptions made results."""
    try:
        return gate(t, a)
    except SyscallError as error:
        return -error.errno
    except Exception as bug:  # noqa: BLE001
        return t.kernel.oops(t, bug)


def make_call(t: Task, a: SyscallArgs, number: int, handler: Handler) -> Result:
    """The call that the registers name now; -1 is none, and rax is its result."""
    thread = t.thread
    thread.forget_copies()
    number &= 0xFFFFFFFF
    t.nr = number if number < 1 << 31 else number - (1 << 32)
    if t.nr == -1:
        value = thread.get_reg(RAX)
        return value - (1 << 64) if value >> 63 else value
    a.raw = (
        thread.get_reg(RDI),
        thread.get_reg(RSI),
        thread.get_reg(RDX),
        thread.get_reg(R10),
        thread.get_reg(R8),
        thread.get_reg(R9),
    )
    a.state = None
    try:
        return handler(t, a)
    except SyscallError as error:
        return -error.errno
    except Exception as bug:  # noqa: BLE001
        return t.kernel.oops(t, bug)


def _pass(t: Task, a: SyscallArgs) -> Result:
    """On to seccomp's gate, or to the call."""
    tracee = t.ptrace
    table = t.table() if tracee is None else tracee.below
    return serve(t, a) if table is t.kernel.handlers else table[0](t, a)


def serve(t: Task, a: SyscallArgs) -> Result:
    """The call itself, whoever looked at it before."""
    handlers, nr = t.kernel.handlers, t.nr
    if not 0 <= nr < len(handlers):
        return -errno.ENOSYS
    return handlers[nr](t, a)
