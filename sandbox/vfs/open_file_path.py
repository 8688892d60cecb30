"""A place for an open file that has none: what fchmod(2) and its like change, and what a magic link of
/proc/PID/fd to a pipe or socket leads to."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.fcntl import O_ACCMODE, O_RDONLY
from sandbox.abi.linux.stat import S_IFMT
from sandbox.errors import SyscallError
from sandbox.vfs.dentry import Dentry
from sandbox.vfs.filesystem import Filesystem
from sandbox.vfs.inode import Inode
from sandbox.vfs.kstat import Kstat
from sandbox.vfs.memfd import internal_mount
from sandbox.vfs.path import Path

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from tcpip.clock import Clock


class OpenFileInode(Inode):
    """Attributes of the open file; opening it asks the file for a second description of the same object."""

    __slots__ = ("file",)

    def __init__(self, clock: Clock, file: FileDescription) -> None:
        attributes = file.stat()
        super().__init__(
            Filesystem(clock, attributes.dev),
            attributes.ino,
            attributes.mode,
            attributes.uid,
            attributes.gid,
            attributes.ctime,
        )
        self.atime, self.mtime = attributes.atime, attributes.mtime
        self.rdev = attributes.rdev
        self.file = file

    def set_mode(self, mode: int) -> None:
        """The file's own permission bits; EOPNOTSUPP."""
        self._change(self.mode & S_IFMT | mode, self.uid, self.gid, self.atime, self.mtime)

    def set_owner(self, uid: int, gid: int) -> None:
        """The file's own owner; EOPNOTSUPP."""
        self._change(self.mode, uid, gid, self.atime, self.mtime)

    def set_times(self, atime: int | None, mtime: int | None, ctime: int) -> None:
        """The file's own times; EOPNOTSUPP."""
        self._change(
            self.mode,
            self.uid,
            self.gid,
            self.atime if atime is None else atime,
            self.mtime if mtime is None else mtime,
        )

    def _change(self, mode: int, uid: int, gid: int, atime: int, mtime: int) -> None:
        attributes = Kstat(mode, self.ino, self.fs.dev, uid, gid, self.fs.now())
        attributes.atime, attributes.mtime, attributes.rdev = atime, mtime, self.rdev
        self.file.set_stat(attributes)
        self.mode, self.uid, self.gid = mode, uid, gid
        self.atime, self.mtime, self.ctime = atime, mtime, attributes.ctime

    def truncate(self, size: int) -> None:
        """The file's own size (O_TRUNC of a file that the host has given). EACCES for one that is only read."""
        if self.file.flags & O_ACCMODE == O_RDONLY:
            raise SyscallError(errno.EACCES)
        self.file.truncate(size)

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """ENXIO where there can be no second description (sockets)."""
        file = self.file.reopen(t, flags)
        if file is None:
            raise SyscallError(errno.ENXIO)
        return file


def path_of(t: Task, file: FileDescription) -> Path:
    """Where `file` is: its place in the tree, or one of its own."""
    if file.path is not None:
        return file.path
    mount = internal_mount(t)
    dentry = Dentry(
        file.link_text().encode("utf-8", "surrogateescape"), mount.root, OpenFileInode(mount.fs.clock, file)
    )
    return Path(mount, dentry)
