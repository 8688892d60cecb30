"""/proc/PID/autogroup: the group of the scheduler that a session makes (sched(7)).

The host's scheduler runs the guests; the nice value is kept and told.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.capability import CAP_SYS_NICE
from sandbox.errors import SyscallError
from sandbox.fs.pseudo.numbers import parse_int32
from sandbox.kernel.rlimits import RLIMIT_NICE

if TYPE_CHECKING:
    from sandbox.kernel.task import Task


def autogroup(t: Task, task: Task) -> bytes:
    """Its number and nice value; nothing of a zombie's."""
    session = task.group.session
    return b"/autogroup-%d nice %d\n" % (session.autogroup, session.nice)


def set_autogroup(t: Task, task: Task, data: bytes) -> None:
    """The nice value: EINVAL out of range, EPERM for what setpriority(2) would not allow (proc_sched_autogroup_set_nice)."""
    nice = parse_int32(data)
    if not -20 <= nice <= 19:
        raise SyscallError(errno.EINVAL)
    if nice < 0 and 20 - nice > t.group.rlimits.get(RLIMIT_NICE) and not t.creds.has(CAP_SYS_NICE):
        raise SyscallError(errno.EPERM)
    task.group.session.nice = nice
