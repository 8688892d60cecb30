"""HostInode: a file of a host directory."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_ACCMODE, O_RDONLY
from sandbox.abi.linux.stat import S_IFDIR, S_IFLNK, S_IFMT, S_IFREG
from sandbox.errors import SyscallError
from sandbox.fs.host_calls import fallocate
from sandbox.fs.hostfs import changes, held
from sandbox.fs.hostfs.backing import HostBacking
from sandbox.fs.hostfs.host_locks import HostLocks
from sandbox.host_files import keep
from sandbox.vfs.directory_file import DirectoryFile
from sandbox.vfs.inode import Inode
from sandbox.vfs.regular_file import RegularFile

if TYPE_CHECKING:
    from sandbox.fs.hostfs.filesystem import HostFs
    from sandbox.kernel.control import Block
    from sandbox.kernel.task import Task
    from sandbox.mm.backing import Backing
    from sandbox.vfs.dentry import Dentry, DentryCache
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.path import Path

_SAFE: Final = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_OPEN_DIR: Final = os.O_RDONLY | os.O_DIRECTORY | _SAFE
_OPEN_PATH: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_CODING: Final = sys.getfilesystemencoding()  # of names that the os module gives as text
PROT_WRITE: Final = 2
MAX_DEPTH: Final = 2048  # directories to be opened again on the way to one: as many as a path can name
KEPT_DEPTH: Final = 128  # of them, the last ones, whose descriptors are kept; the cache of descriptors is larger


def fail(error: OSError) -> SyscallError:
    """The host's errno as ours."""
    return SyscallError(error.errno or errno.EIO)


class HostInode(Inode):
    """`fd` reads (for a directory: is looked in), `wfd` writes; -1 when not open. `idle`: they are kept although
    nobody needs them; `used`: one was needed since those that are to be closed were last looked through."""

    __slots__ = (
        "host",
        "parent",
        "name",
        "key",
        "fd",
        "wfd",
        "maps",
        "pinned_fd",
        "idle",
        "used",
        "_blocks",
        "_blksize",
        "hidden",
        "mapped",
        "target",
        "seal",
        "outside",
    )

    def __init__(self, fs: HostFs, parent: HostInode | None, name: bytes, st: os.stat_result) -> None:
        super().__init__(fs, fs.map_ino(st.st_dev, st.st_ino), st.st_mode, st.st_uid, st.st_gid, 0)
        self.host = fs
        self.parent = parent
        self.name = name
        self.key = (st.st_dev, st.st_ino)
        self.fd = -1
        self.wfd = -1
        self.maps = 0
        self.pinned_fd = False
        self.idle = False
        self.used = False
        self.hidden = self.mode & S_IFMT == S_IFDIR and fs.hidden(st.st_dev)
        self.mapped = False  # guests write to it through a mapping
        self.target: bytes | None = None  # a symbolic link's text, where it is kept
        self.outside: HostLocks | None = None
        self.seal = (0, 0)  # of a directory, its mtime and ctime when all names below were last known to be right
        self.fill(st)
        if fs.timed:
            self.seal = held.seal_of(st)

    def fill(self, st: os.stat_result) -> None:
        """Take over the host's attributes."""
        self.mode = st.st_mode
        self.uid = st.st_uid
        self.gid = st.st_gid
        self.nlink = st.st_nlink
        self.size = st.st_size
        self.rdev = st.st_rdev
        self.atime = st.st_atime_ns
        self.mtime = st.st_mtime_ns
        self.ctime = st.st_ctime_ns
        self._blocks = st.st_blocks
        self._blksize = st.st_blksize
        host = self.host
        if host.holds:
            self.live = self.mapped
            if host.expired:
                host.believe()

    def doubt(self) -> None:
        """Its attributes have changed: the host is asked before somebody looks at them."""
        self.live = self.host.through

    def surprise(self) -> None:
        """What was believed of the name of this file is not so."""
        if self.parent is not None:
            self.parent.suspect()

    def suspect(self) -> None:
        """Something else than a guest has changed names in this directory: they are looked at from now on."""
        if self.host.holds:
            self.loose = True
            self.seal = (0, 0)

    def changed_names(self) -> None:
        """A name in this directory was made or removed."""
        self.live = self.host.through
        self.seal = (0, 0)

    def vouch(self, dentry: Dentry, dentries: DentryCache) -> None:
        """By what the host says of this directory now."""
        held.vouch(self, dentry, dentries)

    def blocks(self) -> int:
        """The host's figure."""
        return self._blocks

    def blksize(self) -> int:
        """The host's figure."""
        return self._blksize

    # --- descriptors ---

    def dir_fd(self) -> int:
        """A descriptor of this directory, opened through its parent's if need be. ENOENT when it is gone."""
        if self.fd < 0:
            closed = [self]
            parent = self.parent
            while parent is not None and parent.fd < 0:
                closed.append(parent)
                parent = parent.parent
            if parent is None or len(closed) > MAX_DEPTH:
                raise SyscallError(errno.ENOENT if parent is None else errno.ENAMETOOLONG)
            self._open_down(parent.fd, closed)
        if self.idle:
            self.used = True
        elif not self.pinned_fd and not self.opens:
            self.host.idle(self)
        return self.fd

    def _open_down(self, at: int, closed: list[HostInode]) -> None:
        """Open directories, each in the one that comes after it in the list, the last one in `at`; the first is this one."""
        passing = -1  # a descriptor that is not kept
        try:
            for above in range(len(closed) - 1, -1, -1):
                one = closed[above]
                at = one._open_dir(at)
                if passing >= 0:
                    os.close(passing)
                    passing = -1
                if above >= KEPT_DEPTH and not one.opens:
                    passing = at
                    continue
                one.fd = at
                if one is not self and not one.opens:
                    one.host.idle(one)
        finally:
            if passing >= 0:
                os.close(passing)

    def _open_dir(self, at: int) -> int:
        """A new descriptor of this directory, found by its name in `at`."""
        try:
            try:
                fd = keep(os.open(self.name, _OPEN_DIR, dir_fd=at))
            except PermissionError:
                fd = keep(os.open(self.name, _OPEN_PATH | os.O_DIRECTORY, dir_fd=at))
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP, errno.ENOENT):
                self.surprise()
                raise SyscallError(errno.ENOENT) from None
            raise fail(error) from None
        self._check_same(fd)
        if not self.host.check_kind(fd, self.key[0]):
            os.close(fd)
            self.hidden = True
            raise SyscallError(errno.EACCES)
        return fd

    def _check_same(self, fd: int) -> os.stat_result:
        st = os.fstat(fd)
        if (st.st_dev, st.st_ino) != self.key or (st.st_mode ^ self.mode) & S_IFMT:
            os.close(fd)
            self.surprise()
            raise SyscallError(errno.ENOENT)
        return st

    def open_file(self, flags: int, seen: bool = False) -> int:
        """A new descriptor for a regular file. `seen`: its name was looked at just now, and means it; so it is believed
        where names are kept. If the host has put something else there since, it is opened without waiting and without
        following it, and closed."""
        parent = self.parent
        if parent is None:
            return self._reopen_root(flags)
        at = parent.dir_fd()
        try:
            if not seen and not self.host.holds:
                st = os.stat(self.name, dir_fd=at, follow_symlinks=False)
                if (st.st_dev, st.st_ino) != self.key or (st.st_mode ^ self.mode) & S_IFMT:
                    raise SyscallError(errno.ENOENT)
            fd = keep(os.open(self.name, flags | _SAFE, dir_fd=at))
            st = self._check_same(fd)
            if not seen:
                self.fill(st)
            return fd
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.EISDIR):
                self.surprise()
            raise SyscallError(errno.ENOENT if error.errno == errno.ELOOP else error.errno or errno.EIO) from None

    def _reopen_root(self, flags: int) -> int:
        """A single file was donated: the same file, opened in another way."""
        if self.host.proc_fd < 0:
            raise SyscallError(errno.EACCES)
        try:
            fd = os.open(str(self.host.root_fd), flags | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=self.host.proc_fd)
            return keep(fd)
        except OSError as error:
            raise SyscallError(error.errno or errno.EIO) from None

    def reader(self, seen: bool = False) -> int:
        """A descriptor that reads; `seen` as for `open_file`."""
        fd = self.fd
        if fd < 0:
            if self.wfd >= 0:
                return self.wfd
            fd = self.fd = self.open_file(os.O_RDONLY, seen)
        return fd

    def writer(self, seen: bool = False) -> int:
        """A descriptor that writes, and reads where the host lets it; `seen` as for `open_file`."""
        fd = self.wfd
        if fd < 0:
            if self.host.readonly:
                raise SyscallError(errno.EROFS)
            try:
                fd = self.open_file(os.O_RDWR, seen)
            except SyscallError as error:
                if error.errno != errno.EACCES:
                    raise
                self.reader()
                fd = self.open_file(os.O_WRONLY)
            self.wfd = fd
        return fd

    def close_fds(self) -> None:
        """Give the host's descriptors back."""
        if self.fd >= 0 and not self.pinned_fd:
            os.close(self.fd)
            self.fd = -1
        if self.wfd >= 0:
            os.close(self.wfd)
            self.wfd = -1

    def closed(self) -> None:
        """Nobody has it open: keep the descriptors while there is room, unless the file is gone."""
        self.settle()

    def settle(self) -> None:
        """A user went: descriptors without users become idle."""
        if self.opens or self.maps or (self.fd < 0 and self.wfd < 0):
            return
        if self.nlink == 0:
            self.host.forget(self)
            self.close_fds()
        else:
            self.host.idle(self)

    # --- attributes ---

    def refresh(self) -> None:
        """Ask the host, by descriptor or by name; what is gone keeps its last attributes, without links."""
        fd = self.fd if self.fd >= 0 else self.wfd
        try:
            if fd >= 0:
                self.fill(os.fstat(fd))
                return
            parent = self.parent
            if parent is not None:
                st = os.stat(self.name, dir_fd=parent.dir_fd(), follow_symlinks=False)
                if (st.st_dev, st.st_ino) == self.key:
                    self.fill(st)
                    return
            self.nlink = 0
        except (OSError, SyscallError):
            self.nlink = 0
        self.surprise()

    def touch_atime(self, now: int) -> None:
        """The host does it; whoever wants to know asks."""
        self.live = self.host.through

    def touch_mtime(self, now: int) -> None:
        """The host has done it; whoever wants to know asks."""

    def set_mode(self, mode: int) -> None:
        """chmod on the host."""
        changes.set_mode(self, mode)

    def set_owner(self, uid: int, gid: int) -> None:
        """chown on the host."""
        changes.set_owner(self, uid, gid)

    def set_times(self, atime: int | None, mtime: int | None, ctime: int) -> None:
        """utimensat on the host."""
        changes.set_times(self, atime, mtime)

    def get_xattr(self, name: bytes) -> bytes:
        """Host attributes of the user namespace only; ENODATA for all others."""
        return changes.get_xattr(self, name)

    def set_xattr(self, name: bytes, value: bytes, flags: int) -> None:
        """Likewise."""
        changes.set_xattr(self, name, value, flags)
        self.doubt()

    def remove_xattr(self, name: bytes) -> None:
        """Likewise."""
        changes.remove_xattr(self, name)
        self.doubt()

    def list_xattr(self) -> list[bytes]:
        """Likewise."""
        return changes.list_xattr(self)

    # --- directory ---

    def lookup(self, name: bytes) -> HostInode | None:
        """One component, on the host. Where names and attributes are looked at anew each time this is what most calls cost."""
        if self.hidden:
            return None
        fd = self.fd
        if fd >= 0 and self.idle:
            self.used = True
        else:
            fd = self.look_fd()
        try:
            st = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return None
            raise fail(error) from None
        host = self.host
        inode = host.inodes.get((st.st_dev, st.st_ino))
        if inode is None or (inode.mode ^ st.st_mode) & S_IFMT:
            return host.new_inode(self, name, st)
        inode.parent = self
        inode.name = name
        if host.through:
            if inode.target is not None and inode.ctime != st.st_ctime_ns:
                inode.target = None
            inode.fill(st)
        return inode

    def has_entry(self, name: bytes) -> bool:
        """As Inode's, in a directory that is open."""
        try:
            return self.lookup(name) is not None
        except SyscallError as error:
            raise SyscallError(errno.ENOENT if error.errno == errno.ESTALE else error.errno) from None

    def look_fd(self) -> int:
        """`dir_fd`; ESTALE where its name was believed and is not so."""
        try:
            return self.dir_fd()
        except SyscallError as error:
            if error.errno == errno.ENOENT and self.host.holds:
                raise SyscallError(errno.ESTALE) from None
            raise

    def entries(self) -> list[tuple[bytes, int, int]]:
        """What the host lists."""
        if self.hidden:
            return []
        out: list[tuple[bytes, int, int]] = []
        dev = self.key[0]
        map_ino = self.host.map_ino
        tagged = dev != self.host.host_dev
        try:
            fd = self.dir_fd()
            with os.scandir(fd) as listing:
                for entry in listing:
                    if entry.is_file(follow_symlinks=False):
                        mode = S_IFREG
                    elif entry.is_dir(follow_symlinks=False):
                        mode = S_IFDIR
                    elif entry.is_symlink():
                        mode = S_IFLNK
                    else:
                        mode = entry.stat(follow_symlinks=False).st_mode & S_IFMT
                    name, ino = entry.name.encode(_CODING, "surrogateescape"), entry.inode()
                    out.append((name, map_ino(dev, ino) if tagged else ino, mode))
        except OSError as error:
            if error.errno == errno.EBADF:  # it could only be opened to be looked in
                raise SyscallError(errno.EACCES) from None
            raise fail(error) from None
        return out

    def readlink(self, t: Task) -> bytes:
        """The host's text, which we interpret ourselves."""
        return self.host_readlink()

    def host_readlink(self) -> bytes:
        """As `readlink`."""
        target = self.target
        if target is not None:
            return target
        parent = self.parent
        if parent is None:
            raise SyscallError(errno.EINVAL)
        try:
            target = os.readlink(self.name, dir_fd=parent.dir_fd())
        except OSError as error:
            self.surprise()
            raise fail(error) from None
        if self.host.holds:
            self.target = target
            self.live = True
        return target

    def create(self, name: bytes, mode: int, uid: int, gid: int) -> Inode:
        """A regular file on the host."""
        return changes.create(self, name, mode, uid, gid)

    def mkdir(self, name: bytes, mode: int, uid: int, gid: int) -> Inode:
        """A directory on the host."""
        return changes.mkdir(self, name, mode, uid, gid)

    def mknod(self, name: bytes, mode: int, rdev: int, uid: int, gid: int) -> Inode:
        """A FIFO or socket node; EPERM for devices."""
        return changes.mknod(self, name, mode, uid, gid)

    def symlink(self, name: bytes, target: bytes, uid: int, gid: int) -> Inode:
        """A symbolic link on the host."""
        return changes.symlink(self, name, target, uid, gid)

    def link(self, name: bytes, inode: Inode) -> None:
        """A hard link on the host."""
        assert isinstance(inode, HostInode)
        changes.link(self, name, inode)

    def unlink(self, name: bytes, inode: Inode) -> None:
        """unlink on the host."""
        assert isinstance(inode, HostInode)
        changes.unlink(self, name, inode)

    def rmdir(self, name: bytes, inode: Inode) -> None:
        """rmdir on the host."""
        assert isinstance(inode, HostInode)
        changes.rmdir(self, name, inode)

    def rename(
        self, name: bytes, inode: Inode, new_dir: Inode, new_name: bytes, target: Inode | None, flags: int
    ) -> None:
        """rename on the host."""
        assert isinstance(inode, HostInode) and isinstance(new_dir, HostInode)
        assert target is None or isinstance(target, HostInode)
        changes.rename(self, name, inode, new_dir, new_name, target, flags)

    # --- contents ---

    def open(self, t: Task, path: Path, flags: int) -> FileDescription | Block:
        """Directories and regular files. The host's special files are never opened: a FIFO or device node leads to
        the sandbox's own."""
        kind = self.mode & S_IFMT
        if kind == S_IFDIR:
            return DirectoryFile(flags, path, self)
        if kind != S_IFREG:
            return t.kernel.mounts.vfs.devices.open(t, path, self, flags)
        # Without a descriptor it was by name that the attributes were brought up to date.
        seen = self.host.live and self.fd < 0 and self.wfd < 0 and self.nlink > 0
        try:
            if flags & O_ACCMODE == O_RDONLY:
                self.reader(seen)
            else:
                self.writer(seen)
        except SyscallError as error:
            parent = self.parent
            if self.host.holds and parent is not None and parent.loose:  # it may have been a surprise
                raise SyscallError(errno.ESTALE if error.errno == errno.ENOENT else error.errno) from None
            raise
        self.host.forget(self)
        return RegularFile(flags, path, self)

    def read_at(self, dst: memoryview, offset: int) -> int:
        """Straight into `dst`."""
        fd = self.fd
        if fd < 0:
            fd = self.reader()
        try:
            return os.preadv(fd, (dst,), offset)
        except OSError as error:
            raise fail(error) from None

    def write_at(self, src: memoryview, offset: int) -> int:
        """Straight from `src`."""
        self.live = True
        try:
            return os.pwritev(self.writer(), (src,), offset)
        except OSError as error:
            raise fail(error) from None

    def truncate(self, size: int) -> None:
        """ftruncate on the host."""
        try:
            os.ftruncate(self.writer(), size)
        except OSError as error:
            raise fail(error) from None
        self.refresh()

    def fallocate(self, mode: int, offset: int, length: int) -> None:
        """What the host's file system can do of allocation, KEEP_SIZE and PUNCH_HOLE."""
        if mode & ~3:
            raise SyscallError(errno.EOPNOTSUPP)
        try:
            fallocate(self.writer(), mode, offset, length)
        except OSError as error:
            raise fail(error) from None
        self.refresh()

    def seek_data(self, offset: int, hole: bool) -> int:
        """The host knows."""
        try:
            return os.lseek(self.reader(), offset, os.SEEK_HOLE if hole else os.SEEK_DATA)
        except OSError as error:
            raise fail(error) from None

    def to_sync(self) -> int:
        """Of a directory too: what was written by descriptors that are closed now counts. Nothing can be lost of what may not
        even be read here."""
        if self.host.readonly:
            return -1
        return self.wfd if self.wfd >= 0 else self.dir_fd() if self.mode & S_IFMT == S_IFDIR else self.reader()

    def outside_locks(self) -> HostLocks | None:
        """Of what guests alone do not have; FIFOs and the like are not opened on the host."""
        if self.outside is None and self.host.has_others and self.mode & S_IFMT in (S_IFDIR, S_IFREG):
            self.outside = HostLocks(self)
        return self.outside

    def backing(self, shared: bool, prot: int) -> Backing:
        """The host's descriptor."""
        if self.mode & S_IFMT != S_IFREG:
            raise SyscallError(errno.ENODEV)
        return HostBacking(self, self.writer() if shared and prot & PROT_WRITE else self.reader())
