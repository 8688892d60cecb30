"""clone(2), clone3(2), fork(2), vfork(2), unshare(2), setns(2)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN
from sandbox.abi.linux.sched import (
    CLONE3_FLAGS,
    CLONE_ARGS,
    CLONE_ARGS_SIZE_VER0,
    CLONE_ARGS_SIZE_VER2,
    CLONE_CLEAR_SIGHAND,
    CLONE_DETACHED,
    CLONE_INTO_CGROUP,
    CLONE_NEWPID,
    CLONE_PARENT,
    CLONE_PARENT_SETTID,
    CLONE_PIDFD,
    CLONE_SIGHAND,
    CLONE_THREAD,
    CLONE_VFORK,
    CLONE_VM,
    CSIGNAL,
)
from sandbox.abi.linux.signal import NSIG, SIGCHLD
from sandbox.errors import SyscallError
from sandbox.kernel.control import Result
from sandbox.kernel.pid_namespace import PID_MAX
from sandbox.kernel.task import Task
from sandbox.kernel.task_clone import CloneRequest, clone
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.row import COPIES_THREAD, FULL, Arg, Row, reads
from sandbox.syscalls.user_struct import copy_in_struct

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup

_INT_MAX: Final = 0x7FFFFFFF


def sys_clone(t: Task, a: SyscallArgs) -> Result:
    """clone(2), x86-64's order of arguments."""
    flags = a.ulong(0) & 0xFFFFFFFF
    if flags & CLONE_PIDFD and flags & (CLONE_PARENT_SETTID | CLONE_DETACHED):
        return -errno.EINVAL
    request = CloneRequest(flags & ~CSIGNAL, flags & CSIGNAL, a.addr(1), a.ulong(4), a.addr(2), a.addr(3), a.addr(2))
    return clone(t, request)


def sys_fork(t: Task, a: SyscallArgs) -> Result:
    """fork(2)."""
    return clone(t, CloneRequest(0, SIGCHLD))


def sys_vfork(t: Task, a: SyscallArgs) -> Result:
    """vfork(2)."""
    return clone(t, CloneRequest(CLONE_VFORK | CLONE_VM, SIGCHLD))


def sys_clone3(t: Task, a: SyscallArgs) -> Result:
    """clone3(2)."""
    size = a.size(1)
    if size < CLONE_ARGS_SIZE_VER0:
        return -errno.EINVAL
    raw = copy_in_struct(t, a.addr(0), size, CLONE_ARGS.size)
    flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup = (
        CLONE_ARGS.unpack(raw)
    )
    if set_tid_size > 32 or bool(set_tid) != bool(set_tid_size):
        return -errno.EINVAL
    if exit_signal & ~CSIGNAL or exit_signal > NSIG:
        return -errno.EINVAL
    if flags & ~CLONE3_FLAGS or flags & (CLONE_SIGHAND | CLONE_CLEAR_SIGHAND) == CLONE_SIGHAND | CLONE_CLEAR_SIGHAND:
        return -errno.EINVAL
    if flags & (CLONE_THREAD | CLONE_PARENT) and exit_signal:
        return -errno.EINVAL
    if flags & CLONE_PIDFD and flags & CLONE_PARENT_SETTID and pidfd == parent_tid:
        return -errno.EINVAL
    if flags & CLONE_INTO_CGROUP and (cgroup > _INT_MAX or size < CLONE_ARGS_SIZE_VER2):
        return -errno.EINVAL
    if (stack == 0) != (stack_size == 0) or stack + stack_size > t.kernel.task_size:
        return -errno.EINVAL
    request = CloneRequest(flags, exit_signal, stack + stack_size, tls, parent_tid, child_tid, pidfd)
    if set_tid_size:
        request.set_tid = _wanted_tids(t, flags, set_tid, set_tid_size)
    if flags & CLONE_INTO_CGROUP:
        request.cgroup = _wanted_cgroup(t, cgroup, flags & CLONE_THREAD != 0)
    return clone(t, request)


def _wanted_cgroup(t: Task, fd: int, thread: bool) -> Cgroup:
    """The group whose directory is open: EBADF for anything else, ENOENT for one that is gone, and what writing to its
    cgroup.procs, or cgroup.threads for a `thread`, would give (cgroup_css_set_fork)."""
    from sandbox.fs.cgroupfs.rights import check_move, opened_cgroup, procs_of
    from sandbox.kernel.cgroup.kinds import check_target
    from sandbox.vfs.permission import MAY_WRITE, check

    cgroup = opened_cgroup(t, fd)
    procs = procs_of(cgroup)
    if procs is None:
        raise SyscallError(errno.ENOENT)
    check(t.creds, procs, MAY_WRITE)
    check_move(t.cgroup(), cgroup, t.creds, t.ns.cgroup.root)
    check_target(cgroup)
    if thread and cgroup.domain is not t.group.cgroup:
        raise SyscallError(errno.EOPNOTSUPP)
    return cgroup


def _wanted_tids(t: Task, flags: int, address: int, count: int) -> tuple[int, ...]:
    """The numbers for the innermost PID namespaces: EFAULT, EINVAL, EPERM. (copy_clone_args_from_user, alloc_pid)"""
    levels = t.ns.pids_of_children(t).level + 1 + (flags & CLONE_NEWPID != 0)
    numbers = tuple(memoryview(t.copy_in(address, 4 * count)).cast("i"))
    if count > levels or not 0 < numbers[0] < PID_MAX:
        raise SyscallError(errno.EINVAL)
    if not t.creds.has_in(t.pids.user, CAP_SYS_ADMIN) and not t.creds.has_in(t.pids.user, CAP_CHECKPOINT_RESTORE):
        raise SyscallError(errno.EPERM)
    return numbers


ROWS: Final[tuple[Row, ...]] = (
    Row(56, "clone", sys_clone, FULL, (Arg.HEX, Arg.ADDR, Arg.ADDR, Arg.ADDR, Arg.ADDR), trap=COPIES_THREAD),
    Row(57, "fork", sys_fork, FULL, (), trap=COPIES_THREAD),
    Row(58, "vfork", sys_vfork, FULL, (), trap=COPIES_THREAD),
    Row(
        435,
        "clone3",
        sys_clone3,
        FULL,
        (Arg.STRUCT_IN, Arg.SIZE),
        copies=(reads(0, 1, 1),),
        trap=COPIES_THREAD,
    ),
)
