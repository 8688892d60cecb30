"""A link that ends in the caller's hands: for tests, and for whoever moves frames by other means."""

from __future__ import annotations

from collections import deque
from typing import Final

from tcpip.buffer import CSUM_NONE, RxPacket, TxPacket
from tcpip.link.base import LinkEndpoint
from tcpip.native import mypyc_attr

DEFAULT_LIMIT: Final = 4096


@mypyc_attr(allow_interpreted_subclasses=True)
class ChannelLink(LinkEndpoint):
    """What the stack sends is in `sent`, up to `limit` packets; `inject` gives it frames."""

    def __init__(
        self, mtu: int = 1500, mac: bytes = b"\x02\0\0\0\0\x01", capabilities: int = 0, limit: int = DEFAULT_LIMIT
    ) -> None:
        super().__init__(mtu, mac, capabilities)
        self.sent: deque[TxPacket] = deque()
        self.limit = limit

    def write_packets(self, batch: list[TxPacket]) -> int:
        room = max(self.limit - len(self.sent), 0)
        self.sent.extend(batch[:room])
        return min(len(batch), room)

    def inject(self, *frames: bytes, csum: int = CSUM_NONE) -> None:
        """Frames arrive, as one batch."""
        if self.dispatcher is not None:
            self.dispatcher.deliver([RxPacket(frame, csum) for frame in frames])

    def take(self) -> list[bytes]:
        """The frames sent since the last time."""
        frames = [pkt.join() for pkt in self.sent]
        self.sent.clear()
        return frames
