"""Filesystem: one mounted (or mountable) file system instance, a super block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.kernel.user_namespace import INITIAL, UserNamespace

if TYPE_CHECKING:
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.namespaces import Namespaces
    from sandbox.kernel.task import Task
    from sandbox.vfs.dentry import Dentry
    from sandbox.vfs.inode import Inode
    from tcpip.clock import Clock


class FsStat:
    """What statfs(2) tells; sizes in blocks of `bsize`."""

    __slots__ = ("magic", "bsize", "blocks", "bfree", "bavail", "files", "ffree", "namelen")

    def __init__(self, magic: int, bsize: int = 4096) -> None:
        self.magic = magic
        self.bsize = bsize
        self.blocks = self.bfree = self.bavail = self.files = self.ffree = 0
        self.namelen = 255


class Filesystem:
    """`name` is its type in /proc/mounts, `source` what was mounted, `dev` its st_dev."""

    name = "none"
    magic = 0
    attribute_size = 0  # st_size of the files that are made when they are read
    devices = False  # its devices open also where its owner is the root of a user namespace of its own
    fixed = False  # a name that is missing is ENOENT also for who would make it
    acls = False  # it keeps POSIX access control lists
    live = False  # its inodes start with this `live` and `loose`, and its lookup brings their attributes up to date
    holds = False  # names and attributes are believed although something outside might change them (hostfs/held.py)
    timed = False  # for a time only
    above = b""  # the path of its root in mountinfo, without the last slash
    shown = ""  # of its flags in /proc/mounts, as `shown_of` has them
    root: Inode

    def __init__(self, clock: Clock, dev: int, source: str = "none") -> None:
        self.clock = clock
        self.dev = dev
        self.source = source
        self.watched = 0  # inodes with watchers
        self.move_cookie = 0  # the last one given to a pair of inotify events
        self.user: UserNamespace = INITIAL  # whose root may do with it as they like
        self.readonly = False  # of the super block: EROFS for every mount of it
        self.guards = (
            False  # who looks decides what of it is seen: `shows`, `lists_for`, and `admit` for inodes with `acls`
        )

    def now(self) -> int:
        """The time for time stamps, ns."""
        return self.clock.realtime_ns()

    def statfs(self) -> FsStat:
        """statfs(2)."""
        return FsStat(self.magic)

    def gives_back(self) -> bool:
        """After `unmounted`: give back a part of what was in it. True: there is more."""
        return False

    def options(self) -> str:
        """Options of its own in /proc/mounts, with a leading comma each."""
        return ""

    def shows(self, t: Task, inode: Inode) -> bool:
        """Of one that `guards`: a child of a live directory is there for `t`."""
        return True

    def admit(self, creds: Credentials, inode: Inode) -> None:
        """Of one that `guards`: EPERM or ENOENT for who may not go into this directory, whatever its mode."""

    def lists_for(self, t: Task | None) -> None:
        """Of one that `guards`: the listings that follow are for `t`, or again for nobody."""

    def sync(self) -> None:
        """syncfs(2)."""

    def expire(self) -> None:
        """Where it is `timed`, nothing is believed any more."""

    def named_by(self, root: Dentry) -> None:
        """The root of the names by which it is known."""

    def shown_to(self, namespaces: Namespaces) -> Dentry | None:
        """What a new mount by somebody in these namespaces shows; None: all of it."""
        return None

    def inside(self, root: Dentry, namespaces: Namespaces) -> bytes | None:
        """The path of a mount's root in mountinfo, for a reader in these namespaces; None: as it is in the file system."""
        return None

    def mount_made(self, root: Inode) -> None:
        """One mount more shows it, from `root` on."""

    def watch_begins(self, inode: Inode) -> None:
        """Somebody watches the inode (inotify, dnotify); nobody did."""

    def watch_ends(self, inode: Inode) -> None:
        """Nobody does any more."""

    def mount_gone(self, root: Inode) -> None:
        """One fewer."""

    def unmounted(self) -> None:
        """The last mount is gone: give back host resources."""
