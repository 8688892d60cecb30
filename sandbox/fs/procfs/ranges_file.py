"""A setting that is a set of small numbers, read and written as ranges: `0-1,3-127` (kernel/sysctl.c: proc_do_large_bitmap)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable

from sandbox.errors import SyscallError
from sandbox.fs.pseudo.nodes import PseudoFile

if TYPE_CHECKING:
    from sandbox.fs.procfs.filesystem import ProcFs
    from sandbox.kernel.task import Task


class RangesFile(PseudoFile):
    """`get` and `put` have a byte for each number, 1 for those of the set; writing sets all of them."""

    __slots__ = ("get", "put", "most")

    def __init__(
        self, fs: ProcFs, ino: int, most: int, get: Callable[[Task], bytes], put: Callable[[Task, bytes], None]
    ) -> None:
        super().__init__(fs, ino, 0o644)
        self.most = most
        self.get = get
        self.put = put

    def content(self, t: Task) -> bytes:
        """Ranges, as they are written."""
        return ranges_text(self.get(t)).encode() + b"\n"

    def store(self, t: Task, data: bytes) -> None:
        """EINVAL for what are no ranges of numbers up to the greatest."""
        marks = bytearray(self.most + 1)
        for word in data.split(b"\0")[0].replace(b",", b" ").split():
            first, dash, last = word.partition(b"-")
            low, high = self._number(first), self._number(last if dash else first)
            if high < low:
                raise SyscallError(errno.EINVAL)
            marks[low : high + 1] = b"\1" * (high + 1 - low)
        self.put(t, bytes(marks))

    def _number(self, word: bytes) -> int:
        if not word.isdigit() or len(word) > 5 or int(word) > self.most:
            raise SyscallError(errno.EINVAL)
        return int(word)


def ranges_text(marks: bytes) -> str:
    """N,N-M,… of the numbers that are marked."""
    found = []
    low = marks.find(1)
    while low >= 0:
        end = marks.find(0, low)
        high = (end if end >= 0 else len(marks)) - 1
        found.append(str(low) if low == high else f"{low}-{high}")
        low = marks.find(1, high + 1)
    return ",".join(found)
