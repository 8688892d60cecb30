"""clone, exit, wait, reparenting, process groups, sessions, pidfds."""

from __future__ import annotations

import errno
import struct

from sandbox.abi.linux.sched import (
    CLONE_CHILD_CLEARTID,
    CLONE_CHILD_SETTID,
    CLONE_FILES,
    CLONE_FS,
    CLONE_NEWNET,
    CLONE_NEWPID,
    CLONE_PARENT_SETTID,
    CLONE_PIDFD,
    CLONE_SETTLS,
    CLONE_SIGHAND,
    CLONE_THREAD,
    CLONE_VFORK,
    CLONE_VM,
)
from sandbox.abi.linux.signal import SIG_IGN, SIGACTION, SIGCHLD, SIGCONT, SIGHUP, SIGKILL, SIGSTOP, SIGTERM, SIGTSTP
from sandbox.abi.linux.wait import (
    P_ALL,
    P_PID,
    P_PIDFD,
    WCONTINUED,
    WEXITED,
    WNOHANG,
    WNOWAIT,
    WSTOPPED,
    WUNTRACED,
)
from sandbox.arch.amd64 import FS_BASE, RAX, RIP, RSP
from sandbox.errors import SyscallError
from sandbox.kernel.pidfd import PidFile
from sandbox.kernel.signal_info import SignalInfo
from sandbox.kernel.task_state import PARK_DEAD
from sandbox.syscalls.args import SyscallArgs

from .box import Box
from .numbers import (
    CLONE,
    CLONE3,
    EXIT,
    EXIT_GROUP,
    FUTEX,
    GETPGID,
    GETPPID,
    KILL,
    PAUSE,
    PIDFD_OPEN,
    PIDFD_SEND_SIGNAL,
    PRCTL,
    PRLIMIT64,
    RT_SIGACTION,
    SETPGID,
    SETSID,
    WAIT4,
    WAITID,
)

THREAD = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD


def test_fork_copies_memory_and_family(box: Box) -> None:
    t = box.init
    place = box.put(t, b"parent")
    child = box.fork(t)
    assert child.space is not t.space and child.mm is not t.mm
    box.put(child, b"child!", place)
    assert box.get(t, place, 6) == b"parent"
    assert child.pid == child.tid == 2 and child.group.parent is t.group
    assert box.thread(t).result() == 2 and child.thread.get_reg(RAX) == 0
    assert box.call(child, GETPPID) == 1
    assert child.group.pgrp is t.group.pgrp


def test_thread_shares_everything(box: Box) -> None:
    t = box.init
    tid_at, tls = box.room(), 0x12345000
    flags = THREAD | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID
    known = set(box.kernel.pids.tasks)
    tid = box.call(t, CLONE, flags, 0x7000_0000 - 0x1000, tid_at, tid_at + 4, tls)
    assert tid is not None
    (new,) = set(box.kernel.pids.tasks) - known
    other = box.kernel.pids.tasks[new]
    assert (other.tid, other.pid, other.space, other.mm, other.fds) == (tid, t.pid, t.space, t.mm, t.fds)
    assert other.thread.get_reg(FS_BASE) == tls and other.thread.get_reg(RSP) == 0x7000_0000 - 0x1000
    assert box.word(t, tid_at) == tid and box.word(t, tid_at + 4) == tid
    # joining: wait for the tid word to be cleared
    assert box.call(t, FUTEX, tid_at + 4, 0, tid, 0, 0, 0) is None
    box.call(other, EXIT, 0)
    assert box.word(t, tid_at + 4) == 0
    assert box.thread(t).result() == 0 and box.running(t)
    assert not box.thread(t).space.killed and other.parked == PARK_DEAD
    assert tid not in box.kernel.pids.tasks


def test_vfork_parent_waits_until_the_child_is_gone(box: Box) -> None:
    t = box.init
    child = box.fork(t, CLONE_VM | CLONE_VFORK)
    assert not box.running(t) and child.space is t.space and child.group is not t.group
    box.call(child, EXIT_GROUP, 7)
    assert box.running(t) and box.thread(t).result() == child.pid
    assert not box.thread(t).space.killed
    status = box.room()
    assert box.call(t, WAIT4, child.pid, status, 0, 0) == child.pid
    assert box.word(t, status) == 7 << 8


def test_clone_flag_checks(box: Box) -> None:
    t = box.init
    assert box.call(t, CLONE, CLONE_THREAD | CLONE_VM) == -errno.EINVAL
    assert box.call(t, CLONE, CLONE_SIGHAND) == -errno.EINVAL
    assert box.call(t, CLONE, CLONE_PIDFD | CLONE_PARENT_SETTID) == -errno.EINVAL
    assert box.call(t, CLONE, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWPID) == -errno.EINVAL
    t.creds = t.creds.with_resuid(5, 5, 5)
    assert box.call(t, CLONE, CLONE_NEWNET) == -errno.EPERM
    assert box.call(t, CLONE3, box.put(t, bytes(64)), 63) == -errno.EINVAL
    assert box.call(t, CLONE3, box.put(t, bytes(88) + b"\1"), 89) == -errno.E2BIG


def test_clone3_with_pidfd(box: Box) -> None:
    t = box.init
    pidfd = box.room()
    raw = struct.pack("<8Q", CLONE_PIDFD, pidfd, 0, 0, SIGCHLD, 0, 0, 0)
    pid = box.call(t, CLONE3, box.put(t, raw), 64)
    assert pid == 2
    fd = box.word(t, pidfd)
    file = t.fds.get(fd)
    assert file.poll(t) == 0 and t.fds.cloexec(fd)
    assert box.call(t, PIDFD_SEND_SIGNAL, fd, SIGTERM, 0, 0) == 0
    assert file.poll(t) == 1
    info = box.put(t, b"\xff" * 128)
    assert box.call(t, WAITID, P_PIDFD, fd, info, WEXITED, 0) == 0
    assert struct.unpack("<iii", box.get(t, info, 12)) == (SIGCHLD, 0, 2)
    assert box.get(t, info + 12, 4) == b"\xff" * 4
    assert struct.unpack("<iii", box.get(t, info + 16, 12)) == (2, 0, SIGTERM)
    assert box.call(t, PIDFD_SEND_SIGNAL, fd, 0, 0, 0) == -errno.ESRCH


def test_host_without_threads_is_eagain(box: Box) -> None:
    box.platform.refuse = True
    assert box.call(box.init, CLONE, SIGCHLD) == -errno.EAGAIN
    assert len(box.kernel.pids.tasks) == 1


def test_task_limits(box: Box) -> None:
    t = box.init
    box.kernel.pids.max_tasks = 2
    box.fork(t)
    assert box.call(t, CLONE, SIGCHLD) == -errno.EAGAIN
    box.kernel.pids.max_tasks = 100
    limit = box.put(t, struct.pack("<QQ", 1, 1))
    assert box.call(t, PRLIMIT64, 0, 6, limit, 0) == 0
    t.creds = t.creds.with_resuid(5, 5, 5)
    assert box.call(t, CLONE, SIGCHLD) == -errno.EAGAIN


def test_wait_blocks_until_a_child_exits(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    assert box.call(t, WAIT4, -1, 0, WNOHANG, 0) == 0
    assert box.call(t, WAIT4, -1, 0, 0, 0) is None
    box.call(child, EXIT_GROUP, 5)
    # SIGCHLD is ignored by default: the wait is not interrupted
    assert box.thread(t).result() == child.pid
    assert box.call(t, WAIT4, -1, 0, 0, 0) == -errno.ECHILD
    assert child.pid not in box.kernel.pids.groups


def test_wait_options(box: Box) -> None:
    t = box.init
    assert box.call(t, WAIT4, -1, 0, 0x10, 0) == -errno.EINVAL
    assert box.call(t, WAIT4, -(1 << 31), 0, 0, 0) == -errno.ESRCH
    assert box.call(t, WAITID, P_ALL, 0, 0, 0, 0) == -errno.EINVAL
    assert box.call(t, WAITID, P_PID, 0, 0, WEXITED, 0) == -errno.EINVAL
    assert box.call(t, WAITID, P_PIDFD, 9, 0, WEXITED, 0) == -errno.EBADF
    assert box.call(t, WAITID, P_PIDFD, -1, 0, WEXITED, 0) == -errno.EINVAL
    child = box.fork(t)
    info = box.room()
    assert box.call(t, WAITID, P_PID, child.pid, info, WEXITED | WNOHANG, 0) == 0
    assert box.get(t, info, 4) == bytes(4)
    box.call(child, EXIT, 9)
    assert box.call(t, WAITID, P_PID, child.pid, info, WEXITED | WNOWAIT, 0) == 0
    assert struct.unpack("<iii4xiii", box.get(t, info, 28)) == (SIGCHLD, 0, 1, child.pid, 0, 9)
    assert box.call(t, WAITID, P_PID, child.pid, info, WSTOPPED | WNOHANG, 0) == -errno.ECHILD
    assert box.call(t, WAIT4, child.pid, 8, 0, 0) == -errno.EFAULT  # reaped all the same
    assert box.call(t, WAIT4, child.pid, 0, 0, 0) == -errno.ECHILD


def test_stop_and_continue_are_reported(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    box.call(t, KILL, child.pid, SIGSTOP)
    assert not child.group.stopped
    box.thread(child).come()
    assert child.group.stopped and not box.running(child)
    status = box.room()
    assert box.call(t, WAIT4, -1, status, WUNTRACED, 0) == child.pid
    assert box.word(t, status) == SIGSTOP << 8 | 0x7F
    assert box.call(t, WAIT4, -1, status, WUNTRACED | WNOHANG, 0) == 0
    box.call(t, KILL, child.pid, SIGCONT)
    assert box.running(child)
    assert box.call(t, WAIT4, -1, status, WCONTINUED, 0) == child.pid
    assert box.word(t, status) == 0xFFFF
    box.call(t, KILL, child.pid, SIGSTOP)
    box.thread(child).come()
    box.call(t, KILL, child.pid, SIGKILL)
    assert box.call(t, WAIT4, -1, status, 0, 0) == child.pid
    assert box.word(t, status) == SIGKILL


def test_group_stop_needs_all_threads(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    other = box.fork(child, THREAD, 0)
    box.call(other, PAUSE)
    box.call(t, KILL, child.pid, SIGSTOP)
    box.settle()
    assert not child.group.stopped
    box.thread(child).come()
    box.settle()
    assert child.group.stopped
    box.call(t, KILL, child.pid, SIGCONT)
    assert box.running(child) and box.running(other)
    assert other.thread.get_reg(RAX) == PAUSE  # restarted


def test_exit_group_ends_blocked_and_running_threads(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    blocked, running = box.fork(child, THREAD, 0), box.fork(child, THREAD, 0)
    box.call(blocked, PAUSE)
    box.call(child, EXIT_GROUP, 3)
    assert child.group.exited and {blocked.parked, running.parked} == {PARK_DEAD}
    assert box.thread(child).space.killed
    assert not blocked.waiters
    status = box.room()
    assert box.call(t, WAIT4, -1, status, 0, 0) == child.pid
    assert box.word(t, status) == 3 << 8


def test_leader_exits_first(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    other = box.fork(child, THREAD, 0)
    box.call(child, EXIT, 1)
    assert not child.group.exited
    assert box.call(t, WAIT4, -1, 0, WNOHANG, 0) == 0
    box.call(other, EXIT, 2)
    status = box.room()
    assert box.call(t, WAIT4, -1, status, 0, 0) == child.pid
    assert box.word(t, status) == 2 << 8
    assert set(box.kernel.pids.tasks) == {1}


def test_ignored_sigchld_reaps_at_once(box: Box) -> None:
    t = box.init
    act = box.put(t, SIGACTION.pack(SIG_IGN, 0, 0, 0))
    assert box.call(t, RT_SIGACTION, SIGCHLD, act, 0, 8) == 0
    child = box.fork(t)
    assert box.call(t, WAIT4, -1, 0, 0, 0) is None
    box.call(child, EXIT_GROUP, 0)
    assert box.thread(t).result() == -errno.ECHILD


def test_orphans_go_to_init_or_the_subreaper(box: Box) -> None:
    t = box.init
    reaper = box.fork(t)
    box.call(reaper, PRCTL, 36, 1)
    middle = box.fork(reaper)
    orphan = box.fork(middle)
    box.call(middle, EXIT_GROUP, 0)
    assert orphan.group.parent is reaper.group
    box.call(reaper, EXIT_GROUP, 0)
    assert orphan.group.parent is t.group


def test_parent_death_signal(box: Box) -> None:
    t = box.init
    middle = box.fork(t)
    child = box.fork(middle)
    box.call(child, PRCTL, 1, SIGTERM)
    box.call(middle, EXIT_GROUP, 0)
    assert child.group.exited and child.group.exit_status == SIGTERM


def test_end_of_init_ends_everybody(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    box.call(child, PAUSE)
    box.call(t, EXIT_GROUP, 4)
    assert box.exits == [4 << 8]
    assert child.parked == PARK_DEAD and not box.kernel.spaces and not box.kernel.pids.tasks


def test_process_groups_and_sessions(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    assert box.call(t, SETSID) == -errno.EPERM
    assert box.call(t, SETPGID, child.pid, 0) == 0
    assert box.call(t, GETPGID, child.pid) == child.pid
    assert box.call(t, SETPGID, child.pid, 99) == -errno.EPERM
    assert box.call(t, SETPGID, 99, 0) == -errno.ESRCH
    assert box.call(t, SETPGID, 0, 0) == -errno.EPERM  # a session leader
    assert box.call(child, SETSID) == -errno.EPERM  # leads a group
    assert box.call(child, SETPGID, 0, 1) == 0
    assert box.call(child, SETSID) == child.pid
    assert child.group.session.ids.number == child.pid and child.pid in box.kernel.pids.sessions
    child.group.did_exec = True
    assert box.call(t, SETPGID, child.pid, 0) == -errno.EPERM
    other = box.fork(t)
    other.group.did_exec = True
    assert box.call(t, SETPGID, other.pid, 0) == -errno.EACCES
    box.call(child, EXIT_GROUP, 0)
    box.call(t, WAIT4, -1, 0, 0, 0)
    assert child.pid not in box.kernel.pids.sessions and child.pid not in box.kernel.pids.process_groups


def test_signal_to_a_process_group(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    box.call(t, SETPGID, child.pid, 0)
    other = box.fork(child)
    assert box.call(t, KILL, -child.pid, SIGTERM) == 0
    assert child.group.exited and other.group.exited and not box.exits


def test_orphaned_stopped_group_is_hung_up(box: Box) -> None:
    t = box.init
    shell = box.fork(t)
    box.call(shell, SETSID)
    job = box.fork(shell)
    box.call(shell, SETPGID, job.pid, 0)
    box.call(shell, KILL, job.pid, SIGTSTP)
    box.thread(job).come()
    assert job.group.stopped
    box.call(shell, EXIT_GROUP, 0)
    assert job.group.exited and job.group.exit_status == SIGHUP


def test_orphaned_group_ignores_tty_stops(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    box.call(child, SETSID)
    box.call(child, KILL, child.pid, SIGTSTP)
    assert not child.group.stop_signal and box.running(child)


def test_pidfd_open(box: Box) -> None:
    t = box.init
    assert box.call(t, PIDFD_OPEN, 99, 0) == -errno.ESRCH
    assert box.call(t, PIDFD_OPEN, 0, 0) == -errno.EINVAL
    assert box.call(t, PIDFD_OPEN, 1, 1) == -errno.EINVAL
    child = box.fork(t)
    fd = box.call(t, PIDFD_OPEN, child.pid, 0o4000)
    assert fd == 0
    assert box.call(t, WAITID, P_PIDFD, fd, 0, WEXITED, 0) == -errno.EAGAIN
    pidfd = t.fds.get(fd)
    assert isinstance(pidfd, PidFile) and pidfd.numbers(t.pids).startswith("Pid:\t2\n")


def test_dead_host_process_is_a_kill(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    box.call(child, PAUSE)
    box.platform.handler.space_gone(child.space, 9)
    box.settle()
    status = box.room()
    assert box.call(t, WAIT4, -1, status, 0, 0) == child.pid
    assert box.word(t, status) == SIGKILL


def test_oops_kills_the_caller_only(box: Box) -> None:
    def broken(task: object, a: SyscallArgs) -> int:
        raise ZeroDivisionError("a bug")

    box.kernel.handlers[39] = broken
    t = box.init
    child = box.fork(t)
    box.call(child, 39)
    assert box.kernel.oops_count == 1 and "ZeroDivisionError: a bug" in box.kernel.last_oops
    assert child.group.exited and child.group.exit_status == SIGKILL and not box.exits
    box.kernel.oops_count = 0


def test_errors_and_unknown_numbers(box: Box) -> None:
    def failing(task: object, a: SyscallArgs) -> int:
        raise SyscallError(errno.ENOTTY)

    box.kernel.handlers[39] = failing
    t = box.init
    assert box.call(t, 39) == -errno.ENOTTY
    for nr in (335, 1000, 1 << 31, -1):
        assert box.call(t, nr) == -errno.ENOSYS


def test_signal_during_fork_restarts_it(box: Box) -> None:
    t = box.init
    box.handle(t, SIGTERM)
    thread = box.thread(t)
    thread.regs[RIP] = 0x5000
    t.group.send_signal(SignalInfo(SIGTERM, 0))
    box.call(t, CLONE, SIGCHLD)
    uc = struct.unpack("<QQQI4xQ23QQ64xQ", box.get(t, thread.regs[12], 304))
    assert (uc[5 + RIP], uc[5 + RAX]) == (0x5000, CLONE)


def test_killed_while_the_host_forks(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    child.thread.call(CLONE, SIGCHLD)  # type: ignore[attr-defined]
    child.group.begin_exit(SIGKILL)
    box.settle()
    assert child.group.exited and len(box.kernel.pids.tasks) == 1 and len(box.kernel.spaces) == 1


def test_a_process_that_never_ends_its_order_is_killed(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    thread = box.thread(child)
    thread.execute = lambda orders, done: None  # type: ignore[method-assign]
    assert box.call(child, 324, 1, 0) is None  # membarrier: an order
    box.call(t, KILL, child.pid, SIGKILL)
    assert not child.group.exited and not thread.space.killed
    box.advance(2_000_000_000)
    assert thread.space.killed
    box.platform.handler.space_gone(child.space, SIGKILL)
    assert child.group.exited and box.call(t, WAIT4, -1, 0, 0, 0) == child.pid


def test_reboot_ends_the_sandbox_as_the_signal_would(box: Box) -> None:
    t = box.init
    child = box.fork(t)
    assert box.call(child, 169, 0xFEE1DEAD, 1, 0x01234567) == -errno.EINVAL
    assert box.call(child, 169, 0xFEE1DEAD, 672274793, 0x89ABCDEF) == -errno.EINVAL
    child.creds = child.creds.copy()
    child.creds.effective = 0
    assert box.call(child, 169, 1, 2, 3) == -errno.EPERM
    assert box.call(t, 169, 0xFEE1DEAD, 672274793, 0x01234567) is None
    box.settle()
    assert box.exits == [1]
