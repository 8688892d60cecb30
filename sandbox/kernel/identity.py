"""Who a new process, program or thread is, told to the platform before it asks (GuestThread.introduce), and what it will do."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.signal import UNBLOCKABLE

if TYPE_CHECKING:
    from sandbox.kernel.task import Task


def introduce(t: Task) -> None:
    """Unless somebody watches its calls. What takes it back is in syscalls/known.py."""
    kernel = t.kernel
    if t.handlers is not kernel.handlers or kernel.trace is not None:
        return
    parent, creds = t.group.parent, t.creds
    above = 0 if parent is None else parent.ids.number_in(t.pids)
    uids, gids = creds.user.uids, creds.user.gids
    ids = uids.shown(creds.uid), uids.shown(creds.euid), gids.shown(creds.gid), gids.shown(creds.egid)
    t.thread.introduce((t.pid, t.tid, above, *ids, -errno.ENOSYS, 0 if t.mm is None else t.mm.brk))


def lend_actions(t: Task) -> None:
    """The thread of a process that has the memory of its maker and signal handlers of its own: it will execute a program,
    and before set most actions to what they are (posix_spawn(3))."""
    kernel = t.kernel
    if t.handlers is kernel.handlers and kernel.trace is None and t.ptrace is None:
        t.thread.learn_actions(t.group.sighand.unchanged() & ~UNBLOCKABLE)
