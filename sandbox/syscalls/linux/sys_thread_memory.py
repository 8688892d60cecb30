"""What a thread says of its memory when it begins: set_tid_address(2), get_robust_list(2), rseq(2). Every program's loader makes
these calls, and most make no futex(2) after them."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.abi.linux.futex import ROBUST_LIST_HEAD_SIZE
from sandbox.kernel.control import Result
from sandbox.kernel.task import Task
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.row import FULL, REFUSED, Arg, Row, refuse


def sys_set_tid_address(t: Task, a: SyscallArgs) -> Result:
    """set_tid_address(2)."""
    t.clear_child_tid = a.addr(0)
    return t.tid


def sys_set_robust_list(t: Task, a: SyscallArgs) -> Result:
    """set_robust_list(2)."""
    if a.size(1) != ROBUST_LIST_HEAD_SIZE:
        return -errno.EINVAL
    t.robust_list = a.addr(0)
    return 0


def sys_get_robust_list(t: Task, a: SyscallArgs) -> Result:
    """get_robust_list(2)."""
    pid = a.int(0)
    target = t if pid == 0 else t.pids.tasks.get(pid)
    if target is None:
        return -errno.ESRCH
    from sandbox.ptrace.access import may_inspect

    if not may_inspect(t, target):
        return -errno.EPERM
    target.thread.collect()
    t.copy_out(a.addr(2), ROBUST_LIST_HEAD_SIZE.to_bytes(8, "little"))
    t.copy_out(a.addr(1), target.robust_list.to_bytes(8, "little"))
    return 0


ROWS: Final[tuple[Row, ...]] = (
    Row(218, "set_tid_address", sys_set_tid_address, FULL, (Arg.ADDR,)),
    Row(273, "set_robust_list", sys_set_robust_list, FULL, (Arg.ADDR, Arg.SIZE)),
    Row(274, "get_robust_list", sys_get_robust_list, FULL, (Arg.PID, Arg.STRUCT_OUT, Arg.STRUCT_OUT)),
    Row(
        334,
        "rseq",
        refuse(errno.ENOSYS),
        REFUSED,
        (Arg.ADDR, Arg.SIZE, Arg.HEX, Arg.HEX),
        "ENOSYS: no restartable sequences",  # as kernel/identity.py has it
    ),
)
