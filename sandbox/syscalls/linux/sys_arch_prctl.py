"""arch_prctl(2), which every program's loader calls, and personality(2)."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.abi.linux.prctl import (
    ARCH_GET_CPUID,
    ARCH_GET_FS,
    ARCH_GET_GS,
    ARCH_SET_CPUID,
    ARCH_SET_FS,
    ARCH_SET_GS,
)
from sandbox.arch.amd64 import FS_BASE, GS_BASE
from sandbox.kernel.control import Result
from sandbox.kernel.task import USER_MAX, Task
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.row import FULL, PARTIAL, WHOLE, Arg, Row

ARCH_XCOMP: Final = 0x102  # ARCH_GET_XCOMP_SUPP and those after it


def sys_arch_prctl(t: Task, a: SyscallArgs) -> Result:
    """arch_prctl(2)."""
    code, value = a.int(0), a.ulong(1)
    if code in (ARCH_SET_FS, ARCH_SET_GS):
        if value >= USER_MAX:
            return -errno.EPERM
        t.thread.set_reg(FS_BASE if code == ARCH_SET_FS else GS_BASE, value)
        return t.resume_with(0)
    if code in (ARCH_GET_FS, ARCH_GET_GS):
        base = t.thread.get_reg(FS_BASE if code == ARCH_GET_FS else GS_BASE)
        t.copy_out(value, base.to_bytes(8, "little"))
        return 0
    if code == ARCH_GET_CPUID:
        return 1
    if code == ARCH_SET_CPUID:
        return -errno.ENODEV
    if code >> 4 == ARCH_XCOMP:
        from sandbox.syscalls.linux.xcomp import arch_prctl_xcomp

        return arch_prctl_xcomp(t, code, value)
    return -errno.EINVAL


_PERSONALITY_QUERY: Final = 0xFFFFFFFF


def sys_personality(t: Task, a: SyscallArgs) -> Result:
    """personality(2)."""
    old, wanted = t.personality, a.uint(0)
    if wanted != _PERSONALITY_QUERY:
        t.personality = wanted
    return old


ROWS: Final[tuple[Row, ...]] = (
    Row(135, "personality", sys_personality, FULL, (Arg.HEX,)),
    Row(
        158,
        "arch_prctl",
        sys_arch_prctl,
        PARTIAL,
        (Arg.HEX, Arg.HEX),
        "no tiles of AMX: ARCH_REQ_XCOMP_PERM answers EOPNOTSUPP, as on a processor without them",
        trap=WHOLE,
    ),
)
