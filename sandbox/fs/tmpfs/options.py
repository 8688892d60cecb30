"""Options of a tmpfs that a guest makes (tmpfs(5), mm/shmem.c: shmem_parse_one, shmem_show_options)."""

from __future__ import annotations

import errno
from typing import Final

from sandbox.errors import SyscallError
from sandbox.vfs.space import DEFAULT_INODES, PAGE, SpaceAccount

_SUFFIXES: Final = b"kmgtpe"
_KEYS: Final = frozenset(
    (b"size", b"nr_blocks", b"nr_inodes", b"mode", b"uid", b"gid", b"huge", b"inode64", b"inode32", b"noswap", b"mpol")
)
_AS_IT_IS: Final = ((b"huge", b"never"), (b"mpol", b"default"))
_SUPER_FLAGS: Final = frozenset((b"rw", b"ro", b"async", b"nolazytime", b"nomand", b"inode64", b"inode32", b"source"))


class TmpfsOptions:
    """What was given, None for what was not. Sizes in pages. EINVAL for what there is not."""

    __slots__ = ("pages", "percent", "inodes", "mode", "uid", "gid", "readonly", "words")

    def __init__(self, data: dict[bytes, bytes]) -> None:
        self.pages: int | None = None
        self.percent: int | None = None
        self.inodes: int | None = None
        self.mode = 0o1777
        self.uid: int | None = None
        self.gid: int | None = None
        self.readonly = b"ro" in data
        self.words = ""  # what is as asked for in any case, where Linux shows it
        for key, value in data.items():
            self._take(key, value)

    def _take(self, key: bytes, value: bytes) -> None:
        if key == b"size" and value.endswith(b"%"):
            self.percent = _number(value[:-1], 10)
        elif key == b"size":
            self.pages = -(-_memory(value) // PAGE)
        elif key == b"nr_blocks":
            self.pages = _memory(value)
        elif key == b"nr_inodes":
            self.inodes = _memory(value)
        elif key == b"mode":
            self.mode = _number(value, 8) & 0o7777
        elif key == b"uid":
            self.uid = _id(value)
        elif key == b"gid":
            self.gid = _id(value)
        elif (key, value) == (b"noswap", b""):
            self.words = ",noswap"
        elif key not in _SUPER_FLAGS and (key, value) not in _AS_IT_IS:
            raise SyscallError(errno.EINVAL)

    @staticmethod
    def knows(key: bytes) -> bool:
        """There is such an option."""
        return key in _KEYS

    def limit(self, space: SpaceAccount) -> int:
        """Pages that it may hold: half of the sandbox's where nothing is asked for, with 0 all of them."""
        if self.percent is not None:
            return min(space.limit * self.percent // 100, space.limit)
        if self.pages is None:
            return space.limit // 2
        return min(self.pages or space.limit, space.limit)

    def account(self, space: SpaceAccount) -> SpaceAccount:
        """Its own limits, below those of the sandbox."""
        return SpaceAccount(self.limit(space) * PAGE, self.inodes or DEFAULT_INODES, space)

    def resize(self, new: TmpfsOptions, account: SpaceAccount) -> None:
        """A remount: EINVAL for limits below what is in use, or where there was none (shmem_reconfigure)."""
        parent = account.parent
        if parent is None:
            raise SyscallError(errno.EINVAL)
        if new.pages is not None or new.percent is not None:
            limit = new.limit(parent)
            if (self.pages == 0 and new.pages) or account.used > limit:
                raise SyscallError(errno.EINVAL)
        if new.inodes is not None and ((self.inodes == 0 and new.inodes) or account.inodes > (new.inodes or 1 << 63)):
            raise SyscallError(errno.EINVAL)
        if new.pages is not None or new.percent is not None:
            self.pages, self.percent = new.pages, new.percent
            account.limit = self.limit(parent)
        if new.inodes is not None:
            self.inodes = new.inodes
            account.inode_limit = new.inodes or DEFAULT_INODES

    def shown(self, account: SpaceAccount) -> str:
        """As /proc/mounts has them."""
        text = ""
        if self.pages is not None or self.percent is not None:
            text += f",size={0 if self.pages == 0 else account.limit * (PAGE // 1024)}k"
        if self.inodes is not None:
            text += f",nr_inodes={self.inodes}"
        if self.mode != 0o1777:
            text += f",mode={self.mode:03o}"
        if self.uid:
            text += f",uid={self.uid}"
        if self.gid:
            text += f",gid={self.gid}"
        return text + self.words


def _number(text: bytes, base: int) -> int:
    """Digits and nothing else."""
    if not text or len(text) > 20 or not text.isalnum():
        raise SyscallError(errno.EINVAL)
    try:
        return int(text, base)
    except ValueError:
        raise SyscallError(errno.EINVAL) from None


def _memory(text: bytes) -> int:
    """A number with a unit (lib/cmdline.c: memparse)."""
    power = _SUFFIXES.find(text[-1:].lower()) + 1 if text else 0
    value = _any_base(text[:-1] if power else text) << 10 * power
    if value >> 64:
        raise SyscallError(errno.EINVAL)
    return value


def _any_base(text: bytes) -> int:
    """As C has them."""
    if text[:2].lower() == b"0x":
        return _number(text[2:], 16)
    return _number(text, 8 if text.startswith(b"0") else 10)


def _id(text: bytes) -> int:
    value = _any_base(text)
    if value >= 0xFFFFFFFF:
        raise SyscallError(errno.EINVAL)
    return value
