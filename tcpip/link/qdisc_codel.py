"""CoDel: what has waited too long for too long is dropped, or marked, as it goes out (RFC 8289; include/net/codel_impl.h)."""

from __future__ import annotations

from collections import deque
from math import isqrt
from typing import Final

from tcpip.buffer import TxPacket
from tcpip.checksum import checksum
from tcpip.link.qdisc import DEFAULT_LIMIT, Qdisc

TARGET: Final = 5_000_000
INTERVAL: Final = 100_000_000
FULL_SIZE: Final = 1514
_ECT: Final = 3
_COUNT_MOST: Final = 0xFFFFFFFF


class CodelSettings:
    """`target` and `interval` in ns; `ecn`: mark rather than drop; `marks_after`: mark whatever has waited this long, ns (None: nothing).
    No more than `mtu` bytes may always wait."""

    __slots__ = ("target", "interval", "ecn", "marks_after", "mtu")

    def __init__(self, ecn: bool = False, mtu: int = FULL_SIZE) -> None:
        self.target = TARGET
        self.interval = INTERVAL
        self.ecn = ecn
        self.marks_after: int | None = None
        self.mtu = mtu


class CodelQueue:
    """What waits in one queue, with the time it came, and the state that RFC 8289 5 calls by these names."""

    __slots__ = ("queue", "bytes", "count", "last_count", "dropping", "first_above", "drop_next", "delay")

    def __init__(self) -> None:
        self.queue: deque[tuple[TxPacket, int]] = deque()
        self.bytes = 0
        self.count = 0
        self.last_count = 0
        self.dropping = False
        self.first_above = 0
        self.drop_next = 0
        self.delay = 0


class CodelQdisc(Qdisc):
    """What all that drop by CoDel share. `marked`, `marked_late`: of `ecn` and of `marks_after`; `refused`: dropped because too much
    waited; `largest`: the biggest packet that was looked at."""

    def __init__(self, settings: CodelSettings) -> None:
        super().__init__()
        self.settings = settings
        self.marked = 0
        self.marked_late = 0
        self.refused = 0
        self.largest = 0

    def _put(self, queue: CodelQueue, pkt: TxPacket, now: int) -> None:
        size = len(pkt)
        queue.queue.append((pkt, now))
        queue.bytes += size
        self.packets += 1
        self.bytes += size

    def _pop(self, queue: CodelQueue) -> tuple[TxPacket, int] | None:
        if not queue.queue:
            return None
        item = queue.queue.popleft()
        size = len(item[0])
        queue.bytes -= size
        self.packets -= 1
        self.bytes -= size
        return item

    def _is_late(self, queue: CodelQueue, item: tuple[TxPacket, int] | None, now: int) -> bool:
        """For an interval, that is (codel_should_drop)."""
        if item is None:
            queue.first_above = 0
            return False
        queue.delay = now - item[1]
        self.largest = max(self.largest, len(item[0]))
        if queue.delay < self.settings.target or self.bytes <= self.settings.mtu:
            queue.first_above = 0
            return False
        if not queue.first_above:
            queue.first_above = now + self.settings.interval
            return False
        return now > queue.first_above

    def _next(self, queue: CodelQueue, at: int) -> int:
        return at + (self.settings.interval << 16) // isqrt(queue.count << 32)

    def _codel(self, queue: CodelQueue, now: int) -> TxPacket | None:
        """What goes out of `queue` (codel_dequeue)."""
        item = self._pop(queue)
        if item is None:
            queue.dropping = False
            return None
        late = self._is_late(queue, item, now)
        if queue.dropping and not late:
            queue.dropping = False
        elif queue.dropping:
            item = self._go_on(queue, item, now)
        elif late:
            item = self._begin(queue, item, now)
        if item is None:
            return None
        after = self.settings.marks_after
        if after is not None and now - item[1] > after and mark(item[0]):
            self.marked_late += 1
        self._count(item[0])
        return item[0]

    def _go_on(self, queue: CodelQueue, item: tuple[TxPacket, int], now: int) -> tuple[TxPacket, int] | None:
        first: tuple[TxPacket, int] | None = item
        while first is not None and queue.dropping and now >= queue.drop_next:
            queue.count = min(queue.count + 1, _COUNT_MOST)
            if self._marks(first[0]):
                queue.drop_next = self._next(queue, queue.drop_next)
                break
            self.dropped += 1
            first = self._pop(queue)
            if self._is_late(queue, first, now):
                queue.drop_next = self._next(queue, queue.drop_next)
            else:
                queue.dropping = False
        return first

    def _begin(self, queue: CodelQueue, item: tuple[TxPacket, int], now: int) -> tuple[TxPacket, int] | None:
        first: tuple[TxPacket, int] | None = item
        if not self._marks(item[0]):
            self.dropped += 1
            first = self._pop(queue)
            self._is_late(queue, first, now)
        queue.dropping = True
        more = queue.count - queue.last_count
        recent = now - queue.drop_next < 16 * self.settings.interval
        queue.count = queue.last_count = more if more > 1 and recent else 1
        queue.drop_next = self._next(queue, now)
        return first

    def _marks(self, pkt: TxPacket) -> bool:
        if not self.settings.ecn or not mark(pkt):
            return False
        self.marked += 1
        return True


class Codel(CodelQdisc):
    """One queue of `limit` packets."""

    def __init__(self, limit: int = DEFAULT_LIMIT, settings: CodelSettings | None = None) -> None:
        super().__init__(settings or CodelSettings())
        self.limit = limit
        self.queue = CodelQueue()

    def enqueue(self, pkt: TxPacket, now: int) -> None:
        if self.packets >= self.limit:
            self.refused += 1
            self.dropped += 1
        else:
            self._put(self.queue, pkt, now)

    def dequeue(self, now: int) -> TxPacket | None:
        return self._codel(self.queue, now)

    def trim(self) -> None:
        """The limit is another: the oldest are dropped."""
        while self.packets > self.limit and self._pop(self.queue) is not None:
            self.dropped += 1

    def reset(self) -> None:
        super().reset()
        self.queue = CodelQueue()


def mark(pkt: TxPacket) -> bool:
    """Say Congestion Experienced in its IP header, if who sent it listens (INET_ECN_set_ce)."""
    header, at = bytearray(pkt.header), pkt.network
    if len(header) >= at + 20 and header[at] >> 4 == 4:
        if not header[at + 1] & _ECT:
            return False
        header[at + 1] |= _ECT
        end = at + (header[at] & 15) * 4
        header[at + 10 : at + 12] = bytes(2)
        header[at + 10 : at + 12] = checksum(bytes(header[at:end])).to_bytes(2, "big")
    elif len(header) >= at + 40 and header[at] >> 4 == 6:
        if not header[at + 1] & _ECT << 4:
            return False
        header[at + 1] |= _ECT << 4
    else:
        return False
    pkt.header = bytes(header)
    return True
