"""Inodes of the mqueue file system: the directory, queues, and the open description of a queue (ipc/mqueue.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from sandbox.abi.linux.fcntl import O_ACCMODE, O_RDONLY, O_WRONLY
from sandbox.abi.linux.mqueue import DIRENT_SIZE, FILENT_SIZE
from sandbox.abi.linux.stat import S_IFDIR, S_IFREG
from sandbox.errors import SyscallError
from sandbox.fs.mqueue.maker import Maker
from sandbox.fs.pseudo.kept import KeptInode
from sandbox.vfs.dentry import Dentry
from sandbox.vfs.directory_file import DirectoryFile
from sandbox.vfs.inode import Inode
from sandbox.vfs.regular_file import InodeFile
from tcpip.waiter import EVENT_IN, EVENT_OUT

if TYPE_CHECKING:
    from sandbox.fs.mqueue.filesystem import MqueueFs
    from sandbox.fs.mqueue.queue import QueueState
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.path import Path


class MqueueInode(KeptInode):
    """A queue, or the directory of them."""

    __slots__ = ("mqueues",)

    def __init__(self, fs: MqueueFs, ino: int, mode: int, uid: int, gid: int) -> None:
        super().__init__(fs, ino, mode, uid, gid, fs.now())
        self.mqueues = fs


class QueueInode(MqueueInode):
    """A queue. It lives until it has neither a name nor an open description; `charged` bytes count for `user`."""

    __slots__ = ("queue", "user", "charged", "cost", "gone", "place")

    def __init__(self, fs: MqueueFs, ino: int, mode: int, owner: tuple[int, int], queue: QueueState) -> None:
        super().__init__(fs, ino, S_IFREG | mode & 0o7777, owner[0], owner[1])
        self.size = FILENT_SIZE
        self.queue = queue
        self.user = 0
        self.charged = 0
        self.cost = 0  # bytes of the sentry
        self.gone = False
        self.place: Dentry | None = None  # where mq_open finds it

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """A queue descriptor, as mq_open gives."""
        return MqueueFile(flags, path, self)

    def truncate(self, size: int) -> None:
        """A size means nothing here."""

    def unlinked(self) -> None:
        """The name is gone."""
        self.nlink = 0
        self.ctime = self.fs.now()
        if self.place is not None:
            self.place.deleted = True
        if self.opens == 0:
            self.closed()

    def closed(self) -> None:
        """No description is left."""
        if self.nlink == 0 and not self.gone:
            self.gone = True
            self.mqueues.evict(self)

    def touched(self) -> None:
        """A message has come or gone."""
        self.atime = self.mtime = self.ctime = self.fs.now()


class MqueueDir(MqueueInode):
    """The only directory. Names come and go by mq_open and mq_unlink too."""

    __slots__ = ("names",)

    def __init__(self, fs: MqueueFs, ino: int) -> None:
        super().__init__(fs, ino, S_IFDIR | 0o1777, 0, 0)
        self.size = 2 * DIRENT_SIZE
        self.names: dict[bytes, QueueInode] = {}

    def lookup(self, name: bytes) -> Inode | None:
        """By name."""
        return self.names.get(name)

    def entries(self) -> list[tuple[bytes, int, int]]:
        """In order of creation."""
        return [(name, inode.ino, S_IFREG) for name, inode in self.names.items()]

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        """A directory description."""
        return DirectoryFile(flags, path, self)

    def create(self, name: bytes, mode: int, uid: int, gid: int) -> Inode:
        """open(2) with O_CREAT: a queue of the default size."""
        return self.mqueues.make(name, mode, Maker(uid, gid), None)

    def enter(self, name: bytes, inode: QueueInode) -> None:
        """Put a name in."""
        inode.place = Dentry(name, self.mqueues.mount.root, inode)
        self.names[name] = inode
        self.size += DIRENT_SIZE
        self.atime = self.mtime = self.ctime = self.fs.now()

    def unlink(self, name: bytes, inode: Inode) -> None:
        """Take the name out; open descriptors live on."""
        assert isinstance(inode, QueueInode)
        del self.names[name]
        self.size -= DIRENT_SIZE
        self.atime = self.mtime = self.ctime = self.fs.now()
        inode.unlinked()


class MqueueFile(InodeFile):
    """An open queue."""

    can_write = False
    flagged = False
    flagged_writes = False

    def __init__(self, flags: int, path: Path, inode: QueueInode) -> None:
        super().__init__(flags, path, inode)
        self.node = inode
        self.queue = inode.queue.ready

    @property
    def epollable(self) -> bool:
        return True

    def poll(self, t: Task | None) -> int:
        state = self.node.queue
        return (EVENT_IN if len(state) else 0) | (0 if state.full() else EVENT_OUT)

    def flush(self, t: Task) -> None:
        super().flush(t)
        self.node.queue.owner_leaves(t.group)

    def read(self, t: Task, dst: memoryview) -> int:
        n = self.pread(t, dst, self.pos)
        self.pos += n
        return n

    def pread(self, t: Task, dst: memoryview, offset: int) -> int:
        part = self.node.queue.describe(t)[offset : offset + len(dst)]
        dst[: len(part)] = part
        self.node.atime = self.node.ctime = self.node.fs.now()
        return len(part)

    def write(self, t: Task, src: memoryview) -> int:
        raise SyscallError(errno.EINVAL)

    def pwrite(self, t: Task, src: memoryview, offset: int) -> int:
        raise SyscallError(errno.EINVAL)

    def seek(self, t: Task, offset: int, whence: int) -> int:
        base = (0, self.pos, self.node.size)
        if not 0 <= whence < len(base) or base[whence] + offset < 0:
            raise SyscallError(errno.EINVAL)
        self.pos = base[whence] + offset
        return self.pos

    def check_access(self, write: bool) -> None:
        """EBADF unless it was opened for that."""
        mode = self.flags & O_ACCMODE
        if mode == O_ACCMODE or mode == (O_RDONLY if write else O_WRONLY):
            raise SyscallError(errno.EBADF)
