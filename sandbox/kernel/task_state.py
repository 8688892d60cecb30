"""Flag words of a task, apart from the class so that its parts may import them."""

from __future__ import annotations

from typing import Final

# `Task.work`: what must be looked at before the thread goes back to guest code.
WORK_SIGNAL: Final = 1  # a deliverable signal is pending
WORK_STOP: Final = 2  # a group stop is under way
WORK_KILL: Final = 4  # the thread must end
WORK_MASK: Final = 8  # `saved_mask` is to be put back
WORK_TRACE: Final = 16  # strace is on: take the long way
WORK_PTRACE: Final = 32  # traced, or was until it was let go: take the long way, and load all registers
WORK_TRAP: Final = 64  # the tracer is to be told of a stop
WORK_FREEZE: Final = 128  # its control group is frozen
WORK_SAVE: Final = 256  # it is to halt where it can be saved (checkpoint/freeze.py)
WORK_CPU: Final = 512  # it asks its control groups before it goes on (cgroup/bandwidth.py)
WORK_INTERRUPTING: Final = WORK_SIGNAL | WORK_STOP | WORK_KILL | WORK_TRAP | WORK_FREEZE | WORK_SAVE
WORK_LEAVING: Final = WORK_INTERRUPTING | WORK_CPU

# `Task.parked`: why the kernel holds the thread.
PARK_NONE: Final = 0  # it runs guest code, or its trap is being served
PARK_BLOCK: Final = 1  # in an interruptible wait
PARK_PENDING: Final = 2  # waits for `complete`; only SIGKILL ends it
PARK_STOP: Final = 3  # stopped by job control, or frozen
PARK_DEAD: Final = 4  # exited
PARK_TRACED: Final = 5  # stopped for its tracer
PARK_SAVED: Final = 6  # stopped to be saved
PARK_DUMP: Final = 8  # a core of its process is being written
PARK_HELD: Final = 7  # would run, but its control group has used up its processor time


class RestartBlock:
    """What restart_syscall(2) goes on with: the call's number, arguments and saved state."""

    __slots__ = ("nr", "raw", "state")

    def __init__(self, nr: int, raw: tuple[int, int, int, int, int, int], state: object) -> None:
        self.nr = nr
        self.raw = raw
        self.state = state
