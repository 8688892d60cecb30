"""Threads that a control group holds where they would go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.kernel.task_state import PARK_HELD, PARK_NONE, WORK_CPU

if TYPE_CHECKING:
    from sandbox.kernel.task import Task


def runs(t: Task) -> bool:
    """It runs, or may go on without asking: it waits for the platform."""
    return t.parked == PARK_NONE or t.host_op


def ask(t: Task) -> None:
    """Before it goes on it must ask whether it may; if it runs, now."""
    t.work |= WORK_CPU
    if t.parked == PARK_NONE:
        t.thread.interrupt()


def let_go(t: Task) -> None:
    """One that was held goes on, or asks again."""
    if t.parked == PARK_HELD:
        t.parked = PARK_NONE
        t.kernel.reactor.call_soon(t.go_on)
