"""Asynchronous I/O contexts (io_setup(2), fs/aio.c): what was submitted, and the events that nobody has fetched yet.

Reads, writes and flushes are done when they are submitted, as Linux does them wherever a file has no direct I/O;
only polls wait. A context belongs to an address space, and its number is the address of its ring there (struct aio_ring):
events can be taken out of it without a call, by who moves its head. The kernel has them, too, and believes of the ring
the head alone, as far as it may be.
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
    from sandbox.vfs.regular_file import RegularFile
    from tcpip.waiter import Waiter

AIO_MAX_NR: Final = 65536  # fs.aio-max-nr: events that all contexts may ask for
MAX_HELD: Final = 4 * AIO_MAX_NR  # operations and events that all contexts together can hold, some 400 bytes each
EVENT: Final = struct.Struct("<QQqq")  # data, obj, res, res2
_RING_HEADER: Final = struct.Struct(
    "<8I"
)  # id, nr, head, tail, magic, compat_features, incompat_features, header_length
_RING_MAGIC: Final = 0xA10A10A1
_RING_COMPAT: Final = 1
_HEAD_AT: Final = 8
_TAIL_AT: Final = 12


def ring_size(asked: int, cpus: int) -> int:
    """The bytes of a ring, whole pages (aio_setup_ring)."""
    return -(-(_RING_HEADER.size + (max(asked, 4 * cpus) * 2 + 2) * EVENT.size) // 4096) * 4096


def _capacity(asked: int, cpus: int) -> int:
    """The places of a ring but the one that stays free."""
    return (ring_size(asked, cpus) - _RING_HEADER.size) // EVENT.size - 1


class AioRing:
    """What the guest sees of a context's events: the pages of `file`, which it may write, too."""

    __slots__ = ("file", "number", "size", "slots", "head", "tail", "address")

    def __init__(self, file: RegularFile, number: int, size: int) -> None:
        """`file` has the pages; it is let go of by `close`."""
        self.file = file
        self.number = number
        self.size = size
        self.slots = (size - _RING_HEADER.size) // EVENT.size
        self.head = 0
        self.tail = 0
        self.address = 0  # where it is mapped, or was last
        self._write(_RING_HEADER.pack(number, self.slots, 0, 0, _RING_MAGIC, _RING_COMPAT, 0, _RING_HEADER.size), 0)

    def _write(self, data: bytes, offset: int) -> None:
        self.file.inode.write_at(memoryview(data), offset)

    def push(self, event: bytes) -> None:
        """One more: first itself, then that it is there."""
        self._write(event, _RING_HEADER.size + self.tail * EVENT.size)
        self.tail = (self.tail + 1) % self.slots
        self._write(self.tail.to_bytes(4, "little"), _TAIL_AT)

    def pull(self, count: int) -> None:
        """The first `count` have been fetched by a call."""
        self.head = (self.head + count) % self.slots
        self._write(self.head.to_bytes(4, "little"), _HEAD_AT)

    def taken(self, held: int) -> int:
        """How many of the `held` first events the guest has taken itself since this was asked last; 0 if its head lies elsewhere."""
        word = bytearray(4)
        self.file.inode.read_at(memoryview(word), _HEAD_AT)
        count = (int.from_bytes(word, "little") - self.head) % self.slots
        if count > held:
            return 0
        self.head = (self.head + count) % self.slots
        return count

    def moved(self, device: int, inode: int, address: int) -> None:
        """A mapping of that file lies elsewhere now (aio_ring_mremap)."""
        mine = self.file.inode
        if (mine.fs.dev, mine.ino) == (device, inode):
            self.address = address

    def close(self) -> None:
        """Its context is gone."""
        self.file.drop()


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

    __slots__ = ("total", "ring", "asked", "capacity", "events", "polls", "queue", "dead", "busy")

    def __init__(self, total: AioTotal, ring: AioRing, asked: int, cpus: int) -> None:
        self.total = total
        self.ring = ring
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
        if len(self.events) + len(self.polls) + self.busy < self.capacity:
            return False
        self.settle()
        return len(self.events) + len(self.polls) + self.busy >= self.capacity

    def settle(self) -> None:
        """Forget the events that the guest has taken out of the ring itself."""
        if not self.dead:
            for _ in range(self.ring.taken(len(self.events))):
                self.events.popleft()

    def fetched(self, count: int) -> None:
        """A call has handed the first `count` events over."""
        for _ in range(count):
            self.events.popleft()
        self.ring.pull(count)

    def complete(self, request: AioRequest, result: int) -> None:
        """The operation has ended."""
        notify = request.notify
        if not self.dead:
            event = EVENT.pack(request.data, request.obj, result, 0)
            self.events.append(event)
            self.ring.push(event)
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
        self.ring.close()
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
