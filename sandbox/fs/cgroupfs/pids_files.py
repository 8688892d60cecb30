"""pids.*: how many tasks a group may have (kernel/cgroup/pids.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.fs.cgroupfs.numbers import number
from sandbox.fs.cgroupfs.spec import Spec, Writer

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.task import Task

PIDS_MAX: Final = 4 * 1024 * 1024 + 1


def _current(cgroup: Cgroup, t: Task) -> str:
    return f"{cgroup.tasks()}\n"


def _max(cgroup: Cgroup, t: Task) -> str:
    """A container's top has what bounds the container."""
    most = cgroup.view.task_limit() if cgroup.view is not None else cgroup.pids_max
    return "max\n" if most is None else f"{most}\n"


def _put_max(cgroup: Cgroup, w: Writer, text: str) -> None:
    if text == "max":
        cgroup.limit_tasks(None)
        return
    most = number(text, 64)
    if not 0 <= most < PIDS_MAX:
        raise SyscallError(errno.EINVAL)
    cgroup.limit_tasks(most)


def _events(cgroup: Cgroup, t: Task) -> str:
    return f"max {cgroup.pids_hits}\n"


PIDS_FILES: Final = {
    b"pids.current": Spec(_current),
    b"pids.events": Spec(_events, event=lambda cgroup: cgroup.pids_events),
    b"pids.max": Spec(_max, _put_max),
}
