"""Message queues of System V (ipc/msg.c).

A sender hands its message straight to the first receiver that waits for its like; senders that find
no room wait on `room` and try again.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.ipc import MSG_COPY, MSG_EXCEPT, MSG_NOERROR, MSGMAX, MSGMNB, MSGMNI, MSQID64_DS
from sandbox.errors import SyscallError
from sandbox.kernel.ipc.ids import IpcIds, IpcObject, seconds
from sandbox.kernel.pid_namespace import number_in
from tcpip.waiter import EVENT_OUT, WaitQueue

if TYPE_CHECKING:
    from sandbox.kernel.pid_namespace import Pid, PidNamespace
    from sandbox.kernel.task import Task
    from sandbox.kernel.user_namespace import UserNamespace
    from sandbox.vfs.space import SpaceAccount

_QUEUE_COST: Final = 1024
_MESSAGE_COST: Final = 160
_LONG_MAX: Final = (1 << 63) - 1

SEARCH_ANY: Final = 1
SEARCH_EQUAL: Final = 2
SEARCH_NOTEQUAL: Final = 3
SEARCH_LESSEQUAL: Final = 4
SEARCH_NUMBER: Final = 5


class Message:
    """Its type, and its text."""

    __slots__ = ("kind", "text")

    def __init__(self, kind: int, text: bytes) -> None:
        self.kind = kind
        self.text = text


class Search:
    """What a receiver is ready to take (convert_mode)."""

    __slots__ = ("kind", "mode", "room")

    def __init__(self, kind: int, flags: int, size: int) -> None:
        self.kind = kind
        self.room = _LONG_MAX if flags & MSG_NOERROR else size
        if flags & MSG_COPY:
            self.mode = SEARCH_NUMBER
        elif kind == 0:
            self.mode = SEARCH_ANY
        elif kind < 0:
            self.mode = SEARCH_LESSEQUAL
            self.kind = min(-kind, _LONG_MAX)
        else:
            self.mode = SEARCH_NOTEQUAL if flags & MSG_EXCEPT else SEARCH_EQUAL

    def wants(self, message: Message) -> bool:
        """It is of the right type (testmsg)."""
        mode = self.mode
        if mode == SEARCH_EQUAL:
            return message.kind == self.kind
        if mode == SEARCH_NOTEQUAL:
            return message.kind != self.kind
        return mode != SEARCH_LESSEQUAL or message.kind <= self.kind

    def find(self, messages: list[Message]) -> int:
        """Index of the message to take; -1: none. With `-n` it is the first of the lowest type (find_msg)."""
        if self.mode == SEARCH_NUMBER:
            return self.kind if 0 <= self.kind < len(messages) else -1
        found = -1
        for index, message in enumerate(messages):
            if self.wants(message) and (found < 0 or message.kind < messages[found].kind):
                found = index
                if self.mode != SEARCH_LESSEQUAL or message.kind == 1:
                    break
        return found


class Receiver:
    """A receiver that sleeps; `result`: its message, or a negative errno. -EAGAIN: look again."""

    __slots__ = ("task", "queue", "search", "result")

    def __init__(self, t: Task, queue: MessageQueue, search: Search) -> None:
        self.task = t
        self.queue = queue
        self.search = search
        self.result: Message | int | None = None

    def complete(self, result: Message | int) -> None:
        """Sleep no longer."""
        self.result = result
        self.task.woken(0)


class MessageQueue(IpcObject):
    """`messages` in order of arrival; `limit`: bytes, and messages, that it may hold."""

    __slots__ = (
        "table",
        "messages",
        "bytes",
        "limit",
        "stime",
        "rtime",
        "lspid",
        "lrpid",
        "receivers",
        "room",
        "space",
    )

    def __init__(self, t: Task, table: MsgTable, key: int, mode: int) -> None:
        super().__init__(t, key, mode)
        self.table = table
        self.messages: list[Message] = []
        self.bytes = 0
        self.limit = table.max_queue_bytes
        self.stime = self.rtime = 0
        self.lspid: Pid | None = None
        self.lrpid: Pid | None = None
        self.receivers: dict[Receiver, None] = {}
        self.room = WaitQueue()
        self.space: SpaceAccount = t.kernel.mounts.vfs.space

    def fits(self, size: int) -> bool:
        """There is room for one more (msg_fits_inqueue)."""
        return self.bytes + size <= self.limit and len(self.messages) < self.limit

    def send(self, t: Task, message: Message) -> None:
        """To a receiver that waits for it, else to the end of the queue; ENOMEM."""
        if not self._hand_over(t, message):
            size = len(message.text)
            try:
                self.space.take_bytes(_MESSAGE_COST + size)
            except SyscallError:
                raise SyscallError(errno.ENOMEM) from None
            self.messages.append(message)
            self.bytes += size
            self.table.bytes += size
            self.table.messages += 1
        self.lspid = t.group.ids
        self.stime = seconds(t)

    def _hand_over(self, t: Task, message: Message) -> bool:
        """pipelined_send: a receiver whose buffer is too small fails instead."""
        for receiver in list(self.receivers):
            if not receiver.search.wants(message):
                continue
            del self.receivers[receiver]
            if len(message.text) > receiver.search.room:
                receiver.complete(-errno.E2BIG)
                continue
            self.lrpid = receiver.task.group.ids
            self.rtime = seconds(t)
            receiver.complete(message)
            return True
        return False

    def take(self, t: Task, index: int) -> Message:
        """The message leaves the queue."""
        message = self.messages.pop(index)
        self._forget(message)
        self.rtime = seconds(t)
        self.lrpid = t.group.ids
        self.room.notify(EVENT_OUT)
        return message

    def _forget(self, message: Message) -> None:
        size = len(message.text)
        self.bytes -= size
        self.table.bytes -= size
        self.table.messages -= 1
        self.space.add_bytes(-_MESSAGE_COST - size)

    def wake_all(self, result: int) -> None:
        """Everybody looks again, or hears that the queue is gone (expunge_all, ss_wakeup)."""
        receivers, self.receivers = self.receivers, {}
        for receiver in receivers:
            receiver.complete(result)
        self.room.notify(EVENT_OUT)

    def discard(self) -> None:
        """The queue is gone, and its messages."""
        for message in self.messages:
            self._forget(message)
        self.messages.clear()

    def pack(self, pids: PidNamespace, user: UserNamespace) -> bytes:
        """struct msqid64_ds, with process numbers as seen from `pids`."""
        return MSQID64_DS.pack(
            self.pack_perm(user),
            self.stime,
            self.rtime,
            self.ctime,
            self.bytes,
            len(self.messages),
            self.limit,
            number_in(self.lspid, pids),
            number_in(self.lrpid, pids),
        )


class MsgTable:
    """All queues, and their limits."""

    def __init__(self) -> None:
        self.ids: IpcIds[MessageQueue] = IpcIds()
        self.max_message = MSGMAX  # kernel.msgmax
        self.max_queue_bytes = MSGMNB  # kernel.msgmnb
        self.max_queues = MSGMNI  # kernel.msgmni
        self.bytes = 0
        self.messages = 0

    def create(self, t: Task, key: int, flags: int) -> int:
        """A new queue's id (newque): ENOSPC, ENOMEM."""
        queue = MessageQueue(t, self, key, flags)
        ident = self.ids.add(queue, self.max_queues)
        try:
            queue.space.take_bytes(_QUEUE_COST)
        except SyscallError:
            self.ids.remove(queue)
            raise SyscallError(errno.ENOMEM) from None
        return ident

    def remove(self, queue: MessageQueue) -> None:
        """IPC_RMID (freeque)."""
        self.ids.remove(queue)
        queue.wake_all(-errno.EIDRM)
        queue.discard()
        queue.space.add_bytes(-_QUEUE_COST)
