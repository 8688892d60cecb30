"""exit(2), exit_group(2)."""

from __future__ import annotations

from typing import Final

from sandbox.kernel.control import NO_RETURN, Result
from sandbox.kernel.task import Task
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.row import ENDS, FULL, Arg, Row


def sys_exit(t: Task, a: SyscallArgs) -> Result:
    """_exit(2) of one thread."""
    t.exit_status = (a.int(0) & 0xFF) << 8
    t.exit()
    return NO_RETURN


def sys_exit_group(t: Task, a: SyscallArgs) -> Result:
    """The whole process."""
    group = t.group
    if not group.exiting:
        group.exiting = True
        group.exit_status = (a.int(0) & 0xFF) << 8
    t.exit()
    if group.tasks:
        group.kill_threads()
        group.finish_exit()
    return NO_RETURN


ROWS: Final[tuple[Row, ...]] = (
    Row(60, "exit", sys_exit, FULL, (Arg.INT,), trap=ENDS),
    Row(231, "exit_group", sys_exit_group, FULL, (Arg.INT,), trap=ENDS),
)
