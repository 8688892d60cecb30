"""clone(2), clone3(2), fork(2), vfork(2): new threads and processes (kernel/fork.c: copy_process).

A task that shares memory with its maker (CLONE_VM, so vfork too) is a further host thread of the same
address space; any other gets a copy of the space.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYS_ADMIN, CAP_SYS_RESOURCE
from sandbox.abi.linux.ptrace import PTRACE_EVENT_CLONE, PTRACE_EVENT_FORK, PTRACE_EVENT_VFORK
from sandbox.abi.linux.sched import (
    CLONE_CHILD_CLEARTID,
    CLONE_CHILD_SETTID,
    CLONE_CLEAR_SIGHAND,
    CLONE_DETACHED,
    CLONE_FILES,
    CLONE_FS,
    CLONE_NEWIPC,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_PARENT,
    CLONE_PARENT_SETTID,
    CLONE_PIDFD,
    CLONE_PTRACE,
    CLONE_SETTLS,
    CLONE_SIGHAND,
    CLONE_SYSVSEM,
    CLONE_THREAD,
    CLONE_UNTRACED,
    CLONE_VFORK,
    CLONE_VM,
)
from sandbox.abi.linux.signal import SIGCHLD, SS_DISABLE
from sandbox.arch.amd64 import FS_BASE, RAX, RSP
from sandbox.errors import SyscallError
from sandbox.kernel import task_block, task_signals, trace_link, trace_stop
from sandbox.kernel.control import ERESTARTNOINTR, NO_RETURN, Result
from sandbox.kernel.cpu_limit import limit_cpu
from sandbox.kernel.futex_word import write_word
from sandbox.kernel.identity import introduce, lend_actions
from sandbox.kernel.ipc.sem_undo import undo_list
from sandbox.kernel.namespaces import SUPPORTED, check_namespaces, enter_time, leave, new_namespaces, new_user_namespace
from sandbox.kernel.pidfd import PidFile
from sandbox.kernel.rlimits import RLIMIT_NPROC
from sandbox.kernel.task import USER_MAX, Task
from sandbox.kernel.task_state import PARK_PENDING, WORK_KILL, WORK_STOP, WORK_TRACE
from sandbox.kernel.thread_group import ThreadGroup

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.pid_namespace import Pid
    from sandbox.mm.memory_manager import MemoryManager
    from sandbox.platform.base import GuestThread

_M64: Final = 0xFFFFFFFFFFFFFFFF


class CloneRequest:
    """What a new task shall be. `stack` 0: the maker's stack pointer. `pidfd`: where its descriptor is stored."""

    __slots__ = ("flags", "exit_signal", "stack", "tls", "parent_tid", "child_tid", "pidfd", "set_tid", "cgroup")

    def __init__(
        self,
        flags: int,
        exit_signal: int,
        stack: int = 0,
        tls: int = 0,
        parent_tid: int = 0,
        child_tid: int = 0,
        pidfd: int = 0,
    ) -> None:
        self.flags = flags
        self.exit_signal = exit_signal
        self.stack = stack
        self.tls = tls
        self.parent_tid = parent_tid
        self.child_tid = child_tid
        self.pidfd = pidfd
        self.set_tid: tuple[int, ...] = ()  # the numbers that the task shall have, the innermost first (clone3)
        self.cgroup: Cgroup | None = None  # where the process shall be (CLONE_INTO_CGROUP)


def clone(t: Task, request: CloneRequest) -> Result:
    """Begin; the call ends when the platform has made the thread."""
    _check_flags(t, request.flags)
    _check_limits(t)
    if t.signal_pending():
        return -ERESTARTNOINTR
    mm = t.mm
    assert mm is not None
    if not request.flags & CLONE_VM:
        if mm.busy:
            return mm.wait()
        mm.lock()
    if request.flags & CLONE_SIGHAND:
        t.thread.unlearn_actions()
    t.parked = PARK_PENDING
    t.host_op = True
    making = _Making(t, request, mm)
    if request.flags & CLONE_VM:
        t.thread.clone_thread(making.made)
    else:
        t.thread.fork_space(making.made)
    return NO_RETURN


def _check_flags(t: Task, flags: int) -> None:
    if (
        (flags & CLONE_FS and flags & (CLONE_NEWNS | CLONE_NEWUSER))
        or (flags & CLONE_THREAD and not flags & CLONE_SIGHAND)
        or (flags & CLONE_SIGHAND and not flags & CLONE_VM)
        or (flags & CLONE_PARENT and t.group.is_init)
        or (flags & CLONE_THREAD and (flags & (CLONE_NEWUSER | CLONE_NEWPID) or t.ns.pids_of_children(t) is not t.pids))
        or (flags & CLONE_PIDFD and flags & (CLONE_DETACHED | CLONE_THREAD))
    ):
        raise SyscallError(errno.EINVAL)
    check_namespaces(t, flags, t.creds.user)
    if flags & CLONE_NEWIPC and flags & CLONE_SYSVSEM:
        raise SyscallError(errno.EINVAL)


def _check_limits(t: Task) -> None:
    pids = t.group.view.pids
    if t.kernel.cgroups.pids_bounds:
        t.cgroup().check_room()
    if pids.full():
        raise SyscallError(errno.EAGAIN)
    if not t.fds.may_copy():
        raise SyscallError(errno.ENOMEM)
    limit = t.group.rlimits.get(RLIMIT_NPROC)
    if len(pids.tasks) < limit or t.creds.has(CAP_SYS_RESOURCE) or t.creds.has(CAP_SYS_ADMIN):
        return
    uid = t.creds.uid
    if uid and sum(1 for other in pids.tasks.values() if other.creds.uid == uid) >= limit:
        raise SyscallError(errno.EAGAIN)


class _Making:
    """A clone that the platform works on."""

    __slots__ = ("t", "request", "mm")

    def __init__(self, t: Task, request: CloneRequest, mm: MemoryManager) -> None:
        self.t = t
        self.request = request
        self.mm = mm

    def made(self, thread: GuestThread | None) -> None:
        """The host thread is there (None: the host refused)."""
        t, flags = self.t, self.request.flags
        alive = task_block.end_host_op(t)
        if not flags & CLONE_VM:
            self.mm.unlock()
        if thread is None or not alive or t.work & WORK_KILL:
            if thread is not None:
                _discard(thread, flags)
            if alive:
                t.complete(-errno.EAGAIN)
            return
        trace_stop.hide_step(t, (t.thread, thread))
        try:
            child = self._build(thread)
        except SyscallError as error:
            _discard(thread, flags)
            t.complete(-error.errno)
            return
        if flags & CLONE_VFORK:
            child.vfork_parent = t  # stays parked
        traced = _event(t, self.request)
        if traced or flags & CLONE_PTRACE:
            trace_link.inherit(t, child)
        if child.ptrace is not None:
            child.result, child.nr = 0, t.nr
        _start(child, flags & (CLONE_VM | CLONE_VFORK | CLONE_SIGHAND) == CLONE_VM | CLONE_VFORK)
        if not trace_stop.event(t, traced, child.ids, lambda: _made(t, child)):
            _made(t, child)

    def _build(self, thread: GuestThread) -> Task:
        t, request = self.t, self.request
        flags = request.flags
        pidfd = -1
        cgroup = t.cgroup() if request.cgroup is None else request.cgroup
        if cgroup.deleted:
            raise SyscallError(errno.ENODEV)  # meanwhile
        if t.kernel.cgroups.pids_bounds:
            cgroup.check_room()  # others may have been quicker
        fs = t.fs.share() if flags & CLONE_FS else t.fs.copy()
        ns = t.ns.acquire()
        group, creds = t.group, t.creds
        creds.user.users += 1
        try:
            if flags & CLONE_NEWUSER:
                creds, made_in = new_user_namespace(t), creds
                creds.user.users += 1
                leave(t.kernel, made_in.user)
            if flags & SUPPORTED:
                old, ns = ns, new_namespaces(t, flags, fs, creds.user).acquire()
                old.drop()
            _check_tls(request)
            ids = ns.pids_of_children(t).allocate(request.set_tid)
            if not flags & CLONE_THREAD:
                group = _new_group(t, ids, request)
            if flags & CLONE_PIDFD:
                pidfd = t.fds.install(PidFile(group, 0), cloexec=True)
                write_word(t, request.pidfd, pidfd)
        except SyscallError:
            if pidfd >= 0:
                t.fds.close(pidfd)
            if group is not t.group:
                group.sighand.refs -= 1
            fs.release()
            ns.drop()
            leave(t.kernel, creds.user)
            raise
        t.kernel.ipc.shm.actor.ids = t.group.ids
        mm = self.mm.acquire() if flags & CLONE_VM else self.mm.fork()
        child = Task(t.kernel, ids, group, thread, creds)
        child.ns.drop()
        child.fs, child.ns, child.mm = fs, ns, mm
        _inherit(t, child, flags)
        _enter(t, child, flags, cgroup)
        if not flags & CLONE_VM:
            enter_time(child)
        if flags & CLONE_CHILD_CLEARTID:
            child.clear_child_tid = request.child_tid
        if flags & CLONE_PARENT_SETTID:
            _store_quietly(t, request.parent_tid, ids.number_in(t.pids))
        if flags & CLONE_CHILD_SETTID:
            _store_quietly(child, request.child_tid, ids.number)
        thread.owner = child
        thread.set_reg(RAX, 0)
        if request.stack:
            thread.set_reg(RSP, request.stack & _M64)
        if flags & CLONE_SETTLS:
            thread.set_reg(FS_BASE, request.tls & _M64)
        return child


def _check_tls(request: CloneRequest) -> None:
    """copy_thread, do_arch_prctl_64: EPERM beyond user space."""
    if request.flags & CLONE_SETTLS and request.tls & _M64 >= USER_MAX:
        raise SyscallError(errno.EPERM)


def _event(t: Task, request: CloneRequest) -> int:
    """The event of which the maker's tracer hears, 0 if it does not want to."""
    tracee = t.ptrace
    if tracee is None or request.flags & CLONE_UNTRACED:
        return 0
    event = PTRACE_EVENT_FORK if request.exit_signal == SIGCHLD else PTRACE_EVENT_CLONE
    if request.flags & CLONE_VFORK:
        event = PTRACE_EVENT_VFORK
    return event if tracee.wants(event) else 0


def _made(t: Task, child: Task) -> None:
    """The maker goes on, or waits for its memory (vfork)."""
    if child.vfork_parent is t:
        t.parked = PARK_PENDING
    else:
        t.complete(child.ids.number_in(t.pids))


def _store_quietly(t: Task, address: int, tid: int) -> None:
    """put_user whose failure nobody hears of."""
    try:
        write_word(t, address, tid)
    except SyscallError:
        pass


def _discard(thread: GuestThread, flags: int) -> None:
    """A host thread that no task will own."""
    if flags & CLONE_VM:
        thread.release()
    else:
        thread.address_space().kill()


def _new_group(t: Task, ids: Pid, request: CloneRequest) -> ThreadGroup:
    """The child's process; not yet anybody's child."""
    flags, old = request.flags, t.group
    if flags & CLONE_SIGHAND:
        sighand = old.sighand
        sighand.refs += 1
    else:
        sighand = old.sighand.copy()
        if flags & CLONE_CLEAR_SIGHAND:
            sighand.reset_to_default()
    parent = old.parent if flags & CLONE_PARENT else old
    group = ThreadGroup(t.kernel, ids, parent, sighand, old.view, old.rlimits.copy())
    group.cgroup = old.cgroup if request.cgroup is None else request.cgroup.domain
    group.parent_task = old.parent_task if flags & CLONE_PARENT else t
    group.exit_signal = old.exit_signal if flags & CLONE_PARENT else request.exit_signal
    group.has_child_subreaper = old.has_child_subreaper or old.child_subreaper
    group.oom_score_adj = old.oom_score_adj
    group.least_oom_score_adj = old.least_oom_score_adj
    group.dump_filter = old.dump_filter
    group.without_tty = old.without_tty
    return group


def _inherit(t: Task, child: Task, flags: int) -> None:
    """What a task gets from its maker."""
    child.fds = t.fds.share() if flags & CLONE_FILES else t.fds.copy()
    if flags & CLONE_SYSVSEM:
        child.sem_undo = undo_list(t).share()
    if child.creds.landlock is not None:
        child.creds.landlock.acquire()
    child.comm = t.comm
    child.no_new_privs = t.no_new_privs
    child.seccomp_mode, child.handlers = t.seccomp_mode, t.table() if t.ptrace is None else t.ptrace.below
    if t.seccomp is not None:
        child.seccomp = t.seccomp.acquire()
    child.blocked = t.blocked
    if not flags & CLONE_VM or flags & CLONE_VFORK:
        child.altstack_sp, child.altstack_size = t.altstack_sp, t.altstack_size
        child.altstack_flags = t.altstack_flags
    else:
        child.altstack_flags = SS_DISABLE
    child.nice, child.policy, child.rt_priority = t.nice, t.policy, t.rt_priority
    if t.reset_on_fork:
        if child.rt_priority:
            child.policy = child.rt_priority = 0
        child.nice = max(child.nice, 0)
    child.ioprio = t.ioprio
    child.mempolicy = t.mempolicy
    child.affinity = t.affinity
    child.memory_error_policy, child.io_flusher = t.memory_error_policy, t.io_flusher
    child.tsc_forbidden = t.tsc_forbidden
    child.timer_slack_ns = child.default_timer_slack_ns = t.timer_slack_ns
    child.personality = t.personality
    if t.session_keyring is not None:
        child.session_keyring = t.kernel.keys.hold(t.session_keyring)
    child.request_keyring = t.request_keyring
    child.login_uid, child.login_session = t.login_uid, t.login_session


def _enter(t: Task, child: Task, flags: int, cgroup: Cgroup) -> None:
    """Make the child known: family, process group, numbers, address space."""
    kernel, group = t.kernel, child.group
    group.tasks[child] = None
    for ns, number in child.ids.levels:
        ns.tasks[number] = child
    kernel.enter_space(child, child.space)
    kernel.forks += 1
    if kernel.trace is not None:
        child.work |= WORK_TRACE
    if cgroup.threaded():
        cgroup.entered_by(child)
    child.work |= cgroup.first_work()
    if flags & CLONE_THREAD:
        group.threaded = True
        if group.stop_signal:
            child.work |= WORK_STOP
        task_signals.recalculate(child)
        return
    group.leader = child
    group.cgroup.enter(group)
    if flags & CLONE_VM:
        group.cpu_base_ns = child.space.cpu_time_ns()
    pids = group.pids
    for ns, number in group.ids.levels:
        ns.groups[number] = group
    if pids.level:
        pids.users += 1
        if pids.init is None:
            pids.init = group
            group.is_init = group.unkillable = True
    if group.parent is not None:
        group.parent.children[group] = None
    t.group.pgrp.join(group)
    limit_cpu(group)


def _start(child: Task, spawned: bool) -> None:
    introduce(child)
    if spawned:
        lend_actions(child)
    if child.work:
        task_signals.return_to_guest(child)
    else:
        child.thread.resume()
