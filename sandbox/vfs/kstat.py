"""Kstat: the attributes of a file that has no inode in the tree; packing of struct stat and struct statx."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.stat import (
    STAT,
    STATX,
    STATX_ATTR_APPEND,
    STATX_ATTR_IMMUTABLE,
    STATX_ATTR_MOUNT_ROOT,
    STATX_ATTR_NODUMP,
    STATX_BASIC_STATS,
    STATX_BTIME,
    STATX_MNT_ID,
    major,
    makedev,
    minor,
)

if TYPE_CHECKING:
    from sandbox.kernel.user_namespace import UserNamespace
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path

S: Final = 1_000_000_000
_FLAGS: Final = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP  # the numbers of FS_*_FL
_STAT: Final = STAT.pack
ANON_DEV: Final = makedev(0, 15)  # anon_inodefs
PIPE_DEV: Final = makedev(0, 14)
SOCK_DEV: Final = makedev(0, 8)


class Kstat:
    """`mode` with the file type; times in ns."""

    __slots__ = ("mode", "ino", "dev", "uid", "gid", "nlink", "size", "rdev", "atime", "mtime", "ctime")

    def __init__(self, mode: int, ino: int = 1, dev: int = ANON_DEV, uid: int = 0, gid: int = 0, time: int = 0) -> None:
        self.mode = mode
        self.ino = ino
        self.dev = dev
        self.uid = uid
        self.gid = gid
        self.nlink = 1
        self.size = 0
        self.rdev = 0
        self.atime = self.mtime = self.ctime = time

    def pack(self, user: UserNamespace) -> bytes:
        """struct stat, for somebody in `user`."""
        atime, mtime, ctime = self.atime, self.mtime, self.ctime
        # fmt: off
        return STAT.pack(
            self.dev, self.ino, self.nlink, self.mode, user.uids.shown(self.uid), user.gids.shown(self.gid), 0, self.rdev, self.size, 4096, 0,
            atime // S, atime % S, mtime // S, mtime % S, ctime // S, ctime % S,
        )
        # fmt: on

    def packx(self, user: UserNamespace) -> bytes:
        """struct statx."""
        atime, mtime, ctime = self.atime, self.mtime, self.ctime
        # fmt: off
        return STATX.pack(
            STATX_BASIC_STATS | STATX_MNT_ID, 4096, 0, self.nlink, user.uids.shown(self.uid), user.gids.shown(self.gid), self.mode, self.ino, self.size,
            0, STATX_ATTR_MOUNT_ROOT, atime // S, atime % S, 0, 0, ctime // S, ctime % S, mtime // S, mtime % S,
            major(self.rdev), minor(self.rdev), major(self.dev), minor(self.dev), 0,
        )
        # fmt: on


def pack_stat(inode: Inode, user: UserNamespace) -> bytes:
    """struct stat of an inode, by its fields, for somebody in `user`."""
    atime, mtime, ctime = inode.atime, inode.mtime, inode.ctime
    # fmt: off
    return _STAT(
        inode.fs.dev, inode.ino, inode.nlink, inode.mode, user.uids.shown(inode.uid), user.gids.shown(inode.gid), 0, inode.rdev, inode.size,
        inode.blksize(), inode.blocks(),
        atime // S, atime % S, mtime // S, mtime % S, ctime // S, ctime % S,
    )
    # fmt: on


def pack_statx(path: Path, user: UserNamespace) -> bytes:
    """struct statx of a place in the tree, by the fields of its inode."""
    inode = path.inode
    dev, rdev = inode.fs.dev, inode.rdev
    attributes = STATX_ATTR_MOUNT_ROOT if path.dentry is path.mount.root else 0
    known = STATX_ATTR_MOUNT_ROOT
    if inode.flaggable():
        known |= _FLAGS
        attributes |= inode.attrs & _FLAGS
    mask = STATX_BASIC_STATS | STATX_MNT_ID
    btime = inode.btime
    if btime:
        mask |= STATX_BTIME
    # fmt: off
    return STATX.pack(
        mask, inode.blksize(), attributes, inode.nlink, user.uids.shown(inode.uid), user.gids.shown(inode.gid), inode.mode, inode.ino, inode.size,
        inode.blocks(), known,
        inode.atime // S, inode.atime % S, btime // S, btime % S, inode.ctime // S, inode.ctime % S,
        inode.mtime // S, inode.mtime % S, major(rdev), minor(rdev), major(dev), minor(dev), path.mount.id,
    )
    # fmt: on
