"""From a handler's result to what happens to the thread. The dispatcher itself is `Kernel.syscall`."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.kernel import task_block, task_signals
from sandbox.kernel.control import AGAIN, NO_RETURN, PENDING, Assumed, Block, Execute, Result
from sandbox.kernel.task_state import PARK_NONE, PARK_PENDING

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs


def no_such_call(t: Task, a: SyscallArgs) -> Result:
    """A number beyond the table, which seccomp filters see all the same."""
    handlers = t.handlers
    return -errno.ENOSYS if handlers is t.kernel.handlers else handlers[0](t, a)


def finish(t: Task, result: Result) -> None:
    """Answer the call, park the task, or go on as the handler arranged."""
    if type(result) is int:
        a = t.args
        a.timed_out = False
        if a.held is not None:
            a.end()
        trace = t.kernel.trace
        if trace is not None:
            trace.leave(t, result)
        if t.work:
            t.result = result
            task_signals.return_to_guest(t)
        else:
            t.thread.reply(result)
    elif type(result) is Block:
        task_block.park(t, result)
    elif type(result) is Assumed:
        task_block.assume(t, result)
    elif type(result) is Execute:
        task_block.execute(t, result)
    elif result is PENDING:
        if t.parked == PARK_NONE:
            t.parked = PARK_PENDING
    elif result is AGAIN:
        t.parked = PARK_PENDING
        t.kernel.reactor.call_at(t.kernel.clock.now_ns(), t.again)
    elif result is not NO_RETURN:
        raise TypeError(f"a handler returned {result!r}")
