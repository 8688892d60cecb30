"""wait4(2), waitid(2)."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.abi.linux.signal import SIGCHLD
from sandbox.abi.linux.wait import (
    P_ALL,
    P_PGID,
    P_PID,
    P_PIDFD,
    WALL,
    WCLONE,
    WCONTINUED,
    WEXITED,
    WNOHANG,
    WNOTHREAD,
    WNOWAIT,
    WSTOPPED,
    WUNTRACED,
)
from sandbox.errors import SyscallError
from sandbox.kernel.control import Block, Result
from sandbox.kernel.pidfd import O_NONBLOCK, process_and_flags
from sandbox.kernel.task import Task
from sandbox.kernel.wait import WaitReport, WaitTarget, poll_children
from sandbox.syscalls.args import SyscallArgs
from sandbox.syscalls.linux.rusage import dead_child_rusage, live_child_rusage
from sandbox.syscalls.row import FULL, Arg, Row, writes
from tcpip.waiter import EVENT_IN

_INT_MIN: Final = -(1 << 31)


def sys_wait4(t: Task, a: SyscallArgs) -> Result:
    """wait4(2), waitpid(2)."""
    target = a.state
    if target is None:
        a.state = target = _wait4_target(t, a.int(0), a.uint(2))
    assert isinstance(target, WaitTarget)
    report = poll_children(t, target)
    if type(report) is int:
        if report == 0 and not target.options & WNOHANG:
            return Block(((t.group.wait_queue, EVENT_IN),))
        return report
    assert isinstance(report, WaitReport)
    if a.addr(1):
        t.copy_out(a.addr(1), report.status.to_bytes(4, "little"))
    if a.addr(3):
        t.copy_out(a.addr(3), _rusage(report))
    return report.pid


def _wait4_target(t: Task, pid: int, options: int) -> WaitTarget:
    if options & ~(WNOHANG | WUNTRACED | WCONTINUED | WNOTHREAD | WCLONE | WALL):
        raise SyscallError(errno.EINVAL)
    options |= WEXITED
    if pid == _INT_MIN:
        raise SyscallError(errno.ESRCH)
    if pid == -1:
        return WaitTarget(P_ALL, options)
    if pid < 0:
        return WaitTarget(P_PGID, options, t.pids.find(-pid))
    if pid == 0:
        return WaitTarget(P_PGID, options, t.group.pgrp.ids)
    return WaitTarget(P_PID, options, t.pids.find(pid))


def _rusage(report: WaitReport) -> bytes:
    return dead_child_rusage(report.group) if report.group.exited else live_child_rusage(report.group)


def sys_waitid(t: Task, a: SyscallArgs) -> Result:
    """waitid(2). `infop` is written even when the call fails (kernel/exit.c: waitid)."""
    infop = a.addr(2)
    try:
        result = _waitid(t, a, infop)
    except SyscallError as error:
        result = -error.errno
    if type(result) is int and result < 0 and infop:
        _store_info(t, infop, bytes(128))
    return result


def _waitid(t: Task, a: SyscallArgs, infop: int) -> Result:
    target = a.state
    if target is None:
        a.state = target = _waitid_target(t, a.int(0), a.int(1), a.uint(3))
    assert isinstance(target, WaitTarget)
    report = poll_children(t, target)
    if type(report) is int:
        if report == 0 and not target.options & WNOHANG:
            if target.nonblocking:
                return -errno.EAGAIN
            return Block(((t.group.wait_queue, EVENT_IN),))
        if report == 0 and infop:
            _store_info(t, infop, bytes(128))
        return report
    assert isinstance(report, WaitReport)
    if a.addr(4):
        t.copy_out(a.addr(4), _rusage(report))
    if infop:
        report.info.signo = SIGCHLD
        report.info.utime = 0
        report.info.translate(t.creds.user)
        _store_info(t, infop, report.info.pack())
    return 0


def _store_info(t: Task, addr: int, info: bytes) -> None:
    """The six fields one by one: what lies between and behind them stays as it was (kernel/exit.c: waitid)."""
    t.copy_out(addr, info[:12])
    t.copy_out(addr + 16, info[16:28])


def _waitid_target(t: Task, which: int, pid: int, options: int) -> WaitTarget:
    if options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | WNOTHREAD | WCLONE | WALL):
        raise SyscallError(errno.EINVAL)
    if not options & (WEXITED | WSTOPPED | WCONTINUED):
        raise SyscallError(errno.EINVAL)
    if which == P_ALL:
        return WaitTarget(P_ALL, options)
    if which == P_PID:
        if pid <= 0:
            raise SyscallError(errno.EINVAL)
        return WaitTarget(P_PID, options, t.pids.find(pid))
    if which == P_PGID:
        if pid < 0:
            raise SyscallError(errno.EINVAL)
        return WaitTarget(P_PGID, options, t.pids.find(pid) if pid else t.group.pgrp.ids)
    if which == P_PIDFD:
        if pid < 0:
            raise SyscallError(errno.EINVAL)
        group, flags = process_and_flags(t, pid)
        target = WaitTarget(P_PID, options, group.ids)
        target.nonblocking = flags & O_NONBLOCK != 0
        return target
    raise SyscallError(errno.EINVAL)


ROWS: Final[tuple[Row, ...]] = (
    Row(
        61,
        "wait4",
        sys_wait4,
        FULL,
        (Arg.PID, Arg.STRUCT_OUT, Arg.HEX, Arg.STRUCT_OUT),
        copies=(writes(1, 4), writes(3, 144)),
    ),
    Row(
        247,
        "waitid",
        sys_waitid,
        FULL,
        (Arg.INT, Arg.PID, Arg.STRUCT_OUT, Arg.HEX, Arg.STRUCT_OUT),
        copies=(writes(2, 128),),
    ),
)
