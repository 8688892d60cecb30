"""StackedFs: overlayfs as a guest mounts it, of directories of other file systems inside (fs/overlayfs/,
Documentation/filesystems/overlayfs.rst).

The upper layer has Linux's own format: a removed name is a character device 0:0, a directory that hides what is below it has
the attribute trusted.overlay.opaque (user.overlay.opaque with `userxattr`). What is changed is copied up first. Inode numbers
are those of the first layer that has a file, with the layer's file system in the highest byte where there are several, as
with xino=on; so they stay the same when a file is copied up while the file system is mounted. Hard links of lower files
break, and get other numbers, as with index=off; a directory that is not only in the upper layer cannot be renamed (EXDEV), as with
redirect_dir=off, and one that another system has renamed so is refused (EPERM), as with redirect_dir=nofollow.

Differs: the upper directory may lie on the sandbox's own root, which is an overlay itself.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.stat import S_IFLNK, S_IFMT, S_IFREG
from sandbox.abi.linux.statfs import OVERLAYFS_SUPER_MAGIC
from sandbox.errors import SyscallError
from sandbox.fs.overlay.stacked_inode import StackedFile, StackedInode, StackedSpecial, StackedSymlink
from sandbox.vfs.dentry import Dentry
from sandbox.vfs.filesystem import Filesystem, FsStat
from sandbox.vfs.mount import Mount
from sandbox.vfs.path import Path

if TYPE_CHECKING:
    from sandbox.fs.overlay.stacked_dir import StackedDir
    from sandbox.fs.overlay.stacked_options import Layers
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.mount import MountNamespace, Vfs

KNOWN_MOST: Final = 20_000
ORIGINS_MOST: Final = 65_536
_HIGH: Final = 56


class StackedFs(Filesystem):
    """`prefix`: of its own extended attributes. Without an upper layer it is read-only."""

    name = "overlay"
    magic = OVERLAYFS_SUPER_MAGIC
    acls = True

    def __init__(self, vfs: Vfs, namespace: MountNamespace, source: str, layers: Layers) -> None:
        from sandbox.fs.overlay.stacked_dir import StackedDir

        super().__init__(vfs.clock, vfs.new_dev(), source)
        self.vfs = vfs
        self.layers = layers
        self.prefix = b"user.overlay." if layers.userxattr else b"trusted.overlay."
        self.readonly = layers.upper is None
        self.depth = layers.depth()
        self.filesystems = list(dict.fromkeys(inode.fs for inode in layers.inodes()))
        self.known: dict[
            Inode, StackedInode
        ] = {}  # of upper files that may have several names, or are tied to something
        self.origins: dict[tuple[int, int], int] = {}  # by device and inode of upper files: the number before copy-up
        self._room = KNOWN_MOST
        self._mounts = {fs: Mount(0, fs, Dentry(b"/", None, fs.root), 0, namespace) for fs in self.filesystems}
        upper = layers.upper.inode if layers.upper is not None else None
        self.root = StackedDir(self, upper, [path.inode for path in layers.lowers], None, b"")

    # --- inodes ---

    def own(self, name: bytes) -> bool:
        """An attribute by which the layers are kept."""
        return name.startswith(self.prefix)

    def marks(self, real: Inode, name: bytes) -> bytes:
        """The value of one of those; empty: it is not there."""
        try:
            return real.get_xattr(self.prefix + name)
        except SyscallError:
            return b""

    def number(self, real: Inode) -> int:
        """The inode number of what `real` is the first layer's file of."""
        if len(self.filesystems) == 1:
            return real.ino
        return (real.ino & (1 << _HIGH) - 1) | self.filesystems.index(real.fs) + 1 << _HIGH

    def origin(self, upper: Inode, lower: Inode) -> None:
        """`upper` is a copy of `lower`."""
        if len(self.origins) >= ORIGINS_MOST:
            del self.origins[next(iter(self.origins))]
        self.origins[upper.fs.dev, upper.ino] = self.number(lower)

    def wrap(self, directory: StackedDir, name: bytes, upper: Inode | None, lower: Inode | None) -> StackedInode:
        """A file that is no directory."""
        real = upper if upper is not None else lower
        assert real is not None
        found = self.known.get(real)
        if found is not None:
            return found
        kind = real.mode & S_IFMT
        inode: StackedInode
        if kind == S_IFREG:
            inode = StackedFile(self, upper, lower, directory, name)
        elif kind == S_IFLNK:
            inode = StackedSymlink(self, upper, lower, directory, name)
        else:
            inode = StackedSpecial(self, upper, lower, directory, name)
        if upper is not None:
            self.remember(inode)
        return inode

    def remember(self, inode: StackedInode) -> None:
        """One object for all names of an upper file, and for as long as something is tied to it."""
        real = inode.upper
        if real is None or (real.nlink < 2 and isinstance(inode, (StackedFile, StackedSymlink))):
            return
        if len(self.known) >= self._room:
            self.known = {r: i for r, i in self.known.items() if i.opens or i.attached is not None}
            self._room = max(KNOWN_MOST, 2 * len(self.known))
        self.known[real] = inode

    def place_of(self, real: Inode) -> Path:
        """Where a layer's file is opened: in no tree."""
        mount = self._mounts[real.fs]
        return Path(mount, Dentry(b"layer", mount.root, real))

    # --- file system ---

    def statfs(self) -> FsStat:
        """The upper layer's, else the first lower one's."""
        stat = (self.layers.upper or self.layers.lowers[0]).inode.fs.statfs()
        stat.magic = self.magic
        return stat

    def options(self) -> str:
        return self.layers.text()

    def sync(self) -> None:
        if self.layers.upper is not None:
            self.layers.upper.inode.fs.sync()

    def mount_made(self, root: Inode) -> None:
        """It keeps the layers' file systems; EINVAL when one has ended before that."""
        if not all([self.vfs.is_mounted(fs) for fs in self.filesystems]):
            raise SyscallError(errno.EINVAL)
        for fs in self.filesystems:
            self.vfs.used(fs)

    def mount_gone(self, root: Inode) -> None:
        for fs in self.filesystems:
            self.vfs.unused(fs)


def look(directory: Inode, name: bytes) -> Inode | None:
    """What a layer's directory has; None for nothing and for what cannot be looked at."""
    try:
        found = directory.lookup(name)
    except SyscallError:
        return None
    if found is not None and found.live:
        found.refresh()
    return found
