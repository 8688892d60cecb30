"""DeviceRegistry: what opening a device node, a FIFO or a socket in the tree leads to.

Drivers register an opener by (major, minor), or by major alone; nodes of other numbers are ENXIO, of misc devices ENODEV
(misc_open in drivers/char/misc.c).
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable

from sandbox.abi.linux.stat import S_IFBLK, S_IFCHR, S_IFIFO, S_IFMT, major, minor
from sandbox.errors import SyscallError

if TYPE_CHECKING:
    from sandbox.kernel.control import Block
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path

Opener = Callable[["Task", "Path", "Inode", int], "FileDescription | Block"]

ANY = -1
MISC_MAJOR = 10
"""Of include/uapi/linux/major.h."""


class DeviceRegistry:
    """What drivers have registered."""

    def __init__(self) -> None:
        self._char: dict[tuple[int, int], Opener] = {}

    def register(self, major_number: int, minor_number: int, opener: Opener) -> None:
        """Character device; `minor_number` ANY stands for all minors that have none of their own."""
        self._char[(major_number, minor_number)] = opener

    def open(self, t: Task, path: Path, inode: Inode, flags: int) -> FileDescription | Block:
        """Open a special file; ENXIO, or ENODEV, when nothing is behind it."""
        kind = inode.mode & S_IFMT
        if kind == S_IFCHR:
            number = (major(inode.rdev), minor(inode.rdev))
            opener = self._char.get(number) or self._char.get((number[0], ANY))
            if opener is not None:
                return opener(t, path, inode, flags)
            if number[0] == MISC_MAJOR:
                raise SyscallError(errno.ENODEV)
        elif kind == S_IFIFO:
            from sandbox.kernel.pipe import open_fifo

            return open_fifo(t, path, inode, flags)
        elif kind == S_IFBLK:
            raise SyscallError(errno.ENXIO)
        raise SyscallError(errno.ENXIO)
