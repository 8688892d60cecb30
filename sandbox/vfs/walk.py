"""Path walk: from a path's text to a place in the tree (path_resolution(7), fs/namei.c: link_path_walk).

One component at a time over the dentry cache; nothing here looks at a host path. `Walk` holds one
walk's state; `lookup` and `lookup_parent` are what callers use.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import AT_FDCWD
from sandbox.abi.linux.stat import S_IFDIR, S_IFLNK, S_IFMT, S_ISVTX
from sandbox.abi.linux.statfs import ST_NOSYMFOLLOW
from sandbox.errors import SyscallError
from sandbox.vfs.dentry import Dentry
from sandbox.vfs.path import Path
from sandbox.vfs.permission import MAY_EXEC, permitted

if TYPE_CHECKING:
    from sandbox.kernel.credentials import Credentials
    from sandbox.kernel.task import Task
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.mount import Mount

NAME_MAX: Final = 255
MAX_LINKS: Final = 40

FOLLOW: Final = 1  # a symbolic link at the end is followed
EMPTY: Final = 2  # the empty path means dirfd itself (AT_EMPTY_PATH)
DIRECTORY: Final = 4  # ENOTDIR for anything else

RESOLVE_NO_XDEV: Final = 0x01
RESOLVE_NO_MAGICLINKS: Final = 0x02
RESOLVE_NO_SYMLINKS: Final = 0x04
RESOLVE_BENEATH: Final = 0x08
RESOLVE_IN_ROOT: Final = 0x10
RESOLVE_CACHED: Final = 0x20
RESOLVE_ALL: Final = 0x3F


class Walk:
    """Where one walk is. After `run`: `mount` and `dentry`, for a parent walk also `last` and `slash`.

    `seen`: the last dentry that a live directory was asked for, now and not from the cache."""

    __slots__ = ("t", "creds", "root_mount", "root", "resolve", "links", "mount", "dentry", "last", "slash", "seen")

    mount: Mount
    dentry: Dentry

    def __init__(self, t: Task, dirfd: int, path: bytes, resolve: int = 0, creds: Credentials | None = None) -> None:
        """Stand where `path` starts. EBADF, ENOTDIR for a bad `dirfd` that matters."""
        self.t = t
        self.creds = t.creds if creds is None else creds
        root = t.fs.root
        self.root_mount = root.mount
        self.root = root.dentry
        self.resolve = resolve
        self.links = 0
        self.last = b""
        self.slash = False
        self.seen: Dentry | None = None
        if path[:1] == b"/" and not resolve & (RESOLVE_IN_ROOT | RESOLVE_BENEATH):
            self.mount, self.dentry = root.mount, root.dentry
            return
        if path[:1] == b"/" and resolve & RESOLVE_BENEATH:
            raise SyscallError(errno.EXDEV)
        start = t.fs.cwd if dirfd == AT_FDCWD else start_of(t, dirfd)
        self.mount, self.dentry = start.mount, start.dentry
        if resolve & (RESOLVE_IN_ROOT | RESOLVE_BENEATH):
            self.root_mount, self.root = start.mount, start.dentry

    def run(self, path: bytes, parent_only: bool, follow: bool) -> None:
        """Walk `path` (not empty). ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, EXDEV."""
        start = self.mount, self.dentry, self.links
        try:
            self._run(path, parent_only, follow)
        except SyscallError as error:
            if error.errno != errno.ESTALE:
                raise
            self.mount, self.dentry, self.links = (
                start  # a name that was believed is no longer so: once more, by what is there now
            )
            try:
                self._run(path, parent_only, follow)
            except SyscallError as again:
                raise SyscallError(errno.ENOENT if again.errno == errno.ESTALE else again.errno) from None

    def _run(self, path: bytes, parent_only: bool, follow: bool) -> None:
        mount, dentry, creds = self.mount, self.dentry, self.creds
        parts = path.split(b"/")
        slash = path[-1] == 47
        while slash and parts and not parts[-1]:
            parts.pop()
        n = len(parts)
        i = 0
        self.last = b""
        while i < n:
            name = parts[i]
            i += 1
            if not name:
                continue
            inode = dentry.inode
            assert inode is not None
            mode = inode.mode
            if mode & S_IFMT != S_IFDIR:
                raise SyscallError(errno.ENOTDIR)
            if (mode & 0o111 != 0o111 or inode.acls is not None) and not permitted(creds, inode, MAY_EXEC):
                raise SyscallError(errno.EACCES)
            if i == n and parent_only:
                self.last = name
                break
            child = dentry.children.get(name)
            if child is None or inode.loose:
                if name == b".":
                    continue
                if name == b"..":
                    mount, dentry = self._up(mount, dentry)
                    continue
                child = step(self.t, dentry, inode, name)
                if inode.loose:
                    self.seen = child
            found = child.inode
            if found is None:
                raise SyscallError(errno.ENOENT)
            if found.mode & S_IFMT == S_IFLNK and (i < n or follow or slash):
                self.mount, self.dentry = mount, dentry
                target = self.follow(found)
                mount, dentry = self.mount, self.dentry
                if target is None:
                    continue
                if i == n and target[-1] == 47:
                    slash = True
                parts = target.split(b"/") + parts[i:]
                while parts and not parts[-1]:
                    parts.pop()
                n = len(parts)
                i = 0
                continue
            if child.mounts:
                mount, child = self._cross(mount, child)
            dentry = child
        self.mount, self.dentry, self.slash = mount, dentry, slash
        if slash and not parent_only:
            inode = dentry.inode
            if inode is None or inode.mode & S_IFMT != S_IFDIR:
                raise SyscallError(errno.ENOTDIR)

    def end(self) -> Path:
        """Where it stands. Brings the attributes there up to date, unless this walk has seen to that. ESTALE: the name was
        believed to lead there, and does not; whoever asks again finds what it leads to."""
        dentry = self.dentry
        inode = dentry.inode
        assert inode is not None
        if inode.live and not (dentry is self.seen and inode.fs.live):
            inode.refresh()
            if not inode.nlink and is_stale(dentry, inode):
                raise SyscallError(errno.ESTALE)
        return Path(self.mount, dentry)

    def child(self) -> Dentry:
        """After a parent walk: the dentry of `last`, mounts not crossed. `last` is an ordinary name."""
        inode = self.dentry.inode
        assert inode is not None
        try:
            child = step(self.t, self.dentry, inode, self.last)
        except SyscallError as error:
            raise SyscallError(errno.ENOENT if error.errno == errno.ESTALE else error.errno) from None
        if inode.loose:
            self.seen = child
        return child

    def follow(self, link: Inode) -> bytes | None:
        """A symbolic link in the current directory is to be followed: its text, with the walk standing where
        the text starts; None when it was a magic link and the walk stands at its end."""
        resolve = self.resolve
        if resolve & RESOLVE_NO_SYMLINKS or self.mount.flags & ST_NOSYMFOLLOW:
            raise SyscallError(errno.ELOOP)
        self.links += 1
        if self.links > MAX_LINKS:
            raise SyscallError(errno.ELOOP)
        directory = self.dentry.inode
        assert directory is not None
        if directory.mode & (S_ISVTX | 0o002) == S_ISVTX | 0o002 and self.creds.fsuid != link.uid != directory.uid:
            if self.t.kernel.settings.protected_symlinks:
                raise SyscallError(errno.EACCES)
        there = link.magic_link(self.t)
        if there is not None:
            if resolve & RESOLVE_NO_MAGICLINKS:
                raise SyscallError(errno.ELOOP)
            if resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT):
                raise SyscallError(errno.EXDEV)
            if resolve & RESOLVE_NO_XDEV and there.mount is not self.mount:
                raise SyscallError(errno.EXDEV)
            self.mount, self.dentry = there.mount, there.dentry
            return None
        target = link.readlink(self.t)
        if not target:
            raise SyscallError(errno.ENOENT)
        if target[0] == 47:
            if resolve & RESOLVE_BENEATH:
                raise SyscallError(errno.EXDEV)
            if resolve & RESOLVE_NO_XDEV and self.root_mount is not self.mount:
                raise SyscallError(errno.EXDEV)
            self.mount, self.dentry = self.root_mount, self.root
        return target

    def _up(self, mount: Mount, dentry: Dentry) -> tuple[Mount, Dentry]:
        """`..`: not above the root; out of a mount's root to where it is mounted. ENOENT for what was moved out of the
        part of a file system that the mount shows (path_connected)."""
        while True:
            if dentry is self.root and mount is self.root_mount:
                if self.resolve & RESOLVE_BENEATH:
                    raise SyscallError(errno.EXDEV)
                return mount, dentry
            if dentry is not mount.root:
                above, top = dentry.parent, mount.root
                if top.parent is not top and not above.within(top):
                    raise SyscallError(errno.ENOENT)
                return self._cross_up(mount, above)
            parent, point = mount.parent, mount.point
            if parent is None or point is None:
                return mount, dentry
            if self.resolve & RESOLVE_NO_XDEV:
                raise SyscallError(errno.EXDEV)
            mount, dentry = parent, point

    def _cross_up(self, mount: Mount, dentry: Dentry) -> tuple[Mount, Dentry]:
        return self._cross(mount, dentry) if dentry.mounts else (mount, dentry)

    def _cross(self, mount: Mount, dentry: Dentry) -> tuple[Mount, Dentry]:
        """Into what is mounted on `dentry`, if anything is in this namespace."""
        while dentry.mounts:
            child = mount.children.get(dentry)
            if child is None:
                break
            if self.resolve & RESOLVE_NO_XDEV:
                raise SyscallError(errno.EXDEV)
            mount, dentry = child, child.root
        return mount, dentry


def start_of(t: Task, dirfd: int) -> Path:
    """Where a relative path starts that is given with `dirfd`. EBADF, ENOTDIR."""
    path = t.fds.get(dirfd).path
    if path is not None:
        inode = path.dentry.inode
        if inode is not None and inode.mode & S_IFMT == S_IFDIR:
            return path
    raise SyscallError(errno.ENOTDIR)


def step(t: Task, dentry: Dentry, inode: Inode, name: bytes) -> Dentry:
    """The child `name` of a directory: cached, or what the file system says. Its inode is None when there is none."""
    if len(name) > NAME_MAX:
        raise SyscallError(errno.ENAMETOOLONG)
    child = dentry.children.get(name)
    if inode.loose and inode.fs.timed:
        inode.vouch(dentry, t.kernel.mounts.vfs.dentries)
        child = dentry.children.get(name)
    if child is not None and (child.mounts or not inode.loose):
        return child
    found = inode.lookup(name)
    if found is not None and found.fs.guards and not found.fs.shows(t, found):
        return Dentry(name, dentry, None)
    if child is None or child.inode is not found:
        dentries = t.kernel.mounts.vfs.dentries
        if child is not None:
            dentries.forget(child)
        if found is None and inode.loose:
            return Dentry(name, dentry, None)
        child = dentries.add(dentry, name, found)
    return child


def one_step(t: Task, dirfd: int, name: bytes, follow: bool, creds: Credentials) -> Path | None:
    """The commonest walk, without a Walk: a name in a directory. Where it leads, with attributes as they are now;
    None if there is more to it (`.` and `..`, a link to follow, a mount)."""
    if name[0] == 46:
        return None
    start = t.fs.cwd if dirfd == AT_FDCWD else start_of(t, dirfd)
    directory = start.dentry.inode
    assert directory is not None
    restricted = directory.mode & 0o111 != 0o111 or directory.acls is not None
    if restricted and not permitted(creds, directory, MAY_EXEC):
        raise SyscallError(errno.EACCES)
    try:
        child = step(t, start.dentry, directory, name)
    except SyscallError as error:
        if error.errno == errno.ESTALE:
            return None
        raise
    inode = child.inode
    if inode is None:
        raise SyscallError(errno.ENOENT)
    if child.mounts or (follow and inode.mode & S_IFMT == S_IFLNK):
        return None
    if inode.live and not (directory.loose and inode.fs.live):
        inode.refresh()
        if not inode.nlink and is_stale(child, inode):
            return None
    return Path(start.mount, child)


def is_stale(dentry: Dentry, inode: Inode) -> bool:
    """`inode` without links: it was believed to be at `dentry`, and the host has since removed it or put something else there."""
    above = dentry.parent
    directory = above.inode
    known = above.children.get(dentry.name) is dentry  # and not reached by a descriptor of what has lost its name
    return known and inode.fs.holds and directory is not None and directory.loose


def lookup(t: Task, dirfd: int, path: bytes, flags: int = FOLLOW, creds: Credentials | None = None) -> Path:
    """The place `path` names. `flags`: FOLLOW, EMPTY, DIRECTORY."""
    if not path:
        if not flags & EMPTY:
            raise SyscallError(errno.ENOENT)
        if dirfd == AT_FDCWD:
            return t.fs.cwd
        file = t.fds.get(dirfd)
        if file.path is not None:
            return file.path
        from sandbox.vfs.open_file_path import path_of

        return path_of(t, file)
    walk = Walk(t, dirfd, path, 0, creds)
    walk.run(path, False, bool(flags & FOLLOW))
    dentry = walk.dentry
    if flags & DIRECTORY:
        inode = dentry.inode
        if inode is None or not inode.is_dir():
            raise SyscallError(errno.ENOTDIR)
    return Path(walk.mount, dentry)


def lookup_now(t: Task, dirfd: int, path: bytes, flags: int = FOLLOW, creds: Credentials | None = None) -> Path:
    """As `lookup` (without DIRECTORY), with attributes as they are now."""
    if not path:
        there = lookup(t, dirfd, path, flags)
        if there.inode.live:
            there.inode.refresh()
        return there
    follow = flags & FOLLOW != 0
    if b"/" not in path:
        near = one_step(t, dirfd, path, follow, t.creds if creds is None else creds)
        if near is not None:
            return near
    walk = Walk(t, dirfd, path, 0, creds)
    walk.run(path, False, follow)
    try:
        return walk.end()
    except SyscallError as error:
        if error.errno != errno.ESTALE:
            raise
    walk = Walk(t, dirfd, path, 0, creds)
    walk.run(path, False, follow)
    return Path(walk.mount, walk.dentry)


def lookup_parent(t: Task, dirfd: int, path: bytes) -> tuple[Path, bytes]:
    """The directory that holds the last component, and that component without trailing slashes.

    The component is empty for the root itself, and may be `.` or `..`.
    """
    walk = walk_parent(t, dirfd, path)
    return Path(walk.mount, walk.dentry), walk.last


def walk_parent(t: Task, dirfd: int, path: bytes, resolve: int = 0) -> Walk:
    """As `lookup_parent`, as the finished walk (which knows about trailing slashes)."""
    if not path:
        raise SyscallError(errno.ENOENT)
    walk = Walk(t, dirfd, path, resolve)
    walk.run(path, True, False)
    return walk
