"""Telling watchers what happened to files (fs/notify/fsnotify.c). The watchers are inotify's and dnotify's.

Callers test `fs.watched` first, so that a file system without watches pays one attribute read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import O_ACCMODE

if TYPE_CHECKING:
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path

IN_ACCESS: Final = 0x1
IN_MODIFY: Final = 0x2
IN_ATTRIB: Final = 0x4
IN_CLOSE_WRITE: Final = 0x8
IN_CLOSE_NOWRITE: Final = 0x10
IN_OPEN: Final = 0x20
IN_MOVED_FROM: Final = 0x40
IN_MOVED_TO: Final = 0x80
IN_CREATE: Final = 0x100
IN_DELETE: Final = 0x200
IN_DELETE_SELF: Final = 0x400
IN_MOVE_SELF: Final = 0x800
IN_ALL_EVENTS: Final = 0xFFF
IN_ISDIR: Final = 0x4000_0000
RENAMED_WITHIN: Final = 0x1000_0000  # FS_RENAME: never in an event of inotify


def on_path(path: Path, mask: int) -> None:
    """Something happened to the file at `path`: its directory's watchers hear the name, its own do not."""
    dentry = path.dentry
    inode = path.inode
    if inode.is_dir():
        mask |= IN_ISDIR
    parent = dentry.parent
    if parent is not dentry and not dentry.deleted:
        directory = parent.inode
        if directory is not None and directory.marks is not None:
            directory.marks.send(mask, dentry.name, 0)
    if inode.marks is not None:
        inode.marks.send(mask, b"", 0)


def on_entry(directory: Inode, mask: int, name: bytes, is_dir: bool, cookie: int = 0) -> None:
    """The entry `name` of a directory appeared, went or moved."""
    marks = directory.marks
    if marks is not None:
        marks.send(mask | IN_ISDIR if is_dir else mask, name, cookie)


def on_self(inode: Inode, mask: int) -> None:
    """Something that only the file's own watchers hear."""
    marks = inode.marks
    if marks is not None:
        marks.send(mask, b"", 0)


def on_gone(inode: Inode) -> None:
    """A name of the file was removed: IN_DELETE_SELF when it was the last of all and nobody has it open."""
    marks = inode.marks
    if marks is not None and inode.nlink == 0 and not inode.opens:
        marks.send(IN_DELETE_SELF, b"", 0)
        marks.remove_all()


def on_close(path: Path, flags: int) -> None:
    """A description went."""
    on_path(path, IN_CLOSE_WRITE if flags & O_ACCMODE else IN_CLOSE_NOWRITE)
    on_gone(path.inode)
