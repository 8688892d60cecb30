"""Packets that wait until the link address of their neighbour is known.

Bounded by what they would cost Linux, the oldest goes first. What a socket has there counts against its send buffer, so that who
writes a burst to a neighbour that is slow to answer waits, and loses nothing.
Source: arp(7) unres_qlen_bytes; net/core/neighbour.c:__neigh_event_send, net/core/sock.c:sock_wfree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tcpip.buffer import TxPacket

QUEUE_BYTES: Final = 2 * 212_992  # per neighbour: twice SK_WMEM_MAX, since a super-packet may overshoot a send buffer
_SKB: Final = 256  # sizeof(struct sk_buff), rounded up
_BEHIND: Final = 448  # room for headers in front of a packet's bytes, and skb_shared_info behind them


def cost(pkt: TxPacket) -> int:
    """skb->truesize of its segments: bytes are allocated in powers of two."""
    size, segments = pkt.payload_len, 1
    if pkt.gso_size:
        size, segments = pkt.gso_size, -(-size // pkt.gso_size)
    return segments * (_SKB + (1 << max(size + _BEHIND - 1, 511).bit_length()))


class Unresolved:
    """A neighbour's queue."""

    __slots__ = ("packets", "_bytes")

    def __init__(self) -> None:
        self.packets: list[TxPacket] = []
        self._bytes = 0

    def add(self, pkt: TxPacket, room: int = QUEUE_BYTES) -> int:
        """Behind the others: how many had to go for it."""
        size = cost(pkt)
        gone = 0
        while self.packets and self._bytes + size > room:
            self._forget(self.packets.pop(0))
            gone += 1
        self.packets.append(pkt)
        self._bytes += size
        if pkt.socket is not None:
            pkt.socket.waiting += size
        return gone

    def take(self) -> list[TxPacket]:
        """All of them; they wait no longer."""
        packets, self.packets = self.packets, []
        for pkt in packets:
            self._forget(pkt)
        return packets

    def _forget(self, pkt: TxPacket) -> None:
        size = cost(pkt)
        self._bytes -= size
        socket = pkt.socket
        if socket is not None:
            socket.waiting -= size
            if socket.on_room is not None and 2 * socket.waiting <= socket.sndbuf:
                told, socket.on_room = socket.on_room, None
                told()
