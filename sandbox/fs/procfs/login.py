"""/proc/PID/loginuid and sessionid: who logged in, and in which session, as pam_loginuid(8) says (kernel/audit.c: audit_set_loginuid)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.capability import CAP_AUDIT_CONTROL
from sandbox.errors import SyscallError
from sandbox.fs.pseudo.numbers import parse_int
from sandbox.kernel.user_namespace import NO_ID

if TYPE_CHECKING:
    from sandbox.kernel.task import Task


def loginuid(t: Task, task: Task) -> bytes:
    """As the reader's user namespace numbers it; 4294967295: nobody logged in."""
    return b"%d" % t.creds.user.uids.find(task.login_uid)


def set_loginuid(t: Task, task: Task, data: bytes) -> None:
    """Of the writer itself, once; EPERM for a second time without CAP_AUDIT_CONTROL, and of anybody else. A new session begins."""
    if t is not task:
        raise SyscallError(errno.EPERM)
    digits = data.removesuffix(b"\n").removeprefix(b"+")
    if not digits.isdigit():
        raise SyscallError(errno.EINVAL)
    number = parse_int(digits.lstrip(b"0") or b"0")
    if number > NO_ID:
        raise SyscallError(errno.ERANGE)
    uid = NO_ID
    if number != NO_ID:
        uid = t.creds.user.uids.to_kernel(number)
        if uid == NO_ID:
            raise SyscallError(errno.EINVAL)
    if t.login_uid != NO_ID and not t.creds.has(CAP_AUDIT_CONTROL):
        raise SyscallError(errno.EPERM)
    t.login_uid, t.login_session = uid, NO_ID
    if uid != NO_ID:
        t.kernel.login_sessions += 1
        t.login_session = t.kernel.login_sessions


def sessionid(t: Task, task: Task) -> bytes:
    """The session's number; 4294967295: none."""
    return b"%d" % task.login_session
