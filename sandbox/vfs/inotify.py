"""inotify(7): watches on inodes and a queue of what happened to them."""

from __future__ import annotations

import errno
import struct
from collections import deque
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.vfs.anon import AnonFile
from sandbox.vfs.file_description import WOULD_BLOCK
from sandbox.vfs.notify import IN_ALL_EVENTS, IN_ISDIR
from tcpip.waiter import EVENT_IN

if TYPE_CHECKING:
    from sandbox.kernel.control import Result
    from sandbox.kernel.task import Task
    from sandbox.syscalls.args import SyscallArgs
    from sandbox.vfs.dnotify import DirectoryNotice
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.mount import Vfs

IN_UNMOUNT: Final = 0x2000
IN_Q_OVERFLOW: Final = 0x4000
IN_IGNORED: Final = 0x8000
IN_ONLYDIR: Final = 0x0100_0000
IN_DONT_FOLLOW: Final = 0x0200_0000
IN_EXCL_UNLINK: Final = 0x0400_0000
IN_MASK_CREATE: Final = 0x1000_0000
IN_MASK_ADD: Final = 0x2000_0000
IN_ONESHOT: Final = 0x8000_0000

FIONREAD: Final = 0x541B

_EVENT: Final = struct.Struct("<iIII")  # wd, mask, cookie, length of the padded name


class Watch:
    """One instance's interest in one inode."""

    __slots__ = ("owner", "wd", "mask", "inode")

    def __init__(self, owner: InotifyFile, wd: int, mask: int, inode: Inode) -> None:
        self.owner = owner
        self.wd = wd
        self.mask = mask
        self.inode = inode


class InodeMarks:
    """All watches on one inode, and who asked a directory for signals."""

    __slots__ = ("watches", "notices")

    def __init__(self) -> None:
        self.watches: dict[InotifyFile, Watch] = {}
        self.notices: list[DirectoryNotice] = []

    def send(self, mask: int, name: bytes, cookie: int) -> None:
        """Queue an event with everybody who asked for it."""
        for watch in list(self.watches.values()):
            if watch.mask & mask & IN_ALL_EVENTS:
                watch.owner.queue_event(watch.wd, mask, name, cookie)
                if watch.mask & IN_ONESHOT:
                    watch.owner.forget(watch)
        for notice in list(self.notices):
            if notice.mask & mask:
                notice.tell()
                if not notice.always:
                    self.notices.remove(notice)

    def drop_from(self, inode: Inode) -> None:
        """The inode goes without marks when nobody wants to know any more."""
        if inode.marks is self and not self.watches and not self.notices:
            inode.marks = None
            inode.fs.watched -= 1
            inode.fs.watch_ends(inode)

    def remove_all(self) -> None:
        """The inode is gone."""
        for watch in list(self.watches.values()):
            watch.owner.forget(watch)


class InotifyFile(AnonFile):
    """An inotify instance."""

    can_write = False
    flagged = False
    flagged_writes = False

    def __init__(self, flags: int, vfs: Vfs, max_events: int) -> None:
        super().__init__(flags)
        self._vfs = vfs
        self._max_events = max_events
        vfs.inotify_instances += 1
        self._watches: dict[int, Watch] = {}
        self._next = 0
        self._events: deque[tuple[int, int, int, bytes]] = deque()

    def add(self, inode: Inode, mask: int, max_watches: int) -> int:
        """inotify_add_watch(2): the watch descriptor; ENOSPC when there are `max_watches`."""
        marks = inode.marks
        if marks is None:
            marks = InodeMarks()
        watch = marks.watches.get(self)
        if watch is not None:
            if mask & IN_MASK_CREATE:
                raise SyscallError(errno.EEXIST)
            wanted = mask & (IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK)
            watch.mask = watch.mask | wanted if mask & IN_MASK_ADD else wanted
            return watch.wd
        if self._vfs.inotify_watches >= max_watches:
            raise SyscallError(errno.ENOSPC)
        self._next += 1
        watch = Watch(self, self._next, mask & (IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK), inode)
        self._watches[watch.wd] = watch
        self._vfs.inotify_watches += 1
        if inode.marks is None:
            inode.marks = marks
            inode.fs.watched += 1
            inode.fs.watch_begins(inode)
        marks.watches[self] = watch
        return watch.wd

    def remove(self, wd: int) -> None:
        """inotify_rm_watch(2)."""
        watch = self._watches.get(wd)
        if watch is None:
            raise SyscallError(errno.EINVAL)
        self.forget(watch)

    def forget(self, watch: Watch) -> None:
        """The watch ends: IN_IGNORED."""
        self._drop(watch)
        self.queue_event(watch.wd, IN_IGNORED, b"", 0)

    def _drop(self, watch: Watch) -> None:
        if self._watches.pop(watch.wd, None) is not None:
            self._vfs.inotify_watches -= 1
        marks = watch.inode.marks
        if marks is not None:
            marks.watches.pop(self, None)
            marks.drop_from(watch.inode)

    def queue_event(self, wd: int, mask: int, name: bytes, cookie: int) -> None:
        """Append, unless it repeats the last one; one overflow event when the queue is full."""
        events = self._events
        mask &= IN_ALL_EVENTS | IN_ISDIR | IN_IGNORED | IN_UNMOUNT
        event = (wd, mask, cookie, name)
        if events and events[-1] == event:
            return
        if len(events) >= self._max_events:
            if not events or events[-1][1] != IN_Q_OVERFLOW:
                events.append((-1, IN_Q_OVERFLOW, 0, b""))
            return
        events.append(event)
        self.queue.notify(EVENT_IN)

    def overflow(self) -> None:
        """Events were lost before they came here."""
        if not self._events or self._events[-1][1] != IN_Q_OVERFLOW:
            self._events.append((-1, IN_Q_OVERFLOW, 0, b""))
            self.queue.notify(EVENT_IN)

    def read(self, t: Task, dst: memoryview) -> int:
        """As many whole events as fit; EINVAL when the first does not."""
        events = self._events
        if not events:
            return WOULD_BLOCK
        at = 0
        while events:
            wd, mask, cookie, name = events[0]
            room = (len(name) // 16 + 1) * 16 if name else 0
            if at + 16 + room > len(dst):
                break
            events.popleft()
            _EVENT.pack_into(dst, at, wd, mask, cookie, room)
            dst[at + 16 : at + 16 + room] = name.ljust(room, b"\0")
            at += 16 + room
        if not at:
            raise SyscallError(errno.EINVAL)
        return at

    def poll(self, t: Task | None) -> int:
        """Readable when there are events."""
        return EVENT_IN if self._events else 0

    def ioctl(self, t: Task, cmd: int, arg: int, a: SyscallArgs) -> Result:
        """FIONREAD: bytes queued."""
        if cmd != FIONREAD:
            raise SyscallError(errno.ENOTTY)
        size = sum(16 + ((len(event[3]) // 16 + 1) * 16 if event[3] else 0) for event in self._events)
        t.copy_out(arg, size.to_bytes(4, "little"))
        return 0

    def release(self) -> None:
        """All watches end."""
        for watch in list(self._watches.values()):
            self._drop(watch)
        self._vfs.inotify_instances -= 1

    def link_text(self) -> str:
        """As /proc shows it."""
        return "anon_inode:inotify"

    def fdinfo(self) -> str:
        """The watches."""
        return "".join(
            f"inotify wd:{w.wd:x} ino:{w.inode.ino:x} sdev:{w.inode.fs.dev:x} mask:{w.mask:x} ignored_mask:0 "
            f"fhandle-bytes:0 fhandle-type:0 f_handle:\n"
            for w in self._watches.values()
        )
