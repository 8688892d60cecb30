"""OverlayFs: a host directory below, untouched, and what the sandbox changed above it, in memory.

It is a tmpfs whose directories and files may have a lower counterpart. An inode that was only looked
at is clean: made from the lower file on demand, forgotten with its dentry. What is changed becomes
dirty: it, and the way to it, stay in the `names` of their directories. So an inode is the same object
before and after copy-up, with the same number; hard links of the lower layer stay linked; renaming a
directory moves one object. Removed lower names are whiteouts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.stat import S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK
from sandbox.abi.linux.statfs import OVERLAYFS_SUPER_MAGIC
from sandbox.errors import SyscallError
from sandbox.fs.overlay.inode import OverlayDir, OverlayFile, OverlayInode, OverlaySpecial, OverlaySymlink
from sandbox.fs.tmpfs.filesystem import Tmpfs
from sandbox.vfs.space import SpaceAccount

if TYPE_CHECKING:
    from sandbox.fs.hostfs.filesystem import HostFs
    from sandbox.fs.hostfs.inode import HostInode
    from sandbox.fs.overlay.masks import MaskNode, Masks
    from tcpip.clock import Clock

FIRST_INO: Final = 1 << 40  # of files that have no lower counterpart
MAX_LINKED: Final = 20_000


class OverlayFs(Tmpfs):
    """`lower` is never written."""

    name = "overlay"
    magic = OVERLAYFS_SUPER_MAGIC

    def __init__(
        self, clock: Clock, dev: int, lower: HostFs, masks: Masks | None = None, account: SpaceAccount | None = None
    ) -> None:
        super().__init__(clock, dev, "overlay", account=account)
        self.lower = lower
        self.linked: dict[tuple[int, int], OverlayInode] = {}
        self._link_room = MAX_LINKED
        self.next_ino = FIRST_INO
        root = lower.top
        mask = masks.root if masks is not None else None
        top = OverlayDir(self, root.ino, S_IFDIR | root.mode & 0o7777, root.uid, root.gid)
        top.adopt(root, None, b"")
        top.mask = mask
        self.root = top

    def wrap(self, parent: OverlayDir, name: bytes, low: HostInode, mask: MaskNode | None) -> OverlayInode | None:
        """A clean inode over a lower file; None for a socket, which nobody could reach."""
        kind = low.mode & S_IFMT
        if kind == S_IFSOCK:
            return None
        linked = kind != S_IFDIR and low.nlink > 1
        if linked:
            known = self.linked.get(low.key)
            if known is not None:
                return known
        inode: OverlayInode
        if kind == S_IFREG:
            inode = OverlayFile(self, low.ino, low.mode, low.uid, low.gid)
        elif kind == S_IFDIR:
            directory = OverlayDir(self, low.ino, low.mode, low.uid, low.gid)
            directory.mask = mask
            inode = directory
        elif kind == S_IFLNK:
            try:
                target = low.host_readlink()
            except SyscallError:
                return None
            inode = OverlaySymlink(self, low.ino, target, low.uid, low.gid)
        else:
            inode = OverlaySpecial(self, low.ino, low.mode, low.uid, low.gid)
        inode.adopt(low, parent, name)
        if linked:
            if len(self.linked) >= self._link_room:
                self._forget_clean_links()
            self.linked[low.key] = inode
        return inode

    def _forget_clean_links(self) -> None:
        self.linked = {key: inode for key, inode in self.linked.items() if inode.dirty or inode.opens}
        self._link_room = max(MAX_LINKED, len(self.linked) + MAX_LINKED // 4)

    def options(self) -> str:
        """As overlayfs prints its layers."""
        return ",lowerdir=/lower,upperdir=/upper,workdir=/work"

    def unmounted(self) -> None:
        """The lower layer's descriptors too."""
        super().unmounted()
        self.lower.unmounted()
