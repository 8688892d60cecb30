"""HostBacking: a mapping of a host file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.fs.hostfs.inode import HostInode
    from sandbox.vfs.path import Path


class HostBacking:
    """A mapping of a host file."""

    counted = False

    def __init__(self, inode: HostInode, fd: int) -> None:
        self.key: object = inode.key
        self.name = ""
        self.place: Path | None = None
        self.base = 0
        self.device = inode.fs.dev
        self.inode = inode.ino
        self.keepable: object = inode
        self.outside = inode.host.has_others
        self._file = inode
        self._fd = fd

    def host_fd(self, writable: bool) -> int:
        """`writable` only for files that were opened for writing."""
        if writable:
            self._file.mapped = self._file.live = True
        return self._file.writer() if writable else self._file.reader()

    def acquire(self) -> None:
        """One mapping more keeps the descriptors."""
        self._file.maps += 1
        self._file.host.forget(self._file)
        if self.place is not None:
            self.place.pin()

    def drop(self) -> None:
        """One mapping fewer."""
        file = self._file
        file.maps -= 1
        if not file.maps:
            file.mapped = False
        file.settle()
        if self.place is not None:
            self.place.unpin()
