"""memfd_secret(2): memory that nobody but who maps it can look at (mm/secretmem.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_LARGEFILE, O_RDWR
from sandbox.abi.linux.mman import VM_SECRET
from sandbox.abi.linux.stat import S_IFREG
from sandbox.errors import SyscallError
from sandbox.fs.tmpfs.filesystem import Tmpfs
from sandbox.fs.tmpfs.inode import TmpfsFile
from sandbox.vfs.dentry import Dentry
from sandbox.vfs.memfd import InternalFile, internal_mount
from sandbox.vfs.path import Path

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.mm.memory_manager import MemoryManager

SECRETMEM_MAGIC: Final = 0x5345434D


class SecretMem(Tmpfs):
    """What the files are of."""

    name = "secretmem"
    magic = SECRETMEM_MAGIC


class SecretInode(TmpfsFile):
    """Its size is set once."""

    __slots__ = ()

    def truncate(self, size: int) -> None:
        """EINVAL when it has a size (secretmem_setattr)."""
        if self.size:
            raise SyscallError(errno.EINVAL)
        super().truncate(size)

    def fallocate(self, mode: int, offset: int, length: int) -> None:
        raise SyscallError(errno.EOPNOTSUPP)

    def to_sync(self) -> int:
        raise SyscallError(errno.EINVAL)

    def closed(self) -> None:
        """It has no name, although it counts one."""
        self.nlink = 0
        super().closed()


class SecretFile(InternalFile):
    """It can only be mapped, shared."""

    secret = True
    can_read = False
    can_write = False

    def read(self, t: Task, dst: memoryview) -> int:
        raise SyscallError(errno.EINVAL)

    def write(self, t: Task, src: memoryview) -> int:
        raise SyscallError(errno.EINVAL)

    def pread(self, t: Task, dst: memoryview, offset: int) -> int:
        raise SyscallError(errno.ESPIPE)

    def pwrite(self, t: Task, src: memoryview, offset: int) -> int:
        raise SyscallError(errno.ESPIPE)

    def seek(self, t: Task, offset: int, whence: int) -> int:
        raise SyscallError(errno.ESPIPE)


def new_secret(t: Task) -> SecretFile:
    """A description of a new, empty one."""
    kernel = t.kernel
    fs = kernel.secretmem
    vfs = kernel.mounts.vfs
    if fs is None:
        fs = kernel.secretmem = SecretMem(vfs.clock, vfs.new_dev(), account=vfs.space)
    inode = SecretInode(fs, fs.new_ino(), S_IFREG | 0o600, t.creds.fsuid, t.creds.fsgid)
    mount = internal_mount(t)
    dentry = Dentry(b"secretmem", mount.root, inode)
    dentry.deleted = True
    return SecretFile(O_RDWR | O_LARGEFILE, Path(mount, dentry), inode)


def open_part(mm: MemoryManager | None, address: int, size: int) -> int:
    """How many bytes from `address` on others may look at: up to such memory."""
    if mm is not None:
        for area in mm.areas.overlapping(address, address + size):
            if area.flags & VM_SECRET:
                return max(0, area.start - address)
    return size
