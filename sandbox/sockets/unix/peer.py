"""Who sent a message or made a connection: struct ucred, as each receiver sees it (include/net/scm.h)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import socket as abi
from sandbox.abi.linux.capability import CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN
from sandbox.errors import SyscallError
from sandbox.kernel.pid_namespace import Pid, number_in

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

Ucred = tuple[Pid | None, int, int]  # the process, its user and group

OVERFLOW_ID: Final = 65534
NOBODY: Final[Ucred] = (None, 0xFFFFFFFF, 0xFFFFFFFF)
UNKNOWN: Final[Ucred] = (None, OVERFLOW_ID, OVERFLOW_ID)


def pack_ucred(t: Task, creds: Ucred) -> bytes:
    """struct ucred for `t`."""
    ids, uid, gid = creds
    return abi.UCRED.pack(number_in(ids, t.pids), uid, gid)


def ucred_of(t: Task, data: bytes) -> Ucred:
    """What `t` gives itself out for (scm_check_creds): EINVAL, EPERM, ESRCH."""
    if len(data) != 12:
        raise SyscallError(errno.EINVAL)
    pid, uid, gid = abi.UCRED.unpack(data)
    creds = t.creds
    if (
        (pid == t.pid or creds.has(CAP_SYS_ADMIN))
        and (uid in (creds.uid, creds.euid, creds.suid) or creds.has(CAP_SETUID))
        and (gid in (creds.gid, creds.egid, creds.sgid) or creds.has(CAP_SETGID))
    ):
        if pid not in t.pids.groups:
            raise SyscallError(errno.ESRCH)
        return t.pids.groups[pid].ids, uid, gid
    raise SyscallError(errno.EPERM)
