"""memory.*: the memory of a group's processes (mm/memcontrol.c). What they put into files is counted for the sandbox as a whole."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.fs.cgroupfs.numbers import number, pages
from sandbox.fs.cgroupfs.spec import Spec, Writer

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.task import Task

SHIFT: Final = 12


def _used(cgroup: Cgroup) -> tuple[int, int, int]:
    """Pages: private ones, shared ones, those of files."""
    spaces = {task.space for one in cgroup.walk() for group in one.members for task in group.tasks}
    uses = [space.memory_use() for space in spaces]
    return sum(use.private for use in uses), sum(use.shared for use in uses), sum(use.file for use in uses)


def _current(cgroup: Cgroup, t: Task) -> str:
    private, shared, _ = _used(cgroup)
    return f"{private + shared << SHIFT}\n"


def _max(cgroup: Cgroup, t: Task) -> str:
    """A container's top has what bounds the container."""
    most = cgroup.memory_pages
    if most is None and cgroup.view is not None:
        most = t.kernel.commit.size
    return "max\n" if most is None else f"{most << SHIFT}\n"


def _put_max(cgroup: Cgroup, w: Writer, text: str) -> None:
    cgroup.limit_memory(pages(text))


def _stat(cgroup: Cgroup, t: Task) -> str:
    private, shared, file = _used(cgroup)
    return f"anon {private << SHIFT}\nfile {shared + file << SHIFT}\nshmem {shared << SHIFT}\nfile_mapped {file << SHIFT}\n"


def _events(cgroup: Cgroup, t: Task) -> str:
    """Nothing is taken back from anybody, so `low` and `high` never happen."""
    had = cgroup.memory_events
    return _event_lines(had.max, had.oom, had.kill, had.group_kill)


def _local_events(cgroup: Cgroup, t: Task) -> str:
    had = cgroup.memory_events
    return _event_lines(had.local_max, had.local_oom, had.local_kill, had.local_group_kill)


def _event_lines(most: int, oom: int, kill: int, group_kill: int) -> str:
    return f"low 0\nhigh 0\nmax {most}\noom {oom}\noom_kill {kill}\noom_group_kill {group_kill}\n"


def _oom_group(cgroup: Cgroup, t: Task) -> str:
    return f"{int(cgroup.oom_group)}\n"


def _put_oom_group(cgroup: Cgroup, w: Writer, text: str) -> None:
    value = number(text)
    if value not in (0, 1):
        raise SyscallError(errno.EINVAL)
    cgroup.oom_group = value == 1


MEMORY_FILES: Final = {
    b"memory.current": Spec(_current),
    b"memory.events": Spec(_events, event=lambda cgroup: cgroup.memory_events.changed),
    b"memory.events.local": Spec(_local_events, event=lambda cgroup: cgroup.memory_events.changed),
    b"memory.max": Spec(_max, _put_max),
    b"memory.oom.group": Spec(_oom_group, _put_oom_group, delegated=True),
    b"memory.stat": Spec(_stat),
}
