"""Pairs of interfaces: what goes into one end comes out of the other, which may be in another namespace (veth(4),
drivers/net/veth.c).

A packet does not come out inside the call that has sent it, but in a later turn of the event loop, as after a softirq: rings
of namespaces and bridges neither nest nor stall.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Final

from sandbox.sockets.inet.own_links import VETH, OwnLink
from tcpip.link.base import CAP_TSO4, CAP_TSO6, CAP_TX_CSUM

if TYPE_CHECKING:
    from sandbox.gateway.network import Totals
    from sandbox.kernel.kernel import Kernel
    from tcpip.buffer import RxPacket, TxPacket
    from tcpip.stack.nic import Nic

BACKLOG: Final = 1000  # packets that wait at an end, net.core.netdev_max_backlog
BACKLOG_BYTES: Final = 1 << 23  # of an end
TOTAL_BYTES: Final = 1 << 25  # of all ends of the sandbox


class VethLink(OwnLink):
    """One end. Super-segments and partial checksums pass as they are."""

    def __init__(self, mac: bytes, soon: Callable[[Callable[[], None]], None], totals: Totals) -> None:
        super().__init__(VETH, mac, CAP_TX_CSUM | CAP_TSO4 | CAP_TSO6)
        self.peer: VethLink | None = None
        self._soon = soon
        self._totals = totals
        self._waiting: list[RxPacket] = []
        self._bytes = 0

    def write_packets(self, batch: list[TxPacket]) -> int:
        peer = self.peer
        if peer is None or peer.nic is None or not peer.nic.up:
            return 0
        return peer.take(batch)

    def take(self, batch: list[TxPacket]) -> int:
        """From the other end: how many there is room for."""
        taken = 0
        for pkt in batch:
            size = len(pkt.header) + pkt.payload_len
            if len(self._waiting) >= BACKLOG or self._bytes + size > BACKLOG_BYTES:
                break
            if self._totals.veth_bytes + size > TOTAL_BYTES:
                break
            if not self._waiting:
                self._soon(self._arrive)
            self._waiting.append(pkt.to_rx())
            self._bytes += size
            self._totals.veth_bytes += size
            taken += 1
        return taken

    def _arrive(self) -> None:
        packets, self._waiting = self._waiting, []
        self._totals.veth_bytes -= self._bytes
        self._bytes = 0
        if self.dispatcher is not None:
            self.dispatcher.deliver(packets)

    def carrier(self) -> bool:
        return self.peer is not None and self.peer.nic is not None and self.peer.nic.up

    def other_end(self) -> Nic | None:
        return self.peer.nic if self.peer is not None else None

    def close(self) -> None:
        peer, self.peer = self.peer, None
        if peer is not None:
            peer.peer = None


def pair(kernel: Kernel, macs: tuple[bytes, bytes]) -> tuple[VethLink, VethLink]:
    """Two ends that belong together."""
    reactor, totals = kernel.reactor, kernel.net.totals
    a, b = VethLink(macs[0], reactor.call_soon, totals), VethLink(macs[1], reactor.call_soon, totals)
    a.peer, b.peer = b, a
    return a, b
