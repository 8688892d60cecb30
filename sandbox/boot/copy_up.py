"""`tmpcopyup`: a tmpfs begins with a copy of what is in the directory that it lies over (mounts, Linux mount options,
of the OCI specification's config.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.stat import S_IFMT
from sandbox.fs.hostfs.inode import HostInode

if TYPE_CHECKING:
    from sandbox.vfs.filesystem import Filesystem
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path

CHUNK: Final = 1 << 20


def copy_up(point: Path, fs: Filesystem) -> None:
    """Fill `fs`, which is mounted nowhere yet; the tmpfs's bounds hold. SyscallError. Hard links become files."""
    waiting = [(point.inode, fs.root)]
    while waiting:
        source, target = waiting.pop()
        for name in [entry[0] for entry in source.entries()]:
            found = source.lookup(name)
            if found is None or name in (b".", b".."):
                continue
            made = copy_one(found, target, name)
            made.set_times(found.atime, found.mtime, found.ctime)
            if found.is_dir():
                waiting.append((found, made))


def copy_one(found: Inode, target: Inode, name: bytes) -> Inode:
    """A new `name` in `target` as `found` is, without what is in it if it is a directory."""
    mode, uid, gid = found.mode, found.uid, found.gid
    if found.is_dir():
        return target.mkdir(name, mode, uid, gid)
    if found.is_symlink():
        text = found.host_readlink() if isinstance(found, HostInode) else getattr(found, "target", b"")
        return target.symlink(name, text, uid, gid)
    if not found.is_regular():
        return target.mknod(name, mode & (S_IFMT | 0o7777), found.rdev, uid, gid)
    made = target.create(name, mode, uid, gid)
    buffer = memoryview(bytearray(CHUNK))
    offset = 0
    while True:
        count = found.read_at(buffer, offset)
        if count <= 0:
            return made
        made.write_at(buffer[:count], offset)
        offset += count
