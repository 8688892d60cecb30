"""The loopback: what is sent comes back, super-segments and partial checksums untouched."""

from __future__ import annotations

from tcpip.buffer import TxPacket
from tcpip.link.base import CAP_LOOPBACK, CAP_NO_ARP, CAP_TSO4, CAP_TSO6, CAP_TX_CSUM, CAP_USO, LinkEndpoint


class LoopbackLink(LinkEndpoint):
    """Linux's `lo`: MTU 65536, no link addresses."""

    def __init__(self, mtu: int = 65536) -> None:
        super().__init__(mtu, b"", CAP_TX_CSUM | CAP_TSO4 | CAP_TSO6 | CAP_USO | CAP_LOOPBACK | CAP_NO_ARP)

    def write_packets(self, batch: list[TxPacket]) -> int:
        if self.dispatcher is not None:
            received = [pkt.to_rx() for pkt in batch]
            for i, pkt in enumerate(batch):
                received[i].track = pkt.track
            self.dispatcher.deliver(received)
        return len(batch)
