"""The bytes that the user has written and the peer has not acknowledged.

Sequence numbers are unwrapped (see segment.py). `bytes` objects are kept as they are and handed out as slices that
stay valid, so nothing is copied for a (re)transmission. Small writes that have not been sent yet are gathered, so
that a chunk is never much smaller than what was sent of it.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from tcpip.buffer import Slice

GATHER: Final = 16384
"""Writes smaller than this are gathered into chunks of up to this size."""


class SendBuffer:
    """A run of bytes [start, end); `append` at the end, `free` from the start."""

    __slots__ = ("start", "end", "_starts", "_chunks", "_tail", "_tail_start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.end = start
        self._starts: list[int] = []
        self._chunks: list[bytes] = []
        self._tail = bytearray()
        self._tail_start = start

    def __len__(self) -> int:
        return self.end - self.start

    def append(self, data: bytes) -> None:
        """Take `data` over; it is kept, not copied, unless it is small."""
        size = len(data)
        if size < GATHER:
            self._tail += data
            self.end += size
            if len(self._tail) >= GATHER:
                self._seal()
            return
        if self._tail:
            self._seal()
        self._starts.append(self.end)
        self._chunks.append(data)
        self.end += size
        self._tail_start = self.end

    def _seal(self) -> None:
        self._starts.append(self._tail_start)
        self._chunks.append(bytes(self._tail))
        self._tail = bytearray()
        self._tail_start = self.end

    def slices(self, seq: int, size: int) -> list[Slice]:
        """The bytes [seq, seq + size), which must be here, as slices that never change."""
        last = seq + size
        if last > self._tail_start:
            self._seal()
        starts = self._starts
        index = bisect_right(starts, seq) - 1
        chunk = self._chunks[index]
        at = seq - starts[index]
        if at + size <= len(chunk):
            if size == len(chunk):
                return [chunk]
            return [memoryview(chunk)[at : at + size]]
        result: list[Slice] = [memoryview(chunk)[at:] if at else chunk]
        have = len(chunk) - at
        while have < size:
            index += 1
            chunk = self._chunks[index]
            if have + len(chunk) > size:
                result.append(memoryview(chunk)[: size - have])
                break
            result.append(chunk)
            have += len(chunk)
        return result

    def free(self, seq: int) -> None:
        """Everything before `seq` was acknowledged; a chunk goes when all of it was."""
        if seq <= self.start:
            return
        self.start = seq
        count = 0
        for start, chunk in zip(self._starts, self._chunks, strict=True):
            if start + len(chunk) > seq:
                break
            count += 1
        if count:
            del self._starts[:count]
            del self._chunks[:count]

    def clear(self) -> None:
        """Drop everything."""
        self.start = self.end
        self._starts = []
        self._chunks = []
        self._tail = bytearray()
        self._tail_start = self.end
