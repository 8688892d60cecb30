"""Which namespaces a task is in (namespaces(7), struct nsproxy): UTS, IPC, mount, cgroup and PID ones of its own; the
others there is one of."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYS_ADMIN
from sandbox.abi.linux.sched import (
    CLONE_NAMESPACES,
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUTS,
)
from sandbox.errors import SyscallError
from sandbox.kernel.ipc.namespace import IpcNamespace
from sandbox.kernel.pid_namespace import MAX_PID_NS_LEVEL, PidNamespace
from sandbox.vfs.mount import MountNamespace
from sandbox.vfs.path import Path

if TYPE_CHECKING:
    from sandbox.kernel.fs_context import FSContext
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task

MAX_NAMESPACES: Final = 1024  # of all kinds together, besides the first ones
SUPPORTED: Final = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_NEWPID
FIRST_NUMBER: Final = 4026531834  # PROC_DYNAMIC_FIRST and on: the inode numbers of the first namespaces
# In the order of their numbers.
KINDS: Final = (b"time", b"cgroup", b"pid", b"user", b"uts", b"ipc", b"net", b"mnt")


class UtsNamespace:
    """Host and domain name."""

    __slots__ = ("number", "users", "hostname", "domainname")

    def __init__(self, number: int, hostname: bytes, domainname: bytes) -> None:
        self.number = number
        self.users = 0
        self.hostname = hostname
        self.domainname = domainname


class CgroupNamespace:
    """Nothing but an identity: there is one control group."""

    __slots__ = ("number", "users")

    def __init__(self, number: int) -> None:
        self.number = number
        self.users = 0


Namespace = UtsNamespace | IpcNamespace | CgroupNamespace | MountNamespace | PidNamespace


class Namespaces:
    """Never changed; shared by the tasks that are in the same ones. `mnt` None: the first one, `kernel.mounts`. `pids`: where
    children will be, None: where the task is itself."""

    __slots__ = ("kernel", "users", "uts", "ipc", "cgroup", "_mnt", "pids")

    def __init__(
        self,
        kernel: Kernel,
        uts: UtsNamespace,
        ipc: IpcNamespace,
        cgroup: CgroupNamespace,
        mnt: MountNamespace | None,
        pids: PidNamespace | None = None,
    ) -> None:
        self.kernel = kernel
        self.users = 0
        self.uts = uts
        self.ipc = ipc
        self.cgroup = cgroup
        self._mnt = mnt
        self.pids = pids
        uts.users += 1
        ipc.users += 1
        cgroup.users += 1
        if mnt is not None:
            mnt.users += 1
        if pids is not None:
            pids.users += 1

    @property
    def mnt(self) -> MountNamespace:
        """The mount namespace."""
        return self.kernel.mounts if self._mnt is None else self._mnt

    def pids_of_children(self, t: Task) -> PidNamespace:
        """The PID namespace of the children that `t` makes."""
        return t.pids if self.pids is None else self.pids

    def acquire(self) -> Namespaces:
        """One task more."""
        self.users += 1
        return self

    def drop(self) -> None:
        """One fewer; namespaces that nobody is in any more, and that no file keeps, end."""
        self.users -= 1
        if self.users:
            return
        for namespace in (self.uts, self.ipc, self.cgroup, self._mnt, self.pids):
            if namespace is not None:
                leave(self.kernel, namespace)


def namespace_of(task: Task, kind: bytes) -> Namespace | None:
    """The namespace that /proc/PID/ns/KIND names, None for kinds of which there is only one. ENOENT for children's that
    have no process 1 yet."""
    ns = task.ns
    if kind == b"pid":
        return task.pids
    if kind == b"pid_for_children":
        pids = ns.pids_of_children(task)
        if pids.init is None:
            raise SyscallError(errno.ENOENT)
        return pids
    if kind == b"uts":
        return ns.uts
    if kind == b"ipc":
        return ns.ipc
    if kind == b"cgroup":
        return ns.cgroup
    return ns.mnt if kind == b"mnt" else None


def enter(namespace: Namespace) -> None:
    """One user more: tasks, open files and mounts of its file."""
    namespace.users += 1


def leave(kernel: Kernel, namespace: Namespace) -> None:
    """One fewer."""
    namespace.users -= 1
    if namespace.users:
        return
    kernel.namespace_count -= 1
    if isinstance(namespace, PidNamespace):
        if namespace.parent is not None:
            leave(kernel, namespace.parent)
    elif isinstance(namespace, IpcNamespace) or not isinstance(namespace, (UtsNamespace, CgroupNamespace)):
        namespace.end()


def new_namespaces(t: Task, flags: int, fs: FSContext) -> Namespaces:
    """Copies of what CLONE_NEW* `flags` name, and the rest as `t` has them; with CLONE_NEWNS `fs` moves into the new tree.
    ENOSPC, EINVAL. The result has no users yet."""
    kernel, old = t.kernel, t.ns
    wanted = (flags & SUPPORTED).bit_count()
    if kernel.namespace_count + wanted > MAX_NAMESPACES:
        raise SyscallError(errno.ENOSPC)
    pids = old.pids
    if flags & CLONE_NEWPID:
        above = old.pids_of_children(t)
        if above is not t.pids:
            raise SyscallError(errno.EINVAL)
        if above.level >= MAX_PID_NS_LEVEL:
            raise SyscallError(errno.ENOSPC)
    mnt: MountNamespace | None = old.mnt if old.mnt is not kernel.mounts else None
    if flags & CLONE_NEWNS:
        mnt, copies = old.mnt.copy(kernel.new_namespace_number())
        for path, put in ((fs.root, fs.set_root), (fs.cwd, fs.set_cwd)):
            mount = copies.get(path.mount)
            if mount is not None:
                put(Path(mount, path.dentry))
    uts, ipc, cgroup = old.uts, old.ipc, old.cgroup
    if flags & CLONE_NEWUTS:
        uts = UtsNamespace(kernel.new_namespace_number(), uts.hostname, uts.domainname)
    if flags & CLONE_NEWIPC:
        ipc = IpcNamespace(kernel.clock, kernel.new_namespace_number(), ipc)
    if flags & CLONE_NEWCGROUP:
        cgroup = CgroupNamespace(kernel.new_namespace_number())
    if flags & CLONE_NEWPID:
        pids = PidNamespace(t.pids.max_tasks, kernel.new_namespace_number(), t.pids)
    kernel.namespace_count += wanted
    return Namespaces(kernel, uts, ipc, cgroup, mnt, pids)


def check_namespaces(t: Task, flags: int) -> None:
    """EPERM without CAP_SYS_ADMIN; EINVAL for kinds that there are not, as of a kernel built without them."""
    if flags & (CLONE_NAMESPACES | CLONE_NEWTIME):
        if not t.creds.has(CAP_SYS_ADMIN):
            raise SyscallError(errno.EPERM)
        if flags & (CLONE_NAMESPACES | CLONE_NEWTIME) & ~SUPPORTED:
            raise SyscallError(errno.EINVAL)
