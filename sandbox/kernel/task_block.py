"""Parked calls: wait queues, the deadline, running the handler again, and interruption.

A wake-up, whatever its cause, runs the handler once more from the event loop. Only when it wants to
wait again is a pending signal looked at, so a call that has something to return returns it.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.kernel import task_signals
from sandbox.kernel.control import ERESTART_RESTARTBLOCK, ERESTARTNOINTR, Assumed, Block, Execute, Result
from sandbox.kernel.task_state import (
    PARK_BLOCK,
    PARK_DEAD,
    PARK_NONE,
    PARK_PENDING,
    WORK_INTERRUPTING,
    WORK_SAVE,
    RestartBlock,
)

if TYPE_CHECKING:
    from sandbox.kernel.task import Task


def park(t: Task, block: Block) -> None:
    """The handler wants to wait."""
    if t.work & WORK_INTERRUPTING:
        t.result = _interrupt(t, block)
        if t.work & WORK_INTERRUPTING == WORK_SAVE and t.result == -errno.EINTR and block.deadline is None:
            t.result = -ERESTARTNOINTR  # there was no signal: nobody is to see it
        if t.kernel.trace is not None:
            t.kernel.trace.leave(t, t.result)
        task_signals.return_to_guest(t)
        return
    t.block = block
    t.waits += 1
    t.parked = PARK_BLOCK
    for queue, mask in block.queues:
        t.waiters.append((queue, queue.add(mask, t.woken)))
    deadline = block.deadline
    if deadline is not None:
        timer = t.deadline_timer
        if timer is None:
            timer = t.deadline_timer = t.kernel.reactor.timers.timer(t.deadline_passed)
        timer.arm(deadline)


def unpark(t: Task) -> None:
    """Leave all queues."""
    waiters = t.waiters
    for queue, waiter in waiters:
        queue.remove(waiter)
    waiters.clear()
    timer = t.deadline_timer
    if timer is not None:
        timer.cancel()
    t.block = None
    t.parked = PARK_NONE


def rerun(t: Task) -> None:
    """A wake-up has come: try again."""
    t.wake_queued = False
    if t.parked != PARK_BLOCK:
        return
    unpark(t)
    t.finish_call(t.kernel.run_handler(t))


def deadline_passed(t: Task) -> None:
    """The timer of a parked call fired (from the event loop's timers: the handler may run at once)."""
    if t.parked == PARK_BLOCK:
        t.args.timed_out = True
        rerun(t)


def _interrupt(t: Task, block: Block) -> int:
    """A signal ends the wait: the result, maybe a restart code."""
    a = t.args
    if block.on_interrupt is not None:
        result = block.on_interrupt(t, a)
    elif block.interrupted is not None:
        result = block.interrupted
    else:
        result = -block.restart
    if result == -ERESTART_RESTARTBLOCK:
        t.restart_block = RestartBlock(t.nr, a.raw, a.state)
    a.timed_out = False
    a.end()
    return result


def abandon(t: Task) -> None:
    """The task ends in the middle of whatever it waits for."""
    block = t.block
    if block is not None:
        unpark(t)
        if block.on_interrupt is not None:
            block.on_interrupt(t, t.args)
    t.args.end()


def assume(t: Task, wanted: Assumed) -> None:
    """Answer with an order that need not be waited for; where something else is pending, wait for it."""

    def failed(index: int, result: int) -> None:
        if t.parked != PARK_DEAD:
            complete(t, wanted.failed(t, result))

    if t.work:
        finished = Execute((wanted.order,), lambda t, index, result: _outcome(t, wanted, result))
        execute(t, finished)
        return
    t.parked = PARK_NONE
    a = t.args
    a.timed_out = False
    if a.held is not None:
        a.end()
    t.thread.execute_assumed(wanted.order, wanted.value, failed)


def _outcome(t: Task, wanted: Assumed, result: int) -> Result:
    return wanted.failed(t, result) if -4096 < result < 0 else wanted.value


def execute(t: Task, wanted: Execute) -> None:
    """Hand orders to the platform; the call goes on with `finish`."""
    if wanted.value is not None and not t.work:
        _execute_and_go_on(t, wanted, wanted.value)
        return
    t.parked = PARK_PENDING
    t.host_op = True

    def done(index: int, result: int) -> None:
        if end_host_op(t):
            complete(t, t.kernel.run_finish(t, wanted.finish, index, result))
        elif wanted.abandoned is not None:
            wanted.abandoned(t, index, result)

    t.thread.execute(wanted.orders, done)


def _execute_and_go_on(t: Task, wanted: Execute, value: int) -> None:
    """As execute, but to the kernel the task runs from now on: `finish` comes before its next trap, or its end."""
    t.parked = PARK_NONE
    t.args.timed_out = False
    t.args.end()
    if t.kernel.trace is not None:
        t.kernel.trace.leave(t, value)

    def returned() -> None:
        t.going_on = None
        if t.parked != PARK_DEAD:
            t.kernel.run_finish(t, wanted.finish, len(wanted.orders) - 1, 0)

    def failed(index: int, result: int) -> None:
        t.going_on = None
        if t.parked != PARK_DEAD:
            complete(t, t.kernel.run_finish(t, wanted.finish, index, result))

    t.going_on = returned
    t.thread.execute_and_return(wanted.orders, value, returned, failed)


def end_host_op(t: Task) -> bool:
    """The platform's operation is over. False: the task is dead (its space was)."""
    t.host_op = False
    return t.parked != PARK_DEAD


def complete(t: Task, result: Result) -> None:
    """The end of a call that was PENDING or Execute."""
    if t.parked == PARK_DEAD:
        return
    t.parked = PARK_NONE
    t.finish_call(result)
