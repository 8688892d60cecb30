"""unshare(2) and setns(2) (kernel/nsproxy.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYS_ADMIN, CAP_SYS_CHROOT
from sandbox.abi.linux.sched import (
    CLONE_FILES,
    CLONE_FS,
    CLONE_NAMESPACES,
    CLONE_NEWIPC,
    CLONE_NEWNS,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_SIGHAND,
    CLONE_SYSVSEM,
    CLONE_THREAD,
    CLONE_VM,
)
from sandbox.errors import SyscallError
from sandbox.fs.nsfs.filesystem import TYPES, NsFile
from sandbox.kernel.ipc.namespace import IpcNamespace
from sandbox.kernel.ipc.sem_undo import leave_undo
from sandbox.kernel.ipc.shm import leave_segments
from sandbox.kernel.namespaces import (
    SUPPORTED,
    CgroupNamespace,
    Namespace,
    Namespaces,
    UtsNamespace,
    check_namespaces,
    commit_user,
    leave,
    namespace_of,
    new_namespaces,
    new_user_namespace,
)
from sandbox.kernel.net_namespace import NetNamespace
from sandbox.kernel.pid_namespace import PidNamespace
from sandbox.kernel.pidfd import PidFile
from sandbox.kernel.time_namespace import TimeNamespace, arrive
from sandbox.kernel.user_namespace import INITIAL, UserNamespace
from sandbox.ptrace.access import may_inspect
from sandbox.syscalls.row import FULL, Arg, Row
from sandbox.vfs.mount import MountNamespace

if TYPE_CHECKING:
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.fs_context import FSContext
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

_ALL: Final = CLONE_NAMESPACES | CLONE_NEWTIME
_KNOWN: Final = CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM | CLONE_FILES | CLONE_SYSVSEM | _ALL


def sys_unshare(t: Task, a: SyscallArgs) -> int:
    """unshare(2)."""
    flags = a.ulong(0)
    if flags & CLONE_NEWUSER:
        flags |= CLONE_THREAD | CLONE_FS
    if flags & CLONE_NEWNS:
        flags |= CLONE_FS
    if flags & ~_KNOWN:
        return -errno.EINVAL
    if flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM) and len(t.group.tasks) > 1:
        return -errno.EINVAL
    if flags & (CLONE_SIGHAND | CLONE_VM) and (t.group.sighand.refs > 1 or t.kernel.space_users(t.space) > 1):
        return -errno.EINVAL
    check_namespaces(t, flags, t.creds.user)
    if flags & CLONE_FILES and not t.fds.may_copy():
        return -errno.ENOMEM
    fs = t.fs.copy() if flags & CLONE_FS and (t.fs.users > 1 or flags & CLONE_NEWNS) else t.fs
    _make(t, flags, fs)
    if flags & CLONE_SYSVSEM:
        leave_undo(t)
    if fs is not t.fs:
        old_fs, t.fs = t.fs, fs
        old_fs.release()
    if flags & CLONE_FILES and t.fds.users > 1:
        old_fds, t.fds = t.fds, t.fds.copy()
        old_fds.release(t)
    return 0


def _make(t: Task, flags: int, fs: FSContext) -> None:
    """The new namespaces; `fs`, if it is not the task's, is released when they cannot be made."""
    creds: Credentials | None = None
    namespaces: Namespaces | None = None
    try:
        if flags & CLONE_NEWUSER:
            creds = new_user_namespace(t)
            creds.user.users += 1
        if flags & SUPPORTED:
            namespaces = new_namespaces(t, flags, fs, creds.user if creds is not None else t.creds.user)
    except SyscallError:
        if fs is not t.fs:
            fs.release()
        if creds is not None:
            leave(t.kernel, creds.user)
        raise
    if creds is not None:
        commit_user(t, creds)
        leave(t.kernel, creds.user)
    if namespaces is not None:
        if flags & CLONE_NEWIPC:
            leave_undo(t)
            leave_segments(t)
        switch(t, namespaces)


def switch(t: Task, namespaces: Namespaces) -> None:
    """The task is in these from now on."""
    old, t.ns = t.ns, namespaces.acquire()
    old.drop()


def sys_setns(t: Task, a: SyscallArgs) -> int:
    """setns(2), with a namespace's file or a pidfd."""
    file, flags = t.fds.get_io(a.int(0)), a.int(1)
    if isinstance(file, NsFile):
        kind = file.ns.kind
        if flags and flags != TYPES[kind]:
            return -errno.EINVAL
        enter_all(t, [(kind, file.ns.namespace)])
        return 0
    if not isinstance(file, PidFile) or not flags or flags & ~_ALL:
        return -errno.EINVAL
    target = next((task for task in file.group.tasks if task.mm is not None), None)
    if target is None:
        return -errno.ESRCH
    if not may_inspect(t, target):
        return -errno.EPERM
    enter_all(t, [(kind, namespace_of(target, kind)) for kind, bit in TYPES.items() if flags & bit])
    return 0


def enter_all(t: Task, wanted: list[tuple[bytes, Namespace | None]]) -> None:
    """Check all, then enter all: EPERM, EINVAL, EUSERS. A user namespace comes first and gives the right for the others."""
    time, time_of_children = t.ns.time, t.ns.time_of_children
    uts, ipc, cgroup, mnt, net, pids = t.ns.uts, t.ns.ipc, t.ns.cgroup, t.ns.mnt, t.ns.net, t.ns.pids
    creds = t.creds
    moves = False
    for kind, namespace in sorted(wanted, key=lambda one: one[0] != b"user"):
        if isinstance(namespace, UserNamespace):
            creds = _into_user(t, namespace)
            continue
        owner = namespace.user if namespace is not None else INITIAL
        if not creds.has_in(owner, CAP_SYS_ADMIN) or not creds.has_here(CAP_SYS_ADMIN):
            raise SyscallError(errno.EPERM)
        if kind == b"mnt" and not creds.has_here(CAP_SYS_CHROOT):
            raise SyscallError(errno.EPERM)
        if kind == b"mnt" and t.fs.users > 1:
            raise SyscallError(errno.EINVAL)
        if kind == b"time" and len(t.group.tasks) > 1:
            raise SyscallError(errno.EUSERS)
        if isinstance(namespace, UtsNamespace):
            uts = namespace
        elif isinstance(namespace, IpcNamespace):
            ipc = namespace
        elif isinstance(namespace, CgroupNamespace):
            cgroup = namespace
        elif isinstance(namespace, NetNamespace):
            net = namespace
        elif isinstance(namespace, TimeNamespace):
            time = time_of_children = namespace
        elif isinstance(namespace, PidNamespace):
            if not namespace.within(t.pids):
                raise SyscallError(errno.EINVAL)
            pids = namespace
        elif isinstance(namespace, MountNamespace):
            mnt, moves = namespace, True
    if ipc is not t.ns.ipc:
        leave_undo(t)
        leave_segments(t)
    kernel = t.kernel
    if creds is not t.creds:
        commit_user(t, creds)
    tree = mnt if mnt is not kernel.mounts else None
    came = time is not t.ns.time
    switch(t, Namespaces(kernel, uts, ipc, cgroup, tree, net, time, time_of_children, pids))
    if came:
        arrive(t)
    if moves:
        root = mnt.root_path()
        t.fs.set_root(root)
        t.fs.set_cwd(root)


def _into_user(t: Task, user: UserNamespace) -> Credentials:
    """setns(2) of a user namespace: EINVAL for its own, for threads and for a shared root; EPERM. (userns_install)"""
    if user is t.creds.user or len(t.group.tasks) > 1 or t.fs.users > 1:
        raise SyscallError(errno.EINVAL)
    if not t.creds.has_in(user, CAP_SYS_ADMIN):
        raise SyscallError(errno.EPERM)
    return t.creds.in_user(user)


ROWS: Final[tuple[Row, ...]] = (
    Row(272, "unshare", sys_unshare, FULL, (Arg.HEX,)),
    Row(308, "setns", sys_setns, FULL, (Arg.FD, Arg.HEX)),
)
