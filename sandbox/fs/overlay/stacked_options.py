"""What `mount -t overlay -o …` asks for (fs/overlayfs/params.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux.fcntl import AT_FDCWD
from sandbox.abi.linux.stat import S_IFDIR
from sandbox.errors import SyscallError
from sandbox.vfs.walk import FOLLOW, lookup

if TYPE_CHECKING:
    from sandbox.kernel.task import Task
    from sandbox.vfs.dentry import DentryCache
    from sandbox.vfs.inode import Inode
    from sandbox.vfs.path import Path

LAYERS_MOST: Final = 500  # OVL_MAX_STACK
DEPTH_MOST: Final = 2  # FILESYSTEM_MAX_STACK_DEPTH
_LAYERS: Final = (b"lowerdir", b"upperdir", b"workdir")
_FLAGS: Final = frozenset((b"userxattr", b"volatile", b"default_permissions"))
# The values that are what it does anyway; others are refused.
_VALUES: Final[dict[bytes, tuple[bytes, ...]]] = {
    b"redirect_dir": (b"off", b"nofollow"),
    b"index": (b"off",),
    b"nfs_export": (b"off",),
    b"metacopy": (b"off",),
    b"xino": (b"off", b"auto", b"on"),
    b"uuid": (b"off", b"null", b"auto", b"on"),
}
_SUPER_FLAGS: Final = frozenset((b"ro", b"rw"))


def knows(key: bytes, value: bytes) -> bool:
    """The option, and that value of it."""
    if key in _LAYERS:
        return bool(value)
    return key in _FLAGS and not value or value in _VALUES.get(key, ())


class Layers:
    """Directories from the top: `upper`, which may be None, then `lowers`."""

    def __init__(self, t: Task, data: dict[bytes, bytes]) -> None:
        """EINVAL for options that do not go together or that are not here, ENOENT, ELOOP for layers within each other."""
        for key, value in data.items():
            if key not in _SUPER_FLAGS and not knows(key, value):
                raise SyscallError(errno.EINVAL)
        self.options = data
        self.userxattr = b"userxattr" in data
        self.lowers = [_directory(t, name) for name in _split(data.get(b"lowerdir", b""))]
        self.upper: Path | None = None
        self.work: Path | None = None
        if b"upperdir" in data:
            self.upper = _directory(t, data[b"upperdir"])
        if b"workdir" in data:
            self.work = _directory(t, data[b"workdir"])
        self._check()

    def _check(self) -> None:
        upper, work = self.upper, self.work
        if not self.lowers or (upper is None and len(self.lowers) < 2):
            raise SyscallError(errno.EINVAL)
        if self.depth() > DEPTH_MOST:
            raise SyscallError(errno.EINVAL)
        if upper is None:
            self.work = None
            self._check_apart([])
            return
        if work is None or work.mount is not upper.mount or upper.mount.readonly():
            raise SyscallError(errno.EINVAL)
        if upper.dentry.within(work.dentry) or work.dentry.within(upper.dentry):
            raise SyscallError(errno.EINVAL)
        from sandbox.fs.overlay.stacked import StackedFs

        if isinstance(upper.inode.fs, StackedFs):
            raise SyscallError(errno.EINVAL)
        self._check_apart([upper, work])

    def _check_apart(self, above: list[Path]) -> None:
        """ELOOP for a lower layer that is or lies in another one (ovl_setup_trap, ovl_check_overlapping_layers)."""
        for n, low in enumerate(self.lowers):
            for other in (*above, *self.lowers[:n], *self.lowers[n + 1 :]):
                if low.inode is other.inode or low.dentry.within(other.dentry):
                    raise SyscallError(errno.ELOOP)

    def inodes(self) -> list[Inode]:
        """Of all layers."""
        return [path.inode for path in ([self.upper, *self.lowers] if self.upper is not None else self.lowers)]

    def depth(self) -> int:
        """How many overlays of guests lie on each other."""
        from sandbox.fs.overlay.stacked import StackedFs

        return 1 + max([inode.fs.depth if isinstance(inode.fs, StackedFs) else 0 for inode in self.inodes()])

    def prepare(self, dentries: DentryCache) -> None:
        """The directory that Linux makes in the work directory; that there was none is forgotten."""
        if self.work is not None and self.work.inode.lookup(b"work") is None:
            self.work.inode.mkdir(b"work", S_IFDIR, 0, 0)
            known = self.work.dentry.children.get(b"work")
            if known is not None:
                dentries.forget(known)

    def text(self) -> str:
        """As /proc/mounts has them."""
        out = ""
        for key in (*_LAYERS, b"default_permissions"):
            if key in self.options and (key == b"lowerdir" or self.upper is not None or key not in _LAYERS):
                value = self.options[key]
                out += f",{key.decode()}" + (f"={_escaped(value)}" if value else "")
        if self.options.get(b"redirect_dir") == b"nofollow":
            out += ",redirect_dir=nofollow"
        if self.upper is not None and b"volatile" in self.options:
            out += ",volatile"
        return out + (",userxattr" if self.userxattr else "")


def _escaped(value: bytes) -> str:
    """seq_show_option."""
    for char in b"\\, \t\n":
        value = value.replace(bytes((char,)), b"\\%03o" % char)
    return value.decode("utf-8", "surrogateescape")


def _split(text: bytes) -> list[bytes]:
    """The lower directories: colons between them, a backslash before one that is of a name. EINVAL for layers of data only
    and for too many."""
    names, current, at = [], bytearray(), 0
    while at < len(text):
        if text[at] == 0x5C and at + 1 < len(text):
            at += 1
            current.append(text[at])
        elif text[at] == 0x3A:
            names.append(bytes(current))
            current.clear()
        else:
            current.append(text[at])
        at += 1
    if text:
        names.append(bytes(current))
    if len(names) > LAYERS_MOST or not all(names):
        raise SyscallError(errno.EINVAL)
    return names


def _directory(t: Task, name: bytes) -> Path:
    """ENOENT and the like; EINVAL for what is no directory."""
    path = lookup(t, AT_FDCWD, name, FOLLOW)
    if not path.inode.is_dir():
        raise SyscallError(errno.EINVAL)
    return path
