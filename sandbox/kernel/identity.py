"""Who a new process, program or thread is, told to the platform before it asks (GuestThread.introduce)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

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
