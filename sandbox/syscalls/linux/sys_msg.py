"""msgget(2), msgsnd(2), msgrcv(2), msgctl(2) (ipc/msg.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.capability import CAP_SYS_RESOURCE
from sandbox.abi.linux.ipc import (
    IPC_INFO,
    IPC_NOWAIT,
    IPC_RMID,
    IPC_SET,
    IPC_STAT,
    MSG_COPY,
    MSG_EXCEPT,
    MSG_INFO,
    MSG_STAT,
    MSG_STAT_ANY,
    MSGINFO,
    MSGMNB,
    MSGMNI,
    MSQID64_DS,
)
from sandbox.kernel.control import ERESTARTNOHAND, Block
from sandbox.kernel.ipc.ids import ipc_get, seconds
from sandbox.kernel.ipc.msg import Message, MessageQueue, Receiver, Search
from sandbox.syscalls.row import FULL, PARTIAL, Arg, Row
from tcpip.waiter import EVENT_OUT

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs

_SIZE_MAX: Final = (1 << 63) - 1


def sys_msgget(t: Task, a: SyscallArgs) -> Result:
    """msgget(2)."""
    table, key, flags = t.ns.ipc.msg, a.int(0), a.int(1)
    return ipc_get(t, table.ids, key, flags, lambda: table.create(t, key, flags), lambda queue: None)


# --- msgsnd(2) ---


class _Sending:
    """A message that waits for room."""

    __slots__ = ("queue", "message")

    def __init__(self, queue: MessageQueue, message: Message) -> None:
        self.queue = queue
        self.message = message


def sys_msgsnd(t: Task, a: SyscallArgs) -> Result:
    """msgsnd(2)."""
    sending = a.state
    if sending is None:
        table, ident, address, size = t.ns.ipc.msg, a.int(0), a.addr(1), a.size(2)
        kind = int.from_bytes(t.copy_in(address, 8), "little", signed=True)
        if size > table.max_message or ident < 0 or kind < 1:
            return -errno.EINVAL
        message = Message(kind, t.copy_in(address + 8, size))
        sending = _Sending(table.ids.get(ident), message)
    assert isinstance(sending, _Sending)
    queue, message = sending.queue, sending.message
    if queue.removed:
        return -errno.EIDRM
    queue.check(t, 0o222)
    if queue.fits(len(message.text)):
        queue.send(t, message)
        return 0
    if a.int(3) & IPC_NOWAIT:
        return -errno.EAGAIN
    a.state = sending
    return Block([(queue.room, EVENT_OUT)], restart=ERESTARTNOHAND)


# --- msgrcv(2) ---


def sys_msgrcv(t: Task, a: SyscallArgs) -> Result:
    """msgrcv(2)."""
    receiver = a.state
    if receiver is None:
        ident, size, flags = a.int(0), a.size(2), a.int(4)
        if ident < 0 or size > _SIZE_MAX:
            return -errno.EINVAL
        if flags & MSG_COPY and (flags & MSG_EXCEPT or not flags & IPC_NOWAIT):
            return -errno.EINVAL
        queue = t.ns.ipc.msg.ids.get(ident)
        return _receive(t, a, Receiver(t, queue, Search(a.long(3), flags, size)))
    assert isinstance(receiver, Receiver)
    result = receiver.result
    if isinstance(result, Message):
        return _store(t, a, result)
    if result is None:
        return Block((), on_interrupt=_interrupted)
    if result != -errno.EAGAIN:
        return result
    receiver.result = None
    return _receive(t, a, receiver)


def _receive(t: Task, a: SyscallArgs, receiver: Receiver) -> Result:
    """One look at the queue."""
    queue, search, flags = receiver.queue, receiver.search, a.int(4)
    queue.check(t, 0o444)
    index = search.find(queue.messages)
    if index >= 0:
        message = queue.messages[index]
        if len(message.text) > search.room:
            return -errno.E2BIG
        if flags & MSG_COPY:
            if len(message.text) > a.size(2):
                return -errno.EINVAL
        else:
            queue.take(t, index)
        return _store(t, a, message)
    if flags & IPC_NOWAIT:
        return -errno.ENOMSG
    queue.receivers[receiver] = None
    a.state = receiver
    return Block((), on_interrupt=_interrupted)


def _store(t: Task, a: SyscallArgs, message: Message) -> int:
    """Type and text, as much as there is room for; a message that cannot be stored is lost."""
    address, text = a.addr(1), message.text[: a.size(2)]
    t.copy_out(address, message.kind.to_bytes(8, "little"))
    t.copy_out(address + 8, text)
    return len(text)


def _interrupted(t: Task, a: SyscallArgs) -> int:
    receiver = a.state
    assert isinstance(receiver, Receiver)
    receiver.queue.receivers.pop(receiver, None)
    return -ERESTARTNOHAND


# --- msgctl(2) ---


def sys_msgctl(t: Task, a: SyscallArgs) -> Result:
    """msgctl(2)."""
    ident, command, address = a.int(0), a.int(1), a.addr(2)
    if ident < 0 or command < 0:
        return -errno.EINVAL
    table = t.ns.ipc.msg
    if command in (IPC_INFO, MSG_INFO):
        return _info(t, command, address)
    if command in (IPC_STAT, MSG_STAT, MSG_STAT_ANY):
        queue = table.ids.get(ident) if command == IPC_STAT else table.ids.at(ident)
        if command != MSG_STAT_ANY:
            queue.check(t, 0o444)
        t.copy_out(address, queue.pack(t.pids, t.creds.user))
        return 0 if command == IPC_STAT else queue.id
    if command == IPC_SET:
        fields = MSQID64_DS.unpack(t.copy_in(address, MSQID64_DS.size))
        return _set(t, table.ids.get(ident), fields[0], fields[6])
    if command == IPC_RMID:
        queue = table.ids.get(ident)
        queue.check_owner(t)
        table.remove(queue)
        return 0
    return -errno.EINVAL


def _set(t: Task, queue: MessageQueue, perm: bytes, limit: int) -> int:
    """IPC_SET: more than kernel.msgmnb bytes need CAP_SYS_RESOURCE."""
    queue.check_owner(t)
    if limit > t.ns.ipc.msg.max_queue_bytes and not t.creds.has(CAP_SYS_RESOURCE):
        return -errno.EPERM
    queue.update(t, perm)
    queue.limit = limit
    queue.ctime = seconds(t)
    queue.wake_all(-errno.EAGAIN)
    return 0


def _info(t: Task, command: int, address: int) -> int:
    """The limits, or in three of the fields what is in use; the highest index."""
    table = t.ns.ipc.msg
    pool, headers, total = MSGMNI * MSGMNB // 1024, MSGMNB, MSGMNB
    if command == MSG_INFO:
        pool, headers, total = len(table.ids.objects), table.messages, table.bytes
    limits = (table.max_message, table.max_queue_bytes, table.max_queues)
    t.copy_out(address, MSGINFO.pack(pool, headers, *limits, 16, total, 0xFFFF))
    return table.ids.highest()


ROWS: Final[tuple[Row, ...]] = (
    Row(68, "msgget", sys_msgget, PARTIAL, (Arg.HEX, Arg.OCT), "kernel.msgmax cannot be set above 16 MiB"),
    Row(69, "msgsnd", sys_msgsnd, FULL, (Arg.INT, Arg.ADDR, Arg.SIZE, Arg.OCT)),
    Row(70, "msgrcv", sys_msgrcv, FULL, (Arg.INT, Arg.ADDR, Arg.SIZE, Arg.LONG, Arg.OCT)),
    Row(71, "msgctl", sys_msgctl, FULL, (Arg.INT, Arg.INT, Arg.ADDR)),
)
