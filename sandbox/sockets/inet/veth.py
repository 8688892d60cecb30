"""Pairs of interfaces: what goes into one end comes out of the other, which may be in another namespace (veth(4),
drivers/net/veth.c).

A packet does not come out inside the call that has sent it (queued_link.py), as after a softirq.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from sandbox.sockets.inet.own_links import VETH
from sandbox.sockets.inet.queued_link import QueuedLink
from tcpip.link.base import CAP_TSO4, CAP_TSO6, CAP_TX_CSUM

if TYPE_CHECKING:
    from sandbox.gateway.network import Totals
    from sandbox.kernel.kernel import Kernel
    from tcpip.buffer import TxPacket
    from tcpip.stack.nic import Nic


class VethLink(QueuedLink):
    """One end. Super-segments and partial checksums pass as they are."""

    def __init__(self, mac: bytes, soon: Callable[[Callable[[], None]], None], totals: Totals) -> None:
        super().__init__(VETH, mac, CAP_TX_CSUM | CAP_TSO4 | CAP_TSO6, soon, totals)
        self.peer: VethLink | None = None

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
            if not self.has_room(size):
                break
            self.put(pkt.to_rx(), size)
            taken += 1
        return taken

    def carrier(self) -> bool:
        return self.peer is not None and self.peer.nic is not None and self.peer.nic.up

    def signal(self) -> bool:
        return self.carrier() and self.nic is not None and self.nic.up

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
