"""Usage: what getrusage(2), times(2), wait4(2) and /proc/PID/stat say that a process or thread has used.

Processor time and page faults are the host's count of the guest's host threads: system time is what the host's kernel did for
them. What the sentry does for a guest is its own. A voluntary switch is a call that waited; futex(2) answered in the guest is
not seen. Involuntary ones are the host's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Iterable

    from sandbox.kernel.pid_namespace import PidNamespace
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup
    from sandbox.platform.host_use import HostUse


class Usage:
    """Times in ns; `minor`, `major`: page faults; `voluntary`, `involuntary`: context switches."""

    __slots__ = ("user_ns", "system_ns", "minor", "major", "voluntary", "involuntary")

    def __init__(self) -> None:
        self.user_ns = self.system_ns = 0
        self.minor = self.major = 0
        self.voluntary = self.involuntary = 0

    def add(self, other: Usage) -> None:
        """Another process's or thread's comes on top."""
        self.user_ns += other.user_ns
        self.system_ns += other.system_ns
        self.minor += other.minor
        self.major += other.major
        self.voluntary += other.voluntary
        self.involuntary += other.involuntary

    def split(self, told: Usage, total_ns: int, system_ns: int) -> None:
        """Time of both kinds; neither has been told to be more (cputime_adjust)."""
        self.system_ns = told.system_ns = max(told.system_ns, min(system_ns, total_ns))
        self.user_ns = told.user_ns = max(told.user_ns, total_ns - self.system_ns)


def of_group(group: ThreadGroup, host: HostUse | None) -> Usage:
    """Of a process until now. `host`: what the host says of its present host process; None when there is none, or it is
    another's too (vfork)."""
    past, out = group.use_past, Usage()
    system = past.system_ns
    out.add(past)
    if host is not None and not group.cpu_base_ns:
        system += host.system_ns
        out.minor += host.minor
        out.major += host.major
        out.involuntary += host.preempted
    for task in group.tasks:
        out.voluntary += task.waits
    out.split(group.use_told, group.cpu_ns(), system)
    return out


def of_live_group(group: ThreadGroup) -> Usage:
    """The same, and the host is asked; of one that has ended as it was then."""
    for task in group.tasks:
        return of_group(group, task.space.host_use())
    return group.use_past


def of_caller(t: Task) -> Usage:
    """The same of the process that asks: the call may have brought it along."""
    return of_group(t.group, t.thread.host_use())


def of_thread(task: Task) -> Usage:
    """Of one thread. Of one among others the host's kernel time is not known apart."""
    group = task.group
    if not group.threaded and task in group.tasks:
        return of_live_group(group)
    out = Usage()
    out.user_ns = task.cpu_ns()
    out.voluntary = task.waits
    return out


def of_everyone(pids: PidNamespace) -> Usage:
    """Of all that is and was in a PID namespace."""
    out = of_groups(pids.groups.values())
    out.add(pids.ended)
    return out


def of_groups(groups: Iterable[ThreadGroup]) -> Usage:
    """Of several processes together."""
    out = Usage()
    for group in groups:
        out.add(of_live_group(group))
    return out


def keep(group: ThreadGroup, host: HostUse) -> None:
    """The host process ends, or is left by execve."""
    used = of_group(group, host)
    for task in group.tasks:
        used.voluntary -= task.waits  # these go on, or are added when they end
    group.use_past = used
