"""nsfs: the files of /proc/PID/ns, which name namespaces (namespaces(7), ioctl_ns(2), fs/nsfs.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_ACCMODE
from sandbox.abi.linux.sched import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
)
from sandbox.abi.linux.stat import S_IFREG
from sandbox.errors import SyscallError
from sandbox.kernel.namespaces import FIRST_NUMBER, KINDS, enter, leave, namespace_of
from sandbox.kernel.pid_namespace import PidNamespace
from sandbox.kernel.user_namespace import INITIAL, UserNamespace
from sandbox.vfs.dentry import Dentry
from sandbox.vfs.filesystem import Filesystem
from sandbox.vfs.inode import Inode
from sandbox.vfs.mount import Mount
from sandbox.vfs.path import Path
from sandbox.vfs.regular_file import InodeFile

if TYPE_CHECKING:
    from sandbox.kernel.kernel import Kernel
    from sandbox.kernel.namespaces import Namespace
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

NSFS_MAGIC: Final = 0x6E736673
NS_GET_USERNS: Final = 0xB701
NS_GET_PARENT: Final = 0xB702
NS_GET_NSTYPE: Final = 0xB703
NS_GET_OWNER_UID: Final = 0xB704
TYPES: Final[dict[bytes, int]] = {
    b"time": CLONE_NEWTIME,
    b"cgroup": CLONE_NEWCGROUP,
    b"pid": CLONE_NEWPID,
    b"user": CLONE_NEWUSER,
    b"uts": CLONE_NEWUTS,
    b"ipc": CLONE_NEWIPC,
    b"net": CLONE_NEWNET,
    b"mnt": CLONE_NEWNS,
}


class NsInode(Inode):
    """One namespace. `namespace` None: of a kind of which there is only one."""

    __slots__ = ("kernel", "kind", "namespace")

    def __init__(self, fs: Filesystem, kernel: Kernel, number: int, kind: bytes, namespace: Namespace | None) -> None:
        super().__init__(fs, number, S_IFREG | 0o444, 0, 0, fs.now())
        self.kernel = kernel
        self.kind = kind
        self.namespace = namespace

    def text(self) -> bytes:
        """`uts:[4026531838]`."""
        return b"%s:[%d]" % (self.kind, self.ino)

    def hold(self) -> None:
        """An open file or a mount keeps the namespace; ESRCH once it has ended."""
        if self.namespace is not None:
            if not self.namespace.users:
                raise SyscallError(errno.ESRCH)
            enter(self.namespace)

    def let_go(self) -> None:
        """The opposite."""
        if self.namespace is not None:
            leave(self.kernel, self.namespace)

    def open(self, t: Task, path: Path, flags: int) -> NsFile:
        """For setns(2) and ioctl_ns(2); it is immutable."""
        if flags & O_ACCMODE:
            raise SyscallError(errno.EPERM)
        return NsFile(flags, path, self)


class NsFile(InodeFile):
    """An open namespace file; there is nothing in it to read."""

    def __init__(self, flags: int, path: Path, inode: NsInode) -> None:
        inode.hold()
        super().__init__(flags, path, inode)
        self.ns = inode

    def release(self) -> None:
        """The last descriptor is gone."""
        super().release()
        self.ns.let_go()

    def link_text(self) -> str:
        """The name, or where it was bound."""
        path = self.path
        assert path is not None
        return super().link_text() if path.mount.id else self.ns.text().decode()

    def ioctl(self, t: Task, cmd: int, arg: int, a: SyscallArgs) -> int:
        """ioctl_ns(2)."""
        kind = self.ns.kind
        if cmd == NS_GET_NSTYPE:
            return TYPES[kind]
        if cmd == NS_GET_USERNS:
            return self._give(t, b"user", self._owner(t))
        if cmd == NS_GET_PARENT:
            return self._parent(t)
        if cmd == NS_GET_OWNER_UID:
            namespace = self.ns.namespace
            if not isinstance(namespace, UserNamespace):
                return -errno.EINVAL
            t.copy_out(arg, t.creds.user.uids.shown(namespace.owner).to_bytes(4, "little"))
            return 0
        raise SyscallError(errno.ENOTTY)

    def _owner(self, t: Task) -> UserNamespace:
        """The user namespace above; EPERM for one that is not the caller's, nor below it (ns_get_owner)."""
        namespace = self.ns.namespace
        owner: UserNamespace | None = INITIAL
        if isinstance(namespace, UserNamespace):
            owner = namespace.parent
        elif namespace is not None:
            owner = namespace.user
        if owner is None or not owner.within(t.creds.user):
            raise SyscallError(errno.EPERM)
        return owner

    def _parent(self, t: Task) -> int:
        """NS_GET_PARENT: of a PID or user namespace that the caller sees; EPERM, EINVAL."""
        namespace = self.ns.namespace
        if isinstance(namespace, UserNamespace):
            return self._give(t, b"user", self._owner(t))
        if not isinstance(namespace, PidNamespace):
            return -errno.EINVAL
        parent = namespace.parent
        if parent is None or not parent.within(t.pids):
            return -errno.EPERM
        return self._give(t, b"pid", parent)

    def _give(self, t: Task, kind: bytes, namespace: Namespace) -> int:
        return t.fds.install(open_namespace(t, kind, namespace), cloexec=True)


class NsFs(Filesystem):
    """Mounted nowhere by itself; its files may be bound elsewhere."""

    name = "nsfs"
    magic = NSFS_MAGIC

    def __init__(self, kernel: Kernel, dev: int) -> None:
        super().__init__(kernel.clock, dev, "nsfs")
        self.root = Inode(self, 1, S_IFREG, 0, 0, self.now())

    def mount_made(self, root: Inode) -> None:
        """A mount of a namespace's file keeps the namespace."""
        if isinstance(root, NsInode):
            root.hold()

    def mount_gone(self, root: Inode) -> None:
        """The mount is gone."""
        if isinstance(root, NsInode):
            root.let_go()


def nsfs_mount(kernel: Kernel) -> Mount:
    """The internal mount that the files live on, made when it is first needed."""
    mount = kernel.nsfs
    if mount is None:
        vfs = kernel.mounts.vfs
        fs = NsFs(kernel, vfs.new_dev())
        vfs.used(fs)
        mount = kernel.nsfs = Mount(0, fs, vfs.root_of(fs), 0, kernel.mounts)
    return mount


def namespace_path(t: Task, task: Task, kind: bytes) -> Path:
    """Where /proc/PID/ns/KIND leads."""
    mount = nsfs_mount(t.kernel)
    return _path(t, mount, kind.removesuffix(b"_for_children"), namespace_of(task, kind))


def _path(t: Task, mount: Mount, kind: bytes, namespace: Namespace | None) -> Path:
    number = namespace.number if namespace is not None else FIRST_NUMBER + KINDS.index(kind)
    inode = NsInode(mount.fs, t.kernel, number, kind, namespace)
    return Path(mount, Dentry(inode.text(), mount.root, inode))


def open_namespace(t: Task, kind: bytes, namespace: Namespace | None) -> NsFile:
    """A description of a namespace."""
    path = _path(t, nsfs_mount(t.kernel), kind, namespace)
    inode = path.inode
    assert isinstance(inode, NsInode)
    return NsFile(0, path, inode)
