"""Asynchronous I/O contexts (io_setup(2), fs/aio.c): what was submitted, and the events that nobody has fetched yet.

Reads, writes and flushes are done when they are submitted, as Linux does them wherever a file has no direct I/O;
only polls wait. A context belongs to an address space, and its number is the address of a page there which holds
nothing: libraries look for a ring in it and find none, so that they make the calls.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.poll import POLLERR, POLLHUP
from tcpip.waiter import EVENT_IN, WaitQueue

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.eventfd import EventFile
    from sandbox.vfs.file_description import FileDescription
    from tcpip.waiter import Waiter

AIO_MAX_NR: Final = 65536  # fs.aio-max-nr: events that all contexts may ask for
MAX_HELD: Final = 4 * AIO_MAX_NR  # operations and events that all contexts together can hold, some 400 bytes each
EVENT: Final = struct.Struct("<QQqq")  # data, obj, res, res2
_RING_HEADER: Final = 32


def _capacity(asked: int, cpus: int) -> int:
    """The places of a ring of whole pages."""
    pages = -(-(_RING_HEADER + (max(asked, 4 * cpus) * 2 + 2) * EVENT.size) // 4096)
    return (pages * 4096 - _RING_HEADER) // EVENT.size - 1


class AioTotal:
    """What all contexts share. `count`: events that they have asked for (fs.aio-nr), `most` of them (fs.aio-max-nr); `capacity`: what they have got."""

    __slots__ = ("count", "capacity", "most", "_ended", "_telling")

    def __init__(self) -> None:
        self.count = 0
        self.capacity = 0
        self.most = AIO_MAX_NR
        self._ended: deque[EventFile] = deque()
        self._telling = False

    def has_room(self, asked: int, cpus: int) -> bool:
        """One more context that asks for so many events can be made."""
        return self.count + asked <= self.most and self.capacity + _capacity(asked, cpus) <= MAX_HELD

    def tell(self, notify: EventFile) -> None:
        """Signal it, which may end polls that have eventfds of their own: one after another, however long the chain."""
        self._ended.append(notify)
        if self._telling:
            return
        self._telling = True
        try:
            while self._ended:
                file = self._ended.popleft()
                file.signal()
                file.drop()
        finally:
            self._telling = False


class AioRequest:
    """One submitted operation: `obj` is the control block's address, `data` its owner's word."""

    __slots__ = ("obj", "data", "notify")

    def __init__(self, obj: int, data: int, notify: EventFile | None) -> None:
        self.obj = obj
        self.data = data
        self.notify = notify  # told of the end, held
        if notify is not None:
            notify.acquire()


class AioContext:
    """At most `capacity` operations are under way or wait to be fetched."""

    __slots__ = ("total", "asked", "capacity", "events", "polls", "queue", "dead", "busy")

    def __init__(self, total: AioTotal, asked: int, cpus: int) -> None:
        self.total = total
        self.asked = asked
        self.capacity = _capacity(asked, cpus)
        total.count += asked
        total.capacity += self.capacity
        self.events: deque[bytes] = deque()
        self.polls: dict[AioPoll, None] = {}
        self.queue = WaitQueue()
        self.dead = False
        self.busy = 0  # submitted and neither of the above

    def full(self) -> bool:
        """EAGAIN for what comes now."""
        return len(self.events) + len(self.polls) + self.busy >= self.capacity

    def complete(self, request: AioRequest, result: int) -> None:
        """The operation has ended."""
        notify = request.notify
        if not self.dead:
            self.events.append(EVENT.pack(request.data, request.obj, result, 0))
            self.queue.notify(EVENT_IN)
        if notify is not None:
            request.notify = None
            self.total.tell(notify)

    def find_poll(self, obj: int) -> AioPoll | None:
        """The poll whose control block is at `obj`."""
        for poll in self.polls:
            if poll.request.obj == obj:
                return poll
        return None

    def destroy(self) -> None:
        """io_destroy(2), or its address space is gone: what is under way ends unheard."""
        if self.dead:
            return
        self.dead = True
        self.total.count -= self.asked
        self.total.capacity -= self.capacity
        for poll in list(self.polls):
            poll.end(0)
        self.events.clear()
        self.queue.notify(EVENT_IN)


class AioPoll:
    """IOCB_CMD_POLL: waits once for `events` of a file, for the task that asked."""

    __slots__ = ("context", "request", "task", "file", "events", "waiter", "queue")

    def __init__(self, t: Task, context: AioContext, request: AioRequest, file: FileDescription, events: int) -> None:
        self.context = context
        self.request = request
        self.task = t
        self.file = file
        self.events = events | POLLERR | POLLHUP
        file.acquire()
        context.polls[self] = None
        self.queue = file.queue_for(t)
        self.waiter: Waiter = self.queue.add(self.events, self._ready)

    def _ready(self, mask: int) -> None:
        found = self.file.poll(self.task) & self.events
        if found:
            self.end(found)

    def end(self, result: int) -> None:
        """It is over, with these events (none: cancelled)."""
        if self in self.context.polls:
            del self.context.polls[self]
            self.queue.remove(self.waiter)
            self.context.complete(self.request, result)
            self.file.drop()

    def refuse(self) -> None:
        """It never was."""
        del self.context.polls[self]
        self.queue.remove(self.waiter)
        self.file.drop()
        notify = self.request.notify
        if notify is not None:
            notify.drop()


def destroy_all(contexts: dict[int, AioContext]) -> None:
    """The address space that they belong to is gone."""
    for context in list(contexts.values()):
        context.destroy()
    contexts.clear()
