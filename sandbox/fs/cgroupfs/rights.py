"""Control groups that callers name, and who may move processes between them (kernel/cgroup/cgroup.c: cgroup_procs_write_permission)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.errors import SyscallError
from sandbox.vfs.permission import MAY_WRITE, check

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode


def procs_of(cgroup: Cgroup) -> Inode | None:
    """Its cgroup.procs; None before anybody has looked at the hierarchy."""
    from sandbox.fs.cgroupfs.directory import CgroupDir

    node = cgroup.node
    return node.lookup(b"cgroup.procs") if isinstance(node, CgroupDir) else None


def opened_cgroup(t: Task, fd: int) -> Cgroup:
    """The group whose directory is open: EBADF for anything else (cgroup_get_from_fd)."""
    from sandbox.fs.cgroupfs.directory import CgroupDir

    file = t.fds.get(fd)
    node = file.path.inode if file.path is not None else None
    if not isinstance(node, CgroupDir):
        raise SyscallError(errno.EBADF)
    return node.cgroup


def check_move(source: Cgroup, target: Cgroup, creds: Credentials, top: Cgroup) -> None:
    """EACCES without the right to write to cgroup.procs of the group that both are below; ENOENT across the border of the
    cgroup namespace whose root is `top`."""
    procs = procs_of(source.common_with(target))
    if procs is not None:
        check(creds, procs, MAY_WRITE)
    if not source.within(top) or not target.within(top):
        raise SyscallError(errno.ENOENT)
