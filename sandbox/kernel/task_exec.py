"""execve(2): a program is loaded into a fresh address space beside the old one, then the task moves over.

Until everything is mapped the old program is whole, so every failure can still be returned to it.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.capability import CAP_SYS_PTRACE
from sandbox.abi.linux.personality import PER_CLEAR_ON_SETID, READ_IMPLIES_EXEC
from sandbox.abi.linux.signal import SI_KERNEL, SIGCHLD, SIGSEGV
from sandbox.abi.linux.stat import S_ISGID, S_ISUID, S_IXGRP
from sandbox.abi.linux.statfs import ST_NOSUID
from sandbox.arch.amd64 import RAX
from sandbox.errors import SyscallError
from sandbox.kernel import signal_send, task_block, task_exit, task_signals, trace_link, trace_stop
from sandbox.kernel.control import NO_RETURN, Result
from sandbox.kernel.credentials import Credentials
from sandbox.kernel.identity import introduce
from sandbox.kernel.namespaces import enter_time
from sandbox.kernel.signal_info import SignalInfo
from sandbox.kernel.task_state import PARK_NONE, PARK_PENDING, WORK_KILL
from sandbox.kernel.timers import delete_posix_timers
from sandbox.kernel.usage import keep
from sandbox.loader.image import prepare
from sandbox.loader.load import LoadResult, load
from sandbox.loader.segments import FatalExecError
from sandbox.vfs.file_caps import of_program
from sandbox.vfs.regular_file import InodeFile

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.kernel.user_namespace import UserNamespace
    from sandbox.loader.image import ExecImage
    from sandbox.platform.base import GuestThread
    from sandbox.vfs.file_caps import FileCaps
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.mount import Mount


def execve(t: Task, image: ExecImage) -> Result:
    """Begin; `image` is released when it is over. Errors found before the new space exists are raised."""
    try:
        prepare(t, image)
        if t.group.exec_task is not None:
            raise SyscallError(errno.EAGAIN)  # another thread is ahead; its success ends this one
        new = gain_rights(t, image)
    except SyscallError:
        image.release()
        raise
    t.parked = PARK_PENDING
    t.host_op = True
    t.kernel.platform.new_space(_Exec(t, image, new).space_made)
    return NO_RETURN


def gain_rights(t: Task, image: ExecImage) -> Credentials:
    """Those that the prepared program will have, by its file too; the image has them then. EPERM."""
    old, file = t.creds, image.file
    uid: int | None = None
    gid: int | None = None
    caps: FileCaps | None = None
    if isinstance(file, InodeFile) and file.path is not None and may_give_rights(t, file.path.mount):
        if not t.no_new_privs:
            uid, gid = ids_of_file(old.user, file.inode)
        caps = of_program(old.user, file.inode)
    new = image.creds = old.after_exec(uid, gid, t.no_new_privs, is_watched(t), caps)
    image.secure = (
        (old.euid if uid is None else uid) != old.uid
        or (old.egid if gid is None else gid) != old.gid
        or (new.uid != new.user.root() and (new.permitted & ~new.ambient != 0 or (caps is not None and caps.effective)))
    )
    return new


def may_give_rights(t: Task, mount: Mount) -> bool:
    """Files there can give a program rights (fs/namespace.c: mnt_may_suid)."""
    return (
        not mount.flags & ST_NOSUID
        and mount.attached
        and mount.namespace is t.ns.mnt
        and t.creds.user.within(mount.fs.user)
    )


def ids_of_file(user: UserNamespace, inode: Inode) -> tuple[int | None, int | None]:
    """Those of a set-user-ID or set-group-ID program (fs/exec.c: bprm_fill_uid)."""
    uid: int | None = None
    gid: int | None = None
    if user.maps(inode.uid, inode.gid):
        if inode.mode & S_ISUID:
            uid = inode.uid
        if inode.mode & (S_ISGID | S_IXGRP) == S_ISGID | S_IXGRP:
            gid = inode.gid
    return uid, gid


def is_watched(t: Task) -> bool:
    """Whoever traces it may not trace what has more rights (ptracer_capable), or another process has its root and
    working directory too (fs/exec.c: check_unsafe_exec)."""
    if t.ptrace is not None and not t.ptrace.creds.has_in(t.creds.user, CAP_SYS_PTRACE):
        return True
    fs = t.fs
    return fs.users > 1 and fs.users > sum(other.fs is fs for other in t.group.tasks)


class _Exec:
    """One execve under way."""

    __slots__ = ("t", "image", "creds", "thread", "result")

    def __init__(self, t: Task, image: ExecImage, creds: Credentials) -> None:
        self.t = t
        self.image = image
        self.creds = creds
        self.thread: GuestThread | None = None
        self.result: LoadResult | None = None

    def space_made(self, thread: GuestThread | None) -> None:
        """A fresh, empty space is there (None: the host refused)."""
        t = self.t
        if thread is None or self._doomed():
            self.thread = thread
            self._fail(errno.ENOMEM)
            return
        self.thread = thread
        t.kernel.loading[thread.address_space()] = self.space_gone
        load(t, self.image, thread, self.loaded)

    def space_gone(self) -> None:
        """The new space died while it was being filled."""
        self.thread = None
        self._fail(errno.ENOMEM)

    def loaded(self, result: LoadResult | SyscallError) -> None:
        """The program is in place, or it can't be."""
        t = self.t
        if isinstance(result, SyscallError):
            self._fail(result.errno, isinstance(result, FatalExecError))
            return
        self.result = result
        group = t.group
        if self._doomed():
            self._fail(errno.ENOMEM)
            return
        group.exec_task = t
        group.exec_waiter = self.alone
        if len(group.tasks) == 1:
            task_exit.let_execute(group)
            return
        for other in list(group.tasks):
            if other is not t:
                other.work |= WORK_KILL
                task_exit.exit_task(other, outside=True)

    def alone(self) -> None:
        """No other thread is left (kernel: de_thread): move over."""
        t, thread, result = self.t, self.thread, self.result
        t.group.exec_task = None
        if thread is None or result is None or self._doomed():
            self._fail(errno.ENOMEM)
            return
        self._forget_space()
        t.host_op = False
        old = t.ids
        _move(t, thread, result, self.creds)
        self.image.release()
        if t.kernel.trace is not None:
            t.kernel.trace.leave(t, 0)
        t.parked = PARK_NONE
        t.result = None if t.ptrace is None else 0
        introduce(t)
        if t.ptrace is not None:
            thread.set_reg(RAX, -errno.ENOSYS & 0xFFFFFFFFFFFFFFFF)
        trace_stop.executed(t, old, lambda: task_signals.return_to_guest(t))

    def _doomed(self) -> bool:
        return self.t.work & WORK_KILL != 0 or self.t.group.exited

    def _forget_space(self) -> None:
        if self.thread is not None:
            self.t.kernel.loading.pop(self.thread.address_space(), None)

    def _fail(self, number: int, fatal: bool = False) -> None:
        """Throw the new space away; the old program hears of it, or dies where Linux had given it up by now."""
        t = self.t
        if t.group.exec_task is t:
            t.group.exec_task = None
            t.group.exec_waiter = None
        self._forget_space()
        if self.thread is not None:
            self.thread.address_space().kill()
        if self.result is not None:
            self.result.mm.drop()
        self.image.release()
        if not task_block.end_host_op(t):
            return
        if fatal:
            signal_send.force(t, SignalInfo(SIGSEGV, SI_KERNEL))
        t.complete(-number)


def _move(t: Task, thread: GuestThread, result: LoadResult, creds: Credentials) -> None:
    """The point of no return (fs/exec.c: begin_new_exec, setup_new_exec)."""
    kernel, group = t.kernel, t.group
    if t is not group.leader:
        for ns, number in t.ids.levels:
            del ns.tasks[number]
        t.ids, t.tid = group.ids, group.pid
        trace_link.unlink(group.leader)
        group.leader = t
        for ns, number in t.ids.levels:
            ns.tasks[number] = t
    task_exit.leave_memory(t, True)
    old_space, old_thread, old_mm = t.space, t.thread, t.mm
    subgroup = t.subgroup
    if subgroup is not None:
        subgroup.left_by(t)
    keep(group, old_thread.host_use())
    group.cpu_ns_past = group.cpu_ns()
    group.cpu_base_ns = 0
    group.max_rss_pages = max(group.max_rss_pages, old_thread.peak_resident_pages())
    if kernel.leave_space(t, old_space):
        old_space.kill()
    else:
        old_thread.release()
        if t.ptrace is not None:
            trace_link.leave_code(t, old_space)
    if old_mm is not None:
        kernel.ipc.shm.actor.ids = t.group.ids
        old_mm.drop()
    t.thread = thread
    t.space = thread.address_space()
    if old_mm is not None:
        result.mm.inherit(old_mm)
    t.mm = result.mm
    thread.owner = t
    if subgroup is not None:
        subgroup.entered_by(t)
    if t.affinity != kernel.cpu_mask:
        thread.set_affinity(t.affinity)
    thread.set_nice(t.nice)
    kernel.enter_space(t, t.space)
    if t.ptrace is not None:
        t.space.show_code(True)
    thread.set_regs(result.regs)
    enter_time(t)
    _reset(t, result, creds)


def _reset(t: Task, result: LoadResult, creds: Credentials) -> None:
    """What does not survive: handlers, timers, close-on-exec descriptors, the alternate stack …"""
    group = t.group
    if t.fds.users > 1:
        shared, t.fds = t.fds, t.fds.copy()
        shared.release(t)
    t.fds.close_on_exec(t)
    group.sighand.refs -= 1
    group.sighand = group.sighand.after_exec()
    delete_posix_timers(group)
    t.altstack_sp = t.altstack_size = t.altstack_flags = 0
    t.robust_list = t.clear_child_tid = 0
    t.restart_block = None
    t.keep_no_calls()
    t.comm = result.comm
    if t.thread_keyring is not None or group.process_keyring is not None:
        t.kernel.keys.drop(t.thread_keyring)
        t.kernel.keys.drop(group.process_keyring)
        t.thread_keyring = group.process_keyring = None
    group.did_exec = True
    group.execs += 1
    group.exit_signal = SIGCHLD
    old = t.creds
    secure = (creds.euid, creds.egid) != (old.uid, old.gid) or creds.permitted & ~old.permitted != 0
    if secure:
        t.pdeath_signal = 0
        t.personality &= ~PER_CLEAR_ON_SETID
    t.personality &= ~READ_IMPLIES_EXEC  # of a program of 64 bits (set_personality_64bit)
    result.mm.dumpable = t.kernel.settings.suid_dumpable if secure else 1
    result.mm.user = creds.user
    t.creds = creds
