"""Which namespaces a task is in (namespaces(7), struct nsproxy): UTS, IPC, mount and cgroup ones of its own; the others
there is one of."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYS_ADMIN
from sandbox.abi.linux.sched import (
    CLONE_NAMESPACES,
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNS,
    CLONE_NEWTIME,
    CLONE_NEWUTS,
)
from sandbox.errors import SyscallError
from sandbox.kernel.ipc.namespace import IpcNamespace
from sandbox.vfs.mount import MountNamespace
from sandbox.vfs.path import Path

if TYPE_CHECKING:
    from sandbox.kernel.fs_context import FSContext
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task

MAX_NAMESPACES: Final = 1024  # of all kinds together, besides the first ones
SUPPORTED: Final = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP
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


Namespace = UtsNamespace | IpcNamespace | CgroupNamespace | MountNamespace


class Namespaces:
    """Never changed; shared by the tasks that are in the same ones. `mnt` None: the first one, `kernel.mounts`."""

    __slots__ = ("kernel", "users", "uts", "ipc", "cgroup", "_mnt")

    def __init__(
        self,
        kernel: Kernel,
        uts: UtsNamespace,
        ipc: IpcNamespace,
        cgroup: CgroupNamespace,
        mnt: MountNamespace | None,
    ) -> None:
        self.kernel = kernel
        self.users = 0
        self.uts = uts
        self.ipc = ipc
        self.cgroup = cgroup
        self._mnt = mnt
        uts.users += 1
        ipc.users += 1
        cgroup.users += 1
        if mnt is not None:
            mnt.users += 1

    @property
    def mnt(self) -> MountNamespace:
        """The mount namespace."""
        return self.kernel.mounts if self._mnt is None else self._mnt

    def acquire(self) -> Namespaces:
        """One task more."""
        self.users += 1
        return self

    def drop(self) -> None:
        """One fewer; namespaces that nobody is in any more, and that no file keeps, end."""
        self.users -= 1
        if self.users:
            return
        for namespace in (self.uts, self.ipc, self.cgroup, self._mnt):
            if namespace is not None:
                leave(self.kernel, namespace)

    def number(self, kind: bytes) -> int:
        """The inode number of the namespace of this kind."""
        found = self.find(kind)
        return FIRST_NUMBER + KINDS.index(kind) if found is None else found.number

    def find(self, kind: bytes) -> Namespace | None:
        """The namespace; None for kinds of which there is only one."""
        if kind == b"uts":
            return self.uts
        if kind == b"ipc":
            return self.ipc
        if kind == b"cgroup":
            return self.cgroup
        return self.mnt if kind == b"mnt" else None


def enter(namespace: Namespace) -> None:
    """One user more: tasks, open files and mounts of its file."""
    namespace.users += 1


def leave(kernel: Kernel, namespace: Namespace) -> None:
    """One fewer."""
    namespace.users -= 1
    if namespace.users:
        return
    kernel.namespace_count -= 1
    if isinstance(namespace, IpcNamespace) or not isinstance(namespace, (UtsNamespace, CgroupNamespace)):
        namespace.end()


def new_namespaces(kernel: Kernel, old: Namespaces, flags: int, fs: FSContext) -> Namespaces:
    """Copies of what CLONE_NEW* `flags` name, and the rest of `old`; with CLONE_NEWNS `fs` moves into the new tree.
    ENOSPC. The result has no users yet."""
    wanted = (flags & SUPPORTED).bit_count()
    if kernel.namespace_count + wanted > MAX_NAMESPACES:
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
    kernel.namespace_count += wanted
    return Namespaces(kernel, uts, ipc, cgroup, mnt)


def check_namespaces(t: Task, flags: int) -> None:
    """EPERM without CAP_SYS_ADMIN; EINVAL for kinds that there are not, as of a kernel built without them."""
    if flags & (CLONE_NAMESPACES | CLONE_NEWTIME):
        if not t.creds.has(CAP_SYS_ADMIN):
            raise SyscallError(errno.EPERM)
        if flags & (CLONE_NAMESPACES | CLONE_NEWTIME) & ~SUPPORTED:
            raise SyscallError(errno.EINVAL)
