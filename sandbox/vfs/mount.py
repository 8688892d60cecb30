"""Mounts and mount namespaces (mount_namespaces(7)): which file system is seen where."""

from __future__ import annotations

import errno
from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Callable, Final, Iterator

from sandbox.abi.linux.stat import makedev
from sandbox.abi.linux.statfs import (
    ST_NOATIME,
    ST_NODEV,
    ST_NODIRATIME,
    ST_NOEXEC,
    ST_NOSUID,
    ST_NOSYMFOLLOW,
    ST_RDONLY,
    ST_RELATIME,
)
from sandbox.errors import SyscallError
from sandbox.kernel.user_namespace import INITIAL, UserNamespace
from sandbox.vfs.dentry import Dentry, DentryCache
from sandbox.vfs.locks import DeadlockGraph
from sandbox.vfs.path import Path
from sandbox.vfs.propagation import (
    PeerGroup,
    Spread,
    copy_tree,
    discard_tree,
    follow,
    hang,
    leave_peers,
    make_shared,
    make_slave,
    receivers,
    unhang,
)
from sandbox.vfs.snapshots import SnapshotBudget
from sandbox.vfs.space import SpaceAccount
from tcpip.waiter import EVENT_ERR, EVENT_IN, EVENT_PRI, WaitQueue

if TYPE_CHECKING:
    from sandbox.kernel.acct import Accounting
    from sandbox.kernel.net_namespace import NetNamespace
    from sandbox.vfs.devices import DeviceRegistry
    from sandbox.vfs.filesystem import Filesystem
    from sandbox.vfs.net_attributes import NetAttributes
    from tcpip.clock import Clock
    from tcpip.stack.stack import Stack

FIRST_NUMBER: Final = 4026531841  # the inode number of the first mount namespace in nsfs
MAX_MOUNTS: Final = 10_000  # of a namespace (fs.mount-max)
MAX_ALL_MOUNTS: Final = 50_000  # of all namespaces; half of it for those that ordinary users have made


ATIME_FLAGS: Final = ST_NOATIME | ST_NODIRATIME | ST_RELATIME
_OPTIONS: Final = (
    (ST_NOSUID, "nosuid"),
    (ST_NODEV, "nodev"),
    (ST_NOEXEC, "noexec"),
    (ST_NOATIME, "noatime"),
    (ST_NODIRATIME, "nodiratime"),
    (ST_RELATIME, "relatime"),
    (ST_NOSYMFOLLOW, "nosymfollow"),
)


class Mount:
    """`flags` are ST_* bits. `root` is the dentry shown at `point` of `parent`."""

    __slots__ = (
        "id",
        "fs",
        "root",
        "parent",
        "point",
        "children",
        "flags",
        "pins",
        "namespace",
        "attached",
        "peers",
        "master",
        "unbindable",
        "expiring",
        "ended",
        "locked",
        "locked_flags",
    )

    def __init__(self, ident: int, fs: Filesystem, root: Dentry, flags: int, namespace: MountNamespace) -> None:
        self.id = ident
        self.fs = fs
        self.root = root
        self.parent: Mount | None = None
        self.point: Dentry | None = None
        self.children: dict[Dentry, Mount] = {}
        self.flags = flags
        self.pins = 0
        self.namespace = namespace
        self.attached = False  # it is part of its namespace's tree
        self.peers: PeerGroup | None = None  # shared
        self.master: PeerGroup | None = None  # slave
        self.unbindable = False
        self.expiring = False  # MNT_EXPIRE was asked for once
        self.locked = False  # it hides what a more privileged user namespace wants hidden (MNT_LOCKED)
        self.locked_flags = 0  # ST_* bits that cannot change (MNT_LOCK_*)
        self.ended = False  # seen nowhere, and never again: only what was open in it is left

    def readonly(self) -> bool:
        """Writes are EROFS."""
        return bool(self.flags & ST_RDONLY) or self.fs.readonly

    def options(self) -> str:
        """The per-mount options as /proc/mounts prints them."""
        flags = self.flags
        text = "ro" if flags & ST_RDONLY else "rw"
        for bit, name in _OPTIONS:
            if flags & bit:
                text += "," + name
        return text


class Vfs:
    """What all mount namespaces of a sandbox share: the dentry cache, device numbers, character devices."""

    def __init__(self, clock: Clock, devices: DeviceRegistry, space: SpaceAccount | None = None) -> None:
        self.clock = clock
        self.devices = devices
        self.dentries = DentryCache()
        self.space = space if space is not None else SpaceAccount()  # what tmpfs mounts without a size draw on
        self.lock_waits = DeadlockGraph()
        self.snapshots = SnapshotBudget()
        self.inotify_instances = 0
        self.inotify_watches = 0
        self.proc_net: Callable[[NetNamespace, str], bytes | Iterator[bytes] | None] | None = (
            None  # text of a table of /proc/net
        )
        self.stack: Stack | None = None  # of the sandbox's network, once it is there
        self.sys_class_net: Callable[[], NetAttributes] | None = None  # for who looks for the first time
        self.internal: Mount | None = None  # of files that have no place in any tree
        self.given: dict[tuple[int, int, bool], Filesystem] = {}  # of the host, by its device, inode and read-only
        self.volumes: dict[Filesystem, PeerGroup] = {}  # of those, whose mounts tell each other
        self._next_dev = 20
        self._next_mount = 20
        self._roots: dict[Filesystem, Dentry] = {}
        self._users: dict[Filesystem, int] = {}
        self._held: dict[Filesystem, set[Mount]] = {}  # its mounts that have ended, and in which something is open
        self.ending: deque[Filesystem] = deque()  # what was in them is still to be given back
        self.on_ending: Callable[[], None] | None = None  # somebody calls `end_some` then, again and again
        self.accounts: dict[Accounting, None] = {}
        self.mount_count = 0
        self.group_count = 0
        self._free_groups: list[int] = []  # a heap of lower numbers

    def new_dev(self) -> int:
        """An st_dev for a new file system (major 0)."""
        self._next_dev += 1
        return makedev(0, self._next_dev)

    def new_mount_id(self) -> int:
        """An id for /proc/PID/mountinfo."""
        self._next_mount += 1
        return self._next_mount

    def new_mount(self, fs: Filesystem, root: Dentry, flags: int, namespace: MountNamespace) -> Mount:
        """A mount that is attached nowhere yet; ENOSPC at the bound."""
        if self.mount_count >= (MAX_ALL_MOUNTS if namespace.user is INITIAL else MAX_ALL_MOUNTS // 2):
            raise SyscallError(errno.ENOSPC)
        if root.inode is not None:
            fs.mount_made(root.inode)
        self.mount_count += 1
        self.used(fs)
        root.pins += 1
        return Mount(self.new_mount_id(), fs, root, flags, namespace)

    def end_mounts(self, mounts: list[Mount]) -> None:
        """They are seen nowhere any more: none lies on a name of another one, when that goes."""
        for mount in mounts:
            unhang(mount)
        for mount in mounts:
            self._end_mount(mount)

    def _end_mount(self, mount: Mount) -> None:
        for account in [account for account in self.accounts if account.in_mount(mount)]:
            account.end(None)
        mount.attached = False
        mount.ended = True
        leave_peers(self, mount)
        follow(mount, None)
        mount.root.pins -= 1
        if mount.root.inode is not None:
            mount.fs.mount_gone(mount.root.inode)
        self.mount_count -= 1
        self.hold(mount)
        self.unused(mount.fs)

    def new_group(self) -> PeerGroup:
        """A peer group with the lowest free number."""
        self.group_count += 1
        return PeerGroup(heappop(self._free_groups) if self._free_groups else self.group_count)

    def end_group(self, group: PeerGroup) -> None:
        """It has no members any more."""
        self.group_count -= 1
        heappush(self._free_groups, group.ident)

    def root_of(self, fs: Filesystem) -> Dentry:
        """The root dentry of a file system: one however often it is mounted."""
        dentry = self._roots.get(fs)
        if dentry is None:
            dentry = self._roots[fs] = Dentry(b"/", None, fs.root)
            fs.named_by(dentry)
        return dentry

    def expire(self) -> None:
        """Somebody outside has done something: what he did to files before is seen from now on, where it is seen at all."""
        for fs in self._roots:
            fs.expire()

    def used(self, fs: Filesystem) -> None:
        """One mount more of `fs`."""
        self._users[fs] = self._users.get(fs, 0) + 1

    def is_mounted(self, fs: Filesystem) -> bool:
        """Anywhere."""
        return fs in self._users

    def hold(self, mount: Mount) -> None:
        """It ends: the file system stays as long as anything is open in it."""
        if mount.pins:
            self._held.setdefault(mount.fs, set()).add(mount)

    def unused(self, fs: Filesystem) -> None:
        """One mount fewer; the last one ends the file system, unless something is still open in one that has ended."""
        left = self._users.get(fs, 0) - 1
        if left > 0:
            self._users[fs] = left
            return
        self._users.pop(fs, None)
        root = self._roots.pop(fs, None)
        if root is not None:
            self.dentries.forget_file_system(root)
        if fs not in self._held:
            self._ended(fs)

    def _ended(self, fs: Filesystem) -> None:
        """It is mounted nowhere, and nothing is open in it. What was in it goes in portions, where somebody sees to them."""
        fs.unmounted()
        if fs.gives_back():
            self.ending.append(fs)
            if self.on_ending is None:
                while self.end_some():
                    pass
            elif len(self.ending) == 1:
                self.on_ending()

    def end_some(self) -> bool:
        """A portion of what was in file systems that have ended. True: there is more."""
        if self.ending and not self.ending[0].gives_back():
            self.ending.popleft()
        return bool(self.ending)

    def unpinned(self, mount: Mount) -> None:
        """Nothing is open any more in a mount that has ended, which may have been the last one."""
        fs = mount.fs
        held = self._held.get(fs)
        if held is None or mount not in held:
            return
        held.discard(mount)
        if held:
            return
        del self._held[fs]
        if not self.is_mounted(fs):
            root = mount.root
            while root.parent is not root:
                root = root.parent
            self.dentries.forget_file_system(root)
            self._ended(fs)


class MountNamespace:
    """A tree of mounts. `number` is its inode number in nsfs. Without `root_fs` nothing is in it yet (`copy`)."""

    root: Mount

    def __init__(
        self, vfs: Vfs, root_fs: Filesystem | None, flags: int = ST_RELATIME, number: int = FIRST_NUMBER
    ) -> None:
        self.vfs = vfs
        self.number = number
        self.user: UserNamespace = INITIAL
        self.count = 0
        self.users = 0
        self.changes = 0  # of the table of mounts
        self.queue = WaitQueue()  # of who waits for the next one
        if root_fs is not None:
            self.root = vfs.new_mount(root_fs, vfs.root_of(root_fs), flags, self)
            self.root.attached = True
            self.count = self.users = 1

    def changed(self) -> None:
        """The table of mounts says something new (touch_mnt_namespace)."""
        self.changes += 1
        self.queue.notify(EVENT_IN | EVENT_PRI | EVENT_ERR)

    def copy(self, number: int, user: UserNamespace = INITIAL) -> tuple[MountNamespace, dict[Mount, Mount]]:
        """CLONE_NEWNS: a namespace of `user` with copies of all mounts, and which is whose (copy_mnt_ns). ENOSPC."""
        new = MountNamespace(self.vfs, None, number=number)
        new.user = user
        copies: dict[Mount, Mount] = {}
        new.root = copy_tree(self.vfs, self.root, self.root.root, new, copies=copies)
        for mount in copies.values():
            mount.attached = True
        for old, mount in copies.items():
            mount.unbindable = old.unbindable
        new.count = len(copies)
        if user is not self.user:
            for mount in copies.values():
                make_slave(self.vfs, mount)
            lock_tree(new.root)
        return new, copies

    def end(self) -> None:
        """Nobody is in it any more: its mounts go."""
        self.vfs.end_mounts(list(walk_mounts(self.root)))
        self.count = 0

    def root_path(self) -> Path:
        """The top: the topmost mount that covers the root."""
        return self.cover(Path(self.root, self.root.root))

    def cover(self, path: Path) -> Path:
        """`path`, or the root of what is mounted on it."""
        return covering(path)

    def mount(self, fs: Filesystem, at: Path, flags: int = ST_RELATIME, root: Dentry | None = None) -> Mount:
        """Attach `fs` (or its subtree `root`) on top of what is at `at`; ENOSPC at the bound of mounts."""
        new = self.vfs.new_mount(fs, root if root is not None else self.vfs.root_of(fs), flags, self)
        self.graft(new, at)
        return new

    def graft(self, tree: Mount, at: Path) -> None:
        """As `graft_kept`, but a tree that cannot be attached is discarded."""
        try:
            self.graft_kept(tree, at)
        except SyscallError:
            discard_tree(self.vfs, tree)
            raise

    def graft_kept(self, tree: Mount, at: Path) -> None:
        """Attach a tree of new mounts on top of what is at `at`, and copies of it wherever that is heard of. ENOSPC.
        (attach_recursive_mnt)"""
        at = covering(at)
        spread = Spread(self.vfs, at.dentry)
        try:
            self._check_room(tree)
            if at.mount.peers is not None:
                for mount in walk_mounts(tree):
                    make_shared(self.vfs, mount)
                spread.run(at.mount, tree)
                for copy, where in spread.copies:
                    where.namespace._check_room(copy)
        except SyscallError:
            spread.discard()
            raise
        self.attach(tree, at)
        self._attach_copies(spread, at)

    def _attach_copies(self, spread: Spread, at: Path) -> None:
        """What other mounts have heard; in namespaces of others it is locked, but not its top."""
        for copy, where in spread.copies:
            if where.namespace.user is not self.user:
                lock_tree(copy)
            where.namespace.tuck(copy, where, at.dentry)

    def tuck(self, tree: Mount, where: Mount, point: Dentry) -> None:
        """Hang a tree at `point` of `where`, beneath what is mounted there (mnt_change_mountpoint)."""
        above = where.children.get(point)
        if above is not None:
            unhang(above)
        self.attach(tree, Path(where, point))
        if above is not None:
            top = covering(Path(tree, tree.root))
            hang(above, top.mount, top.dentry)

    def put_beneath(self, tree: Mount, top: Mount) -> None:
        """Hang a tree, a new one or one that is here, where `top` is, which is on it then (MOVE_MOUNT_BENEATH). ENOSPC."""
        where, point = top.parent, top.point
        assert where is not None and point is not None
        spread = Spread(self.vfs, point)
        try:
            if tree.parent is None:
                self._check_room(tree)
            if where.peers is not None:
                for mount in walk_mounts(tree):
                    make_shared(self.vfs, mount)
                spread.run(where, tree)
                for copy, other in spread.copies:
                    other.namespace._check_room(copy)
        except SyscallError:
            spread.discard()
            raise
        if tree.parent is not None:
            unhang(tree)
        self.tuck(tree, where, point)
        self._attach_copies(spread, Path(where, point))

    def _check_room(self, tree: Mount) -> None:
        if self.count + sum(1 for _ in walk_mounts(tree)) > MAX_MOUNTS:
            raise SyscallError(errno.ENOSPC)

    def attach(self, tree: Mount, at: Path) -> None:
        """Hang a tree at `at`, where nothing is mounted; it counts from now on."""
        hang(tree, at.mount, at.dentry)
        for mount in walk_mounts(tree):
            if not mount.attached:
                mount.attached = True
                mount.namespace = self
                self.count += 1
        self.changed()

    def move(self, mount: Mount, at: Path) -> None:
        """Take `mount` with all that hangs below it to another place of the namespace (MS_MOVE). ENOSPC."""
        at = covering(at)
        spread = Spread(self.vfs, at.dentry)
        if at.mount.peers is not None:
            for one in walk_mounts(mount):
                make_shared(self.vfs, one)
            try:
                spread.run(at.mount, mount)
                for copy, where in spread.copies:
                    where.namespace._check_room(copy)
            except SyscallError:
                spread.discard()
                raise
        unhang(mount)
        hang(mount, at.mount, at.dentry)
        self.changed()
        self._attach_copies(spread, at)

    def unmount(self, mount: Mount, lazy: bool) -> None:
        """umount2(2): EBUSY while it is in use, unless `lazy`. Who heard of the mount hears of its end."""
        below = list(walk_mounts(mount))
        if not lazy and (len(below) > 1 or mount.pins):
            raise SyscallError(errno.EBUSY)
        ending = dict.fromkeys(below)
        for one in reversed(below):
            parent, point = one.parent, one.point
            if parent is None or point is None:
                continue
            for other in receivers(parent, point):
                child = other.children.get(point)
                if child is None or child in ending or any(left not in ending for left in child.children.values()):
                    continue
                if not lazy and child.pins:
                    raise SyscallError(errno.EBUSY)
                ending[child] = None
        for one in ending:
            one.namespace.count -= 1
        self.vfs.end_mounts(list(ending))
        for namespace in dict.fromkeys(one.namespace for one in ending):
            namespace.changed()

    def pivot(self, root: Mount, new: Mount, at: Path) -> None:
        """`new` takes the place of `root`, which is seen at `at` from now on (pivot_root(2))."""
        unhang(new)
        parent, point = root.parent, root.point
        new.locked, root.locked = root.locked, False
        unhang(root)
        hang(root, at.mount, at.dentry)
        if parent is None or point is None:
            self.root = new
        else:
            hang(new, parent, point)
        self.changed()

    def mounts(self) -> list[Mount]:
        """All mounts, parents before children."""
        return list(walk_mounts(self.root))


def lock_tree(top: Mount) -> None:
    """What is below `top` cannot be taken away one by one, nor be given fewer restrictions (lock_mnt_tree)."""
    for mount in walk_mounts(top):
        mount.locked = mount is not top
        mount.locked_flags = mount.flags & (ST_RDONLY | ST_NODEV | ST_NOSUID | ST_NOEXEC) | ATIME_FLAGS


def below(path: Path, top: Path) -> bool:
    """`path` lies at or under `top` (is_path_reachable)."""
    mount, dentry = path.mount, path.dentry
    while mount is not top.mount:
        parent, point = mount.parent, mount.point
        if parent is None or point is None:
            return False
        mount, dentry = parent, point
    return dentry.within(top.dentry)


def covering(path: Path) -> Path:
    """`path`, or the root of what is mounted on it."""
    mount, dentry = path.mount, path.dentry
    while dentry.mounts:
        child = mount.children.get(dentry)
        if child is None:
            break
        mount, dentry = child, child.root
    return path if mount is path.mount else Path(mount, dentry)


def walk_mounts(mount: Mount) -> Iterator[Mount]:
    """`mount` and all below it, parents first."""
    waiting = [mount]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(reversed(one.children.values()))
