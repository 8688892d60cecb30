"""What a shim keeps of a process that it is asked about: a container's first, or one of `exec`."""

from __future__ import annotations

import time
from typing import Callable, Final

from runsc.shim.protobuf import Fields, message, timestamp
from runsc.shim.stdio import Streams

# containerd.v1.types.Status
CREATED: Final = 1
RUNNING: Final = 2
STOPPED: Final = 3
PAUSED: Final = 4
THROTTLING: Final = ("periods", "throttledPeriods", "throttledTime")  # of `events`, in the order of Throttle's fields


class Process:
    """`pid` 0: it has not been started. `exec_id` is empty for a container's first process."""

    def __init__(self, streams: Streams, exec_id: str = "", spec: bytes = b"") -> None:
        self.streams = streams
        self.exec_id = exec_id
        self.spec = spec  # a process of config.json, as JSON
        self.pid = 0
        self.status = CREATED
        self.exit_status = 0
        self.exited_ns = 0
        self.waiting: list[Callable[[bytes], None]] = []

    def exited(self, status: int) -> None:
        """It has ended; who waits hears of it."""
        self.status = STOPPED
        self.exit_status = status
        self.exited_ns = time.time_ns()
        self.streams.close()
        waiting, self.waiting = self.waiting, []
        for answer in waiting:
            answer(self.wait_response())

    def wait_response(self) -> bytes:
        """WaitResponse."""
        return message((1, self.exit_status), (2, timestamp(self.exited_ns)))

    def delete_response(self) -> bytes:
        """DeleteResponse."""
        return message((1, self.pid), (2, self.exit_status), (3, timestamp(self.exited_ns)))

    def state_response(self, name: str, bundle: str) -> bytes:
        """StateResponse."""
        stdin, stdout, stderr = self.streams.paths
        return message(
            (1, name),
            (2, bundle),
            (3, self.pid),
            (4, self.status),
            (5, stdin),
            (6, stdout),
            (7, stderr),
            (8, self.streams.terminal),
            (9, self.exit_status),
            (10, timestamp(self.exited_ns)),
            (11, self.exec_id),
        )


class Task:
    """A container: its first process and those beside it."""

    def __init__(self, name: str, bundle: str, first: Process, image: str = "") -> None:
        self.image = image  # the directory of a checkpoint that it is restored from
        self.name = name
        self.bundle = bundle
        self.first = first
        self.others: dict[str, Process] = {}
        self.told = 0  # bytes of its log whose errors containerd has been told

    def created_event(self, request: Fields) -> bytes:
        """TaskCreate."""
        streams = message((1, request.text(5)), (2, request.text(6)), (3, request.text(7)), (4, request.number(4)))
        return message((1, self.name), (2, self.bundle), (3, request.all(3)), (4, streams), (6, self.first.pid))


def exit_event(task: Task, process: Process) -> bytes:
    """TaskExit."""
    return message(
        (1, task.name),
        (2, process.exec_id or task.name),
        (3, process.pid),
        (4, process.exit_status),
        (5, timestamp(process.exited_ns)),
    )


def delete_event(task: Task, process: Process) -> bytes:
    """TaskDelete."""
    return message(
        (1, task.name), (2, process.pid), (3, process.exit_status), (4, timestamp(process.exited_ns)),
        (5, process.exec_id or task.name),
    )  # fmt: skip


def metrics(used: dict[str, int]) -> bytes:
    """io.containerd.cgroups.v1.Metrics (cgroups/stats/v1/metrics.proto), of what the sandbox's kernel counts."""
    pids = message((1, used["pids"]), (2, used["pids_limit"]))
    held = message(*((number, used[name]) for number, name in enumerate(THROTTLING, 1)))
    cpu = message((1, message((1, used["cpu_ns"]), (2, used["cpu_system_ns"]), (3, used["cpu_user_ns"]))), (2, held))
    usage = message((1, used["memory_limit"]), (2, used["memory"]))
    faults, major = used["page_faults"], used["major_page_faults"]
    own = ((2, used["memory"]), (9, faults), (10, major))
    with_groups_below = ((19, used["memory"]), (26, faults), (27, major))
    stat = (*own, (16, used["memory_limit"]), *with_groups_below)
    return message((2, pids), (3, cpu), (4, message(*stat, (33, usage))))
