"""Inode: one file of a file system, and what can be done to it (include/linux/fs.h: struct inode_operations).

The defaults are Linux's answers for a file system that lacks the operation. Permission checks, mount
flags and locks are the callers' (vfs/namei.py, vfs/attr.py); an inode only does what it is told.
Times are ns since the epoch. `mode` includes the file type.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.stat import S_IFDIR, S_IFLNK, S_IFMT, S_IFREG
from sandbox.errors import SyscallError

if TYPE_CHECKING:
    from sandbox.kernel.control import Block
    from sandbox.kernel.task import Task
    from sandbox.mm.backing import Backing
    from sandbox.vfs.acl import Acls
    from sandbox.vfs.dentry import Dentry, DentryCache
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.filesystem import Filesystem
    from sandbox.vfs.inotify import InodeMarks
    from sandbox.vfs.locks import InodeLocks, OutsideLocks
    from sandbox.vfs.path import Path

RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2
RENAME_WHITEOUT = 4


class Inode:
    """Attributes are plain fields; `refresh` brings them up to date where `live`."""

    __slots__ = (
        "fs",
        "live",
        "loose",
        "ino",
        "mode",
        "uid",
        "gid",
        "nlink",
        "size",
        "rdev",
        "atime",
        "mtime",
        "ctime",
        "btime",
        "opens",
        "unseen",
        "writers",
        "runs",
        "attrs",
        "locks",
        "marks",
        "attached",
        "linkable",
        "acls",
        "capable",
    )

    def __init__(self, fs: Filesystem, ino: int, mode: int, uid: int, gid: int, now: int) -> None:
        self.fs = fs
        self.live = fs.live  # attributes may have changed without our doing: `refresh` before they are looked at
        self.loose = fs.live  # so may the names in this directory: look each time
        self.ino = ino
        self.capable = False  # it has file capabilities, which a write takes away
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.nlink = 2 if mode & S_IFMT == S_IFDIR else 1
        self.size = 0
        self.rdev = 0
        self.atime = self.mtime = self.ctime = self.btime = now
        self.opens = 0  # open descriptions
        self.unseen = (
            0  # those that are neither readers nor writers: of O_PATH, what a file without a name was made with
        )
        self.writers = 0  # those that may write
        self.runs = 0  # memories of processes that run it as a program: it is not to be written
        self.attrs = 0  # FS_*_FL
        self.locks: InodeLocks | None = None
        self.marks: InodeMarks | None = None
        self.acls: Acls | None = None
        self.linkable = False  # made by O_TMPFILE and without a name yet: linkat(2) may give it one
        self.attached: object = None  # what a bound socket, a FIFO or a device leads to

    def is_dir(self) -> bool:
        """A directory."""
        return self.mode & S_IFMT == S_IFDIR

    def is_symlink(self) -> bool:
        """A symbolic link."""
        return self.mode & S_IFMT == S_IFLNK

    def is_regular(self) -> bool:
        """A regular file."""
        return self.mode & S_IFMT == S_IFREG

    # --- attributes ---

    def refresh(self) -> None:
        """Bring the attribute fields up to date."""

    def blocks(self) -> int:
        """Allocated space in units of 512 bytes."""
        return 0

    def blksize(self) -> int:
        """st_blksize."""
        return 4096

    def set_mode(self, mode: int) -> None:
        """Replace the twelve permission bits; ctime is the caller's."""
        raise SyscallError(errno.EPERM)

    def set_owner(self, uid: int, gid: int) -> None:
        """Replace both ids."""
        raise SyscallError(errno.EPERM)

    def set_times(self, atime: int | None, mtime: int | None, ctime: int) -> None:
        """Replace what is not None."""
        raise SyscallError(errno.EPERM)

    def touch_atime(self, now: int) -> None:
        """A read happened and the mount's rules want it recorded."""
        self.atime = now

    def touch_mtime(self, now: int) -> None:
        """The contents were changed: mtime and ctime."""
        self.mtime = self.ctime = now

    def flaggable(self) -> bool:
        """It keeps chattr(1)'s flags."""
        return False

    def set_attrs(self, attrs: int) -> None:
        """Replace them."""
        raise SyscallError(errno.EOPNOTSUPP)

    def acls_stored(self) -> None:
        """`acls` has been replaced."""

    # --- extended attributes ---

    def get_xattr(self, name: bytes) -> bytes:
        """The value; ENODATA."""
        raise SyscallError(errno.EOPNOTSUPP)

    def set_xattr(self, name: bytes, value: bytes, flags: int) -> None:
        """setxattr(2) with XATTR_CREATE and XATTR_REPLACE."""
        raise SyscallError(errno.EOPNOTSUPP)

    def remove_xattr(self, name: bytes) -> None:
        """removexattr(2); ENODATA."""
        raise SyscallError(errno.EOPNOTSUPP)

    def list_xattr(self) -> list[bytes]:
        """All names."""
        return []

    # --- directories: the caller has checked that names do or don't exist ---

    def lookup(self, name: bytes) -> Inode | None:
        """The file called `name`, or None. The same file gives the same object."""
        raise SyscallError(errno.ENOTDIR)

    def create(self, name: bytes, mode: int, uid: int, gid: int) -> Inode:
        """A new regular file."""
        raise SyscallError(errno.EACCES)

    def mkdir(self, name: bytes, mode: int, uid: int, gid: int) -> Inode:
        """A new directory."""
        raise SyscallError(errno.EPERM)

    def mknod(self, name: bytes, mode: int, rdev: int, uid: int, gid: int) -> Inode:
        """A new FIFO, socket or device node."""
        raise SyscallError(errno.EPERM)

    def symlink(self, name: bytes, target: bytes, uid: int, gid: int) -> Inode:
        """A new symbolic link."""
        raise SyscallError(errno.EPERM)

    def link(self, name: bytes, inode: Inode) -> None:
        """One more name for `inode`, which is of this file system."""
        raise SyscallError(errno.EPERM)

    def tmpfile(self, mode: int, uid: int, gid: int) -> Inode:
        """A regular file without a name."""
        raise SyscallError(errno.EOPNOTSUPP)

    def unlink(self, name: bytes, inode: Inode) -> None:
        """Remove the name of a file that is no directory."""
        raise SyscallError(errno.EPERM)

    def rmdir(self, name: bytes, inode: Inode) -> None:
        """Remove an empty directory; ENOTEMPTY."""
        raise SyscallError(errno.EPERM)

    def makes_whiteouts(self) -> bool:
        """A directory's: whether RENAME_WHITEOUT can leave a device in it."""
        return False

    def rename(
        self, name: bytes, inode: Inode, new_dir: Inode, new_name: bytes, target: Inode | None, flags: int
    ) -> None:
        """Move; `target` is what `new_name` is now (replaced, or exchanged with RENAME_EXCHANGE)."""
        raise SyscallError(errno.EPERM)

    def entries(self) -> list[tuple[bytes, int, int]]:
        """(name, inode number, S_IFMT bits or 0) of all entries but `.` and `..`."""
        raise SyscallError(errno.ENOTDIR)

    def vouch(self, dentry: Dentry, dentries: DentryCache) -> None:
        """Of a file system that is `timed`, and `loose`: forget below `dentry` what is no longer so, and believe the rest."""

    def has_entry(self, name: bytes) -> bool:
        """`name` is still there (a listing is being read)."""
        return self.lookup(name) is not None

    # --- symbolic links ---

    def readlink(self, t: Task) -> bytes:
        """The target's text."""
        raise SyscallError(errno.EINVAL)

    def magic_link(self, t: Task) -> Path | None:
        """Where a link of /proc/PID leads regardless of its text; None for an ordinary link."""
        return None

    # --- contents ---

    def admits(self, t: Task, mask: int) -> bool:
        """What its mode forbids is allowed to this task nevertheless."""
        return False

    def open(self, t: Task, path: Path, flags: int) -> FileDescription | Block:
        """A description for it. The attributes are up to date where the file system is live, and permission has been
        checked; `flags` hold no creation flags any more."""
        raise SyscallError(errno.ENXIO)

    def emptied(self) -> None:
        """It is about to be opened by who will empty it."""

    def closed(self) -> None:
        """`opens` fell to zero."""

    def read_at(self, dst: memoryview, offset: int) -> int:
        """Bytes read, 0 at end of file."""
        raise SyscallError(errno.EINVAL)

    def stored(self, offset: int, size: int) -> memoryview | None:
        """FileDescription.stored()."""
        return None

    def write_at(self, src: memoryview, offset: int) -> int:
        """Bytes written, at least one; `size` grows as needed. ENOSPC."""
        raise SyscallError(errno.EINVAL)

    def truncate(self, size: int) -> None:
        """Cut or extend with a hole."""
        raise SyscallError(errno.EINVAL)

    def allocates_to_limit(self) -> bool:
        """RLIMIT_FSIZE is for what is allocated beyond the size, too."""
        return False

    def fallocate(self, mode: int, offset: int, length: int) -> None:
        """fallocate(2); the range is valid."""
        raise SyscallError(errno.EOPNOTSUPP)

    def seek_data(self, offset: int, hole: bool) -> int:
        """SEEK_DATA and SEEK_HOLE, offset inside the file: without holes."""
        return self.size if hole else offset

    def add_seals(self, seals: int) -> int:
        """F_ADD_SEALS."""
        raise SyscallError(errno.EINVAL)

    def write_sealed(self) -> bool:
        """Nothing is written to it any more."""
        return False

    def get_seals(self) -> int:
        """F_GET_SEALS."""
        raise SyscallError(errno.EINVAL)

    def outside_locks(self) -> OutsideLocks | None:
        """Those of the same file that others than guests hold; None: nobody else can."""
        return None

    def to_sync(self) -> int:
        """The host's descriptor of what has to reach the disk for fsync(2); -1: memory is all there is. EINVAL: no such
        operation (proc, sysfs)."""
        raise SyscallError(errno.EINVAL)

    def backing(self, shared: bool, prot: int) -> Backing:
        """What mmap(2) maps."""
        raise SyscallError(errno.ENODEV)
