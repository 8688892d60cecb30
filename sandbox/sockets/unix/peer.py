"""Who sent a message or made a connection: struct ucred, as each receiver sees it (include/net/scm.h)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import socket as abi
from sandbox.abi.linux.capability import CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN
from sandbox.errors import SyscallError
from sandbox.kernel.pid_namespace import Pid, number_in
from sandbox.kernel.pidfd import PidFile
from sandbox.kernel.user_namespace import NO_ID, OVERFLOW_ID

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

Ucred = tuple[Pid | None, int, int]  # the process, its user and group

NOBODY: Final[Ucred] = (None, NO_ID, NO_ID)
UNKNOWN: Final[Ucred] = (None, OVERFLOW_ID, OVERFLOW_ID)


def pack_ucred(t: Task, creds: Ucred) -> bytes:
    """struct ucred for `t`."""
    ids, uid, gid = creds
    if uid != NO_ID:
        uid, gid = t.creds.user.uids.shown(uid), t.creds.user.gids.shown(gid)
    return abi.UCRED.pack(number_in(ids, t.pids), uid, gid)


def pid_file_of(creds: Ucred) -> PidFile | None:
    """A descriptor of the process; None when it was reaped."""
    ids = creds[0]
    group = ids.ns.groups.get(ids.number) if ids is not None else None
    return PidFile(group, 0) if group is not None and group.ids is ids else None


def ucred_of(t: Task, data: bytes) -> Ucred:
    """What `t` gives itself out for (scm_check_creds): EINVAL, EPERM, ESRCH."""
    if len(data) != 12:
        raise SyscallError(errno.EINVAL)
    pid, uid, gid = abi.UCRED.unpack(data)
    creds = t.creds
    uid, gid = creds.user.uids.to_kernel(uid), creds.user.gids.to_kernel(gid)
    if NO_ID in (uid, gid):
        raise SyscallError(errno.EINVAL)
    if (
        (pid == t.pid or creds.has_in(t.pids.user, CAP_SYS_ADMIN))
        and (uid in (creds.uid, creds.euid, creds.suid) or creds.has_here(CAP_SETUID))
        and (gid in (creds.gid, creds.egid, creds.sgid) or creds.has_here(CAP_SETGID))
    ):
        if pid not in t.pids.groups:
            raise SyscallError(errno.ESRCH)
        return t.pids.groups[pid].ids, uid, gid
    raise SyscallError(errno.EPERM)
