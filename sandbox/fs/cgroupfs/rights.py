"""Who may move processes between control groups (kernel/cgroup/cgroup.c: cgroup_procs_write_permission)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.errors import SyscallError
from sandbox.vfs.permission import MAY_WRITE, check

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.credentials import Credentials
    from sandbox.vfs.inode import Inode


def procs_of(cgroup: Cgroup) -> Inode | None:
    """Its cgroup.procs; None before anybody has looked at the hierarchy."""
    from sandbox.fs.cgroupfs.directory import CgroupDir

    node = cgroup.node
    return node.lookup(b"cgroup.procs") if isinstance(node, CgroupDir) else None


def check_move(source: Cgroup, target: Cgroup, creds: Credentials, top: Cgroup) -> None:
    """EACCES without the right to write to cgroup.procs of the group that both are below; ENOENT across the border of the
    cgroup namespace whose root is `top`."""
    procs = procs_of(source.common_with(target))
    if procs is not None:
        check(creds, procs, MAY_WRITE)
    if not source.within(top) or not target.within(top):
        raise SyscallError(errno.ENOENT)
