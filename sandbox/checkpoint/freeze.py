"""Bringing every task to a halt where it can be saved: between two instructions, or at the end of a call.

A call that waits is ended as by a signal, with its restart code in `Task.result`: what has been done stays done, and the
rest is called again when the task goes on (signal(7), "Interruption of system calls"). Nobody sees that, but for calls that
have a time-out and never restart, epoll_wait(2) say, which fail with EINTR as after a stop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from sandbox.kernel.task_state import PARK_BLOCK, PARK_DEAD, PARK_HELD, PARK_NONE, PARK_SAVED, PARK_STOP, WORK_SAVE

if TYPE_CHECKING:
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task
    from tcpip.timers import Timer

BOUND_NS: Final = 10_000_000_000
LOOK_NS: Final = 1_000_000  # between two looks for tasks that were made meanwhile


class Freezer:
    """`begin`; then `done("")` once all tasks have halted, or `done(why not)`, from the event loop. `thaw` lets them go on."""

    def __init__(self, kernel: Kernel, done: Callable[[str], None]) -> None:
        self._kernel = kernel
        self._done: Callable[[str], None] | None = done
        self._give_up_at = kernel.clock.now_ns() + BOUND_NS
        self._timer: Timer = kernel.timers.timer(self._look)

    def tasks(self) -> list[Task]:
        """All that live."""
        return [task for tasks in self._kernel.spaces.values() for task in tasks if task.parked != PARK_DEAD]

    def begin(self) -> None:
        """They are told to halt."""
        self._kernel.halting = self
        self._look()

    def halted(self, t: Task) -> None:
        """`t` has come to where it can be saved; its thread is left stopped."""
        t.parked = PARK_SAVED
        t.args.state = None

    def thaw(self) -> None:
        """All of them go on."""
        self._done = None
        self._timer.cancel()
        self._kernel.halting = None
        for task in self.tasks():
            task.work &= ~WORK_SAVE
            if task.parked == PARK_SAVED:
                task.parked = PARK_NONE
                self._kernel.reactor.call_soon(task.go_on)

    def _look(self) -> None:
        if self._done is None:
            return
        missing: Task | None = None
        for task in self.tasks():
            if task.parked in (PARK_SAVED, PARK_STOP):
                continue
            missing = task
            if not task.work & WORK_SAVE:
                self._hold(task)
        kernel = self._kernel
        if missing is None and not kernel.loading and not kernel.syncing():
            done, self._done = self._done, None
            done("")
            return
        now = kernel.clock.now_ns()
        if now >= self._give_up_at:
            done, self._done = self._done, None
            who = (
                f"process {missing.pid} ({missing.comm.decode('utf-8', 'backslashreplace')})"
                if missing
                else "a program or a disk"
            )
            done(f"{who} is in a call that does not end and cannot be interrupted")
            return
        self._timer.arm(now + LOOK_NS)

    @staticmethod
    def _hold(t: Task) -> None:
        t.work |= WORK_SAVE
        if t.lent:
            t.thread.take_back()
        t.thread.unlearn()
        t.thread.collect()
        if t.parked == PARK_NONE:
            t.thread.interrupt()
        elif t.parked == PARK_BLOCK:
            t.woken(0)
        elif t.parked == PARK_HELD:
            t.parked = PARK_NONE
            t.kernel.reactor.call_soon(t.go_on)
