"""May a task use that device: what the programs of its control group say (security/device_cgroup.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode


def check_device(t: Task, inode: Inode, mask: int) -> None:
    """EPERM to read or write it (devcgroup_inode_permission). `mask`: MAY_*."""
    if t.kernel.cgroups.programs.by_id:
        _check(t, inode.mode, inode.rdev, mask)


def check_new_device(t: Task, kind: int, rdev: int) -> None:
    """EPERM to make a node (devcgroup_inode_mknod)."""
    if t.kernel.cgroups.programs.by_id:
        _check(t, kind, rdev, -1)


def _check(t: Task, mode: int, rdev: int, mask: int) -> None:
    from sandbox.kernel.ebpf import device_programs

    device_programs.check(t, mode, rdev, mask)
