"""What others than guests change in a volume, for those who watch it inside (inotify(7), dnotify).

The host tells by a group of fanotify(7) that needs no privilege (Linux 5.13): it names the directory and the entry, and says of
each event whether this process has caused it. Those are left out: their watchers have heard of them already. What happened to one
entry since it was last asked for comes as one event with all that happened in no order; what is there now says which came last.
"""

from __future__ import annotations

import errno
import os
import struct
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.stat import S_IFDIR, S_IFMT, S_IFREG
from sandbox.errors import SyscallError
from sandbox.fs.host_calls import fanotify_init, fanotify_mark, file_handle
from sandbox.vfs.notify import (
    IN_ATTRIB,
    IN_CLOSE_WRITE,
    IN_CREATE,
    IN_DELETE,
    IN_DELETE_SELF,
    IN_ISDIR,
    IN_MODIFY,
    IN_MOVE_SELF,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    on_gone,
)

if TYPE_CHECKING:
    from sandbox.fs.hostfs.inode import HostInode
    from sandbox.reactor import Reactor
    from sandbox.vfs.inotify import InotifyFile

# Flags of fanotify_init: CLOEXEC, NONBLOCK, REPORT_FID, REPORT_DIR_FID, REPORT_NAME. Bits of events are inotify's.
_GROUP: Final = 0x1 | 0x2 | 0x200 | 0x400 | 0x800
_ADD: Final = 1
_REMOVE: Final = 2
_ON_CHILD: Final = 0x0800_0000
_OVERFLOW: Final = 0x4000
_OF_FILE: Final = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF
_OF_DIRECTORY: Final = _OF_FILE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ISDIR | _ON_CHILD
_GOES: Final = IN_MOVED_FROM | IN_DELETE
_CHANGES: Final = (IN_MODIFY, IN_ATTRIB, IN_CLOSE_WRITE)

_EVENT: Final = struct.Struct("=IBBHQii")  # length, version, reserved, length of this, mask, descriptor, process
_INFO: Final = struct.Struct("=BBHQII")  # kind, padding, length, file system, size and type of the handle
_FID: Final = 1
_NAMED: Final = (2, 3)  # a directory with a name in it; the directory itself
_BUFFER: Final = 16_384
_READS: Final = 16  # in one turn

Handle = tuple[int, int, bytes]  # file system, type, bytes


class HostChanges:
    """The group of one volume. `marked`: by the host's handle of a file, whom its watchers watch. The host takes milliseconds to end
    a group, so that it stays when nobody watches, unless there are marks in it that could not be removed."""

    def __init__(self, reactor: Reactor) -> None:
        self.reactor = reactor
        self.fd = -1
        self.marked: dict[Handle, HostInode] = {}
        self.handles: dict[HostInode, Handle] = {}
        self._refused = False
        self._marks_left = False
        self._cookie = 0x4000_0000  # of moves, none of which a guest made

    def begin(self, inode: HostInode) -> None:
        """Somebody watches it. Where the host does not tell, only what guests do is heard of. FIFOs and the like are not opened:
        that would be heard of at their other end."""
        if inode.mode & S_IFMT not in (S_IFDIR, S_IFREG):
            return
        if self.fd < 0 and not self._open():
            return
        try:
            fd = inode.dir_fd() if inode.is_dir() else inode.reader()
            handle = (os.fstatvfs(fd).f_fsid, *file_handle(fd))
            fanotify_mark(self.fd, _ADD, _OF_DIRECTORY if inode.is_dir() else _OF_FILE, fd)
        except (OSError, SyscallError):
            return
        finally:
            _let_go(inode)
        self.marked[handle] = inode
        self.handles[inode] = handle

    def end(self, inode: HostInode) -> None:
        """Nobody watches it any more."""
        handle = self.handles.pop(inode, None)
        if handle is None:
            return
        if self.marked.get(handle) is not inode:
            return  # somebody else watches the same file: the mark is his
        del self.marked[handle]
        try:
            fd = inode.dir_fd() if inode.is_dir() else inode.reader()
            fanotify_mark(self.fd, _REMOVE, _OF_DIRECTORY if inode.is_dir() else _OF_FILE, fd)
        except (OSError, SyscallError):
            self._marks_left = True  # unless it is gone, and its mark with it
        _let_go(inode)
        if not self.marked and self._marks_left:
            self.close()

    def close(self) -> None:
        """The group ends."""
        if self.fd >= 0:
            self.reactor.unwatch(self.fd)
            os.close(self.fd)
            self.fd = -1
            self._marks_left = False

    def _open(self) -> bool:
        if self._refused:
            return False
        try:
            self.fd = fanotify_init(_GROUP)
        except OSError:
            self._refused = True
            return False
        self.reactor.watch(self.fd, 1, self._told)
        return True

    # --- events ---

    def _told(self, events: int) -> None:
        for _ in range(_READS):
            if self.fd < 0:
                return
            try:
                data = os.read(self.fd, _BUFFER)
            except OSError as error:
                if error.errno != errno.EAGAIN:
                    self.close()
                return
            self._all(data)

    def _all(self, data: bytes) -> None:
        at, me = 0, os.getpid()
        moved = 0
        while at + _EVENT.size <= len(data):
            length, _, _, head, mask, _, pid = _EVENT.unpack_from(data, at)
            if mask & _OVERFLOW:
                self._overflow()
            elif pid != me:
                if mask & IN_MOVED_TO and not mask & _GOES:
                    cookie, moved = moved or self._next_cookie(), 0
                else:
                    cookie = moved = self._next_cookie() if mask & IN_MOVED_FROM else 0
                self._one(data[at + head : at + length], mask, cookie)
            at += max(length, _EVENT.size)

    def _next_cookie(self) -> int:
        self._cookie = 0x4000_0000 | (self._cookie + 1) & 0x3FFF_FFFF
        return self._cookie

    def _one(self, infos: bytes, mask: int, cookie: int) -> None:
        """An event: a directory and a name in it, or itself; and the file."""
        directory: HostInode | None = None
        itself: HostInode | None = None
        name, at = b"", 0
        while at + _INFO.size <= len(infos):
            kind, _, length, where, size, handle_type = _INFO.unpack_from(infos, at)
            start = at + _INFO.size
            inode = self.marked.get((where, handle_type, infos[start : start + size]))
            if inode is not None:
                inode.host.expire()
                found = infos[start + size : at + length].split(b"\0")[0] if kind in _NAMED else b""
                if found in (b"", b"."):
                    itself = inode
                else:
                    directory, name = inode, found
            at += max(length, _INFO.size)
        for bit in _in_order(mask, directory, name):
            if directory is not None and directory.marks is not None:
                directory.marks.send(bit | mask & IN_ISDIR, name, cookie if bit & (IN_MOVED_FROM | IN_MOVED_TO) else 0)
            if itself is not None and bit & _OF_FILE:
                _itself(itself, bit)

    def _overflow(self) -> None:
        """More has happened than the host keeps."""
        owners: set[InotifyFile] = {
            owner for inode in self.marked.values() if inode.marks is not None for owner in inode.marks.watches
        }
        for owner in owners:
            owner.overflow()


def _in_order(mask: int, directory: HostInode | None, name: bytes) -> list[int]:
    """What happened to an entry, bit by bit: it came, was changed, went; it went first, if it is there now."""
    bits = [mask & bit for bit in (IN_CREATE, IN_MOVED_TO, *_CHANGES)]
    gone = [mask & bit for bit in (IN_MOVED_FROM, IN_DELETE)]
    if any(bits[:2]) and any(gone) and directory is not None and directory.has_entry(name):
        bits = gone + bits
    else:
        bits += gone
    return [bit for bit in (*bits, mask & IN_MOVE_SELF, mask & IN_DELETE_SELF) if bit]


def _itself(inode: HostInode, bit: int) -> None:
    """What the watchers of the file hear, be it a directory."""
    if bit == IN_DELETE_SELF:
        inode.nlink = 0
        on_gone(inode)
        return
    if inode.marks is not None:
        inode.marks.send(bit | IN_ISDIR if inode.is_dir() and bit != IN_MOVE_SELF else bit, b"", 0)
    if bit == IN_ATTRIB and max(inode.fd, inode.wfd) >= 0:  # else the host says when it ends
        inode.refresh()
        on_gone(inode)


def _let_go(inode: HostInode) -> None:
    """A file that is open for nobody is not kept from going."""
    if not inode.opens and not inode.maps and not inode.pinned_fd:
        inode.host.forget(inode)
        inode.close_fds()
