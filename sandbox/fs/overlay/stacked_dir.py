"""Directories of an overlay that a guest has mounted: layers looked at from the top (fs/overlayfs/namei.c, dir.c,
readdir.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.stat import S_IFCHR, S_IFMT
from sandbox.errors import SyscallError
from sandbox.fs.overlay.stacked import look
from sandbox.fs.overlay.stacked_inode import StackedInode, copy_attributes, is_dir, is_whiteout
from sandbox.vfs.directory_file import DirectoryFile
from sandbox.vfs.inode import RENAME_EXCHANGE, RENAME_WHITEOUT, Inode

if TYPE_CHECKING:
    from sandbox.fs.overlay.stacked import StackedFs
    from sandbox.kernel.task import Task
    from sandbox.vfs.dentry import Dentry
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.path import Path

OPAQUE: Final = b"opaque"
REDIRECT: Final = b"redirect"


class StackedDir(StackedInode):
    """`lowers`: the same directory in the lower layers that are seen through it."""

    __slots__ = ("lowers",)

    def __init__(
        self, fs: StackedFs, upper: Inode | None, lowers: list[Inode], up: StackedDir | None, place: bytes
    ) -> None:
        self.lowers = lowers
        super().__init__(fs, upper, lowers[0] if lowers else None, up, place)

    def mirror(self) -> None:
        """A merged one has no count of directories (ovl_getattr)."""
        super().mirror()
        if self.merged():
            self.nlink = 1

    def merged(self) -> bool:
        """More than one layer is seen."""
        return len(self.lowers) + (self.upper is not None) > 1

    # --- looking ---

    def lookup(self, name: bytes) -> Inode | None:
        """ovl_lookup."""
        top = look(self.upper, name) if self.upper is not None else None
        if top is not None and is_whiteout(top):
            return None
        if top is not None and not is_dir(top):
            return self.stack.wrap(self, name, top, None)
        if top is not None:
            self._check_redirect(top)
        below: list[Inode] = []
        if top is None or not self._opaque(top):
            for layer in self.lowers:
                low = look(layer, name)
                if low is None:
                    continue
                if is_whiteout(low):
                    break
                if not is_dir(low):
                    if top is None and not below:
                        return self.stack.wrap(self, name, None, low)
                    break
                self._check_redirect(low)
                below.append(low)
                if self._opaque(low):
                    break
        if top is None and not below:
            return None
        return StackedDir(self.stack, top, below, self, name)

    def _opaque(self, real: Inode) -> bool:
        return self.stack.marks(real, OPAQUE) == b"y"

    def _check_redirect(self, real: Inode) -> None:
        if self.stack.marks(real, REDIRECT):
            raise SyscallError(errno.EPERM)

    def _below(self, name: bytes) -> bool:
        """A lower layer has the name, so that it has to be whited out when it goes (ovl_lower_positive)."""
        for layer in self.lowers:
            low = look(layer, name)
            if low is not None:
                return not is_whiteout(low)
        return False

    def has_entry(self, name: bytes) -> bool:
        top = look(self.upper, name) if self.upper is not None else None
        return not is_whiteout(top) if top is not None else self._below(name)

    def entries(self) -> list[tuple[bytes, int, int]]:
        """Of all layers, each name once."""
        found: dict[bytes, tuple[bytes, int, int]] = {}
        gone: set[bytes] = set()
        layers = self.lowers if self.upper is None else [self.upper, *self.lowers]
        for layer in layers:
            for name, ino, kind in layer.entries():
                if name in found or name in gone:
                    continue
                if kind == S_IFCHR:
                    real = look(layer, name)
                    if real is not None and is_whiteout(real):
                        gone.add(name)
                        continue
                found[name] = (name, ino, kind)
        return list(found.values())

    def open(self, t: Task, path: Path, flags: int) -> FileDescription:
        return DirectoryFile(flags, path, self)

    # --- copying up ---

    def copy_up(self, keep: int) -> None:
        """Those above first."""
        if self.stack.layers.upper is None:
            raise SyscallError(errno.EROFS)
        way = [self]
        while way[-1].upper is None and way[-1].up is not None:
            way.append(way[-1].up)
        for directory in reversed(way):
            if directory.upper is None:
                directory._make_upper()

    def _make_upper(self) -> None:
        up, low = self.up, self.lower
        if up is None or up.upper is None or low is None:
            raise SyscallError(errno.EROFS)
        if not self.nlink:
            raise SyscallError(errno.ENOENT)
        parent = up.upper
        mtime, ctime = parent.mtime, parent.ctime
        new = parent.mkdir(self.place, low.mode, low.uid, low.gid)
        try:
            copy_attributes(self.stack, low, new)
        except SyscallError:
            parent.rmdir(self.place, new)
            raise
        parent.set_times(None, mtime, ctime)
        up.touched(self.place)
        self.upper = new
        self.mirror()

    def touched(self, name: bytes) -> None:
        """Something else is at `name` of the upper directory: what the cache of names knows of it is out of date."""
        top = self.stack.layers.upper
        if top is None or self.upper is None:
            return
        names, at = [], self
        while at.up is not None:
            names.append(at.place)
            at = at.up
        dentry: Dentry | None = top.dentry
        for part in (*reversed(names), name):
            dentry = dentry.children.get(part) if dentry is not None else None
        if dentry is not None and dentry.inode is not look(self.upper, name):
            if dentry.inode is None:
                self.stack.vfs.dentries.forget(dentry)
            else:
                self.stack.vfs.dentries.delete(dentry)

    # --- making ---

    def _room(self, name: bytes) -> Inode:
        """The upper directory, without a whiteout at `name`."""
        upper = self.raise_up()
        old = look(upper, name)
        if old is not None and is_whiteout(old):
            upper.unlink(name, old)
        return upper

    def _made(self, name: bytes, new: Inode) -> StackedInode:
        self.touched(name)
        self.mirror()
        if is_dir(new):
            return StackedDir(self.stack, new, [], self, name)
        return self.stack.wrap(self, name, new, None)

    def create(self, name: bytes, mode: int, uid: int, gid: int) -> Inode:
        return self._made(name, self._room(name).create(name, mode, uid, gid))

    def mkdir(self, name: bytes, mode: int, uid: int, gid: int) -> Inode:
        """What a lower layer has there stays hidden."""
        upper = self._room(name)
        new = upper.mkdir(name, mode, uid, gid)
        if self.lowers:
            self._hide_below(new)
        return self._made(name, new)

    def _hide_below(self, real: Inode) -> None:
        real.set_xattr(self.stack.prefix + OPAQUE, b"y", 0)

    def mknod(self, name: bytes, mode: int, rdev: int, uid: int, gid: int) -> Inode:
        """EPERM for what would be a whiteout (ovl_mknod)."""
        if mode & S_IFMT == S_IFCHR and not rdev:
            raise SyscallError(errno.EPERM)
        return self._made(name, self._room(name).mknod(name, mode, rdev, uid, gid))

    def symlink(self, name: bytes, target: bytes, uid: int, gid: int) -> Inode:
        return self._made(name, self._room(name).symlink(name, target, uid, gid))

    def link(self, name: bytes, inode: Inode) -> None:
        assert isinstance(inode, StackedInode)
        real = inode.raise_up()
        self._room(name).link(name, real)
        inode.up, inode.place = self, name
        inode.mirror()
        self.stack.remember(inode)
        self.touched(name)
        self.mirror()

    def tmpfile(self, mode: int, uid: int, gid: int) -> Inode:
        return self.stack.wrap(self, b"", self.raise_up().tmpfile(mode, uid, gid), None)

    # --- removing ---

    def _take_out(self, name: bytes, inode: StackedInode) -> None:
        """Its name goes from the upper layer; a lower one is whited out."""
        below = self._below(name)
        upper = self.raise_up()
        real = look(upper, name)
        if real is not None:
            if is_dir(real):
                clear(real)
                upper.rmdir(name, real)
            else:
                upper.unlink(name, real)
        if below:
            upper.mknod(name, S_IFCHR, 0, 0, 0)
        self.touched(name)
        self.mirror()

    def unlink(self, name: bytes, inode: Inode) -> None:
        assert isinstance(inode, StackedInode)
        self._take_out(name, inode)
        inode.unlinked()

    def is_empty(self) -> bool:
        return not self.entries()

    def rmdir(self, name: bytes, inode: Inode) -> None:
        """ENOTEMPTY."""
        assert isinstance(inode, StackedDir)
        if not inode.is_empty():
            raise SyscallError(errno.ENOTEMPTY)
        self._take_out(name, inode)
        inode.nlink = 0

    def rename(
        self, name: bytes, inode: Inode, new_dir: Inode, new_name: bytes, target: Inode | None, flags: int
    ) -> None:
        """ovl_rename: EXDEV for a directory that a lower layer has, EINVAL, ENOTEMPTY."""
        assert isinstance(inode, StackedInode) and isinstance(new_dir, StackedDir)
        assert target is None or isinstance(target, StackedInode)
        if flags & RENAME_WHITEOUT:
            raise SyscallError(errno.EINVAL)
        exchange = flags & RENAME_EXCHANGE != 0
        for one in (inode, target if exchange else None):
            if isinstance(one, StackedDir) and one.lowers:
                raise SyscallError(errno.EXDEV)
        if isinstance(target, StackedDir) and not exchange and not target.is_empty():
            raise SyscallError(errno.ENOTEMPTY)
        source, goal = self.raise_up(), new_dir.raise_up()
        inode.raise_up()
        if exchange and target is not None:
            target.raise_up()
        hidden = self._below(name)
        if is_dir(inode) and new_dir.lowers:
            self._hide_below(inode.raise_up())
        if exchange and target is not None and is_dir(target) and self.lowers:
            self._hide_below(target.raise_up())
        real, old = look(source, name), look(goal, new_name)
        assert real is not None
        if old is not None and not exchange:
            if is_dir(old):
                clear(old)
                goal.rmdir(new_name, old)
                old = None
            elif is_whiteout(old) or is_dir(real):
                goal.unlink(new_name, old)
                old = None
        source.rename(name, real, goal, new_name, old, flags)
        if hidden and not exchange:
            source.mknod(name, S_IFCHR, 0, 0, 0)
        self.touched(name)
        new_dir.touched(new_name)
        inode.up, inode.place = new_dir, new_name
        if target is not None:
            if exchange:
                target.up, target.place = self, name
                target.mirror()
            elif is_dir(target):
                target.nlink = 0
            else:
                target.unlinked()
        for changed in (inode, self, new_dir):
            changed.mirror()


def clear(upper: Inode) -> None:
    """An upper directory that looks empty has only whiteouts (ovl_cleanup_whiteouts)."""
    for name, _, kind in upper.entries():
        real = look(upper, name)
        if real is not None and kind in (0, S_IFCHR) and is_whiteout(real):
            upper.unlink(name, real)
