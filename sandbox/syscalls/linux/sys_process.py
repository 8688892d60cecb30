"""Sending signals to processes and threads: kill(2), tkill(2), tgkill(2), rt_sigqueueinfo(2), pidfd_send_signal(2)."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.abi.linux.capability import CAP_KILL
from sandbox.abi.linux.signal import NSIG, SI_TKILL, SI_USER, SIGCONT, SIGINFO_SIZE
from sandbox.errors import SyscallError
from sandbox.kernel import signal_send
from sandbox.kernel.control import Result
from sandbox.kernel.pidfd import signal_target
from sandbox.kernel.signal_info import SignalInfo, from_user
from sandbox.kernel.task import Task
from sandbox.kernel.thread_group import ThreadGroup
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.row import FULL, Arg, Row

_INT_MIN: Final = -(1 << 31)


def may_signal(t: Task, target: Task, signo: int) -> bool:
    """kernel/signal.c: check_kill_permission."""
    if target.group is t.group:
        return True
    mine, theirs = t.creds, target.creds
    if (
        mine.euid in (theirs.suid, theirs.uid)
        or mine.uid in (theirs.suid, theirs.uid)
        or mine.has_in(theirs.user, CAP_KILL)
    ):
        return True
    return signo == SIGCONT and target.group.session is t.group.session


def _info(t: Task, signo: int, code: int) -> SignalInfo:
    info = SignalInfo(signo, code, t.pid, t.creds.uid)
    info.sender = t.group.ids
    return info


def _check_signo(signo: int) -> None:
    if not 0 <= signo <= NSIG:
        raise SyscallError(errno.EINVAL)


def _kill_group(t: Task, group: ThreadGroup, signo: int) -> int:
    """0, or a negative errno."""
    if not may_signal(t, group.leader, signo):
        return -errno.EPERM
    if signo and not signal_send.send_to_group(group, _info(t, signo, SI_USER)):
        return -errno.EAGAIN
    return 0


def sys_kill(t: Task, a: SyscallArgs) -> Result:
    """kill(2)."""
    pid, signo = a.int(0), a.int(1)
    if pid == _INT_MIN:
        return -errno.ESRCH
    pids = t.pids
    if pid > 0:
        group = pids.groups.get(pid)
        if group is None:
            task = pids.tasks.get(pid)  # any thread names its process
            if task is None:
                return -errno.ESRCH
            group = task.group
        _check_signo(signo)
        return _kill_group(t, group, signo)
    if pid == -1:
        return _kill_all(t, signo)
    pgrp = t.group.pgrp if pid == 0 else pids.process_groups.get(-pid)
    if pgrp is None:
        return -errno.ESRCH
    _check_signo(signo)
    result = -errno.ESRCH
    for group in list(pgrp.members):
        answer = _kill_group(t, group, signo)
        if answer == 0 or result != 0:
            result = answer
    return result


def _kill_all(t: Task, signo: int) -> int:
    """Everybody whom the caller sees but process 1 and itself."""
    _check_signo(signo)
    result, found = 0, False
    for number, group in list(t.pids.groups.items()):
        if number == 1 or group is t.group:
            continue
        found = True
        answer = _kill_group(t, group, signo)
        if answer != -errno.EPERM:
            result = answer
    return result if found else -errno.ESRCH


def _kill_thread(t: Task, tgid: int, tid: int, signo: int) -> int:
    target = t.pids.tasks.get(tid)
    if target is None or (tgid > 0 and target.group.ids.number_in(t.pids) != tgid):
        return -errno.ESRCH
    _check_signo(signo)
    if not may_signal(t, target, signo):
        return -errno.EPERM
    if signo and not signal_send.send_to_task(target, _info(t, signo, SI_TKILL)):
        return -errno.EAGAIN
    return 0


def sys_tkill(t: Task, a: SyscallArgs) -> Result:
    """tkill(2)."""
    if a.int(0) <= 0:
        return -errno.EINVAL
    return _kill_thread(t, 0, a.int(0), a.int(1))


def sys_tgkill(t: Task, a: SyscallArgs) -> Result:
    """tgkill(2)."""
    tgid, tid = a.int(0), a.int(1)
    if tgid <= 0 or tid <= 0:
        return -errno.EINVAL
    return _kill_thread(t, tgid, tid, a.int(2))


def _read_info(t: Task, addr: int, signo: int) -> SignalInfo:
    """A siginfo_t; its number is the argument's."""
    raw = signo.to_bytes(4, "little", signed=True) + t.copy_in(addr, SIGINFO_SIZE)[4:]
    info = from_user(raw)
    info.sender, info.user = t.group.ids, t.creds.user
    return info


def sys_rt_sigqueueinfo(t: Task, a: SyscallArgs) -> Result:
    """rt_sigqueueinfo(2)."""
    pid, signo = a.int(0), a.int(1)
    info = _read_info(t, a.addr(2), signo)
    if (info.code >= 0 or info.code == SI_TKILL) and pid != t.pid:
        return -errno.EPERM
    group = t.pids.groups.get(pid)
    return -errno.ESRCH if group is None else _queue(t, group, None, info)


def sys_rt_tgsigqueueinfo(t: Task, a: SyscallArgs) -> Result:
    """rt_tgsigqueueinfo(2)."""
    tgid, tid, signo = a.int(0), a.int(1), a.int(2)
    info = _read_info(t, a.addr(3), signo)
    if tgid <= 0 or tid <= 0:
        return -errno.EINVAL
    if (info.code >= 0 or info.code == SI_TKILL) and tid != t.tid:
        return -errno.EPERM
    target = t.pids.tasks.get(tid)
    if target is None or target.group.ids.number_in(t.pids) != tgid:
        return -errno.ESRCH
    return _queue(t, target.group, target, info)


def _queue(t: Task, group: ThreadGroup, target: Task | None, info: SignalInfo) -> int:
    _check_signo(info.signo)
    if not may_signal(t, target or group.leader, info.signo):
        return -errno.EPERM
    if info.signo == 0:
        return 0
    if target is not None:
        sent = signal_send.send_to_task(target, info)
    else:
        sent = signal_send.send_to_group(group, info)
    return 0 if sent else -errno.EAGAIN


def sys_pidfd_send_signal(t: Task, a: SyscallArgs) -> Result:
    """pidfd_send_signal(2)."""
    if a.uint(3):
        return -errno.EINVAL
    group, signo = signal_target(t, a.int(0)), a.int(1)
    if not group.pids.within(t.pids):
        return -errno.EINVAL
    if a.addr(2):
        raw = t.copy_in(a.addr(2), SIGINFO_SIZE)
        info = from_user(raw)
        info.sender, info.user = t.group.ids, t.creds.user
        if info.signo != signo:
            return -errno.EINVAL
        if group is not t.group and (info.code >= 0 or info.code == SI_TKILL):
            return -errno.EPERM
    else:
        info = _info(t, signo, SI_USER)
    if group.reaped:
        return -errno.ESRCH
    return _queue(t, group, None, info)


ROWS: Final[tuple[Row, ...]] = (
    Row(62, "kill", sys_kill, FULL, (Arg.PID, Arg.SIGNAL)),
    Row(129, "rt_sigqueueinfo", sys_rt_sigqueueinfo, FULL, (Arg.PID, Arg.SIGNAL, Arg.STRUCT_IN)),
    Row(200, "tkill", sys_tkill, FULL, (Arg.PID, Arg.SIGNAL)),
    Row(234, "tgkill", sys_tgkill, FULL, (Arg.PID, Arg.PID, Arg.SIGNAL)),
    Row(297, "rt_tgsigqueueinfo", sys_rt_tgsigqueueinfo, FULL, (Arg.PID, Arg.PID, Arg.SIGNAL, Arg.STRUCT_IN)),
    Row(424, "pidfd_send_signal", sys_pidfd_send_signal, FULL, (Arg.FD, Arg.SIGNAL, Arg.STRUCT_IN, Arg.HEX)),
)
