"""Where everybody is: the call that each guest thread is in, and the stack of the sandbox's kernel itself."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING, Final

from sandbox.control.messages import ENCODING
from sandbox.kernel.task_state import PARK_BLOCK, PARK_DEAD, PARK_DUMP, PARK_HELD, PARK_PENDING, PARK_STOP, PARK_TRACED
from sandbox.strace.printer import begun
from sandbox.syscalls.linux.table_amd64 import ROWS

if TYPE_CHECKING:
    from sandbox.control.wire import Body
    from sandbox.kernel.task import Task
    from sandbox.kernel.view import View

LIMIT: Final = 2048  # threads that are listed
CALL_LIMIT: Final = 512  # characters of a call
_STATES: Final = {
    PARK_BLOCK: "waits",
    PARK_PENDING: "served",  # cannot be interrupted
    PARK_STOP: "stopped",
    PARK_TRACED: "traced",
    PARK_DEAD: "ended",
    PARK_DUMP: "dumps core",
    PARK_HELD: "throttled",
}


def tasks(view: View) -> list[Body]:
    """The container's threads by process; `call` is empty for those that are in none."""
    found: list[Body] = []
    for group in view.groups():
        for task in group.tasks:
            if len(found) == LIMIT:
                return found
            found.append(
                {
                    "pid": group.ids.top(),
                    "tid": task.ids.top(),
                    "name": task.comm.decode(ENCODING),
                    "state": _STATES.get(task.parked, "runs"),
                    "call": call_of(task),
                }
            )
    return found


def call_of(task: Task) -> str:
    """What it waits in."""
    if task.parked not in (PARK_BLOCK, PARK_PENDING) or task.nr < 0:
        return ""
    return begun(task, ROWS, task.nr, task.args.raw)[:CALL_LIMIT]


def sentry() -> list[str]:
    """Lines for every thread of this process, innermost frame last. Compiled functions have no frames."""
    lines: list[str] = []
    for frame in sys._current_frames().values():
        for entry in traceback.format_stack(frame):
            lines += entry.rstrip("\n").split("\n")
    return lines
