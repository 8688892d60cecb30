"""CgroupNode: what directories and control files have in common: attributes that can be changed, to delegate a group, and
extended ones, in which service managers keep notes (fs/kernfs/inode.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.xattr import XATTR_CREATE, XATTR_REPLACE
from sandbox.errors import SyscallError
from sandbox.fs.pseudo.kept import KeptInode

if TYPE_CHECKING:
    from sandbox.fs.cgroupfs.filesystem import CgroupFs

MOST: Final = 128  # attributes of a node (KERNFS_MAX_USER_XATTRS; here trusted.* and security.* have as many)
MOST_BYTES: Final = 128 << 10  # of their values (KERNFS_USER_XATTR_SIZE_LIMIT)


class CgroupNode(KeptInode):
    """`owner`: user and group."""

    __slots__ = ("cgroups", "xattrs")

    def __init__(self, fs: CgroupFs, mode: int, owner: tuple[int, int]) -> None:
        super().__init__(fs, fs.new_ino(), mode, owner[0], owner[1], fs.now())
        self.cgroups = fs
        self.xattrs: dict[bytes, bytes] | None = None

    def get_xattr(self, name: bytes) -> bytes:
        """ENODATA."""
        value = None if self.xattrs is None else self.xattrs.get(name)
        if value is None:
            raise SyscallError(errno.ENODATA)
        return value

    def set_xattr(self, name: bytes, value: bytes, flags: int) -> None:
        """EEXIST, ENODATA by flags; ENOSPC at the bounds."""
        have = {} if self.xattrs is None else self.xattrs
        if flags & XATTR_CREATE and name in have:
            raise SyscallError(errno.EEXIST)
        if flags & XATTR_REPLACE and name not in have:
            raise SyscallError(errno.ENODATA)
        user = name.startswith(b"user.")
        others = [len(kept) for key, kept in have.items() if key != name and key.startswith(b"user.") == user]
        if len(others) >= MOST or sum(others) + len(value) > MOST_BYTES:
            raise SyscallError(errno.ENOSPC)
        self.xattrs = {**have, name: value}

    def remove_xattr(self, name: bytes) -> None:
        """ENODATA."""
        self.get_xattr(name)
        assert self.xattrs is not None
        self.xattrs = {key: kept for key, kept in self.xattrs.items() if key != name}

    def list_xattr(self) -> list[bytes]:
        """All names."""
        return [] if self.xattrs is None else list(self.xattrs)
