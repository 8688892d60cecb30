"""Scheduling: affinity, policies, priorities (sched(7)). The host's scheduler runs guest threads; what is
set here is remembered and reported."""

from __future__ import annotations

import errno
import struct
from typing import Final

from sandbox.abi.linux.capability import CAP_SYS_ADMIN, CAP_SYS_NICE
from sandbox.abi.linux.sched import (
    SCHED_BATCH,
    SCHED_FIFO,
    SCHED_IDLE,
    SCHED_OTHER,
    SCHED_RESET_ON_FORK,
    SCHED_RR,
)
from sandbox.errors import SyscallError
from sandbox.kernel.control import Result
from sandbox.kernel.rlimits import RLIMIT_NICE, RLIMIT_RTPRIO
from sandbox.kernel.task import Task
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.known import futexes_known
from sandbox.syscalls.linux.timespec import pack_timespec
from sandbox.syscalls.row import FULL, PARTIAL, Arg, Row, reads, writes

_REALTIME: Final = frozenset((SCHED_FIFO, SCHED_RR))
_NORMAL: Final = frozenset((SCHED_OTHER, SCHED_BATCH, SCHED_IDLE))
RR_INTERVAL_NS: Final = 100_000_000

PRIO_PROCESS: Final = 0
PRIO_PGRP: Final = 1
PRIO_USER: Final = 2

_SCHED_ATTR: Final = struct.Struct("<IIQiIQQQ")  # size, policy, flags, nice, priority, runtime, deadline, period
_ATTR_SIZE: Final = 56  # with the clamps of utilization (SCHED_ATTR_SIZE_VER1)
SCHED_DEADLINE: Final = 6
SCHED_FLAG_RESET_ON_FORK: Final = 0x01
SCHED_FLAG_KEEP_POLICY: Final = 0x08
SCHED_FLAG_KEEP_PARAMS: Final = 0x10
SCHED_FLAG_UTIL_CLAMP: Final = 0x60
SCHED_FLAG_ALL: Final = 0x7F
DL_PERIOD_LEAST_NS: Final = 100_000  # kernel.sched_deadline_period_min_us
DL_PERIOD_MOST_NS: Final = (1 << 22) * 1000


def _find(t: Task, pid: int) -> Task:
    if pid < 0:
        raise SyscallError(errno.EINVAL)
    task = t if pid == 0 else t.pids.tasks.get(pid)
    if task is None:
        raise SyscallError(errno.ESRCH)
    return task


def _find_any(t: Task, pid: int) -> Task:
    """The same where a negative number is just nobody's."""
    task = t if pid == 0 else t.pids.tasks.get(pid)
    if task is None:
        raise SyscallError(errno.ESRCH)
    return task


def _check_owner(t: Task, target: Task) -> None:
    """EPERM for who is another user, or has not all of its capabilities."""
    mine, theirs = t.creds, target.creds
    owner = mine.euid == theirs.euid or mine.euid == theirs.uid
    if not (owner or _has_nice(t, target)) or not _is_no_less(t, target):
        raise SyscallError(errno.EPERM)


def _has_nice(t: Task, target: Task) -> bool:
    return t.creds.has_in(target.creds.user, CAP_SYS_NICE)


def _is_no_less(t: Task, target: Task) -> bool:
    """`t` has all the capabilities of `target`, or may do this to everybody (security/commoncap.c: cap_safe_nice)."""
    return not target.creds.permitted & ~t.creds.permitted or _has_nice(t, target)


def sys_sched_yield(t: Task, a: SyscallArgs) -> Result:
    """sched_yield(2): the trap itself has given others the processor. The next time the platform may do it alone."""
    futexes_known(t)
    return 0


def sys_sched_getaffinity(t: Task, a: SyscallArgs) -> Result:
    """sched_getaffinity(2)."""
    size = a.uint(1)
    if size * 8 < t.kernel.cpus or size & 7:
        return -errno.EINVAL
    target = _find_any(t, a.int(0))
    written = min(size, (t.kernel.cpus + 63) // 64 * 8)
    t.copy_out(a.addr(2), target.affinity.to_bytes(written, "little"))
    return written


def sys_sched_setaffinity(t: Task, a: SyscallArgs) -> Result:
    """sched_setaffinity(2)."""
    mask = int.from_bytes(t.copy_in(a.addr(2), min(a.uint(1), 1024)), "little")
    target = _find_any(t, a.int(0))
    _check_owner(t, target)
    mask &= target.group.view.processors or t.kernel.cpu_mask
    if not mask:
        return -errno.EINVAL
    target.affinity = mask
    target.thread.set_affinity(mask)
    return 0


def _set_policy(t: Task, target: Task, policy: int, priority: int, reset: bool, nice: int | None = None) -> int:
    """kernel/sched/syscalls.c: __sched_setscheduler, without deadline scheduling. `nice` None: it stays."""
    if policy not in _REALTIME and policy not in _NORMAL:
        return -errno.EINVAL
    if (policy in _REALTIME) != (1 <= priority <= 99) or (policy in _NORMAL and priority):
        return -errno.EINVAL
    if nice is not None and policy in _NORMAL and nice < target.nice and not _may_nice(t, target, nice):
        return -errno.EPERM
    if not t.creds.has(CAP_SYS_NICE):
        most = target.group.rlimits.get(RLIMIT_RTPRIO)
        if policy in _REALTIME and (
            (policy != target.policy and not most) or (priority > target.rt_priority and priority > most)
        ):
            return -errno.EPERM
        if target.policy == SCHED_IDLE and policy != SCHED_IDLE and not _may_nice(t, target, target.nice):
            return -errno.EPERM
        if target.reset_on_fork and not reset:
            return -errno.EPERM
    _check_owner(t, target)
    target.policy = policy
    target.rt_priority = priority
    target.reset_on_fork = reset
    return 0


def sys_sched_setscheduler(t: Task, a: SyscallArgs) -> Result:
    """sched_setscheduler(2)."""
    policy = a.int(1)
    if policy < 0 or a.int(0) < 0 or not a.addr(2):
        return -errno.EINVAL
    priority = int.from_bytes(t.copy_in(a.addr(2), 4), "little", signed=True)
    target = _find(t, a.int(0))
    return _set_policy(t, target, policy & ~SCHED_RESET_ON_FORK, priority, policy & SCHED_RESET_ON_FORK != 0)


def sys_sched_getscheduler(t: Task, a: SyscallArgs) -> Result:
    """sched_getscheduler(2)."""
    target = _find(t, a.int(0))
    return target.policy | (SCHED_RESET_ON_FORK if target.reset_on_fork else 0)


def sys_sched_setparam(t: Task, a: SyscallArgs) -> Result:
    """sched_setparam(2)."""
    if a.int(0) < 0 or not a.addr(1):
        return -errno.EINVAL
    priority = int.from_bytes(t.copy_in(a.addr(1), 4), "little", signed=True)
    target = _find(t, a.int(0))
    return _set_policy(t, target, target.policy, priority, target.reset_on_fork)


def sys_sched_getparam(t: Task, a: SyscallArgs) -> Result:
    """sched_getparam(2)."""
    if a.int(0) < 0 or not a.addr(1):
        return -errno.EINVAL
    t.copy_out(a.addr(1), _find(t, a.int(0)).rt_priority.to_bytes(4, "little"))
    return 0


def sys_sched_setattr(t: Task, a: SyscallArgs) -> Result:
    """sched_setattr(2)."""
    if not a.addr(1) or a.int(0) < 0 or a.uint(2):
        return -errno.EINVAL
    address = a.addr(1)
    size = int.from_bytes(t.copy_in(address, 4), "little") or _SCHED_ATTR.size
    if not _SCHED_ATTR.size <= size <= 4096 or any(t.copy_in(address + _ATTR_SIZE, max(0, size - _ATTR_SIZE))):
        t.copy_out(address, _ATTR_SIZE.to_bytes(4, "little"))
        return -errno.E2BIG
    _, policy, flags, nice, priority, *times = _SCHED_ATTR.unpack(t.copy_in(address, _SCHED_ATTR.size))
    if (flags & SCHED_FLAG_UTIL_CLAMP and size < _ATTR_SIZE) or policy >= 1 << 31:
        return -errno.EINVAL
    target, nice = _find(t, a.int(0)), max(-20, min(19, nice))
    if flags & SCHED_FLAG_KEEP_PARAMS:
        priority, nice = target.rt_priority, target.nice
    reset = flags & SCHED_FLAG_RESET_ON_FORK != 0
    if flags & SCHED_FLAG_KEEP_POLICY:
        policy, reset = target.policy, target.reset_on_fork
    elif policy not in _REALTIME and policy not in _NORMAL and policy != SCHED_DEADLINE:
        return -errno.EINVAL
    if flags & ~SCHED_FLAG_ALL:
        return -errno.EINVAL
    if policy == SCHED_DEADLINE:
        return _deadline(t, priority, *times)
    before = target.policy, target.rt_priority, target.reset_on_fork
    result = _set_policy(t, target, policy, priority, reset, nice)
    if result == 0 and flags & SCHED_FLAG_UTIL_CLAMP:
        target.policy, target.rt_priority, target.reset_on_fork = before
        return -errno.EOPNOTSUPP  # as without CONFIG_UCLAMP_TASK
    if result == 0 and policy in _NORMAL:
        target.set_nice(nice)
    return result


def _deadline(t: Task, priority: int, runtime: int, deadline: int, period: int) -> int:
    """SCHED_DEADLINE: EINVAL for what are no times (__checkparam_dl), EPERM; there is no bandwidth to give: EBUSY."""
    period = period or deadline
    if priority or not 1 << 10 <= runtime <= deadline <= period < 1 << 63:
        return -errno.EINVAL
    if not DL_PERIOD_LEAST_NS <= period <= DL_PERIOD_MOST_NS:
        return -errno.EINVAL
    return -errno.EBUSY if t.creds.has(CAP_SYS_NICE) else -errno.EPERM


def sys_sched_getattr(t: Task, a: SyscallArgs) -> Result:
    """sched_getattr(2): with the clamps of utilization, which are 0, where there is room for them."""
    size = a.uint(2)
    if not a.addr(1) or a.int(0) < 0 or size > 4096 or size < _SCHED_ATTR.size or a.uint(3):
        return -errno.EINVAL
    target = _find(t, a.int(0))
    nice = target.nice if target.policy in _NORMAL else 0
    size = min(size, _SCHED_ATTR.size + 8)
    out = _SCHED_ATTR.pack(size, target.policy, int(target.reset_on_fork), nice, target.rt_priority, 0, 0, 0)
    t.copy_out(a.addr(1), (out + bytes(8))[:size])
    return 0


def sys_sched_get_priority_max(t: Task, a: SyscallArgs) -> Result:
    """sched_get_priority_max(2)."""
    policy = a.int(0)
    if policy in _REALTIME:
        return 99
    return 0 if policy in _NORMAL or policy == 6 else -errno.EINVAL


def sys_sched_get_priority_min(t: Task, a: SyscallArgs) -> Result:
    """sched_get_priority_min(2)."""
    policy = a.int(0)
    if policy in _REALTIME:
        return 1
    return 0 if policy in _NORMAL or policy == 6 else -errno.EINVAL


def sys_sched_rr_get_interval(t: Task, a: SyscallArgs) -> Result:
    """sched_rr_get_interval(2)."""
    target = _find(t, a.int(0))
    interval = RR_INTERVAL_NS if target.policy == SCHED_RR else 0 if target.policy == SCHED_FIFO else 4_000_000
    t.copy_out(a.addr(1), pack_timespec(interval))
    return 0


def _may_nice(t: Task, target: Task, nice: int) -> bool:
    return 20 - nice <= target.group.rlimits.get(RLIMIT_NICE) or t.creds.has(CAP_SYS_NICE)


def _prio_targets(t: Task, which: int, who: int) -> list[Task]:
    """Whom setpriority(2) and getpriority(2) mean."""
    pids = t.pids
    if which == PRIO_PROCESS:
        task = t if who == 0 else pids.tasks.get(who)
        return [] if task is None else [task]
    if which == PRIO_PGRP:
        pgrp = t.group.pgrp if who == 0 else pids.process_groups.get(who)
        return [] if pgrp is None else [task for group in pgrp.members for task in group.tasks]
    if which == PRIO_USER:
        uid = t.creds.uid if who == 0 else t.creds.user.uids.to_kernel(who)
        return [task for task in pids.tasks.values() if task.creds.uid == uid]
    raise SyscallError(errno.EINVAL)


def sys_getpriority(t: Task, a: SyscallArgs) -> Result:
    """getpriority(2): 20 - nice, so that no result is negative."""
    targets = _prio_targets(t, a.int(0), a.int(1))
    return max((20 - task.nice for task in targets), default=-errno.ESRCH)


def sys_setpriority(t: Task, a: SyscallArgs) -> Result:
    """setpriority(2)."""
    targets = _prio_targets(t, a.int(0), a.int(1))
    nice = max(-20, min(19, a.int(2)))
    result = -errno.ESRCH
    for target in targets:
        if t.creds.euid not in (target.creds.uid, target.creds.euid) and not _has_nice(t, target):
            result = -errno.EPERM
        elif nice < target.nice and not _may_nice(t, target, nice):
            result = -errno.EACCES
        elif not _is_no_less(t, target):
            result = -errno.EPERM
        else:
            if result == -errno.ESRCH:
                result = 0
            target.set_nice(nice)
    return result


def sys_ioprio_get(t: Task, a: SyscallArgs) -> Result:
    """ioprio_get(2)."""
    return max((task.ioprio for task in _io_targets(t, a.int(0), a.int(1))), default=-errno.ESRCH)


def check_ioprio(t: Task, ioprio: int) -> None:
    """EPERM for the real-time class without privilege, EINVAL for classes that there are not."""
    kind, level = ioprio >> 13 & 7, ioprio & 7
    if kind == 1 and not (t.creds.has(CAP_SYS_NICE) or t.creds.has(CAP_SYS_ADMIN)):
        raise SyscallError(errno.EPERM)
    if kind > 3 or (kind == 0 and level):
        raise SyscallError(errno.EINVAL)


def sys_ioprio_set(t: Task, a: SyscallArgs) -> Result:
    """ioprio_set(2): remembered."""
    ioprio = a.int(2)
    check_ioprio(t, ioprio)
    targets = _io_targets(t, a.int(0), a.int(1))
    for target in targets:
        owner = t.creds.uid in (target.creds.uid, target.creds.euid)
        if not (owner or _has_nice(t, target)) or not _is_no_less(t, target):
            return -errno.EPERM
        target.ioprio = ioprio & 0xFFFF
    return 0 if targets else -errno.ESRCH


def _io_targets(t: Task, which: int, who: int) -> list[Task]:
    if which not in (1, 2, 3):
        raise SyscallError(errno.EINVAL)
    return _prio_targets(t, which - 1, who)


def sys_getcpu(t: Task, a: SyscallArgs) -> Result:
    """getcpu(2): a processor that the thread may run on."""
    cpu = (t.affinity & -t.affinity).bit_length() - 1
    if a.addr(0):
        t.copy_out(a.addr(0), cpu.to_bytes(4, "little"))
    if a.addr(1):
        t.copy_out(a.addr(1), bytes(4))
    return 0


_SEEN: Final = "remembered and reported; the host schedules"
_NICE: Final = (
    "nobody gets more of the host's processors than the sandbox; an unprivileged one gets back nothing of what it gave"
)

ROWS: Final[tuple[Row, ...]] = (
    Row(24, "sched_yield", sys_sched_yield, FULL, ()),
    Row(140, "getpriority", sys_getpriority, FULL, (Arg.INT, Arg.INT)),
    Row(141, "setpriority", sys_setpriority, PARTIAL, (Arg.INT, Arg.INT, Arg.INT), _NICE),
    Row(142, "sched_setparam", sys_sched_setparam, PARTIAL, (Arg.PID, Arg.STRUCT_IN), _SEEN),
    Row(143, "sched_getparam", sys_sched_getparam, FULL, (Arg.PID, Arg.STRUCT_OUT)),
    Row(144, "sched_setscheduler", sys_sched_setscheduler, PARTIAL, (Arg.PID, Arg.INT, Arg.STRUCT_IN), _SEEN),
    Row(145, "sched_getscheduler", sys_sched_getscheduler, FULL, (Arg.PID,)),
    Row(146, "sched_get_priority_max", sys_sched_get_priority_max, FULL, (Arg.INT,)),
    Row(147, "sched_get_priority_min", sys_sched_get_priority_min, FULL, (Arg.INT,)),
    Row(148, "sched_rr_get_interval", sys_sched_rr_get_interval, FULL, (Arg.PID, Arg.STRUCT_OUT)),
    Row(
        203,
        "sched_setaffinity",
        sys_sched_setaffinity,
        FULL,
        (Arg.PID, Arg.SIZE, Arg.STRUCT_IN),
        copies=(reads(2, 1, 1),),
    ),
    Row(
        204,
        "sched_getaffinity",
        sys_sched_getaffinity,
        FULL,
        (Arg.PID, Arg.SIZE, Arg.STRUCT_OUT),
        copies=(writes(2, 1, 1),),
    ),
    Row(251, "ioprio_set", sys_ioprio_set, PARTIAL, (Arg.INT, Arg.INT, Arg.INT), _SEEN),
    Row(252, "ioprio_get", sys_ioprio_get, FULL, (Arg.INT, Arg.INT)),
    Row(
        309, "getcpu", sys_getcpu, FULL, (Arg.STRUCT_OUT, Arg.STRUCT_OUT, Arg.ADDR), copies=(writes(0, 4), writes(1, 4))
    ),
    Row(314, "sched_setattr", sys_sched_setattr, PARTIAL, (Arg.PID, Arg.STRUCT_IN, Arg.HEX), _SEEN),
    Row(315, "sched_getattr", sys_sched_getattr, FULL, (Arg.PID, Arg.STRUCT_OUT, Arg.UINT, Arg.HEX)),
)
