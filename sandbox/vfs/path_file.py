"""PathFile: what open(2) with O_PATH gives: a place, and no access to what is there."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.errors import SyscallError
from sandbox.vfs.regular_file import InodeFile

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.mm.backing import Backing
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path


class PathFile(InodeFile):
    """Operations that need an open file answer EBADF; descriptor tables already see to most of them."""

    def __init__(self, flags: int, path: Path, inode: Inode) -> None:
        super().__init__(flags, path, inode)
        inode.unseen += 1

    def release(self) -> None:
        """The last reference is gone."""
        self.inode.unseen -= 1
        super().release()

    def read(self, t: Task, dst: memoryview) -> int:
        """EBADF."""
        raise SyscallError(errno.EBADF)

    def write(self, t: Task, src: memoryview) -> int:
        """EBADF."""
        raise SyscallError(errno.EBADF)

    def backing(self, t: Task, shared: bool, prot: int) -> Backing:
        """EBADF."""
        raise SyscallError(errno.EBADF)
