"""Out-of-order data: what has arrived beyond rcv_nxt, without overlaps, and what SACK says about it.

Sequence numbers are unwrapped. Bytes that have arrived once are kept and later copies of them ignored. Memory is
bounded by the caller's limit; every piece is charged `PIECE_OVERHEAD` on top, so that many tiny pieces run out of
room like few large ones.
Implements: RFC 9293 3.10.7.4 (seventh, second half), RFC 2018 4, RFC 2883 4.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

from tcpip.buffer import Slice

PIECE_OVERHEAD: Final = 256
MAX_BLOCKS: Final = 4


class Assembler:
    """Pieces keyed by their first sequence number, and the ranges that they form, in order and apart."""

    __slots__ = ("_pieces", "_left", "_right", "_recent", "charge", "size")

    def __init__(self) -> None:
        self._pieces: dict[int, Slice] = {}
        self._left: list[int] = []
        self._right: list[int] = []
        self._recent: list[int] = []
        self.charge = 0
        self.size = 0

    def __len__(self) -> int:
        return len(self._left)

    def insert(self, seq: int, data: Slice, limit: int) -> tuple[int, int] | None:
        """Add [seq, seq + len(data)). The first part of it that was here already (for DSACK), or None.

        Raises MemoryError when it would charge more than `limit`: the caller drops the segment.
        """
        end = seq + len(data)
        gaps = self._gaps(seq, end)
        need = sum(b - a + PIECE_OVERHEAD for a, b in gaps)
        if self.charge + need > limit:
            raise MemoryError
        for a, b in gaps:
            self._pieces[a] = data if b - a == len(data) else memoryview(data)[a - seq : b - seq]
            self.size += b - a
        self.charge += need
        self._merge(seq, end)
        return first_overlap(seq, end, gaps)

    def _gaps(self, seq: int, end: int) -> list[tuple[int, int]]:
        """The parts of [seq, end) that are not here."""
        gaps: list[tuple[int, int]] = []
        index = bisect_right(self._left, seq) - 1
        at = seq
        if index >= 0:
            at = max(at, self._right[index])
        index += 1
        while at < end:
            stop = self._left[index] if index < len(self._left) else end
            if stop > at:
                gaps.append((at, min(stop, end)))
            if stop >= end:
                break
            at = self._right[index]
            index += 1
        return gaps

    def _merge(self, seq: int, end: int) -> None:
        """Make [seq, end) and all it touches one range."""
        first = bisect_left(self._right, seq)
        last = bisect_right(self._left, end)
        left, right = seq, end
        if first < last:
            left = min(left, self._left[first])
            right = max(right, self._right[last - 1])
            gone = self._left[first:last]
            self._recent = [start for start in self._recent if start not in gone]
        self._left[first:last] = [left]
        self._right[first:last] = [right]
        self._recent.insert(0, left)
        del self._recent[MAX_BLOCKS + 1 :]

    def pop(self, rcv_nxt: int) -> list[Slice]:
        """What is in order from `rcv_nxt` on, trimmed to it; ranges up to there are forgotten."""
        result: list[Slice] = []
        while self._left and self._left[0] <= rcv_nxt:
            at, right = self._left.pop(0), self._right.pop(0)
            if at in self._recent:
                self._recent.remove(at)
            while at < right:
                piece = self._pieces.pop(at)
                self.charge -= len(piece) + PIECE_OVERHEAD
                self.size -= len(piece)
                stop = at + len(piece)
                if stop > rcv_nxt:
                    result.append(memoryview(piece)[rcv_nxt - at :] if at < rcv_nxt else piece)
                    rcv_nxt = stop
                at = stop
        return result

    def drop_last(self) -> None:
        """Give the highest range up, as a receiver short of memory may (RFC 2018 8)."""
        at, right = self._left.pop(), self._right.pop()
        if at in self._recent:
            self._recent.remove(at)
        while at < right:
            piece = self._pieces.pop(at)
            self.charge -= len(piece) + PIECE_OVERHEAD
            self.size -= len(piece)
            at += len(piece)

    def is_recent(self, seq: int, end: int, count: int) -> bool:
        """[seq, end) touches one of the `count` ranges that grew last, or there are not so many."""
        if len(self._left) < count:
            return True
        return any(left <= end and seq <= self._right[bisect_left(self._left, left)] for left in self._recent[:count])

    def blocks(self, count: int) -> list[tuple[int, int]]:
        """Up to `count` ranges, the one that grew last first (RFC 2018 4)."""
        result = [(start, self._right[bisect_left(self._left, start)]) for start in self._recent[:count]]
        for left, right in zip(reversed(self._left), reversed(self._right), strict=True):
            if len(result) >= count:
                break
            if (left, right) not in result:
                result.append((left, right))
        return result

    def ranges(self) -> list[tuple[int, int]]:
        """All ranges in order."""
        return list(zip(self._left, self._right, strict=True))

    def clear(self) -> None:
        """Forget everything."""
        self._pieces.clear()
        self._left = []
        self._right = []
        self._recent = []
        self.charge = 0
        self.size = 0


def first_overlap(seq: int, end: int, gaps: list[tuple[int, int]]) -> tuple[int, int] | None:
    """The first part of [seq, end) that `gaps` leaves out."""
    at = seq
    for a, b in gaps:
        if a > at:
            return at, a
        at = b
    return (at, end) if at < end else None
