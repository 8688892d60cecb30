"""Who may look into whom (kernel/ptrace.c: __ptrace_may_access)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.abi.linux.capability import CAP_SYS_PTRACE

if TYPE_CHECKING:
    from sandbox.kernel.task import Task


def may_inspect(t: Task, target: Task, filesystem: bool = False) -> bool:
    """With the real ids and the permitted capabilities, or (`filesystem`) those that open(2) looks at. As on a kernel
    without Yama."""
    if target.group is t.group:
        return True
    mine, theirs = t.creds, target.creds
    if mine.landlock is not None and (theirs.landlock is None or not theirs.landlock.within(mine.landlock)):
        return False
    uid, gid = (mine.fsuid, mine.fsgid) if filesystem else (mine.uid, mine.gid)
    same_uid = uid == theirs.uid == theirs.euid == theirs.suid
    same_gid = gid == theirs.gid == theirs.egid == theirs.sgid
    privileged = mine.has_in(theirs.user, CAP_SYS_PTRACE)
    if not (same_uid and same_gid) and not privileged:
        return False
    mm = target.mm
    if (mm is None or mm.dumpable != 1) and not mine.has_in(mm.user if mm is not None else theirs.user, CAP_SYS_PTRACE):
        return False
    capabilities = mine.effective if filesystem else mine.permitted
    return privileged or (mine.user is theirs.user and not theirs.permitted & ~capabilities)
