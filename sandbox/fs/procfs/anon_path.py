"""A place for an open file that has none: what a magic link of /proc/PID/fd to a pipe or socket leads to."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.errors import SyscallError
from sandbox.vfs.dentry import Dentry
from sandbox.vfs.filesystem import Filesystem
from sandbox.vfs.inode import Inode
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
            attributes.time,
        )
        self.rdev = attributes.rdev
        self.file = file

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
