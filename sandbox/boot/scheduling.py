"""How a process is scheduled from its start on: process.scheduler, process.ioPriority and process.execCPUAffinity of
config.json (config.md). Source: sched(7), ioprio_set(2), sched_setaffinity(2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

from sandbox.boot.start_failure import StartFailure

if TYPE_CHECKING:
    from sandbox.kernel.task import Task


class Scheduling:
    """`policy` -1: the usual one. `io_priority`: class and level as ioprio_set(2) takes them, 0 for none. `processors`: numbers;
    none for all."""

    __slots__ = ("policy", "nice", "priority", "reset_on_fork", "io_priority", "processors")

    def __init__(self) -> None:
        self.policy = -1
        self.nice = 0
        self.priority = 0
        self.reset_on_fork = False
        self.io_priority = 0
        self.processors: tuple[int, ...] = ()

    def numbers(self) -> list[int]:
        """For a message: none is negative."""
        first = (self.policy + 1, self.nice + 20, self.priority, int(self.reset_on_fork), self.io_priority)
        return [*first, *self.processors]

    @classmethod
    def of(cls, numbers: Sequence[int]) -> Scheduling:
        """The opposite of `numbers`. ValueError."""
        made = cls()
        policy, nice, made.priority, reset, made.io_priority, *processors = numbers
        made.policy, made.nice, made.reset_on_fork = policy - 1, nice - 20, reset != 0
        made.processors = tuple(processors)
        return made


def schedule(task: Task, wanted: Scheduling) -> None:
    """Whatever the process itself may do. StartFailure when there is none of the processors."""
    if wanted.policy >= 0:
        task.policy, task.rt_priority = wanted.policy, wanted.priority
        task.reset_on_fork = wanted.reset_on_fork
        task.set_nice(wanted.nice)
    if wanted.io_priority:
        task.ioprio = wanted.io_priority
    if wanted.processors:
        mask = sum(1 << number for number in set(wanted.processors))
        mask &= task.group.view.processors or task.kernel.cpu_mask
        if not mask:
            raise StartFailure("process.execCPUAffinity: there is none of these processors")
        task.affinity = mask
        task.thread.set_affinity(mask)
