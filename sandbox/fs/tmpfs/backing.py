"""TmpfsBacking: a mapping of a tmpfs file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.fs.tmpfs.inode import TmpfsFile
    from sandbox.vfs.path import Path


class TmpfsBacking:
    """The file's memfd; it lives as long as the file has a name, a description or a mapping."""

    counted = False
    outside = False
    keepable: object = None

    def __init__(self, file: TmpfsFile, writable: bool) -> None:
        self.key: object = (file.fs.dev, file.ino)
        self.name = ""
        self.place: Path | None = None
        self.base = 0
        self.device = file.fs.dev
        self.inode = file.ino
        self._file = file
        self._writable = int(writable)

    def host_fd(self, writable: bool) -> int:
        """The memfd, read-write: who may write was decided when the file was opened."""
        return self._file.data.fd

    def acquire(self) -> None:
        """One mapping more."""
        data = self._file.data
        data.maps += 1
        data.writable_maps += self._writable
        data.account.mapped[data] = None
        if self.place is not None:
            self.place.pin()

    def drop(self) -> None:
        """One mapping fewer."""
        file = self._file
        file.data.maps -= 1
        file.data.writable_maps -= self._writable
        if file.data.maps == 0:
            file.data.blocks()
            file.data.account.mapped.pop(file.data, None)
        if file.data.maps == 0 and file.nlink == 0 and file.opens == 0:
            file.data.release()
        if self.place is not None:
            self.place.unpin()
