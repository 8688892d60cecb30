"""Links whose packets come out in a later turn of the event loop than the call that has sent them (net/core/dev.c:
enqueue_to_backlog): rings of namespaces and bridges neither nest nor stall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from sandbox.sockets.inet.own_links import OwnLink

if TYPE_CHECKING:
    from sandbox.gateway.network import Totals
    from tcpip.buffer import RxPacket

BACKLOG: Final = 1000  # packets that wait at an end, net.core.netdev_max_backlog
BACKLOG_BYTES: Final = 1 << 23  # of an end
TOTAL_BYTES: Final = 1 << 25  # of all ends of the sandbox


class QueuedLink(OwnLink):
    """One end, with what waits to come out of it."""

    def __init__(
        self, kind: str, mac: bytes, capabilities: int, soon: Callable[[Callable[[], None]], None], totals: Totals
    ) -> None:
        super().__init__(kind, mac, capabilities)
        self._soon = soon
        self._totals = totals
        self._waiting: list[RxPacket] = []
        self._bytes = 0

    def has_room(self, size: int) -> bool:
        """For one more packet of so many bytes."""
        if len(self._waiting) >= BACKLOG or self._bytes + size > BACKLOG_BYTES:
            return False
        return self._totals.veth_bytes + size <= TOTAL_BYTES

    def put(self, pkt: RxPacket, size: int) -> None:
        """It comes out soon; there is room."""
        if not self._waiting:
            self._soon(self._arrive)
        self._waiting.append(pkt)
        self._bytes += size
        self._totals.veth_bytes += size

    def _arrive(self) -> None:
        packets, self._waiting = self._waiting, []
        self._totals.veth_bytes -= self._bytes
        self._bytes = 0
        if self.dispatcher is not None:
            self.dispatcher.deliver(packets)
