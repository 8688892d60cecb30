"""Freezing the processes of a control group (kernel/cgroup/freezer.c): their threads stop as for job control, but nobody's
parent hears of it, and of signals only those get through that kill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from sandbox.kernel.task_state import (
    PARK_BLOCK,
    PARK_DEAD,
    PARK_HELD,
    PARK_NONE,
    PARK_STOP,
    PARK_TRACED,
    WORK_FREEZE,
    WORK_STOP,
)
from tcpip.waiter import EVENT_PRI

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.task import Task
    from tcpip.waiter import Waiter

STILL: Final = (PARK_STOP, PARK_TRACED, PARK_DEAD)


def set_freeze(cgroup: Cgroup, freeze: bool) -> None:
    """cgroup.freeze was written; what is below follows."""
    cgroup.freeze = freeze
    for one in cgroup.walk():
        frozen = one.freeze or (one.parent is not None and one.parent.frozen)
        if frozen != one.frozen:
            one.frozen = frozen
            if not frozen:
                one.events.happened()
            for task in list(one.own_tasks()):
                follow(task)
    look(cgroup)


def follow(t: Task) -> None:
    """It stops or goes on, as its control group is frozen or not."""
    if t.cgroup().frozen:
        _freeze(t)
    elif t.work & WORK_FREEZE:
        _thaw(t)


def _freeze(t: Task) -> None:
    t.work |= WORK_FREEZE
    if t.parked == PARK_NONE:
        t.thread.interrupt()
    elif t.parked == PARK_BLOCK:
        t.woken(0)
    elif t.parked == PARK_HELD:
        t.parked = PARK_STOP


def _thaw(t: Task) -> None:
    t.work &= ~WORK_FREEZE
    if t.parked == PARK_STOP and not t.work & WORK_STOP:
        t.parked = PARK_NONE
        t.kernel.reactor.call_soon(t.go_on)


def halt(t: Task) -> None:
    """`t` has noticed; its thread is left stopped."""
    t.parked = PARK_STOP
    look(t.cgroup())


def is_still(cgroup: Cgroup) -> bool:
    """Everything in it and below is frozen (`frozen` of cgroup.events): as one that a tracer or job control has stopped is.
    However many threads there are, each is looked at a few times in all."""
    if not cgroup.frozen:
        return False
    awaited = cgroup.awaited
    while awaited and (awaited[-1].parked in STILL or not awaited[-1].cgroup().within(cgroup)):
        awaited.pop()
    if not awaited:  # all that were known of: whoever came since is waited for next
        awaited.extend(task for task in cgroup.all_tasks() if task.parked not in STILL)
    return not awaited


class Freeze:
    """Freezes a group and calls `done` when all of it stands still. Whoever thaws it meanwhile ends that, too."""

    def __init__(self, cgroup: Cgroup, done: Callable[[], None]) -> None:
        self.cgroup = cgroup
        self._done = done
        self._waiter: Waiter | None = None

    def begin(self) -> None:
        """Ask for it."""
        self._waiter = self.cgroup.events.queue.add(EVENT_PRI, self._look)
        set_freeze(self.cgroup, True)
        self._look(0)

    def _look(self, mask: int) -> None:
        if self._waiter is not None and (is_still(self.cgroup) or not self.cgroup.frozen):
            self.cgroup.events.queue.remove(self._waiter)
            self._waiter = None
            self._done()


def look(cgroup: Cgroup) -> None:
    """Tell who waits for it when this group, or one above, has come to rest."""
    for one in cgroup.ancestors():
        if not one.frozen:
            break
        if is_still(one):
            one.events.happened()
