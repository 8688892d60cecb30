"""Memory that has no file of the guest's behind it: shared anonymous memory, and copies of file ranges."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from sandbox.errors import SyscallError
from sandbox.mm.commit import CommitAccount

if TYPE_CHECKING:
    from sandbox.vfs.path import Path
    from sandbox.vfs.space import SpaceAccount

_COPY_CHUNK: Final = 1 << 20
MFD_EXEC: Final = 0x10
OPEN_MOST: Final = 64


def _memfd(name: str) -> int:
    """A memfd whose pages may be mapped executable, also where vm.memfd_noexec is 1."""
    try:
        return os.memfd_create(name, os.MFD_CLOEXEC | MFD_EXEC)
    except OSError:
        return os.memfd_create(name, os.MFD_CLOEXEC)


class SharedAnonymous:
    """Memory of MAP_SHARED | MAP_ANONYMOUS: an unnamed file of `size` bytes on the host (mm/shmem.c: shmem_zero_setup).

    Once mapped, the host's mappings are what keeps it alive, across forks too. The descriptors of the last `OPEN_MOST` stay open,
    for remap_file_pages(2), so the number of the sentry's descriptors has little to do with guests. `remapped`: that was called, and
    pages that nobody maps are kept: all of it is charged as a file's would be.
    """

    base = 0
    counted = False
    outside = False
    keepable: object = None
    place: Path | None = None
    device = 1  # the kernel's own shmem mount, 00:01

    def __init__(
        self, size: int, inode: int, account: CommitAccount | None = None, name: str = "/dev/zero (deleted)"
    ) -> None:
        """`inode`: its number for maps(5). `account`: already charged for it; uncharged at the end."""
        self.size = size
        self.name = name
        self.key: object = self
        self.inode = inode
        self.refs = 0
        self._account = account
        if account is not None:
            account.shared += (size + 4095) >> 12
        self._fd = -1
        self.remapped: SpaceAccount | None = None

    def host_fd(self, writable: bool) -> int:
        """For the order that maps it."""
        if self._fd < 0:
            self._fd = _memfd("shared")
            os.ftruncate(self._fd, self.size)
        return self._fd

    def lend_fd(self, fd: int) -> None:
        """It is this file, which is closed as its own would be."""
        self._fd = fd

    def close_host_fd(self) -> None:
        """It will not be mapped again."""
        _OPEN.pop(self, None)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def keep_host_fd(self) -> None:
        """It is mapped: it may be mapped again while it is among the last."""
        _OPEN.pop(self, None)
        _OPEN[self] = None
        if len(_OPEN) > OPEN_MOST:
            next(iter(_OPEN)).close_host_fd()

    def remap(self, space: SpaceAccount) -> None:
        """It is to be mapped again: ENOMEM when its descriptor is gone, or there is too little memory for all of it."""
        pages = (self.size + 4095) >> 12
        if self._fd < 0 or (self.remapped is None and space.free() < pages):
            raise SyscallError(errno.ENOMEM)
        if self.remapped is None:
            space.charge(pages)
            self.remapped = space

    def acquire(self) -> None:
        """A mapping refers to it."""
        self.refs += 1

    def drop(self) -> None:
        """One mapping fewer."""
        self.refs -= 1
        if self.refs == 0:
            self.close_host_fd()
            if self.remapped is not None:
                self.remapped.charge(-((self.size + 4095) >> 12))
                self.remapped = None
            if self._account is not None:
                self._account.uncharge((self.size + 4095) >> 12)
                self._account.shared -= (self.size + 4095) >> 12
                self._account = None


_OPEN: Final[dict[SharedAnonymous, None]] = {}  # those whose descriptors are open, the oldest first


def copy_range(source: int, offset: int, size: int) -> int:
    """A memfd with up to `size` bytes of `source` from `offset`: what is mapped in place of a file that the host
    refuses to map executable (a mount with noexec). OSError."""
    fd = _memfd("text")
    try:
        _copy(source, offset, fd, size)
    except OSError:
        os.close(fd)
        raise
    return fd


def _copy(source: int, offset: int, target: int, size: int) -> None:
    """Up to `size` bytes (fewer at the end of the file) to the start of `target`."""
    done = 0
    while done < size:
        chunk = os.pread(source, min(_COPY_CHUNK, size - done), offset + done)
        if not chunk:
            return
        os.pwrite(target, chunk, done)
        done += len(chunk)
