"""seccomp(2); prctl's PR_SET_SECCOMP and PR_GET_SECCOMP come here too."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.seccomp import (
    NOTIF_SIZES,
    SECCOMP_GET_ACTION_AVAIL,
    SECCOMP_GET_NOTIF_SIZES,
    SECCOMP_MODE_FILTER,
    SECCOMP_MODE_STRICT,
    SECCOMP_RET_ALLOW,
    SECCOMP_RET_ERRNO,
    SECCOMP_RET_KILL_PROCESS,
    SECCOMP_RET_KILL_THREAD,
    SECCOMP_RET_LOG,
    SECCOMP_RET_TRACE,
    SECCOMP_RET_TRAP,
    SECCOMP_RET_USER_NOTIF,
    SECCOMP_SET_MODE_FILTER,
    SECCOMP_SET_MODE_STRICT,
)
from sandbox.seccomp.attach import set_filter, set_strict
from sandbox.syscalls.row import PARTIAL, Arg, Row

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

_ACTIONS: Final = frozenset(
    (
        SECCOMP_RET_KILL_PROCESS,
        SECCOMP_RET_KILL_THREAD,
        SECCOMP_RET_TRAP,
        SECCOMP_RET_ERRNO,
        SECCOMP_RET_TRACE,
        SECCOMP_RET_LOG,
        SECCOMP_RET_USER_NOTIF,
        SECCOMP_RET_ALLOW,
    )
)


def sys_seccomp(t: Task, a: SyscallArgs) -> Result:
    """seccomp(2)."""
    operation, flags, address = a.uint(0), a.uint(1), a.addr(2)
    if operation == SECCOMP_SET_MODE_FILTER:
        return set_filter(t, flags, address)
    if flags:
        return -errno.EINVAL
    if operation == SECCOMP_SET_MODE_STRICT:
        return set_strict(t) if not address else -errno.EINVAL
    if operation == SECCOMP_GET_ACTION_AVAIL:
        action = int.from_bytes(t.copy_in(address, 4), "little")
        return 0 if action in _ACTIONS else -errno.EOPNOTSUPP
    if operation == SECCOMP_GET_NOTIF_SIZES:
        t.copy_out(address, NOTIF_SIZES)
        return 0
    return -errno.EINVAL


def prctl_set_seccomp(t: Task, a: SyscallArgs) -> int:
    """PR_SET_SECCOMP."""
    mode = a.ulong(1)
    if mode == SECCOMP_MODE_STRICT:
        return set_strict(t)
    return set_filter(t, 0, a.addr(2)) if mode == SECCOMP_MODE_FILTER else -errno.EINVAL


ROWS: Final[tuple[Row, ...]] = (
    Row(
        317,
        "seccomp",
        sys_seccomp,
        PARTIAL,
        (Arg.UINT, Arg.HEX, Arg.ADDR),
        "nothing is logged",
    ),
)
