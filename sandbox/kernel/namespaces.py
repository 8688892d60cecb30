"""Which namespaces a task is in (namespaces(7), struct nsproxy)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SETFCAP, CAP_SYS_ADMIN
from sandbox.abi.linux.sched import (
    CLONE_NAMESPACES,
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
)
from sandbox.errors import SyscallError
from sandbox.kernel.ipc.namespace import IpcNamespace
from sandbox.kernel.net_namespace import NetNamespace, new_net_namespace
from sandbox.kernel.pid_namespace import MAX_PID_NS_LEVEL, PidNamespace
from sandbox.kernel.time_namespace import TimeNamespace, arrive
from sandbox.kernel.user_namespace import INITIAL, MAX_LEVEL, NO_ID, UserNamespace
from sandbox.vfs.mount import MountNamespace
from sandbox.vfs.path import Path
from tcpip.waiter import EVENT_ERR, EVENT_IN, EVENT_PRI, WaitQueue

if TYPE_CHECKING:
    from sandbox.kernel.cgroup.cgroup import Cgroup
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.fs_context import FSContext
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.task import Task

MAX_NAMESPACES: Final = 1024  # of all kinds together, besides the first ones
SUPPORTED: Final = (
    CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME
)
FIRST_NUMBER: Final = 4026531834  # PROC_DYNAMIC_FIRST and on: the inode numbers of the first namespaces
# In the order of their numbers.
KINDS: Final = (b"time", b"cgroup", b"pid", b"user", b"uts", b"ipc", b"net", b"mnt")


class UtsNamespace:
    """Host and domain name. `changes`: how often each was set; whoever polls its file waits on the queue."""

    __slots__ = ("number", "users", "user", "hostname", "domainname", "changes", "queue")

    def __init__(self, number: int, hostname: bytes, domainname: bytes, user: UserNamespace = INITIAL) -> None:
        self.number = number
        self.user = user
        self.users = 0
        self.hostname = hostname
        self.domainname = domainname
        self.changes = [0, 0]
        self.queue = WaitQueue()

    def rename(self, domain: bool, name: bytes) -> None:
        """It gets another name, or the same again (uts_proc_notify)."""
        if domain:
            self.domainname = name
        else:
            self.hostname = name
        self.changes[domain] += 1
        self.queue.notify(EVENT_IN | EVENT_PRI | EVENT_ERR)


class CgroupNamespace:
    """`root`: the control group that is `/` to those inside."""

    __slots__ = ("number", "root", "users", "user")

    def __init__(self, number: int, root: Cgroup, user: UserNamespace = INITIAL) -> None:
        self.number = number
        self.root = root
        self.user = user
        self.users = 0


Namespace = (
    UtsNamespace
    | TimeNamespace
    | IpcNamespace
    | CgroupNamespace
    | MountNamespace
    | PidNamespace
    | NetNamespace
    | UserNamespace
)


class Namespaces:
    """Never changed; shared by the tasks that are in the same ones. `mnt` None: the first one, `kernel.mounts`. `pids`: where
    children will be, None: where the task is itself. `time_of_children`: the same of time."""

    __slots__ = ("kernel", "users", "uts", "ipc", "cgroup", "_mnt", "net", "pids", "time", "time_of_children")

    def __init__(
        self,
        kernel: Kernel,
        uts: UtsNamespace,
        ipc: IpcNamespace,
        cgroup: CgroupNamespace,
        mnt: MountNamespace | None,
        net: NetNamespace,
        time: TimeNamespace,
        time_of_children: TimeNamespace | None = None,
        pids: PidNamespace | None = None,
    ) -> None:
        self.kernel = kernel
        self.users = 0
        self.uts = uts
        self.ipc = ipc
        self.cgroup = cgroup
        self._mnt = mnt
        self.net = net
        net.users += 1
        self.pids = pids
        self.time = time
        self.time_of_children = time_of_children if time_of_children is not None else time
        self.time.users += 1
        self.time_of_children.users += 1
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

    def with_time_of_children(self) -> Namespaces:
        """The same for a child with memory of its own, or after an execve (timens_on_fork); without users yet."""
        time = self.time_of_children
        return Namespaces(self.kernel, self.uts, self.ipc, self.cgroup, self._mnt, self.net, time, time, self.pids)

    def acquire(self) -> Namespaces:
        """One task more."""
        self.users += 1
        return self

    def drop(self) -> None:
        """One fewer; namespaces that nobody is in any more, and that no file keeps, end."""
        self.users -= 1
        if self.users:
            return
        for namespace in (
            self.uts,
            self.ipc,
            self.cgroup,
            self._mnt,
            self.net,
            self.time,
            self.time_of_children,
            self.pids,
        ):
            if namespace is not None:
                leave(self.kernel, namespace)


def enter_time(t: Task) -> None:
    """`t` is new, or has a new program: it goes where its maker's children, or its own, are to be."""
    if t.ns.time is not t.ns.time_of_children:
        old, t.ns = t.ns, t.ns.with_time_of_children().acquire()
        old.drop()
    arrive(t)


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
    if kind == b"user":
        return task.creds.user
    if kind == b"uts":
        return ns.uts
    if kind == b"ipc":
        return ns.ipc
    if kind == b"cgroup":
        return ns.cgroup
    if kind == b"net":
        return ns.net
    if kind == b"time":
        return ns.time
    if kind == b"time_for_children":
        return ns.time_of_children
    return ns.mnt if kind == b"mnt" else None


def enter(namespace: Namespace) -> None:
    """One user more: tasks, open files and mounts of its file."""
    namespace.users += 1


def leave(kernel: Kernel, namespace: Namespace) -> None:
    """One fewer."""
    namespace.users -= 1
    if namespace.users or namespace is INITIAL:
        return
    kernel.namespace_count -= 1
    if isinstance(namespace, UserNamespace):
        if namespace.parent is not None:
            leave(kernel, namespace.parent)
        return
    leave(kernel, namespace.user)
    if isinstance(namespace, PidNamespace):
        if namespace.parent is not None:
            leave(kernel, namespace.parent)
    elif isinstance(namespace, IpcNamespace) or not isinstance(
        namespace, (UtsNamespace, CgroupNamespace, TimeNamespace)
    ):
        namespace.end()


def new_namespaces(t: Task, flags: int, fs: FSContext, user: UserNamespace) -> Namespaces:
    """Copies of what CLONE_NEW* `flags` name, owned by `user`, and the rest as `t` has them; with CLONE_NEWNS `fs` moves into
    the new tree. ENOSPC, EINVAL. The result has no users yet."""
    kernel, old = t.kernel, t.ns
    wanted = (flags & SUPPORTED).bit_count()
    check_room(t, wanted)
    if flags & CLONE_NEWPID:
        above = old.pids_of_children(t)
        if above is not t.pids or not user.within(above.user):
            raise SyscallError(errno.EINVAL)
        if above.level >= MAX_PID_NS_LEVEL:
            raise SyscallError(errno.ENOSPC)
    mnt: MountNamespace | None = old.mnt if old.mnt is not kernel.mounts else None
    if flags & CLONE_NEWNS:
        mnt, copies = old.mnt.copy(kernel.new_namespace_number(), user)
        for path, put in ((fs.root, fs.set_root), (fs.cwd, fs.set_cwd)):
            mount = copies.get(path.mount)
            if mount is not None:
                put(Path(mount, path.dentry))
    uts, ipc, cgroup, net, pids = old.uts, old.ipc, old.cgroup, old.net, old.pids
    if flags & CLONE_NEWUTS:
        uts = UtsNamespace(kernel.new_namespace_number(), uts.hostname, uts.domainname, user)
    if flags & CLONE_NEWIPC:
        ipc = IpcNamespace(kernel.clock, kernel.new_namespace_number(), ipc, user)
    if flags & CLONE_NEWCGROUP:
        cgroup = CgroupNamespace(kernel.new_namespace_number(), t.cgroup(), user)
    if flags & CLONE_NEWNET:
        net = new_net_namespace(kernel, user)
    if flags & CLONE_NEWPID:
        pids = PidNamespace(t.pids.max_tasks, kernel.new_namespace_number(), t.pids, user)
    time_of_children = old.time_of_children
    if flags & CLONE_NEWTIME:
        time_of_children = TimeNamespace(kernel.new_namespace_number(), user, time_of_children)
    kernel.namespace_count += wanted
    user.users += wanted
    return Namespaces(kernel, uts, ipc, cgroup, mnt, net, old.time, time_of_children, pids)


def check_room(t: Task, wanted: int) -> None:
    """ENOSPC at the bound of namespaces; half of it is kept for those who may administer the sandbox."""
    limit = MAX_NAMESPACES if t.creds.has(CAP_SYS_ADMIN) else MAX_NAMESPACES // 2
    if t.kernel.namespace_count + wanted > limit:
        raise SyscallError(errno.ENOSPC)


def new_user_namespace(t: Task) -> Credentials:
    """CLONE_NEWUSER: credentials of one who has all capabilities in a namespace below `t`'s (create_user_ns): ENOSPC, EPERM for
    one who is in a chroot or has no name in its own. The namespace has no users yet."""
    creds = t.creds
    parent = creds.user
    if parent.level > MAX_LEVEL:
        raise SyscallError(errno.ENOSPC)
    check_room(t, 1)
    root, top = t.fs.root, t.ns.mnt.root_path()
    if root.mount is not top.mount or root.dentry is not top.dentry:
        raise SyscallError(errno.EPERM)
    if NO_ID in (parent.uids.find(creds.euid), parent.gids.find(creds.egid)):
        raise SyscallError(errno.EPERM)
    user = UserNamespace(t.kernel.new_namespace_number(), parent, creds.euid, creds.egid)
    user.setfcap = creds.has_here(CAP_SETFCAP)
    t.kernel.namespace_count += 1
    parent.users += 1
    return creds.in_user(user)


def commit_user(t: Task, creds: Credentials) -> None:
    """`t` goes into the user namespace of `creds`."""
    old = t.creds.user
    creds.user.users += 1
    t.creds = creds
    t.thread.unlearn()
    leave(t.kernel, old)


def check_namespaces(t: Task, flags: int, user: UserNamespace) -> None:
    """EPERM without CAP_SYS_ADMIN over `user`, which will own them."""
    owned = flags & (CLONE_NAMESPACES | CLONE_NEWTIME) & ~CLONE_NEWUSER
    if owned and not flags & CLONE_NEWUSER and not t.creds.has_in(user, CAP_SYS_ADMIN):
        raise SyscallError(errno.EPERM)
