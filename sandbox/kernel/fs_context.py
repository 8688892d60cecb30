"""FSContext: root, working directory and umask of a task (struct fs_struct)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.vfs.path import Path


class FSContext:
    """Shared by tasks cloned with CLONE_FS; fork copies it. Both paths are pinned."""

    __slots__ = ("root", "cwd", "umask", "users")

    def __init__(self, root: Path, cwd: Path, umask: int = 0o022) -> None:
        self.root = root.pin()
        self.cwd = cwd.pin()
        self.umask = umask
        self.users = 1

    def set_root(self, path: Path) -> None:
        """chroot(2)."""
        path.pin()
        self.root.unpin()
        self.root = path

    def set_cwd(self, path: Path) -> None:
        """chdir(2)."""
        path.pin()
        self.cwd.unpin()
        self.cwd = path

    def share(self) -> FSContext:
        """CLONE_FS: one more task uses it."""
        self.users += 1
        return self

    def copy(self) -> FSContext:
        """fork, unshare."""
        return FSContext(self.root, self.cwd, self.umask)

    def release(self) -> None:
        """One task fewer uses it."""
        self.users -= 1
        if self.users == 0:
            self.root.unpin()
            self.cwd.unpin()
