"""mq_open(2), mq_unlink(2), mq_timedsend(2), mq_timedreceive(2), mq_notify(2), mq_getsetattr(2) (ipc/mqueue.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_ACCMODE, O_CREAT, O_EXCL, O_NONBLOCK
from sandbox.abi.linux.mqueue import MQ_ATTR, MQ_PRIO_MAX, NOTIFY_COOKIE_LEN
from sandbox.abi.linux.signal import NSIG, SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD, SIGEVENT
from sandbox.abi.linux.socket import AF_NETLINK
from sandbox.abi.linux.stat import S_IFREG
from sandbox.abi.linux.time import CLOCK_REALTIME
from sandbox.errors import SyscallError
from sandbox.fs.mqueue.filesystem import mqueues
from sandbox.fs.mqueue.inode import MqueueDir, MqueueFile, QueueInode
from sandbox.fs.mqueue.maker import Maker
from sandbox.fs.mqueue.queue import Message, MqWait, Notification
from sandbox.kernel.control import ERESTARTSYS, Block
from sandbox.sockets.base import SocketFile
from sandbox.sockets.netlink.socket import NetlinkSocket
from sandbox.syscalls.linux.sys_time import to_monotonic
from sandbox.syscalls.linux.timespec import read_timespec
from sandbox.syscalls.row import FULL, Arg, Row
from sandbox.vfs.create import new_attributes
from sandbox.vfs.path import Path
from sandbox.vfs.permission import MAY_READ, MAY_WRITE, check, may_create, may_delete

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

_NAME_MAX: Final = 255
_RIGHTS: Final = (MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE)
_SIGEVENT_SIZE: Final = 64


def sys_mq_open(t: Task, a: SyscallArgs) -> Result:
    """mq_open(2): descriptors are always close-on-exec."""
    flags, attr = a.int(1), None
    if a.addr(3):
        attr = MQ_ATTR.unpack(t.copy_in(a.addr(3), MQ_ATTR.size))[1:3]
    name = _read_name(t, a.addr(0))
    t.fds.lowest_free(0)  # EMFILE comes first
    _check_name(name)
    fs = mqueues(t.kernel, t.ns.ipc)
    inode = fs.directory.names.get(name)
    if inode is None:
        if not flags & O_CREAT:
            return -errno.ENOENT
        inode = _create(t, fs.directory, name, a.uint(2), attr)
    else:
        if flags & (O_CREAT | O_EXCL) == O_CREAT | O_EXCL:
            return -errno.EEXIST
        if flags & O_ACCMODE == O_ACCMODE:
            return -errno.EINVAL
        check(t.creds, inode, _RIGHTS[flags & O_ACCMODE])
    assert inode.place is not None
    file = MqueueFile(flags & (O_ACCMODE | O_NONBLOCK), Path(fs.mount, inode.place), inode)
    return t.fds.install(file, 0, True)


def _read_name(t: Task, address: int) -> bytes:
    name = t.copy_in_path(address)
    if not name:
        raise SyscallError(errno.ENOENT)
    return name


def _check_name(name: bytes) -> None:
    """One component (fs/namei.c: lookup_noperm)."""
    if name in (b".", b"..") or b"/" in name:
        raise SyscallError(errno.EACCES)
    if len(name) > _NAME_MAX:
        raise SyscallError(errno.ENAMETOOLONG)


def _create(t: Task, directory: MqueueDir, name: bytes, mode: int, attr: tuple[int, int] | None) -> QueueInode:
    may_create(t.creds, directory)
    mode, uid, gid = new_attributes(t, directory, S_IFREG | mode & 0o7777)
    return mqueues(t.kernel, t.ns.ipc).make(name, mode, Maker(uid, gid, t), attr)


def sys_mq_unlink(t: Task, a: SyscallArgs) -> Result:
    """mq_unlink(2)."""
    name = _read_name(t, a.addr(0))
    _check_name(name)
    directory = mqueues(t.kernel, t.ns.ipc).directory
    inode = directory.names.get(name)
    if inode is None:
        return -errno.ENOENT
    may_delete(t.creds, directory, inode)
    directory.unlink(name, inode)
    return 0


def _get(t: Task, fd: int) -> MqueueFile:
    """EBADF for whatever is no queue."""
    file = t.fds.get_io(fd)
    if not isinstance(file, MqueueFile):
        raise SyscallError(errno.EBADF)
    return file


def _deadline(t: Task, address: int) -> int | None:
    return to_monotonic(t, CLOCK_REALTIME, read_timespec(t, address)) if address else None


def _sleep(t: Task, a: SyscallArgs, wait: MqWait) -> Result:
    a.state = wait
    return Block((), wait.deadline, on_interrupt=_interrupted)


def _interrupted(t: Task, a: SyscallArgs) -> int:
    wait = a.state
    assert isinstance(wait, MqWait)
    wait.give_up()
    return -ERESTARTSYS


def sys_mq_timedsend(t: Task, a: SyscallArgs) -> Result:
    """mq_timedsend(2)."""
    wait = a.state
    if isinstance(wait, MqWait):
        if wait.done:
            return 0
        if a.timed_out:
            wait.give_up()
            return -errno.ETIMEDOUT
        return _sleep(t, a, wait)
    deadline = _deadline(t, a.addr(4))
    priority, size = a.uint(3), a.size(2)
    if priority >= MQ_PRIO_MAX:
        return -errno.EINVAL
    file = _get(t, a.int(0))
    file.check_access(True)
    queue = file.node.queue
    if size > queue.size:
        return -errno.EMSGSIZE
    message = Message(priority, t.copy_in(a.addr(1), size))
    if queue.full():
        if file.flags & O_NONBLOCK:
            return -errno.EAGAIN
        a.hold(file)
        wait = MqWait(t, queue, message, deadline)
        queue.senders[wait] = None
        return _sleep(t, a, wait)
    queue.send(t, message)
    file.node.touched()
    return 0


def sys_mq_timedreceive(t: Task, a: SyscallArgs) -> Result:
    """mq_timedreceive(2)."""
    wait = a.state
    if isinstance(wait, MqWait):
        if wait.message is not None:
            return _store(t, a, wait.message)
        if a.timed_out:
            wait.give_up()
            return -errno.ETIMEDOUT
        return _sleep(t, a, wait)
    deadline = _deadline(t, a.addr(4))
    file = _get(t, a.int(0))
    file.check_access(False)
    queue = file.node.queue
    if a.size(2) < queue.size:
        return -errno.EMSGSIZE
    if not len(queue):
        if file.flags & O_NONBLOCK:
            return -errno.EAGAIN
        a.hold(file)
        wait = MqWait(t, queue, None, deadline)
        queue.receivers[wait] = None
        return _sleep(t, a, wait)
    message = queue.receive()
    file.node.touched()
    return _store(t, a, message)


def _store(t: Task, a: SyscallArgs, message: Message) -> int:
    """A message that cannot be stored is lost."""
    if a.addr(3):
        t.copy_out(a.addr(3), message.priority.to_bytes(4, "little"))
    t.copy_out(a.addr(1), message.text)
    return len(message.text)


# --- mq_notify(2) ---


def sys_mq_notify(t: Task, a: SyscallArgs) -> Result:
    """mq_notify(2)."""
    address = a.addr(1)
    wanted = _notification(t, address) if address else None
    file = _get(t, a.int(0))
    queue = file.node.queue
    if wanted is None:
        queue.owner_leaves(t.group)
        return 0
    if queue.notification is not None:
        return -errno.EBUSY
    if wanted.socket is not None:
        wanted.socket.acquire()
    queue.notification = wanted
    file.node.atime = file.node.ctime = file.node.fs.now()
    return 0


def _notification(t: Task, address: int) -> Notification:
    """EFAULT, EINVAL, and for SIGEV_THREAD what a descriptor that is no netlink socket gives."""
    value, signo, kind, _ = SIGEVENT.unpack_from(t.copy_in(address, _SIGEVENT_SIZE))
    if kind not in (SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD) or (kind == SIGEV_SIGNAL and not 0 <= signo <= NSIG):
        raise SyscallError(errno.EINVAL)
    wanted = Notification(t.group, kind, signo, value)
    if kind == SIGEV_THREAD:
        wanted.cookie = t.copy_in(value, NOTIFY_COOKIE_LEN)
        socket = t.fds.get(signo)
        if not isinstance(socket, SocketFile):
            raise SyscallError(errno.ENOTSOCK)
        if socket.family != AF_NETLINK or not isinstance(socket, NetlinkSocket):
            raise SyscallError(errno.EINVAL)
        wanted.socket = socket
    return wanted


def sys_mq_getsetattr(t: Task, a: SyscallArgs) -> Result:
    """mq_getsetattr(2): O_NONBLOCK is all that can be set."""
    new = MQ_ATTR.unpack(t.copy_in(a.addr(1), MQ_ATTR.size)) if a.addr(1) else None
    if new is not None and new[0] & ~O_NONBLOCK:
        return -errno.EINVAL
    file = _get(t, a.int(0))
    queue = file.node.queue
    old = MQ_ATTR.pack(file.flags & O_NONBLOCK, queue.limit, queue.size, len(queue))
    if new is not None:
        file.flags = file.flags & ~O_NONBLOCK | new[0]
        file.node.atime = file.node.ctime = file.node.fs.now()
    if a.addr(2):
        t.copy_out(a.addr(2), old)
    return 0


ROWS: Final[tuple[Row, ...]] = (
    Row(240, "mq_open", sys_mq_open, FULL, (Arg.STR, Arg.HEX, Arg.OCT, Arg.ADDR)),
    Row(241, "mq_unlink", sys_mq_unlink, FULL, (Arg.STR,)),
    Row(242, "mq_timedsend", sys_mq_timedsend, FULL, (Arg.FD, Arg.IN_BUF, Arg.SIZE, Arg.UINT, Arg.ADDR)),
    Row(243, "mq_timedreceive", sys_mq_timedreceive, FULL, (Arg.FD, Arg.OUT_BUF, Arg.SIZE, Arg.ADDR, Arg.ADDR)),
    Row(244, "mq_notify", sys_mq_notify, FULL, (Arg.FD, Arg.STRUCT_IN)),
    Row(245, "mq_getsetattr", sys_mq_getsetattr, FULL, (Arg.FD, Arg.STRUCT_IN, Arg.STRUCT_OUT)),
)
