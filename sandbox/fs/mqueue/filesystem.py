"""MqueueFs: POSIX message queues as files (mq_overview(7)); one instance, however often it is mounted."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.mqueue import (
    HARD_MSGMAX,
    HARD_MSGSIZEMAX,
    MQ_PRIO_MAX,
    MQUEUE_MAGIC,
)
from sandbox.errors import SyscallError
from sandbox.fs.mqueue.inode import MqueueDir, QueueInode
from sandbox.fs.mqueue.queue import QueueState
from sandbox.vfs.filesystem import Filesystem
from sandbox.vfs.mount import Mount
from sandbox.vfs.space import NAME_COST

if TYPE_CHECKING:
    from sandbox.fs.mqueue.maker import Maker
    from sandbox.kernel.ipc.namespace import IpcNamespace
    from sandbox.kernel.kernel import Kernel

_MSG_SIZE: Final = 48  # sizeof(struct msg_msg), sizeof(struct posix_msg_tree_node)
_QUEUE_COST: Final = 2048


class MqueueFs(Filesystem):
    """The queues, their limits (/proc/sys/fs/mqueue), and what each user's take of RLIMIT_MSGQUEUE."""

    name = "mqueue"
    magic = MQUEUE_MAGIC
    live = True

    def __init__(self, kernel: Kernel, ipc: IpcNamespace) -> None:
        vfs = kernel.mounts.vfs
        super().__init__(kernel.clock, vfs.new_dev(), "mqueue")
        self.space = vfs.space
        self.limits = ipc.mqueue
        self._last = 1
        self.directory = MqueueDir(self, 1)
        self.root = self.directory
        self.vfs = vfs
        self.count = 0
        self.users: dict[int, int] = {}  # bytes, by uid
        self.mount = Mount(0, self, vfs.root_of(self), 0, kernel.mounts)
        vfs.used(self)

    def make(self, name: bytes, mode: int, maker: Maker, attr: tuple[int, int] | None) -> QueueInode:
        """A new queue called `name`; `attr`: maxmsg and msgsize (mqueue_create_attr, mqueue_get_inode)."""
        limits = self.limits
        if self.count >= limits.max_queues and not maker.privileged:
            raise SyscallError(errno.ENOSPC)
        if attr is None:
            attr = (min(limits.max_messages, limits.messages), min(limits.max_size, limits.size))
        count, size = attr
        most = (HARD_MSGMAX, HARD_MSGSIZEMAX) if maker.privileged else (limits.max_messages, limits.max_size)
        if not 0 < count <= most[0] or not 0 < size <= most[1]:
            raise SyscallError(errno.EINVAL)
        charged = count * size + count * _MSG_SIZE + min(count, MQ_PRIO_MAX) * _MSG_SIZE
        if self.users.get(maker.user, 0) + charged > maker.limit:
            raise SyscallError(errno.EMFILE)
        cost = _QUEUE_COST + NAME_COST + len(name)
        self.space.take_bytes(cost)
        self.users[maker.user] = self.users.get(maker.user, 0) + charged
        self.count += 1
        self._last += 1
        inode = QueueInode(self, self._last, mode, (maker.uid, maker.gid), QueueState(count, size, self.space))
        inode.user, inode.charged, inode.cost = maker.user, charged, cost
        self.directory.enter(name, inode)
        return inode

    def end(self) -> None:
        """Its IPC namespace has ended: no queue has a name any more."""
        for name, inode in list(self.directory.names.items()):
            self.directory.unlink(name, inode)
        self.mount.ended = True
        self.vfs.hold(self.mount)
        self.vfs.unused(self)

    def evict(self, inode: QueueInode) -> None:
        """A queue has ended (mqueue_evict_inode)."""
        inode.queue.discard()
        self.count -= 1
        self.space.add_bytes(-inode.cost)
        left = self.users[inode.user] - inode.charged
        if left:
            self.users[inode.user] = left
        else:
            del self.users[inode.user]


def mqueues(kernel: Kernel, ipc: IpcNamespace) -> MqueueFs:
    """An IPC namespace's, made when first needed."""
    fs = ipc.mqueue.fs
    if fs is None:
        fs = ipc.mqueue.fs = MqueueFs(kernel, ipc)
    return fs
