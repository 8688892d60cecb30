"""memfd_create(2): a file of a tmpfs that is mounted nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.abi.linux.fcntl import F_SEAL_EXEC, F_SEAL_SEAL, O_LARGEFILE, O_RDWR
from sandbox.abi.linux.stat import S_IFREG
from sandbox.fs.tmpfs.filesystem import Tmpfs
from sandbox.fs.tmpfs.inode import TmpfsFile
from sandbox.vfs.dentry import Dentry
from sandbox.vfs.mount import Mount
from sandbox.vfs.path import Path
from sandbox.vfs.regular_file import RegularFile

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode

MFD_CLOEXEC = 1
MFD_ALLOW_SEALING = 2
MFD_HUGETLB = 4
MFD_NOEXEC_SEAL = 8
MFD_EXEC = 16
MFD_HUGE_SHIFT = 26
MFD_HUGE_MASK = 0x3F


class InternalFile(RegularFile):
    """The description that a file without a name is made with: it may write, and is no writer to those who count them, so
    that the file can be executed and leased for reading meanwhile (fs/file_table.c: alloc_file)."""

    def __init__(self, flags: int, path: Path, inode: Inode) -> None:
        super().__init__(flags, path, inode)
        inode.writers -= 1
        inode.unseen += 1

    def release(self) -> None:
        """The last reference is gone."""
        self.inode.writers += 1  # which is taken away there
        self.inode.unseen -= 1
        super().release()


def internal_mount(t: Task) -> Mount:
    """The mount that memfds and other files without a place live on (shm_mnt)."""
    vfs = t.kernel.mounts.vfs
    mount = vfs.internal
    if mount is None:
        fs = Tmpfs(vfs.clock, vfs.new_dev(), account=vfs.space)
        mount = vfs.internal = Mount(0, fs, vfs.root_of(fs), 0, t.kernel.mounts)
    return mount


def new_memfd(t: Task, name: bytes, flags: int) -> RegularFile:
    """A description of a new, empty file; its link text is `/memfd:NAME (deleted)`."""
    seals = F_SEAL_SEAL
    if flags & MFD_NOEXEC_SEAL:
        seals = F_SEAL_EXEC
    elif flags & MFD_ALLOW_SEALING:
        seals = 0
    return internal_file(t, b"memfd:" + name, 0o666 if flags & MFD_NOEXEC_SEAL else 0o777, seals)


def internal_file(t: Task, name: bytes, mode: int, seals: int = F_SEAL_SEAL) -> RegularFile:
    """A description of a new, empty file without a place; its link text is `/NAME (deleted)`."""
    mount = internal_mount(t)
    fs = mount.fs
    assert isinstance(fs, Tmpfs)
    inode = TmpfsFile(fs, fs.new_ino(), S_IFREG | mode, t.creds.fsuid, t.creds.fsgid)
    inode.nlink = 0
    inode.seals = seals
    dentry = Dentry(name, mount.root, inode)
    dentry.deleted = True
    file = InternalFile(O_RDWR | O_LARGEFILE, Path(mount, dentry), inode)
    file.nowait = False  # as any of tmpfs
    return file
