"""Who may look into whom (kernel/ptrace.c: __ptrace_may_access)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.abi.linux.capability import CAP_SYS_PTRACE

if TYPE_CHECKING:
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.task import Task


def may_inspect(t: Task, target: Task, filesystem: bool = False) -> bool:
    """With the real ids and the permitted capabilities, or (`filesystem`) those that open(2) looks at. As on a kernel
    without Yama."""
    return target.group is t.group or creds_may_inspect(t.creds, target, filesystem)


def creds_may_inspect(mine: Credentials, target: Task, filesystem: bool) -> bool:
    """The same of who has these, and is another process."""
    theirs = target.creds
    if mine.landlock is not None and (theirs.landlock is None or not theirs.landlock.within(mine.landlock)):
        return False
    uid, gid = (mine.fsuid, mine.fsgid) if filesystem else (mine.uid, mine.gid)
    same_uid = uid == theirs.uid == theirs.euid == theirs.suid
    same_gid = gid == theirs.gid == theirs.egid == theirs.sgid
    privileged = mine.has_in(theirs.user, CAP_SYS_PTRACE)
    if not (same_uid and same_gid) and not privileged:
        return False
    mm = target.mm
    if mm is not None and mm.dumpable != 1 and not mine.has_in(mm.user, CAP_SYS_PTRACE):
        return False
    capabilities = mine.effective if filesystem else mine.permitted
    return privileged or (mine.user is theirs.user and not theirs.permitted & ~capabilities)
