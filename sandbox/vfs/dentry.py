"""Dentry: a name in a directory, remembered (Documentation/filesystems/vfs.rst, "The dentry cache").

Inodes are the truth; dentries are a cache of names over them and the places where mounts attach.
A dentry without an inode is negative: the name is known not to exist. The cache of each
`DentryCache` is bounded; what is pinned (open files, working directories, mounts) or has cached
children stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sandbox.vfs.inode import Inode

DEFAULT_LIMIT: Final = 50_000


class Dentry:
    """`parent` of a root is itself. `mounts`: how many mounts attach here, in any namespace."""

    __slots__ = ("name", "parent", "inode", "children", "pins", "mounts", "deleted")

    parent: Dentry

    def __init__(self, name: bytes, parent: Dentry | None, inode: Inode | None) -> None:
        self.name = name
        self.parent = parent if parent is not None else self
        self.inode = inode
        self.children: dict[bytes, Dentry] = {}
        self.pins = 0
        self.mounts = 0
        self.deleted = False

    def within(self, ancestor: Dentry) -> bool:
        """It is `ancestor` or lies below it in the same file system."""
        dentry = self
        while True:
            if dentry is ancestor:
                return True
            parent = dentry.parent
            if parent is dentry:
                return False
            dentry = parent


class DentryCache:
    """Enters and drops dentries; one for all file systems of a sandbox."""

    __slots__ = ("count", "limit", "_hand")

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self.count = 0
        self.limit = limit
        self._hand: dict[Dentry, None] = {}  # those that are in a directory, in order of arrival

    def add(self, parent: Dentry, name: bytes, inode: Inode | None) -> Dentry:
        """A new dentry for `name`, replacing what was cached under it."""
        dentry = Dentry(name, parent, inode)
        self._enter(dentry, parent, name)
        if self.count > self.limit:
            self._shrink(dentry)
        return dentry

    def _enter(self, dentry: Dentry, parent: Dentry, name: bytes) -> None:
        old = parent.children.get(name)
        if old is None:
            self.count += 1
        else:
            self._hand.pop(old, None)
        parent.children[name] = dentry
        self._hand[dentry] = None

    def forget(self, dentry: Dentry) -> None:
        """The name no longer leads here (stale, or removed)."""
        children = dentry.parent.children
        if children.get(dentry.name) is dentry:
            del children[dentry.name]
            self.count -= 1
            self._hand.pop(dentry, None)

    def forget_file_system(self, root: Dentry) -> None:
        """It is mounted nowhere any more: no name in it is looked up again, but from what is held open
        (shrink_dcache_for_umount)."""
        found = [root]
        for dentry in found:
            found.extend(dentry.children.values())
        for dentry in reversed(found):
            if not (dentry.pins or dentry.mounts or dentry.children or dentry is root):
                self.forget(dentry)

    def prune(self) -> None:
        """Forget every name that nobody holds: it is looked up again when it is needed."""
        before = -1
        while self.count != before:
            before = self.count
            for dentry in list(self._hand):
                if not (dentry.pins or dentry.mounts or dentry.children):
                    self.forget(dentry)

    def forget_below(self, dentry: Dentry) -> None:
        """The name leads nowhere any more, and so do those below it; but for what something is mounted on."""
        for child in list(dentry.children.values()):
            self.forget_below(child)
        if not dentry.mounts and not dentry.children:
            self.forget(dentry)

    def delete(self, dentry: Dentry) -> None:
        """The file was unlinked: the dentry stays with those who hold it."""
        self.forget(dentry)
        dentry.deleted = True

    def move(self, dentry: Dentry, parent: Dentry, name: bytes) -> None:
        """Rename; what was cached at the new place is forgotten."""
        self.forget(dentry)
        dentry.parent = parent
        dentry.name = name
        self._enter(dentry, parent, name)

    def exchange(self, a: Dentry, b: Dentry) -> None:
        """RENAME_EXCHANGE."""
        a.parent.children[a.name], b.parent.children[b.name] = b, a
        a.parent, b.parent = b.parent, a.parent
        a.name, b.name = b.name, a.name

    def _shrink(self, keep: Dentry) -> None:
        """Drop the older unpinned leaves until a quarter of the room is free."""
        goal = self.limit - self.limit // 4
        for _ in range(3):  # a pass frees leaves; their parents become leaves
            for dentry in list(self._hand):
                busy = dentry.pins or dentry.mounts or dentry.children or dentry is keep
                same = dentry.inode is not None and dentry.inode is keep.inode
                if not busy and not same:
                    self.forget(dentry)
                    if self.count <= goal:
                        return
        if self.count > self.limit:
            self.limit = self.count + self.limit // 4  # everything is in use: no use in trying each time
