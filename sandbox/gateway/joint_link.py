"""JointLink: an Ethernet cable between two stacks of this process. Super-segments and half-made checksums pass as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip.link.base import CAP_TSO4, CAP_TSO6, CAP_TX_CSUM, LinkEndpoint

if TYPE_CHECKING:
    from tcpip.buffer import TxPacket
    from tcpip.link.base import Dispatcher


class JointLink(LinkEndpoint):
    """One end. What is written goes to the dispatcher at the other end."""

    def __init__(self, mtu: int, mac: bytes) -> None:
        super().__init__(mtu, mac, CAP_TX_CSUM | CAP_TSO4 | CAP_TSO6)
        self.peer: JointLink | None = None

    def write_packets(self, batch: list[TxPacket]) -> int:
        peer = self.peer
        receiver: Dispatcher | None = None if peer is None else peer.dispatcher
        if receiver is None:
            return 0
        receiver.deliver([packet.to_rx() for packet in batch])
        return len(batch)


def joint_links(mtu: int, first_mac: bytes, second_mac: bytes) -> tuple[JointLink, JointLink]:
    """The two ends of a new cable."""
    first, second = JointLink(mtu, first_mac), JointLink(mtu, second_mac)
    first.peer, second.peer = second, first
    return first, second
