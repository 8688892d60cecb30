"""RegularFile: an open regular file; position, append mode, limits and time stamps over an inode's contents."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_FSETID
from sandbox.abi.linux.fcntl import (
    FS_NOATIME_FL,
    O_ACCMODE,
    O_APPEND,
    O_DIRECT,
    O_DSYNC,
    O_NOATIME,
    O_PATH,
    O_RDWR,
    O_SYNC,
)
from sandbox.abi.linux.stat import S_ISGID, S_ISUID, S_IXGRP
from sandbox.abi.linux.statfs import ST_NOATIME, ST_NODIRATIME, ST_RDONLY
from sandbox.abi.linux.xattr import CAPABILITIES
from sandbox.errors import SyscallError
from sandbox.host_sync import sync_now
from sandbox.kernel.rlimits import RLIM_INFINITY, RLIMIT_FSIZE
from sandbox.vfs.file_description import FileDescription
from sandbox.vfs.notify import IN_ACCESS, IN_MODIFY, on_close, on_gone, on_path

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.mm.backing import Backing
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path

MAX_OFFSET: Final = (1 << 63) - 1
DAY_NS: Final = 86_400 * 1_000_000_000

PROT_WRITE: Final = 2

SEEK_SET: Final = 0
SEEK_CUR: Final = 1
SEEK_END: Final = 2
SEEK_DATA: Final = 3
SEEK_HOLE: Final = 4


class InodeFile(FileDescription):
    """A description that was opened by path: regular files, directories, O_PATH."""

    positioned = True

    def __init__(self, flags: int, path: Path, inode: Inode) -> None:
        super().__init__(flags)
        self.path = path.pin()
        self.inode = inode
        inode.opens += 1
        if (flags + 1) & 2:
            inode.writers += 1

    def release(self) -> None:
        """The last reference is gone, then maybe the inode's contents."""
        inode = self.inode
        inode.opens -= 1
        if (self.flags + 1) & 2:
            inode.writers -= 1
        if inode.fs.watched and self.path is not None:
            if self.flags & O_PATH:
                on_gone(inode)
            else:
                on_close(self.path, self.flags)
        if inode.opens == 0:
            inode.closed()

    @property
    def epollable(self) -> bool:
        """epoll_ctl(2): EPERM."""
        return False

    def link_text(self) -> str:
        """The path."""
        assert self.path is not None
        return os.fsdecode(self.path.text())


class RegularFile(InodeFile):
    """Reads and writes go straight to the inode."""

    nowait = True
    looks_once = True

    def check_status_flags(self, t: Task, flags: int) -> None:
        """O_DIRECT is remembered, except by what memfd_create(2) made."""
        if flags & O_DIRECT and not self.flags & O_DIRECT and self.path is not None and not self.path.mount.id:
            raise SyscallError(errno.EINVAL)

    @property
    def write_once(self) -> bool:
        """A short write has met a limit."""
        return True

    def read(self, t: Task, dst: memoryview) -> int:
        """At the position, which advances."""
        n = self.inode.read_at(dst, self.pos)
        self.pos += n
        self.accessed(n)
        return n

    def pread(self, t: Task, dst: memoryview, offset: int) -> int:
        """At `offset`."""
        n = self.inode.read_at(dst, offset)
        self.accessed(n)
        return n

    def stored(self, offset: int, size: int) -> memoryview | None:
        """Where the inode has it so."""
        view = self.inode.stored(offset, size)
        if view is not None:
            self.accessed(len(view))
        return view

    def write(self, t: Task, src: memoryview) -> int:
        """At the position, or at the end with O_APPEND; the position follows."""
        inode = self.inode
        if self.flags & O_APPEND and len(src):
            if inode.live:
                inode.refresh()
            self.pos = inode.size
        n = self._write(t, src, self.pos)
        self.pos += n
        return n

    def pwrite(self, t: Task, src: memoryview, offset: int) -> int:
        """At `offset`; at the end with O_APPEND, as Linux has it."""
        if self.flags & O_APPEND:
            if self.inode.live:
                self.inode.refresh()
            offset = self.inode.size
        return self._write(t, src, offset)

    def _write(self, t: Task, src: memoryview, offset: int) -> int:
        if not len(src):
            return 0
        room = limit_write(t, offset)
        if room < len(src):
            src = src[:room]
        inode = self.inode
        n = inode.write_at(src, offset)
        if inode.mode & (S_ISUID | S_ISGID) or inode.capable:
            remove_privileges(t, inode)
        inode.touch_mtime(inode.fs.now())
        if inode.fs.watched and self.path is not None:
            on_path(self.path, IN_MODIFY)
        if self.flags & O_DSYNC:
            fd = inode.to_sync()
            if fd >= 0:
                sync_now(fd, self.flags & O_SYNC != O_SYNC)
        return n

    def accessed(self, size: int) -> None:
        """A read of `size` bytes: the access time by relatime's rules, and watchers where there were any."""
        inode = self.inode
        fs = inode.fs
        if fs.live:
            pass  # the host does it
        elif inode.atime <= inode.mtime or inode.atime <= inode.ctime or fs.clock.realtime_ns() - inode.atime >= DAY_NS:
            touch_atime(self.path, inode, self.flags)
        if size and fs.watched and self.path is not None:
            on_path(self.path, IN_ACCESS)

    def seek(self, t: Task, offset: int, whence: int) -> int:
        """lseek(2)."""
        inode = self.inode
        if whence == SEEK_CUR:
            offset += self.pos
        elif whence != SEEK_SET:
            if inode.live:
                inode.refresh()
            size = inode.size
            if whence == SEEK_END:
                offset += size
            elif whence in (SEEK_DATA, SEEK_HOLE):
                if not 0 <= offset < size:
                    raise SyscallError(errno.ENXIO)
                offset = inode.seek_data(offset, whence == SEEK_HOLE)
            else:
                raise SyscallError(errno.EINVAL)
        if not 0 <= offset <= MAX_OFFSET:
            raise SyscallError(errno.EINVAL)
        self.pos = offset
        return offset

    def add_seals(self, t: Task, seals: int) -> int:
        """F_ADD_SEALS: EPERM unless open for writing."""
        if self.flags & O_ACCMODE == 0:
            raise SyscallError(errno.EPERM)
        return self.inode.add_seals(seals)

    def get_seals(self, t: Task) -> int:
        """F_GET_SEALS."""
        return self.inode.get_seals()

    def write_sealed(self) -> bool:
        return self.inode.write_sealed()

    def backing(self, t: Task, shared: bool, prot: int) -> Backing:
        """What the inode maps. A shared mapping of a file open for writing may become writable later."""
        self.accessed(0)
        if shared and self.flags & O_ACCMODE == O_RDWR and not self.inode.write_sealed():
            prot |= PROT_WRITE
        return self.inode.backing(shared, prot)


def limit_write(t: Task, offset: int) -> int:
    """How many bytes may be written at `offset`: EFBIG (and SIGXFSZ) at RLIMIT_FSIZE."""
    if offset < 0:
        raise SyscallError(errno.EINVAL)
    limit = t.group.rlimits.soft[RLIMIT_FSIZE]
    if limit != RLIM_INFINITY and offset >= limit:
        exceed_size(t)
    if limit > MAX_OFFSET:
        limit = MAX_OFFSET
    if offset >= limit:
        raise SyscallError(errno.EFBIG)
    return limit - offset


def exceed_size(t: Task) -> None:
    """A write beyond RLIMIT_FSIZE: SIGXFSZ and EFBIG."""
    from sandbox.abi.linux.signal import SI_USER, SIGXFSZ
    from sandbox.kernel.signal_info import SignalInfo

    t.send_signal(SignalInfo(SIGXFSZ, SI_USER))
    raise SyscallError(errno.EFBIG)


def remove_privileges(t: Task, inode: Inode) -> None:
    """A write clears file capabilities, set-user-ID, and set-group-ID where it means that or the group is another's
    (setattr_should_drop_suidgid, cap_inode_killpriv)."""
    mode = inode.mode
    if inode.capable:
        inode.remove_xattr(CAPABILITIES)
    if t.creds.has(CAP_FSETID):
        return
    kill = mode & S_ISUID
    if mode & S_ISGID and (mode & S_IXGRP or not t.creds.in_group(inode.gid)):
        kill |= S_ISGID
    if kill:
        inode.set_mode(mode & 0o7777 & ~kill)


def touch_atime(path: Path | None, inode: Inode, flags: int) -> None:
    """Record a read unless the mount or the description says not to."""
    if (
        path is not None
        and not path.mount.flags & (ST_NOATIME | ST_RDONLY)
        and not flags & O_NOATIME
        and not inode.attrs & FS_NOATIME_FL
    ):
        if path.mount.flags & ST_NODIRATIME and inode.is_dir():
            return
        inode.touch_atime(inode.fs.now())
