"""Inode numbers of what lives in no file system tree: pipes, sockets, anonymous inodes."""

from __future__ import annotations

from typing import Final


class InodeNumbers:
    """Never gives a number twice."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last = 1000

    def take(self) -> int:
        """The next number."""
        self.last += 1
        return self.last


_NUMBERS: Final = InodeNumbers()


def next_inode() -> int:
    """A number for a new pipe or socket, as in `pipe:[N]`."""
    return _NUMBERS.take()
