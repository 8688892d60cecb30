"""Programs of control groups that say which devices may be used (kernel/bpf/cgroup.c, security/device_cgroup.c).

A group has programs of its own and those of the groups above that it cannot do without: each must agree."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import bpf
from sandbox.abi.linux.stat import S_IFBLK, S_IFCHR, S_IFMT, major, minor
from sandbox.errors import SyscallError
from sandbox.kernel.ebpf.run import run
from sandbox.vfs.permission import MAY_READ, MAY_WRITE

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.ebpf.programs import Program
    from sandbox.kernel.task import Task

MOST: Final = 64  # of a group's own (BPF_CGROUP_MAX_PROGS)
MOST_RUN: Final = 8 << 16  # bytes of code that are run for one question, from here up; what is beyond is denied
_KINDS: Final = {S_IFBLK: bpf.BPF_DEVCG_DEV_BLOCK, S_IFCHR: bpf.BPF_DEVCG_DEV_CHAR}


class DevicePrograms:
    """A group's own, with the flags by which they were attached (BPF_F_ALLOW_*)."""

    __slots__ = ("programs", "flags")

    def __init__(self) -> None:
        self.programs: list[Program] = []
        self.flags = 0

    def clear(self) -> None:
        """The group is gone."""
        for program in self.programs:
            program.drop()
        self.programs = []


def effective(cgroup: Cgroup) -> list[Program]:
    """Those that are asked, the group's own first (compute_effective_progs)."""
    found: list[Program] = []
    for one in cgroup.ancestors():
        own = one.devices
        if own is not None and own.programs and (not found or own.flags & bpf.BPF_F_ALLOW_MULTI):
            found += own.programs
    return found


def attach(cgroup: Cgroup, program: Program, flags: int, replaced: Program | None) -> None:
    """EPERM, E2BIG, EINVAL, ENOENT (__cgroup_bpf_attach)."""
    kind = flags & (bpf.BPF_F_ALLOW_OVERRIDE | bpf.BPF_F_ALLOW_MULTI)
    both = kind == bpf.BPF_F_ALLOW_OVERRIDE | bpf.BPF_F_ALLOW_MULTI
    if both or (flags & bpf.BPF_F_REPLACE and not kind & bpf.BPF_F_ALLOW_MULTI):
        raise SyscallError(errno.EINVAL)
    if not _allowed_above(cgroup):
        raise SyscallError(errno.EPERM)
    own = cgroup.devices or DevicePrograms()
    if own.programs and own.flags != kind:
        raise SyscallError(errno.EPERM)
    if len(own.programs) >= MOST:
        raise SyscallError(errno.E2BIG)
    place = len(own.programs)
    if kind & bpf.BPF_F_ALLOW_MULTI:
        if program in own.programs and program is not replaced:
            raise SyscallError(errno.EINVAL)
        if replaced is not None:
            if replaced not in own.programs:
                raise SyscallError(errno.ENOENT)
            place = own.programs.index(replaced)
    elif own.programs:
        place = 0
    program.keep()
    for gone in own.programs[place : place + 1]:
        gone.drop()
    own.programs[place : place + 1] = [program]
    own.flags = kind
    cgroup.devices = own


def _allowed_above(cgroup: Cgroup) -> bool:
    """The groups above let one below have its own (hierarchy_allows_attach)."""
    for one in cgroup.ancestors():
        if one is cgroup or one.devices is None or not one.devices.programs:
            continue
        return one.devices.flags != 0
    return True


def detach(cgroup: Cgroup, program: Program | None) -> None:
    """None, where there is one: that. EINVAL, ENOENT (__cgroup_bpf_detach)."""
    own = cgroup.devices
    if own is None or not own.programs:
        raise SyscallError(errno.ENOENT)
    if not own.flags & bpf.BPF_F_ALLOW_MULTI:
        program = own.programs[0]
    elif program is None:
        raise SyscallError(errno.EINVAL)
    if program not in own.programs:
        raise SyscallError(errno.ENOENT)
    own.programs.remove(program)
    program.drop()
    if not own.programs:
        own.flags = 0


def check(t: Task, mode: int, rdev: int, mask: int) -> None:
    """`mask`: MAY_*, -1 for a new node. EPERM where a program of `t`'s group says no, for a device."""
    kind = _KINDS.get(mode & S_IFMT)
    if kind is None:
        return
    cgroup = t.cgroup()
    if not cgroup.hierarchy.programs.by_id:
        return
    programs = effective(cgroup)
    if programs:
        access = bpf.BPF_DEVCG_ACC_MKNOD
        if mask >= 0:
            access = (bpf.BPF_DEVCG_ACC_READ if mask & MAY_READ else 0) | (
                bpf.BPF_DEVCG_ACC_WRITE if mask & MAY_WRITE else 0
            )
        context = bpf.BPF_DEVCG_CTX.pack(access << 16 | kind, major(rdev), minor(rdev))
        if sum([len(program.code) for program in programs]) > MOST_RUN:
            raise SyscallError(errno.EPERM)
        if not all([run(program.code, context) for program in programs]):
            raise SyscallError(errno.EPERM)
