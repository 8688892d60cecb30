"""Whose the files of a process are (fs/proc/base.c: task_dump_owner)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.kernel.user_namespace import NO_ID

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode


def own(inode: Inode, task: Task) -> None:
    """The task's effective ids: of directories that everybody may read."""
    inode.uid, inode.gid = task.creds.euid, task.creds.egid


def own_dump(inode: Inode, task: Task) -> None:
    """The same, or root of who executed the program where its memory may not be looked at (PR_SET_DUMPABLE)."""
    mm = task.mm
    if mm is None or mm.dumpable == 1:
        own(inode, task)
        return
    uid, gid = mm.user.root(), mm.user.gids.to_kernel(0)
    inode.uid, inode.gid = 0 if uid == NO_ID else uid, 0 if gid == NO_ID else gid
