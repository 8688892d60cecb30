"""Owner, group and mode of what is created (fs/inode.c: inode_init_owner, mode_strip_sgid, mode_strip_umask)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.abi.linux.capability import CAP_FSETID
from sandbox.abi.linux.stat import S_IFDIR, S_IFMT, S_ISGID, S_IXGRP

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode


def new_attributes(t: Task, directory: Inode, mode: int) -> tuple[int, int, int]:
    """(mode, uid, gid) for a file of `mode` (with type) made in `directory`: without the bits of the umask, or of the
    directory's default access list."""
    creds = t.creds
    gid = creds.fsgid
    if directory.mode & S_ISGID:
        gid = directory.gid
        if mode & S_IFMT == S_IFDIR:
            mode |= S_ISGID
        elif (
            mode & (S_ISGID | S_IXGRP) == S_ISGID | S_IXGRP
            and not creds.in_group(gid)
            and not creds.has_over(directory, CAP_FSETID)
        ):
            mode &= ~S_ISGID
    if directory.acls is not None and directory.acls.default is not None:
        mode &= ~0o777 | directory.acls.default.mode()
    else:
        mode &= ~t.fs.umask
    return mode, creds.fsuid, gid
