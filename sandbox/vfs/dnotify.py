"""F_NOTIFY of fcntl(2): a signal to the owner of an open directory when something happens in it (fs/notify/dnotify)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import (
    DN_ACCESS,
    DN_ATTRIB,
    DN_CREATE,
    DN_DELETE,
    DN_MODIFY,
    DN_MULTISHOT,
    DN_RENAME,
    F_OWNER_PID,
)
from sandbox.errors import SyscallError
from sandbox.vfs.fasync import owner_of
from sandbox.vfs.inotify import InodeMarks
from sandbox.vfs.notify import (
    IN_ACCESS,
    IN_ATTRIB,
    IN_CREATE,
    IN_DELETE,
    IN_MODIFY,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    RENAMED_WITHIN,
)

if TYPE_CHECKING:
    from sandbox.kernel.fd_table import FDTable
    from sandbox.kernel.task import Task
    from sandbox.vfs.file_description import FileDescription

EVENTS: Final = (
    (DN_ACCESS, IN_ACCESS),
    (DN_MODIFY, IN_MODIFY),
    (DN_CREATE, IN_CREATE | IN_MOVED_TO),
    (DN_DELETE, IN_DELETE | IN_MOVED_FROM),
    (DN_RENAME, RENAMED_WITHIN),
    (DN_ATTRIB, IN_ATTRIB),
)


class DirectoryNotice:
    """What one descriptor table wants to hear through one open directory; not `always`: once."""

    __slots__ = ("file", "table", "fd", "mask", "always")

    def __init__(self, file: FileDescription, table: FDTable, fd: int, mask: int, always: bool) -> None:
        self.file = file
        self.table = table
        self.fd = fd
        self.mask = mask
        self.always = always

    def tell(self) -> None:
        """The signal."""
        if self.file.owner is not None:
            self.file.owner.directory_event(self.fd)


def set_notice(t: Task, file: FileDescription, fd: int, arg: int) -> int:
    """F_NOTIFY: `arg` adds to what the caller asked for before; no events in it: no more signals. ENOTDIR."""
    path = file.path
    if not arg & ~DN_MULTISHOT:
        end_notices(t, file)
        return 0
    if path is None or not path.inode.is_dir():
        raise SyscallError(errno.ENOTDIR)
    mask = 0
    for asked, events in EVENTS:
        if arg & asked:
            mask |= events
    owner = owner_of(t, file)
    if owner.ids is None:
        owner.set(t, F_OWNER_PID, t.group.pid)
    inode = path.inode
    marks = inode.marks
    if marks is None:
        marks = inode.marks = InodeMarks()
        inode.fs.watched += 1
        inode.fs.watch_begins(inode)
    for notice in marks.notices:
        if notice.file is file and notice.table is t.fds:
            notice.fd = fd
            notice.mask |= mask
            notice.always = notice.always or arg & DN_MULTISHOT != 0
            return 0
    marks.notices.append(DirectoryNotice(file, t.fds, fd, mask, arg & DN_MULTISHOT != 0))
    return 0


def end_notices(t: Task, file: FileDescription) -> None:
    """The caller closed a descriptor of `file`, or wants no more signals."""
    inode = file.path.inode if file.path is not None else None
    marks = inode.marks if inode is not None else None
    if inode is None or marks is None or not marks.notices:
        return
    marks.notices = [notice for notice in marks.notices if notice.file is not file or notice.table is not t.fds]
    marks.drop_from(inode)
