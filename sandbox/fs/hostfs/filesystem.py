"""HostFs: a directory of the host, reached only through one descriptor that was donated for it.

Every host name is a single component, opened or looked at relative to a directory descriptor with
O_NOFOLLOW; `..` and link targets are never given to the host. So whatever is renamed or replaced
outside meanwhile, the worst that happens is that a file is not found. Sockets, FIFOs and devices of
the host are shown but never opened (what the host puts in the place of a file between the look at its
name and the open is opened without waiting, found to be another, and closed). Kernel file systems of
the host (proc, sysfs, cgroup …) below the root look empty.

Names and attributes of what guests see directly (`through`: their changes are the host's at once) are looked at anew
at each use, or believed for a while or for good (held.py). Those of the read-only lower layer of a root are looked at
once and kept while cached; a regular file's attributes are refreshed when it is opened.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.statfs import EXT4_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC
from sandbox.errors import SyscallError
from sandbox.fs.host_calls import file_system_magic, syncfs
from sandbox.fs.hostfs import held
from sandbox.fs.hostfs.held import FOREVER
from sandbox.fs.hostfs.inode import HostInode
from sandbox.host_files import add_cache, remove_cache
from sandbox.text import without_octal
from sandbox.vfs.filesystem import Filesystem, FsStat

if TYPE_CHECKING:
    from sandbox.fs.hostfs.host_changes import HostChanges
    from sandbox.reactor import Reactor
    from sandbox.vfs.dentry import Dentry
    from sandbox.vfs.inode import Inode
    from tcpip.clock import Clock
    from tcpip.timers import Timer, TimerQueue

IDLE_FDS: Final = 192  # descriptors kept open though nobody uses them
MAX_INODES: Final = 30_000

HIDDEN_TYPES: Final = frozenset(
    [
        "proc",
        "sysfs",
        "cgroup",
        "cgroup2",
        "devpts",
        "debugfs",
        "tracefs",
        "securityfs",
        "mqueue",
        "pstore",
        "bpf",
        "configfs",
        "fusectl",
        "efivarfs",
        "binfmt_misc",
        "autofs",
        "devtmpfs",
        "nsfs",
        "rpc_pipefs",
        "selinuxfs",
        "nfsd",
    ]
)

# The same by number (include/uapi/linux/magic.h), for what is mounted later.
HIDDEN_MAGICS: Final = frozenset(
    [
        0x9FA0,  # proc
        0x62656572,  # sysfs
        0x27E0EB,  # cgroup
        0x63677270,  # cgroup2
        0x1CD1,  # devpts
        0x64626720,  # debugfs
        0x74726163,  # tracefs
        0x73636673,  # securityfs
        0x19800202,  # mqueue
        0x6165676C,  # pstore
        0xCAFE4A11,  # bpf
        0x62656570,  # configfs
        0x65735543,  # fusectl
        0xDE5E81E4,  # efivarfs
        0x42494E4D,  # binfmt_misc
        0x6E736673,  # nsfs
        0x67596969,  # rpc_pipefs
        0xF97CFF8C,  # selinuxfs
        0x6E667364,  # nfsd
    ]
)

# What may have been mounted for the container, and is in nobody's /proc/self/mountinfo.
_DETACHED: Final = {TMPFS_MAGIC: "tmpfs", OVERLAYFS_SUPER_MAGIC: "overlay"}


class HostFs(Filesystem):
    """`root_fd` stays the caller's to keep open; `proc_fd` is an O_PATH descriptor of the sentry's own
    /proc/self/fd through which O_PATH descriptors are reopened (-1: there is none). `hold_ns`: how long what the host
    said is believed (held.py); 0: not at all."""

    name = "hostfs"
    magic = EXT4_SUPER_MAGIC

    def __init__(
        self,
        clock: Clock,
        dev: int,
        root_fd: int,
        live: bool,
        readonly: bool,
        source: str = "host",
        hold_ns: int = 0,
    ) -> None:
        super().__init__(clock, dev, source)
        self.through = live
        self.hold_ns = hold_ns if live else 0
        self.holds = self.hold_ns > 0
        self.has_others = live and self.hold_ns < FOREVER  # who may use it at the same time as guests
        self.live = live and not self.holds
        self.timed = 0 < self.hold_ns < FOREVER
        self.expired = self.timed  # nothing is believed now
        self.timer: Timer | None = None  # calls `expire`
        self.reactor: Reactor | None = None
        self.changes: HostChanges | None = None  # made by others, while somebody watches
        self.tree: Dentry | None = None  # the root of the names that are believed
        self.readonly = readonly
        self.root_fd = root_fd
        self.owns_root = False  # the descriptor is closed with the file system
        self.proc_fd = open_proc_self_fd()
        self.inodes: dict[tuple[int, int], HostInode] = {}
        self._room = MAX_INODES
        self._idle: OrderedDict[HostInode, None] = OrderedDict()
        kinds = host_kinds()
        self._hidden = hidden_devices(kinds)
        self._told: set[int] = set()  # devices whose kind was asked for
        self._devs: dict[int, int] = {}
        st = os.fstat(root_fd)
        self.host_dev = st.st_dev
        self.host_kind = kinds.get(st.st_dev) if kinds is not None else None
        self.top = HostInode(self, None, b"", st)
        self.top.fd = root_fd
        self.top.pinned_fd = True
        self.root = self.top
        add_cache(self)

    def look_like_the_host(self) -> None:
        """What /proc/mounts, mountinfo and statfs(2) say of a directory that somebody has given is what the host's would."""
        try:
            magic = file_system_magic(self.root_fd)
        except OSError:
            return
        kind, source = self.host_kind or (_DETACHED.get(magic, ""), self.source)
        if kind and magic not in HIDDEN_MAGICS:
            if self.host_kind is not None:
                self.above = (
                    path_on_device(self.source, os.fstat(self.root_fd)).rstrip("/").encode("utf-8", "surrogateescape")
                )
            self.magic, self.name, self.source = magic, kind, source

    def map_ino(self, dev: int, ino: int) -> int:
        """Inode numbers unique over the host file systems below the root: the others' get a high tag."""
        if dev == self.host_dev:
            return ino
        tag = self._devs.get(dev)
        if tag is None:
            tag = self._devs[dev] = len(self._devs) + 1
        return (ino ^ (tag << 48)) & 0x7FFF_FFFF_FFFF_FFFF

    def hidden(self, dev: int) -> bool:
        """A directory on this host device is one of the host kernel's own and stays empty."""
        hidden = self._hidden
        return dev != self.host_dev and (hidden is None or dev in hidden)

    def check_kind(self, fd: int, dev: int) -> bool:
        """A directory that was just opened may be shown. Its file system may have been mounted after the start."""
        if dev == self.host_dev or dev in self._told:
            return True
        if file_system_magic(fd) in HIDDEN_MAGICS:
            self._hidden = (self._hidden or frozenset()) | {dev}
            return False
        self._told.add(dev)
        return True

    def inode_for(self, parent: HostInode, name: bytes, st: os.stat_result) -> HostInode:
        """The inode object of what `st` describes, found as `name` in `parent`."""
        key = (st.st_dev, st.st_ino)
        inode = self.inodes.get(key)
        if inode is not None and (inode.mode ^ st.st_mode) & 0o170000 == 0:
            inode.parent = parent
            inode.name = name
            if self.through:
                inode.fill(st)
            return inode
        return self.new_inode(parent, name, st)

    def new_inode(self, parent: HostInode, name: bytes, st: os.stat_result) -> HostInode:
        """As `inode_for` what was not known."""
        inode = HostInode(self, parent, name, st)
        if len(self.inodes) >= self._room:
            self._shrink()
        self.inodes[inode.key] = inode
        return inode

    def _shrink(self) -> None:
        """Forget the older half of what nobody uses; directories stay, since others are reached through them, and so does
        what a name that is believed leads to: another name of the file has to lead to the same object."""
        named = held.named(self.tree) if self.holds and self.tree is not None else set()
        for key, inode in list(self.inodes.items())[: self._room // 2]:
            idle = not inode.opens and not inode.maps and inode.locks is None and inode.attached is None
            if idle and inode.marks is None and not inode.is_dir() and id(inode) not in named:
                self.forget(inode)
                inode.close_fds()
                del self.inodes[key]
        self._room = max(MAX_INODES, len(self.inodes) + MAX_INODES // 4)

    # --- what is believed ---

    def named_by(self, root: Dentry) -> None:
        """As Filesystem's."""
        self.tree = root

    def believe(self) -> None:
        """From now on something is: for as long as `hold_ns`."""
        self.expired = False
        if self.timer is not None:
            self.timer.arm(self.clock.now_ns() + self.hold_ns)

    def expire_by(self, timers: TimerQueue) -> None:
        """Where it is `timed`, nothing is believed for longer than that."""
        if self.timed:
            self.timer = timers.timer(self.expire)
            self.expire()

    def hear_by(self, reactor: Reactor) -> None:
        """What others change is told to who watches it inside."""
        if self.has_others:
            self.reactor = reactor

    def watch_begins(self, inode: Inode) -> None:
        """As Filesystem's."""
        if self.reactor is not None and isinstance(inode, HostInode):
            if self.changes is None:
                from sandbox.fs.hostfs.host_changes import HostChanges

                self.changes = HostChanges(self.reactor)
            self.changes.begin(inode)

    def watch_ends(self, inode: Inode) -> None:
        """As Filesystem's."""
        if self.changes is not None and isinstance(inode, HostInode):
            self.changes.end(inode)

    def expire(self) -> None:
        """Nothing is, of a file system that is `timed`."""
        if not self.timed or self.expired:
            return
        self.expired = True
        self.top.live = self.top.loose = True
        for inode in self.inodes.values():
            inode.live = inode.loose = True

    # --- descriptors that nobody uses but may use again ---

    def idle(self, inode: HostInode) -> None:
        """`inode` has descriptors that are not in use: keep them for a while."""
        inode.used = True
        if inode.idle:
            return
        inode.idle = True
        self._idle[inode] = None
        if len(self._idle) > IDLE_FDS:
            self.give_up()

    def idle_count(self) -> int:
        """Of inodes with such descriptors."""
        return len(self._idle)

    def give_up(self) -> None:
        """Close those of the one that came first, except that whoever was used since the last time goes to the end."""
        old, _ = self._idle.popitem(last=False)
        while old.used:
            old.used = False
            self._idle[old] = None
            old, _ = self._idle.popitem(last=False)
        old.idle = False
        if not old.opens and not old.maps:
            old.close_fds()

    def forget(self, inode: HostInode) -> None:
        """Its descriptors are in use, or closed."""
        if inode.idle:
            inode.idle = False
            del self._idle[inode]

    def reach_by(self, fd: int) -> None:
        """The root is the same directory or file by another mount: `fd`. Nothing of the file system is in use."""
        if fd != self.root_fd:
            os.dup2(fd, self.root_fd, inheritable=False)
        self._close_all()
        self.proc_fd = open_proc_self_fd()

    def _close_all(self) -> None:
        """What is kept open though nobody uses it."""
        for inode in self.inodes.values():
            if not inode.opens and not inode.maps:
                inode.close_fds()
            inode.idle = False
        self._idle.clear()
        if self.proc_fd >= 0:
            os.close(self.proc_fd)
            self.proc_fd = -1

    # --- the file system ---

    def statfs(self) -> FsStat:
        """The host's figures."""
        out = FsStat(self.magic)
        try:
            host = os.fstatvfs(self.root_fd)
        except OSError as error:
            raise SyscallError(error.errno or 5) from None
        out.bsize, out.blocks, out.bfree, out.bavail = host.f_bsize, host.f_blocks, host.f_bfree, host.f_bavail
        out.files, out.ffree, out.namelen = host.f_files, host.f_ffree, min(host.f_namemax, 255)
        return out

    def sync(self) -> None:
        """syncfs(2) of the host's file system: what was written by descriptors that are closed now goes to disk, too."""
        if not self.readonly:
            try:
                syncfs(self.root_fd)
            except OSError as error:
                raise SyscallError(error.errno or 5) from None

    def unmounted(self) -> None:
        """Close what is cached; the donated descriptor too."""
        self._close_all()
        remove_cache(self)
        if self.changes is not None:
            self.changes.close()
        if self.timer is not None:
            self.timer.close()
        if self.owns_root:
            os.close(self.root_fd)


def open_proc_self_fd() -> int:
    """An O_PATH descriptor of /proc/self/fd, or -1."""
    try:
        return os.open("/proc/self/fd", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return -1


def host_mounts() -> list[list[str]] | None:
    """The fields of /proc/self/mountinfo; None when they can't be told."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
            return [line.split(" ") for line in table.read().splitlines()]
    except OSError:
        return None


def host_kinds() -> dict[int, tuple[str, str]] | None:
    """The kind of file system and its source by host device; None when that can't be told."""
    mounts = host_mounts()
    if mounts is None:
        return None
    found = {}
    for fields in mounts:
        end = fields.index("-")
        found[_device_of(fields)] = fields[end + 1], without_octal(fields[end + 2])
    return found


def _device_of(fields: list[str]) -> int:
    major, minor = fields[2].split(":")
    return os.makedev(int(major), int(minor))


def path_on_device(path: str, status: os.stat_result) -> str:
    """Where `path` is in its file system, as the host has it mounted; just as it is where this process does not see it."""
    try:
        if not os.path.samestat(os.stat(path), status):
            return path
    except OSError:
        return path
    best = "", path
    for fields in host_mounts() or ():
        point = without_octal(fields[4])
        within = path.startswith(point.rstrip("/") + "/") or path == point
        if within and len(point) > len(best[0]) and _device_of(fields) == status.st_dev:
            best = point, without_octal(fields[3]).rstrip("/") + path[len(point.rstrip("/")) :]
    return best[1]


def hidden_devices(kinds: dict[int, tuple[str, str]] | None) -> frozenset[int] | None:
    """Those that carry file systems of HIDDEN_TYPES."""
    return None if kinds is None else frozenset(dev for dev, (kind, _) in kinds.items() if kind in HIDDEN_TYPES)
