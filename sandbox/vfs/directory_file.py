"""DirectoryFile: an open directory, read by getdents(2)."""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.vfs.regular_file import DAY_NS, MAX_OFFSET, SEEK_CUR, SEEK_END, SEEK_SET, InodeFile, touch_atime
from sandbox.vfs.snapshots import Snapshot

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path

ENTRY_COST: Final = 160  # bytes of memory for one entry of a listing, about
_PACK64: Final = struct.Struct("<QqHB").pack  # d_ino, d_off, d_reclen, d_type; then the name
_PADDING: Final = {size: bytes(size - 19) for size in range(20, 28)}  # by the record's size less the name's
_HEAD: Final = struct.Struct("<QQH")  # the old form: the type is the last byte of the record


class DirectoryFile(InodeFile):
    """Offsets number the entries in the order in which this description first saw them: 0 is `.`, 1 is `..`.

    The listing is taken at offset 0. Names that have been removed since are left out; names that are
    new are appended when the end is reached.
    """

    has_end = True  # SEEK_END means something, as on disks
    flagged = False
    flagged_writes = False

    def __init__(self, flags: int, path: Path, inode: Inode) -> None:
        super().__init__(flags, path, inode)
        self._snapshot = Snapshot()
        self._stamp = 0

    def flush(self, t: Task) -> None:
        """A descriptor was closed: locks go, and so does what F_NOTIFY asked for."""
        super().flush(t)
        if self.inode.marks is not None:
            from sandbox.vfs.dnotify import end_notices

            end_notices(t, self)

    def read(self, t: Task, dst: memoryview) -> int:
        """EISDIR."""
        raise SyscallError(errno.EISDIR)

    def pread(self, t: Task, dst: memoryview, offset: int) -> int:
        """EISDIR."""
        raise SyscallError(errno.EISDIR)

    def seek(self, t: Task, offset: int, whence: int) -> int:
        """lseek(2): offsets are those that getdents gave."""
        if whence == SEEK_CUR:
            offset += self.pos
        elif whence == SEEK_END and self.has_end:
            offset += MAX_OFFSET
        elif whence != SEEK_SET:
            raise SyscallError(errno.EINVAL)
        if not 0 <= offset <= MAX_OFFSET:
            raise SyscallError(errno.EINVAL)
        self.pos = offset
        return offset

    def getdents(self, room: int, old: bool) -> bytes:
        """As many records from the position on as `room` holds; EINVAL when not even one does. ENOENT in a
        directory that was removed."""
        inode = self.inode
        if inode.live:
            inode.refresh()
        if inode.nlink == 0:
            raise SyscallError(errno.ENOENT)
        if inode.atime <= inode.mtime or inode.fs.now() - inode.atime >= DAY_NS:
            touch_atime(self.path, inode, self.flags)
        entries = self._listing()
        changed = self._stamp != inode.mtime
        out: list[bytes] = []
        pos = self.pos
        while True:
            if pos >= len(entries):
                if not self._append_new(entries):
                    break
                changed = self._stamp != inode.mtime
            name, ino, mode = entries[pos]
            if changed and pos >= 2 and not inode.has_entry(name):
                pos += 1
                continue
            size = (len(name) + 27) & ~7  # of either form: 18 or 19 bytes, the name and its NUL, maybe the type
            if size > room:
                if not out:
                    raise SyscallError(errno.EINVAL)
                break
            room -= size
            pos += 1
            if old:
                out.append((_HEAD.pack(ino, pos, size) + name).ljust(size - 1, b"\0") + bytes((mode >> 12,)))
            else:
                out += (_PACK64(ino, pos, size, mode >> 12), name, _PADDING[size - len(name)])
        self.pos = pos
        return b"".join(out)

    def _listing(self) -> list[tuple[bytes, int, int]]:
        entries = self._snapshot.entries
        if entries is None or self.pos == 0:
            inode = self.inode
            entries = [(b".", inode.ino, 0o040000), (b"..", self._parent_ino(), 0o040000)]
            entries += inode.entries()
            self._keep(entries)
        return entries

    def _append_new(self, entries: list[tuple[bytes, int, int]]) -> bool:
        """At the end: what was created since the listing was taken. False when there is nothing."""
        inode = self.inode
        if self.pos > len(entries) or self._stamp == inode.mtime:
            return False
        seen = {entry[0] for entry in entries}
        new = [entry for entry in inode.entries() if entry[0] not in seen]
        entries += new
        self._keep(entries)
        return bool(new)

    def _keep(self, entries: list[tuple[bytes, int, int]]) -> None:
        """The listing is as new as the directory is now."""
        self._stamp = self.inode.mtime
        self._snapshot.entries = entries
        assert self.path is not None
        self.path.mount.namespace.vfs.snapshots.keep(self, self._snapshot, len(entries) * ENTRY_COST)

    def release(self) -> None:
        """The listing goes too."""
        if self.path is not None:
            self.path.mount.namespace.vfs.snapshots.drop(self)
        super().release()

    def _parent_ino(self) -> int:
        path = self.path
        assert path is not None
        mount, dentry = path.mount, path.dentry
        while dentry is mount.root:
            parent_mount, point = mount.parent, mount.point
            if parent_mount is None or point is None:
                break
            mount, dentry = parent_mount, point
        parent = dentry.parent.inode
        return parent.ino if parent is not None else self.inode.ino
