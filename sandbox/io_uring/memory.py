"""The memory of a ring: what guest and sentry share (io_uring/io_uring.c: rings_size, io_uring_mmap).

A memfd that only the sentry has a descriptor of; the guest maps its parts at the offsets of io_uring_setup(2). Every word
there is input and may change at any time: a word is read once, positions are masked with sizes that the sentry keeps itself.
"""

from __future__ import annotations

import errno
import mmap
import os
from typing import TYPE_CHECKING, Final

from sandbox.abi.linux import io_uring as abi
from sandbox.errors import SyscallError

if TYPE_CHECKING:
    from sandbox.vfs.file_description import FileDescription
    from sandbox.vfs.path import Path
    from sandbox.vfs.space import SpaceAccount

PAGE: Final = 4096
LINE: Final = 64
# Words of struct io_rings.
SQ_HEAD: Final = 0
SQ_TAIL: Final = 1
CQ_HEAD: Final = 2
CQ_TAIL: Final = 3
SQ_MASK: Final = 4
CQ_MASK: Final = 5
SQ_ENTRIES: Final = 6
CQ_ENTRIES: Final = 7
SQ_DROPPED: Final = 8
SQ_FLAGS: Final = 9
CQ_FLAGS: Final = 10
CQ_OVERFLOW: Final = 11
CQES: Final = 64  # bytes
WORD: Final = 0xFFFF_FFFF


def _pages(size: int) -> int:
    return (size + PAGE - 1) & ~(PAGE - 1)


def _charged_memory(space: SpaceAccount, size: int) -> tuple[int, mmap.mmap]:
    """A memfd of `size` bytes, whole pages, and its mapping; ENOMEM."""
    pages = size // PAGE
    if pages > space.free():
        raise SyscallError(errno.ENOMEM)
    try:
        fd = os.memfd_create("io_uring", os.MFD_CLOEXEC)
    except OSError:
        raise SyscallError(errno.ENOMEM) from None
    try:
        os.ftruncate(fd, size)
        mapped = mmap.mmap(fd, size)
    except OSError:
        os.close(fd)
        raise SyscallError(errno.ENOMEM) from None
    space.charge(pages)
    return fd, mapped


class RingMemory:
    """`words` is all of it as 32-bit words: struct io_rings, the completion entries, the array, and from `sqes_at` (bytes) on
    the submission entries."""

    __slots__ = ("fd", "words", "view", "rings_size", "sqes_at", "sqes_size", "array_at", "cqe_size", "sqe_size", "_map",
                 "_space", "_charged", "_sizes")  # fmt: skip

    def __init__(self, space: SpaceAccount, sq: int, cq: int, flags: int) -> None:
        """`sq` and `cq` entries. ENOMEM."""
        self.cqe_size = 32 if flags & abi.SETUP_CQE32 else 16
        self.sqe_size = 128 if flags & abi.SETUP_SQE128 else 64
        size = (CQES + 16 * cq) * (self.cqe_size // 16)  # with large entries all of it is twice as large (rings_size)
        size = (size + LINE - 1) & ~(LINE - 1)
        self.array_at = 0
        if not flags & abi.SETUP_NO_SQARRAY:
            self.array_at = size
            size += 4 * sq
        self.rings_size = size
        self.sqes_at = _pages(size)
        self.sqes_size = self.sqe_size * sq
        total = self.sqes_at + _pages(self.sqes_size)
        self._space = space
        self._charged = total // PAGE
        self.fd, self._map = _charged_memory(space, total)
        self.view = memoryview(self._map)
        self.words = self.view.cast("I")
        self._sizes = (sq, cq)
        self.tell_sizes()

    def tell_sizes(self) -> None:
        """In the words that the guest finds them in."""
        sq, cq = self._sizes
        self.words[SQ_MASK] = sq - 1
        self.words[CQ_MASK] = cq - 1
        self.words[SQ_ENTRIES] = sq
        self.words[CQ_ENTRIES] = cq

    def part(self, offset: int) -> tuple[int, int]:
        """Where in the memfd the part that is mapped at `offset` begins, and its size in whole pages; ENOMEM."""
        which = offset & abi.OFF_MMAP_MASK
        if which in (abi.OFF_SQ_RING, abi.OFF_CQ_RING):
            return 0, _pages(self.rings_size)
        if which == abi.OFF_SQES:
            return self.sqes_at, _pages(self.sqes_size)
        raise SyscallError(errno.ENOMEM)

    def offsets(self) -> tuple[bytes, bytes]:
        """struct io_sqring_offsets and io_cqring_offsets."""
        sq = (SQ_HEAD, SQ_TAIL, SQ_MASK, SQ_ENTRIES, SQ_FLAGS, SQ_DROPPED)
        cq = (CQ_HEAD, CQ_TAIL, CQ_MASK, CQ_ENTRIES, CQ_OVERFLOW)
        return (
            abi.OFFSETS.pack(*(4 * word for word in sq), self.array_at, 0, 0),
            abi.OFFSETS.pack(*(4 * word for word in cq), CQES, 4 * CQ_FLAGS, 0, 0),
        )

    def close(self) -> None:
        """Nobody uses it any more."""
        self.words.release()
        self.view.release()
        self._map.close()
        os.close(self.fd)
        self._space.charge(-self._charged)


class PartMemory:
    """A piece of memory of a ring's that is mapped apart, of `size` bytes; ENOMEM."""

    __slots__ = ("fd", "view", "size", "_map", "_space", "_charged")

    def __init__(self, space: SpaceAccount, size: int) -> None:
        self.size = _pages(size)
        self._space = space
        self._charged = self.size // PAGE
        self.fd, self._map = _charged_memory(space, self.size)
        self.view = memoryview(self._map)

    def close(self) -> None:
        """Nobody uses it any more."""
        self.view.release()
        self._map.close()
        os.close(self.fd)
        self._space.charge(-self._charged)


class RingBacking:
    """A mapping of one part (a `Backing`); it keeps `file`, the ring, as a mapping of Linux's does."""

    counted = True
    outside = False
    keepable: object = None
    place: Path | None = None
    name = "anon_inode:[io_uring]"
    device = 0

    def __init__(self, file: FileDescription, fd: int, base: int, inode: int) -> None:
        self.key: object = file
        self.base = base
        self.inode = inode
        self._file = file
        self._fd = fd

    def host_fd(self, writable: bool) -> int:
        """Read-write: both sides write."""
        return self._fd

    def acquire(self) -> None:
        """One area more."""
        self._file.acquire()

    def drop(self) -> None:
        """One area fewer."""
        self._file.drop()
