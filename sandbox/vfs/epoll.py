"""epoll (epoll(7), fs/eventpoll.c): interest lists and ready lists.

An item enters its ready list when its file's queue fires, or when it is ready at epoll_ctl; `collect` asks the
file again, so a wait costs what is ready, not what is watched. Level-triggered items go back to the end of the
list after delivery and leave it when they are found not ready.
"""

from __future__ import annotations

import errno
import struct
from itertools import islice
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import poll as abi
from sandbox.abi.linux.fcntl import O_RDWR
from sandbox.errors import SyscallError
from sandbox.vfs.anon import AnonFile
from sandbox.vfs.epoll_paths import check_nesting, check_paths
from sandbox.vfs.file_description import FileDescription
from sandbox.vfs.poll import user_events, wait_mask
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.kernel.task import Task

PRIVATE_BITS: Final = abi.EPOLLWAKEUP | abi.EPOLLONESHOT | abi.EPOLLET | abi.EPOLLEXCLUSIVE
EXCLUSIVE_OK: Final = (
    abi.POLLIN | abi.POLLOUT | abi.POLLERR | abi.POLLHUP | abi.EPOLLWAKEUP | abi.EPOLLET | abi.EPOLLEXCLUSIVE
)
MAX_WATCHES: Final = 262_144  # fs.epoll.max_user_watches
VERIFY_BUDGET: Final = 1000  # files asked when the readiness of an epoll file is wanted (nested lists)


class WatchCount:
    """How many items there are in all."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


WATCHES: Final = WatchCount()


class EpollItem:
    """One entry of an interest list: `fd` as it was at epoll_ctl, and the description it named."""

    __slots__ = ("epoll", "file", "fd", "events", "data", "queue", "waiter")

    def __init__(self, t: Task, epoll: EventPoll, file: FileDescription, fd: int, events: int, data: int) -> None:
        self.epoll = epoll
        self.file = file
        self.fd = fd
        self.events = events
        self.data = data
        self.queue = file.queue_for(t)
        self.waiter = self.queue.add(wait_mask(events), self.on_event)

    def on_event(self, mask: int) -> None:
        """The file's queue fired (ep_poll_callback)."""
        events = self.events
        if not events & ~PRIVATE_BITS or (mask and not user_events(mask, self.file.norm) & events):
            return
        self.epoll.make_ready(self)

    def file_gone(self) -> None:
        """The last reference to the file is going (eventpoll_release)."""
        self.epoll.forget(self)


class EventPoll(AnonFile):
    """What epoll_create(2) returns. `ready` keeps its order: first come, first delivered."""

    can_read = False
    can_write = False

    def __init__(self) -> None:
        super().__init__(O_RDWR)
        self.items: dict[tuple[int, FileDescription], EpollItem] = {}
        self.ready: dict[EpollItem, None] = {}
        self.nested = 0  # items that are lists themselves

    # --- interest list ---

    def add(self, t: Task, fd: int, file: FileDescription, events: int, data: int) -> None:
        """EPOLL_CTL_ADD; EEXIST, ELOOP, ENOSPC, EINVAL."""
        if isinstance(file, EventPoll):
            check_nesting(self, file)
        if (fd, file) in self.items:
            raise SyscallError(errno.EEXIST)
        if WATCHES.count >= MAX_WATCHES:
            raise SyscallError(errno.ENOSPC)
        item = EpollItem(t, self, file, fd, events | abi.POLLERR | abi.POLLHUP, data)
        self.items[(fd, file)] = item
        WATCHES.count += 1
        if file.epoll_items is None:
            file.epoll_items = {}
        file.epoll_items[item] = None
        self.nested += isinstance(file, EventPoll)
        if self.epoll_items or isinstance(file, EventPoll):  # else no way has become longer
            try:
                check_paths(file)
            except SyscallError:
                self.remove(fd, file)
                raise
        self._check(t, item)

    def modify(self, t: Task, fd: int, file: FileDescription, events: int, data: int) -> None:
        """EPOLL_CTL_MOD; ENOENT, EINVAL for an exclusive item."""
        item = self.items.get((fd, file))
        if item is None:
            raise SyscallError(errno.ENOENT)
        if item.events & abi.EPOLLEXCLUSIVE:
            raise SyscallError(errno.EINVAL)
        item.events = events | abi.POLLERR | abi.POLLHUP
        item.data = data
        item.waiter.mask = wait_mask(events)
        self._check(t, item)

    def remove(self, fd: int, file: FileDescription) -> None:
        """EPOLL_CTL_DEL; ENOENT."""
        item = self.items.get((fd, file))
        if item is None:
            raise SyscallError(errno.ENOENT)
        if file.epoll_items is not None:
            file.epoll_items.pop(item, None)
        self.forget(item)

    def forget(self, item: EpollItem) -> None:
        """Take an item out, its file's list aside."""
        if self.items.pop((item.fd, item.file), None) is not None:
            WATCHES.count -= 1
            self.nested -= isinstance(item.file, EventPoll)
        self.ready.pop(item, None)
        item.queue.remove(item.waiter)

    def _check(self, t: Task, item: EpollItem) -> None:
        """It may be ready now already."""
        if user_events(item.file.poll(t), item.file.norm) & item.events & ~PRIVATE_BITS:
            self.make_ready(item)

    def watched(self, fd: int) -> list[FileDescription]:
        """What was added under this number; it may be of several files that were there in turn."""
        return [file for number, file in self.items if number == fd]

    # --- ready list ---

    def make_ready(self, item: EpollItem) -> None:
        """Enter the ready list and wake who waits."""
        if item not in self.ready:
            self.ready[item] = None
        self.queue.notify(EVENT_IN)

    def collect(self, t: Task, limit: int) -> tuple[bytes, list[EpollItem]]:
        """Take up to `limit` events: struct epoll_event after the other, and the items delivered."""
        ready = self.ready
        out: list[bytes] = []
        taken: list[EpollItem] = []
        again: list[EpollItem] = []
        pack = abi.EPOLL_EVENT.pack
        asked = 0  # items; each once, also those that become ready meanwhile
        bound = len(ready)
        while ready and asked < bound and len(taken) < limit:
            for item in list(islice(ready, min(limit - len(taken), bound - asked))):
                asked += 1
                if item not in ready:
                    continue
                del ready[item]
                wanted = item.events
                events = user_events(item.file.poll(t), item.file.norm) & wanted & ~PRIVATE_BITS
                if not events:
                    continue
                out.append(pack(events, item.data))
                taken.append(item)
                if wanted & abi.EPOLLONESHOT:
                    item.events = wanted & PRIVATE_BITS
                elif not wanted & abi.EPOLLET:
                    again.append(item)
        for item in again:
            ready[item] = None
        return b"".join(out), taken

    def put_back(self, items: list[EpollItem], data: bytes) -> None:
        """The events could not be stored (EFAULT): they are still to be delivered."""
        for offset, item in enumerate(items):
            if item.events & abi.EPOLLONESHOT and not item.events & ~PRIVATE_BITS:
                item.events |= struct.unpack_from("<I", data, offset * abi.EPOLL_EVENT_SIZE)[0]
            self.ready[item] = None

    # --- as a file ---

    def poll(self, t: Task | None) -> int:
        return EVENT_IN if self._any_ready(t, [VERIFY_BUDGET]) else 0

    def _any_ready(self, t: Task | None, budget: list[int]) -> bool:
        for item in list(self.ready):
            if budget[0] <= 0:
                return True
            budget[0] -= 1
            file = item.file
            if isinstance(file, EventPoll):
                found = EVENT_IN if file._any_ready(t, budget) else 0
            else:
                found = file.poll(t)
            if user_events(found, item.file.norm) & item.events & ~PRIVATE_BITS:
                return True
            self.ready.pop(item, None)
        return False

    def release(self) -> None:
        for item in list(self.items.values()):
            others = item.file.epoll_items
            if others is not None:
                others.pop(item, None)
            self.forget(item)

    def link_text(self) -> str:
        return "anon_inode:[eventpoll]"

    def fdinfo(self) -> str:
        return "".join(
            f"tfd: {item.fd:8d} events: {item.events:8x} data: {item.data:16x}  pos:{item.file.pos} ino:0 sdev:0\n"
            for item in self.items.values()
        )
