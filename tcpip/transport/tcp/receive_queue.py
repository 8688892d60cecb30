"""Data that is in order and waits for the user.

Chunks are kept as they arrived; small ones are copied together, so that many tiny segments cost what one large one
does. `size` counts bytes; reading peeks or takes.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from tcpip.buffer import Slice

SMALL: Final = 512
GATHER: Final = 8192


class ReceiveQueue:
    """A byte queue."""

    __slots__ = ("_chunks", "_head", "size", "_tail")

    def __init__(self) -> None:
        self._chunks: deque[Slice | bytearray] = deque()
        self._head = 0
        self.size = 0
        self._tail: bytearray | None = None

    def append(self, data: Slice) -> None:
        """One more chunk at the end."""
        size = len(data)
        if not size:
            return
        self.size += size
        if size >= SMALL:
            self._chunks.append(data)
            self._tail = None
        elif self._tail is not None and len(self._tail) < GATHER:
            self._tail += data
        else:
            self._tail = bytearray(data)
            self._chunks.append(self._tail)

    def read_into(self, buffer: memoryview, peek: bool = False, skip: int = 0) -> int:
        """Fill `buffer`; how many bytes. `peek` leaves them here; `skip` passes that many over first (peek only)."""
        if peek:
            return self._peek_into(buffer, skip)
        chunks = self._chunks
        room = len(buffer)
        at = 0
        head = self._head
        while chunks and at < room:
            chunk = chunks[0]
            have = len(chunk) - head
            if have <= room - at:
                buffer[at : at + have] = memoryview(chunk)[head:] if head else chunk
                at += have
                head = 0
                chunks.popleft()
            else:
                want = room - at
                buffer[at:room] = memoryview(chunk)[head : head + want]
                head += want
                at = room
        self._head = head
        self.size -= at
        if not chunks:
            self._tail = None
        return at

    def put_back(self, data: memoryview) -> None:
        """Bytes that were taken are the first ones again."""
        if self._head:
            self._chunks[0] = bytes(memoryview(self._chunks[0])[self._head :])
            self._head = 0
            self._tail = None
        self._chunks.appendleft(bytes(data))
        self.size += len(data)

    def _peek_into(self, buffer: memoryview, skip: int) -> int:
        at = 0
        skip += self._head
        for chunk in self._chunks:
            have = len(chunk)
            if skip >= have:
                skip -= have
                continue
            take = min(have - skip, len(buffer) - at)
            buffer[at : at + take] = memoryview(chunk)[skip : skip + take]
            at += take
            skip = 0
            if at == len(buffer):
                break
        return at

    def discard(self, count: int) -> int:
        """Drop up to `count` bytes from the front; how many."""
        dropped = 0
        while self._chunks and dropped < count:
            have = len(self._chunks[0]) - self._head
            if have <= count - dropped:
                dropped += have
                self._chunks.popleft()
                self._head = 0
            else:
                self._head += count - dropped
                dropped = count
        self.size -= dropped
        if not self._chunks:
            self._tail = None
        return dropped

    def clear(self) -> None:
        """Drop everything."""
        self._chunks.clear()
        self._head = 0
        self.size = 0
        self._tail = None
