"""Tmpfs: files in the sentry's memory (tmpfs(5)); also the writable part of the overlay."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.stat import S_IFDIR
from sandbox.abi.linux.statfs import TMPFS_MAGIC
from sandbox.errors import SyscallError
from sandbox.vfs.filesystem import Filesystem, FsStat
from sandbox.vfs.handles import Handles
from sandbox.vfs.space import NAME_COST, SpaceAccount

if TYPE_CHECKING:
    from sandbox.fs.tmpfs.options import TmpfsOptions
    from sandbox.vfs.inode import Inode
    from tcpip.clock import Clock

PAGE: Final = 4096
ENDED_AT_ONCE: Final = 8192  # names and files, before others have their turn


class Tmpfs(Filesystem):
    """Inode numbers count up from 1 (the root)."""

    name = "tmpfs"
    magic = TMPFS_MAGIC
    acls = True

    def __init__(
        self,
        clock: Clock,
        dev: int,
        source: str = "tmpfs",
        mode: int = 0o1777,
        uid: int = 0,
        gid: int = 0,
        account: SpaceAccount | None = None,
    ) -> None:
        from sandbox.fs.tmpfs.directory import TmpfsDir

        super().__init__(clock, dev, source)
        self.account = account if account is not None else SpaceAccount()
        self.asked: TmpfsOptions | None = None  # what mount(2) was given
        self.next_ino = 0
        self.ending: list[Inode] = []  # once it is mounted nowhere: what is left of it
        self.handles = Handles()
        self.root = TmpfsDir(self, self.new_ino(), S_IFDIR | mode, uid, gid)

    def new_ino(self) -> int:
        """A number that was never used before, for an inode that counts from now on; ENOSPC."""
        self.account.take_inode()
        self.next_ino += 1
        return self.next_ino

    def statfs(self) -> FsStat:
        """Limits and what is left of them."""
        out = FsStat(self.magic)
        account = self.account
        out.blocks = account.limit
        out.bfree = out.bavail = account.free()
        out.files = account.inode_limit
        out.ffree = account.inode_limit - account.inodes
        return out

    def unmounted(self) -> None:
        """All that is in it is to be given back."""
        self.ending = [self.root]

    def gives_back(self) -> bool:
        from sandbox.fs.tmpfs.directory import TmpfsDir

        waiting = self.ending
        for _ in range(ENDED_AT_ONCE):
            if not waiting:
                break
            inode = waiting[-1]
            if isinstance(inode, TmpfsDir) and inode.names:
                name, child = inode.names.popitem()
                self.account.add_bytes(-NAME_COST - len(name))
                waiting.append(child)
                continue
            waiting.pop()
            inode.nlink = 0
            if not inode.opens:
                inode.closed()
        return bool(waiting)

    def resize(self, asked: TmpfsOptions) -> None:
        """A remount with new limits; EINVAL."""
        if self.asked is None:
            raise SyscallError(errno.EINVAL)
        self.asked.resize(asked, self.account)

    def options(self) -> str:
        """As they were asked for, or size= in KiB."""
        if self.asked is not None:
            return self.asked.shown(self.account)
        return f",size={self.account.limit * (PAGE // 1024)}k"
