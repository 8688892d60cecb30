"""Guest memory that came with a call in the lane, and that goes back with its answer.

Before it posts, the stub copies what the call reads into the lane and sees that what it writes can be written, as the
table that `encode` makes has it. So most calls need no process_vm_readv(2), which costs more than all the rest of them.
What the stub copied is input like the memory itself; what it left out (too long, not accessible) is found in memory.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, Mapping, Sequence

from sandbox.platform.base import COPY_IN, COPY_OUT, Copy, GuestThread, MemoryFault
from sandbox.platform.lane import layout
from sandbox.platform.lane.layout import COPIED_AT, COPIED_KIND, LANE_COPIES, LANE_COPY, LANE_DATA, LANE_SIZE

if TYPE_CHECKING:
    from sandbox.platform.lane.space import LaneSpace

_KINDS: Final = {COPY_IN: layout.COPY_IN, COPY_OUT: layout.COPY_OUT}
# Of each piece: the word of its address, and where its size stands in LANE_OUTS.
_PIECES: Final = tuple((LANE_COPY + 2 * n, 16 * n) for n in range(layout.MAX_COPIES))
_IN: Final = layout.COPY_IN
_OUT: Final = layout.COPY_OUT
_STRING: Final = layout.COPY_STRING


def encode(calls: Mapping[int, Sequence[Copy]]) -> bytes:
    """The table of the control page: what the stub copies, by the call's number."""
    table = bytearray(layout.COPIED_CALLS * layout.MAX_COPIES * 4)
    for number, copies in calls.items():
        if number >= layout.COPIED_CALLS or len(copies) > layout.MAX_COPIES:
            raise ValueError(f"call {number} has no place in the table of copies")
        for index, copy in enumerate(copies):
            kind = _KINDS.get(copy.kind, layout.COPY_STRING)
            length = layout.COPY_FIXED if copy.length is None else copy.length
            word = (
                copy.address | kind << layout.COPY_KIND | length << layout.COPY_LENGTH | copy.size << layout.COPY_SIZE
            )
            struct.pack_into("<I", table, (number * layout.MAX_COPIES + index) * 4, word)
    return bytes(table)


class LaneCopies(GuestThread):
    """The part of a LaneThread that knows the pieces. `outs`: the sizes that go back, as LANE_OUTS has them."""

    __slots__ = ("space", "lane", "words", "stopped", "outs")

    space: LaneSpace
    lane: memoryview
    words: memoryview
    stopped: bool
    outs: int

    def _piece(self, address: int, kind: int) -> tuple[int, int] | None:
        """Offset and size of what the stub has copied from `address` (or will copy to it)."""
        words = self.words
        left = words[LANE_COPIES]
        for at, _ in _PIECES:
            if not left:
                return None
            left -= 1
            if words[at] == address:
                word: int = words[at + 1]
                if word >> COPIED_KIND & 0xFFFF == kind:
                    start, size = word >> COPIED_AT, word & 0xFFFF_FFFF
                    return (start, size) if LANE_DATA <= start <= LANE_SIZE - size else None
        return None

    def read(self, address: int, size: int) -> bytes:
        if self.words[LANE_COPIES] and self.stopped:
            piece = self._piece(address, _IN)
            if piece is not None and size <= piece[1]:
                start = piece[0]
                return bytes(self.lane[start : start + size])
        self.settle()
        return self.space.read(address, size)

    def read_into(self, address: int, dst: memoryview) -> None:
        if self.words[LANE_COPIES] and self.stopped:
            size = len(dst)
            piece = self._piece(address, _IN)
            if piece is not None and size <= piece[1]:
                start = piece[0]
                dst[:] = self.lane[start : start + size]
                return
        self.settle()
        self.space.read_into(address, dst)

    def read_cstr(self, address: int, limit: int) -> bytes:
        if self.words[LANE_COPIES] and self.stopped:
            piece = self._piece(address, _STRING)
            if piece is not None and piece[1] <= limit:
                start, size = piece
                if size == 1 and not self.lane[start]:
                    return b""
                text = self.lane[start : start + size].tobytes()
                end = text.find(b"\0")
                if end >= 0:
                    return text[:end]
        self.settle()
        return self.space.read_cstr(address, limit)

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        words = self.words
        left = words[LANE_COPIES]
        if left and self.stopped:
            size = len(data)
            for at, shift in _PIECES:
                if words[at] == address:
                    word: int = words[at + 1]
                    if word >> COPIED_KIND & 0xFFFF == _OUT and size <= word & 0xFFFF_FFFF:
                        start = word >> COPIED_AT
                        if self.outs >> shift & 0xFFFF:
                            break  # a second time
                        if LANE_DATA <= start <= LANE_SIZE - size:
                            self.lane[start : start + size] = data
                            self.outs |= size << shift
                            return
                left -= 1
                if not left:
                    break
            self.settle()  # in the order in which it was written
        self.space.write(address, data)

    def out_window(self, address: int, size: int) -> memoryview | None:
        words = self.words
        if words[LANE_COPIES] and words[LANE_COPY] == address and self.stopped and not self.outs:
            word: int = words[LANE_COPY + 1]
            if word >> COPIED_KIND & 0xFFFF == _OUT and size <= word & 0xFFFF_FFFF:
                start = word >> COPIED_AT
                if LANE_DATA <= start <= LANE_SIZE - size:
                    return self.lane[start : start + size]
        return None

    def filled(self, size: int) -> None:
        self.outs = size  # of the first piece: nothing else has been written

    def in_window(self, address: int, size: int) -> memoryview | None:
        words = self.words
        if words[LANE_COPIES] and words[LANE_COPY] == address and self.stopped:
            word: int = words[LANE_COPY + 1]
            if word >> COPIED_KIND & 0xFFFF == _IN and size <= word & 0xFFFF_FFFF:
                start = word >> COPIED_AT
                if LANE_DATA <= start <= LANE_SIZE - size:
                    return self.lane[start : start + size]
        return None

    def forget_copies(self) -> None:
        self.settle()
        self.words[LANE_COPIES] = 0

    def settle(self) -> None:
        outs = self.outs
        if not outs:
            return
        self.outs = 0
        words = self.words
        for at, shift in _PIECES:
            size = outs >> shift & 0xFFFF
            if size:
                start = words[at + 1] >> COPIED_AT
                try:
                    self.space.write(words[at], self.lane[start : start + size])
                except MemoryFault:
                    pass  # another thread has taken the memory away since the stub has seen it, or moved the piece
