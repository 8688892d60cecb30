"""Links whose packets come out in a later turn of the event loop than the call that has sent them (net/core/dev.c:
enqueue_to_backlog): rings of namespaces and bridges neither nest nor stall."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Callable, Final

from sandbox.sockets.inet.own_links import OwnLink

if TYPE_CHECKING:
    from sandbox.gateway.network import Totals
    from tcpip.buffer import RxPacket

BACKLOG: Final = 1000  # packets that wait at an end, net.core.netdev_max_backlog
BACKLOG_BYTES: Final = 1 << 23  # of an end
TOTAL_BYTES: Final = 1 << 25  # of all ends of the sandbox
AT_ONCE: Final = 16  # packets that come out in one go; a bridge may send each of them to all of its ports


class Backlog:
    """The ends of the sandbox at which packets wait. A few packets come out in one go, of one end after the other, and then whoever
    else is waiting has his turn: a storm in a ring of bridges keeps nobody out (net/core/dev.c: net_rx_action)."""

    __slots__ = ("_soon", "_ends", "_asked")

    def __init__(self, soon: Callable[[Callable[[], None]], None]) -> None:
        self._soon = soon
        self._ends: deque[QueuedLink] = deque()
        self._asked = False

    def add(self, end: QueuedLink) -> None:
        """Something waits there."""
        self._ends.append(end)
        if not self._asked:
            self._asked = True
            self._soon(self._run)

    def _run(self) -> None:
        self._asked = True
        left, ends = AT_ONCE, self._ends
        try:
            while ends and left > 0:
                left -= ends.popleft().arrive(left)
        finally:
            self._asked = len(ends) > 0
            if ends:
                self._soon(self._run)


class QueuedLink(OwnLink):
    """One end, with what waits to come out of it."""

    def __init__(
        self, kind: str, mac: bytes, capabilities: int, soon: Callable[[Callable[[], None]], None], totals: Totals
    ) -> None:
        super().__init__(kind, mac, capabilities)
        if totals.backlog is None:
            totals.backlog = Backlog(soon)
        self._backlog: Backlog = totals.backlog
        self._totals = totals
        self._waiting: deque[tuple[RxPacket, int]] = deque()
        self._bytes = 0

    def has_room(self, size: int) -> bool:
        """For one more packet of so many bytes."""
        if len(self._waiting) >= BACKLOG or self._bytes + size > BACKLOG_BYTES:
            return False
        return self._totals.veth_bytes + size <= TOTAL_BYTES

    def put(self, pkt: RxPacket, size: int) -> None:
        """It comes out soon; there is room."""
        if not self._waiting:
            self._backlog.add(self)
        self._waiting.append((pkt, size))
        self._bytes += size
        self._totals.veth_bytes += size

    def arrive(self, most: int) -> int:
        """At most so many of them come out: how many."""
        waiting = self._waiting
        packets: list[RxPacket] = []
        while waiting and len(packets) < most:
            pkt, size = waiting.popleft()
            packets.append(pkt)
            self._bytes -= size
            self._totals.veth_bytes -= size
        if waiting:
            self._backlog.add(self)
        if self.dispatcher is not None:
            self.dispatcher.deliver(packets)
        return len(packets)
