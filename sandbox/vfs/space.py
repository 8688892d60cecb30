"""SpaceAccount: what files kept in memory may use."""

from __future__ import annotations

import errno
from typing import Final, Protocol

from sandbox.errors import SyscallError

DEFAULT_SIZE: Final = 2 << 30
DEFAULT_INODES: Final = 1 << 20
PAGE: Final = 4096
INODE_COST: Final = 1024  # bytes that the sentry itself spends on a file
_TIGHT: Final = 2048  # pages
NAME_COST: Final = 384  # and on a name, besides its length


class Measured(Protocol):
    """A file that a mapping can make use more."""

    def blocks(self) -> int:
        """Measure it, and charge what it has become."""


class SpaceAccount:
    """Pages and inodes in use against their limits; several file systems may share one.

    `parent` bounds the whole sandbox: what is charged here is charged there too. An account without a
    parent also counts `overhead`: the sentry's own memory for inodes, names, link texts and attributes,
    in bytes, so that small files and names cannot outgrow the bound.
    """

    __slots__ = ("limit", "used", "inode_limit", "inodes", "overhead", "parent", "mapped")

    def __init__(
        self, size: int = DEFAULT_SIZE, inodes: int = DEFAULT_INODES, parent: SpaceAccount | None = None
    ) -> None:
        self.limit = size // PAGE
        self.used = 0
        self.inode_limit = inodes
        self.inodes = 0
        self.overhead = 0
        self.parent = parent
        self.mapped: dict[Measured, None] = parent.mapped if parent is not None else {}  # files of the whole sandbox

    @property
    def tight(self) -> bool:
        """So little is left that each write has to be checked page by page."""
        account: SpaceAccount | None = self
        while account is not None:
            if account.limit - account.used - (account.overhead >> 12) < _TIGHT:
                return True
            account = account.parent
        return False

    def free(self) -> int:
        """Pages that are left."""
        left = self.limit - self.used - (self.overhead >> 12)
        parent = self.parent
        if parent is not None:
            left = min(left, parent.free())
        return max(left, 0)

    def charge(self, pages: int) -> None:
        """Pages more, or fewer when negative."""
        self.used += pages
        if self.parent is not None:
            self.parent.used += pages

    def take_inode(self) -> None:
        """One inode more; ENOSPC."""
        if self.inodes >= self.inode_limit:
            raise SyscallError(errno.ENOSPC)
        self.take_bytes(INODE_COST)
        self.inodes += 1

    def give_inode(self) -> None:
        """One inode fewer."""
        self.inodes -= 1
        self.add_bytes(-INODE_COST)

    def take_bytes(self, size: int) -> None:
        """Memory of the sentry's own; ENOSPC when the sandbox's bound is reached."""
        top = self.parent if self.parent is not None else self
        left = top.limit - top.used - (top.overhead >> 12)
        if left <= 0 or left << 12 < size:
            raise SyscallError(errno.ENOSPC)
        top.overhead += size

    def add_bytes(self, size: int) -> None:
        """As `take_bytes` (or its opposite, when negative) where there is no way back: it never fails."""
        top = self.parent if self.parent is not None else self
        top.overhead += size
