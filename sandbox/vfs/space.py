"""SpaceAccount: what files kept in memory may use."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.errors import SyscallError

DEFAULT_SIZE: Final = 2 << 30
DEFAULT_INODES: Final = 1 << 20
PAGE: Final = 4096


class SpaceAccount:
    """Pages and inodes in use against their limits; several file systems may share one."""

    __slots__ = ("limit", "used", "inode_limit", "inodes")

    def __init__(self, size: int = DEFAULT_SIZE, inodes: int = DEFAULT_INODES) -> None:
        self.limit = size // PAGE
        self.used = 0
        self.inode_limit = inodes
        self.inodes = 0

    @property
    def tight(self) -> bool:
        """So little is left that each write has to be checked page by page."""
        return self.limit - self.used < 2048

    def free(self) -> int:
        """Pages that are left."""
        return max(self.limit - self.used, 0)

    def take_inode(self) -> None:
        """One inode more; ENOSPC."""
        if self.inodes >= self.inode_limit:
            raise SyscallError(errno.ENOSPC)
        self.inodes += 1
