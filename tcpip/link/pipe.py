"""Two links joined back to back in memory; super-segments and partial checksums pass as they are."""

from __future__ import annotations

from tcpip.buffer import TxPacket
from tcpip.link.base import CAP_TSO4, CAP_TSO6, CAP_TX_CSUM, LinkEndpoint


class PipeLink(LinkEndpoint):
    """One end; `peer` is the other."""

    def __init__(self, mtu: int, mac: bytes, capabilities: int) -> None:
        super().__init__(mtu, mac, capabilities)
        self.peer: PipeLink | None = None

    def write_packets(self, batch: list[TxPacket]) -> int:
        peer = self.peer
        if peer is None or peer.dispatcher is None:
            return 0
        peer.dispatcher.deliver([pkt.to_rx() for pkt in batch])
        return len(batch)

    def close(self) -> None:
        peer, self.peer = self.peer, None
        if peer is not None:
            peer.peer = None


def pipe(
    mtu: int = 1500,
    macs: tuple[bytes, bytes] = (b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02"),
    offload: bool = True,
    capabilities: int = 0,
) -> tuple[PipeLink, PipeLink]:
    """A veth pair in memory. `offload` off: packets are cut and summed as on a plain wire; CAP_NO_ARP makes it raw IP."""
    if offload:
        capabilities |= CAP_TX_CSUM | CAP_TSO4 | CAP_TSO6
    a, b = PipeLink(mtu, macs[0], capabilities), PipeLink(mtu, macs[1], capabilities)
    a.peer, b.peer = b, a
    return a, b
