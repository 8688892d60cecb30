"""QueueState: the messages of one POSIX message queue, and who waits for it (ipc/mqueue.c).

The highest priority comes first, and within it the oldest. A sender hands its message to a receiver that
waits, and a receiver takes what a waiting sender has into the queue, so who is woken has been served.
"""

from __future__ import annotations

import errno
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.mqueue import NOTIFY_REMOVED, NOTIFY_WOKENUP
from sandbox.abi.linux.signal import SI_MESGQ, SIGEV_SIGNAL, SIGEV_THREAD
from sandbox.errors import SyscallError
from sandbox.kernel.signal_info import SignalInfo
from tcpip.waiter import EVENT_IN, EVENT_OUT, WaitQueue

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.kernel.thread_group import ThreadGroup
    from sandbox.sockets.netlink.socket import NetlinkSocket
    from sandbox.vfs.space import SpaceAccount

_MESSAGE_COST: Final = 200


class Message:
    """Its priority, and its text."""

    __slots__ = ("priority", "text")

    def __init__(self, priority: int, text: bytes) -> None:
        self.priority = priority
        self.text = text


class MqWait:
    """A sender (with its `message`) or a receiver that sleeps. `done`: served; a receiver then has its message."""

    __slots__ = ("task", "queue", "message", "done", "deadline")

    def __init__(self, t: Task, queue: QueueState, message: Message | None, deadline: int | None) -> None:
        self.task = t
        self.queue = queue
        self.message = message
        self.done = False
        self.deadline = deadline

    def complete(self, message: Message | None) -> None:
        """Sleep no longer."""
        self.message = message
        self.done = True
        self.task.woken(0)

    def give_up(self) -> None:
        """Time has passed, or a signal has come."""
        self.queue.senders.pop(self, None)
        self.queue.receivers.pop(self, None)


class Notification:
    """What mq_notify(3) asked for: `kind` SIGEV_*; for SIGEV_THREAD a cookie that goes to a netlink socket."""

    __slots__ = ("group", "kind", "signo", "value", "socket", "cookie", "images")

    def __init__(self, group: ThreadGroup, kind: int, signo: int, value: int) -> None:
        self.group = group
        self.kind = kind
        self.signo = signo
        self.value = value
        self.socket: NetlinkSocket | None = None
        self.cookie = b""
        self.images = group.execs  # a program that was started since does not expect the signal

    def arrived(self, t: Task) -> None:
        """A message of `t`'s has come to the empty queue."""
        if self.kind == SIGEV_SIGNAL:
            group = self.group
            if group.execs == self.images and not group.exited and self.signo:
                group.send_signal(
                    SignalInfo(self.signo, SI_MESGQ, t.group.ids.number_in(group.pids), t.creds.uid, self.value)
                )
        self._tell(NOTIFY_WOKENUP)

    def removed(self) -> None:
        """The process has given it up."""
        self._tell(NOTIFY_REMOVED)

    def _tell(self, event: int) -> None:
        socket = self.socket
        if self.kind == SIGEV_THREAD and socket is not None:
            self.socket = None
            socket.deliver(self.cookie[:-1] + bytes((event,)))
            socket.drop()


class QueueState:
    """`limit` messages of up to `size` bytes each. `ready` is notified when poll(2) would answer differently."""

    __slots__ = (
        "limit",
        "size",
        "bytes",
        "senders",
        "receivers",
        "ready",
        "notification",
        "space",
        "_heap",
        "_arrivals",
    )

    def __init__(self, limit: int, size: int, space: SpaceAccount) -> None:
        self.limit = limit
        self.size = size
        self.bytes = 0
        self.senders: dict[MqWait, None] = {}
        self.receivers: dict[MqWait, None] = {}
        self.ready = WaitQueue()
        self.notification: Notification | None = None
        self.space = space
        self._heap: list[tuple[int, int, Message]] = []
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._heap)

    def full(self) -> bool:
        """A sender must wait."""
        return len(self._heap) >= self.limit

    def send(self, t: Task, message: Message) -> None:
        """The queue is not full: to the receiver that has waited longest, or in line; ENOMEM."""
        if self.receivers:
            receiver = next(iter(self.receivers))
            del self.receivers[receiver]
            receiver.complete(message)
            return
        self._insert(message)
        notification = self.notification
        if notification is not None and len(self._heap) == 1:
            self.notification = None
            notification.arrived(t)
        self.ready.notify(EVENT_IN)

    def _insert(self, message: Message) -> None:
        try:
            self.space.take_bytes(_MESSAGE_COST + len(message.text))
        except SyscallError:
            raise SyscallError(errno.ENOMEM) from None
        self._arrivals += 1
        heappush(self._heap, (-message.priority, self._arrivals, message))
        self.bytes += len(message.text)

    def receive(self) -> Message:
        """The queue is not empty: the first message; a sender that waits gets its place."""
        message = heappop(self._heap)[2]
        self._forget(message)
        if self.senders:
            sender = next(iter(self.senders))
            waiting = sender.message
            assert waiting is not None
            try:
                self._insert(waiting)
            except SyscallError:
                return message  # no memory for it now: it goes on waiting
            del self.senders[sender]
            sender.complete(None)
        else:
            self.ready.notify(EVENT_OUT)
        return message

    def _forget(self, message: Message) -> None:
        self.bytes -= len(message.text)
        self.space.add_bytes(-_MESSAGE_COST - len(message.text))

    def discard(self) -> None:
        """Nobody can reach it any more."""
        for _, _, message in self._heap:
            self._forget(message)
        self._heap.clear()

    def owner_leaves(self, group: ThreadGroup) -> None:
        """A descriptor was closed, or NULL given to mq_notify: the process's notification goes (remove_notification)."""
        notification = self.notification
        if notification is not None and notification.group is group:
            self.notification = None
            notification.removed()

    def describe(self, t: Task) -> bytes:
        """What read(2) of the descriptor gives (mqueue_read_file)."""
        kind, signo, pid = 0, 0, 0
        notification = self.notification
        if notification is not None:
            kind, pid = notification.kind, notification.group.ids.number_in(t.pids)
            signo = notification.signo if kind == SIGEV_SIGNAL else 0
        return f"QSIZE:{self.bytes:<10} NOTIFY:{kind:<5} SIGNO:{signo:<5} NOTIFY_PID:{pid:<6}\n".encode()
