"""Resource limits and usage: prlimit64(2), getrlimit(2), setrlimit(2), getrusage(2), times(2)."""

from __future__ import annotations

import errno
import struct
from typing import Final

from sandbox.abi.linux.capability import CAP_SYS_RESOURCE
from sandbox.abi.linux.time import NS_PER_TICK, TMS
from sandbox.errors import SyscallError
from sandbox.kernel.control import Result
from sandbox.kernel.rlimits import RLIM_NLIMITS, RLIMIT_CPU, RLIMIT_NOFILE, RLIMIT_STACK
from sandbox.kernel.task import Task
from sandbox.kernel.thread_group import ThreadGroup
from sandbox.kernel.usage import of_caller, of_thread
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.row import FULL, Arg, Row, reads, writes

_RLIMIT: Final = struct.Struct("<QQ")
RUSAGE_SELF: Final = 0
RUSAGE_CHILDREN: Final = -1
RUSAGE_THREAD: Final = 1


def _set(t: Task, group: ThreadGroup, resource: int, soft: int, hard: int) -> None:
    """kernel/sys.c: do_prlimit."""
    if soft > hard:
        raise SyscallError(errno.EINVAL)
    if resource == RLIMIT_NOFILE and hard > t.kernel.settings.nr_open:
        raise SyscallError(errno.EPERM)
    if hard > group.rlimits.hard[resource] and not t.creds.has(CAP_SYS_RESOURCE):
        raise SyscallError(errno.EPERM)
    group.rlimits.set(resource, soft, hard)
    if resource == RLIMIT_NOFILE:
        for task in group.tasks:
            task.fds.limit = soft
    elif resource == RLIMIT_CPU:
        from sandbox.kernel.cpu_limit import limit_cpu

        limit_cpu(group)


def sys_getrlimit(t: Task, a: SyscallArgs) -> Result:
    """getrlimit(2)."""
    resource = a.uint(0)
    if resource >= RLIM_NLIMITS:
        return -errno.EINVAL
    limits = t.group.rlimits
    t.copy_out(a.addr(1), _RLIMIT.pack(limits.soft[resource], limits.hard[resource]))
    return 0


def sys_setrlimit(t: Task, a: SyscallArgs) -> Result:
    """setrlimit(2)."""
    soft, hard = _RLIMIT.unpack(t.copy_in(a.addr(1), _RLIMIT.size))
    if a.uint(0) >= RLIM_NLIMITS:
        return -errno.EINVAL
    if a.uint(0) == RLIMIT_STACK and t.mm is not None and t.mm.busy:
        return t.mm.wait()
    _set(t, t.group, a.uint(0), soft, hard)
    return _lowered(t, a.uint(0), soft)


def _lowered(t: Task, resource: int, soft: int) -> Result:
    """A limit of the caller's own was set: its stack heeds it."""
    if resource != RLIMIT_STACK or t.mm is None:
        return 0
    from sandbox.mm.op_stack import lower_stack

    return lower_stack(t, t.mm, soft)


def sys_prlimit64(t: Task, a: SyscallArgs) -> Result:
    """prlimit(2)."""
    pid, resource, new, old = a.int(0), a.uint(1), a.addr(2), a.addr(3)
    wanted = _RLIMIT.unpack(t.copy_in(new, _RLIMIT.size)) if new else None
    target = t if pid == 0 else t.pids.tasks.get(pid)
    if target is None:
        return -errno.ESRCH
    if target.group is not t.group and not _may_limit(t, target):
        return -errno.EPERM
    if resource >= RLIM_NLIMITS:
        return -errno.EINVAL
    group = target.group
    own = wanted is not None and resource == RLIMIT_STACK and group is t.group
    if own and t.mm is not None and t.mm.busy:
        return t.mm.wait()
    before = (group.rlimits.soft[resource], group.rlimits.hard[resource])
    if wanted is not None:
        _set(t, group, resource, wanted[0], wanted[1])
    if old:
        t.copy_out(old, _RLIMIT.pack(*before))
    return _lowered(t, resource, wanted[0]) if own and wanted is not None else 0


def _may_limit(t: Task, target: Task) -> bool:
    mine, theirs = t.creds, target.creds
    same_uid = mine.uid == theirs.uid == theirs.euid == theirs.suid
    same_gid = mine.gid == theirs.gid == theirs.egid == theirs.sgid
    return (same_uid and same_gid) or mine.has_in(theirs.user, CAP_SYS_RESOURCE)


def sys_getrusage(t: Task, a: SyscallArgs) -> Result:
    """getrusage(2)."""
    from sandbox.syscalls.linux.rusage import pack_rusage

    who, group = a.int(0), t.group
    if who == RUSAGE_SELF:
        out = pack_rusage(of_caller(t), max(group.max_rss_pages, t.space.resident_pages()))
    elif who == RUSAGE_CHILDREN:
        out = pack_rusage(group.child_use, group.child_max_rss_pages)
    elif who == RUSAGE_THREAD:
        out = pack_rusage(
            of_thread(t) if group.threaded else of_caller(t), max(group.max_rss_pages, t.space.resident_pages())
        )
    else:
        return -errno.EINVAL
    t.copy_out(a.addr(1), out)
    return 0


def sys_times(t: Task, a: SyscallArgs) -> Result:
    """times(2)."""
    if a.addr(0):
        own, children = of_caller(t), t.group.child_use
        times = own.user_ns, own.system_ns, children.user_ns, children.system_ns
        t.copy_out(a.addr(0), TMS.pack(*[ns // NS_PER_TICK for ns in times]))
    return t.kernel.uptime_ns() // NS_PER_TICK


ROWS: Final[tuple[Row, ...]] = (
    Row(97, "getrlimit", sys_getrlimit, FULL, (Arg.INT, Arg.STRUCT_OUT), copies=(writes(1, 16),)),
    Row(98, "getrusage", sys_getrusage, FULL, (Arg.INT, Arg.STRUCT_OUT), copies=(writes(1, 144),)),
    Row(100, "times", sys_times, FULL, (Arg.STRUCT_OUT,), copies=(writes(0, 32),)),
    Row(160, "setrlimit", sys_setrlimit, FULL, (Arg.INT, Arg.STRUCT_IN), copies=(reads(1, 16),)),
    Row(
        302,
        "prlimit64",
        sys_prlimit64,
        FULL,
        (Arg.PID, Arg.INT, Arg.STRUCT_IN, Arg.STRUCT_OUT),
        copies=(reads(2, 16), writes(3, 16)),
    ),
)
