"""Path: a mount and a dentry in it: a place in the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.vfs.dentry import Dentry
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.mount import Mount


class Path:
    """Never changed. Who keeps one beyond a system call pins its dentry (`pin`, `unpin`)."""

    __slots__ = ("mount", "dentry")

    def __init__(self, mount: Mount, dentry: Dentry) -> None:
        self.mount = mount
        self.dentry = dentry

    @property
    def inode(self) -> Inode:
        """The file; a looked-up path always has one."""
        inode = self.dentry.inode
        assert inode is not None
        return inode

    def pin(self) -> Path:
        """Keep the dentry in the cache and the mount busy; returns itself."""
        self.dentry.pins += 1
        self.mount.pins += 1
        return self

    def unpin(self) -> None:
        """The opposite."""
        dentry, mount = self.dentry, self.mount
        dentry.pins -= 1
        mount.pins -= 1
        if mount.ended and not mount.pins:
            mount.namespace.vfs.unpinned(mount)

    def same(self, other: Path) -> bool:
        """The same place."""
        return self.dentry is other.dentry and self.mount is other.mount

    def text(self, root: Path | None = None) -> bytes:
        """The absolute path as /proc and getcwd(2) show it, seen from `root`.

        ` (deleted)` is appended to what has no name any more; what is not under `root` starts with
        `(unreachable)`. What was moved out of the part of a file system that its mount shows is `/`.
        """
        parts: list[bytes] = []
        mount, dentry = self.mount, self.dentry
        deleted = dentry.deleted
        while True:
            if root is not None and dentry is root.dentry and mount is root.mount:
                prefix = b""
                break
            if dentry is mount.root:
                parent, point = mount.parent, mount.point
                if parent is None or point is None:
                    known = root is None or mount.id == 0 or mount is root.mount.namespace.root
                    prefix = b"" if known else b"(unreachable)"
                    break
                mount, dentry = parent, point
                continue
            above = dentry.parent
            if above is dentry:
                parts.clear()
                prefix = b"" if root is None else b"(unreachable)"
                break
            parts.append(dentry.name)
            dentry = above
        text = prefix + b"/" + b"/".join(reversed(parts))
        return text + b" (deleted)" if deleted else text
