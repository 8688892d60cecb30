"""Packets on their way up and down.

Received: one contiguous `bytes` and offsets of the headers found so far; nothing is copied until payload
reaches a socket buffer. Sent: the headers so far as one small `bytes` (each layer puts its own in front) and
the payload as a list of slices that nobody changes any more. Both carry the offload state of virtio_net_hdr.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tcpip.filter.packet import FilteredPacket
    from tcpip.stack.nic import Nic
    from tcpip.transport.socket_options import SocketOptions

Slice = bytes | memoryview

CSUM_NONE: Final = 0
"""Received: not checked by anyone. Sent: complete in the packet."""
CSUM_PARTIAL: Final = 1
"""The checksum field holds the pseudo-header's sum only; the bytes never left this host, or the link completes it."""
CSUM_VALID: Final = 2
"""Received: the link vouches for the transport checksum."""

GSO_NONE: Final = 0
GSO_TCPV4: Final = 1
GSO_UDP: Final = 3
GSO_TCPV6: Final = 4
GSO_UDP_L4: Final = 5
GSO_ECN: Final = 0x80

TO_HOST: Final = 0
TO_BROADCAST: Final = 1
TO_MULTICAST: Final = 2
TO_OTHER: Final = 3
TO_OUTGOING: Final = 4
"""What this host sends, as packet endpoints see it."""


class RxPacket:
    """A received packet. `data[network:end]` is the IP packet, `data[transport:end]` the transport segment.

    `key` is (source, destination, source port, destination port) as on the wire, 12 or 36 bytes: what the
    demultiplexer looks up; empty for protocols without ports. Valid below the layer that has set a field:
    links set data, link (where the frame begins in data), end, csum and gso; the network layer the rest. `track` is
    what the packet filter knows of it, where there is one.
    """

    __slots__ = (
        "data",
        "link",
        "network",
        "transport",
        "end",
        "ethertype",
        "link_src",
        "kind",
        "nic",
        "src",
        "dst",
        "protocol",
        "ttl",
        "tos",
        "key",
        "csum",
        "gso_type",
        "gso_size",
        "track",
    )

    def __init__(
        self, data: bytes, csum: int = CSUM_NONE, gso_type: int = GSO_NONE, gso_size: int = 0, link: int = 0
    ) -> None:
        self.data = data
        self.link = link
        self.end = len(data)
        self.csum = csum
        self.gso_type = gso_type
        self.gso_size = gso_size
        self.network = link
        self.transport = 0
        self.ethertype = 0
        self.kind = TO_HOST
        self.link_src = b""
        self.src = b""
        self.dst = b""
        self.protocol = 0
        self.ttl = 0
        self.tos = 0
        self.key = b""
        self.nic: Nic | None = None
        self.track: FilteredPacket | None = None

    def frame(self) -> bytes:
        """The frame as it was on the wire."""
        return self.data[self.link :] if self.link else self.data

    def piece(self, data: bytes) -> RxPacket:
        """One packet of a received super-packet: its bytes are `data`, and all else is the same."""
        one = RxPacket(data, CSUM_VALID, link=self.link)
        one.network, one.transport, one.ethertype = self.network, self.transport, self.ethertype
        one.kind, one.link_src, one.nic, one.track = self.kind, self.link_src, self.nic, self.track
        one.src, one.dst, one.key = self.src, self.dst, self.key
        one.protocol, one.ttl, one.tos = self.protocol, self.ttl, self.tos
        return one

    def payload(self, at: int) -> memoryview:
        """A view of data[at:end]: from `at`, an absolute offset, to the end of the packet."""
        return memoryview(self.data)[at : self.end]


class WholePacket(RxPacket):
    """One that came in fragments; `largest` is the biggest one's IP packet."""

    __slots__ = ("largest",)

    def __init__(self, data: bytes, largest: int) -> None:
        super().__init__(data)
        self.largest = largest


class TxPacket:
    """A packet to send. `header` grows in front as it goes down; `payload` slices are never written to.

    `csum_offset` is where the checksum lies in the transport header (-1: none wanted); `gso_size` > 0 makes
    it a super-segment of that many payload bytes per segment. `transport` is the transport header's offset in
    `header`, kept by those who put headers in front. `socket` is whose packet it is, None for the stack's own; `track`
    is what the packet filter knows of one that goes to the loopback. `unseen`: packet endpoints are not shown it.
    """

    __slots__ = (
        "header",
        "payload",
        "payload_len",
        "transport",
        "network",
        "csum",
        "csum_offset",
        "gso_type",
        "gso_size",
        "ethertype",
        "socket",
        "track",
        "unseen",
    )

    def __init__(
        self,
        header: bytes | bytearray,
        payload: list[Slice],
        payload_len: int,
        csum_offset: int = -1,
        gso_type: int = GSO_NONE,
        gso_size: int = 0,
    ) -> None:
        self.header = header
        self.payload = payload
        self.payload_len = payload_len
        self.csum_offset = csum_offset
        self.gso_type = gso_type
        self.gso_size = gso_size
        self.csum = CSUM_NONE
        self.transport = 0
        self.network = 0
        self.ethertype = 0
        self.unseen = False
        self.socket: SocketOptions | None = None
        self.track: FilteredPacket | None = None

    def __len__(self) -> int:
        return len(self.header) + self.payload_len

    def join(self) -> bytes:
        """The whole packet as one `bytes`."""
        return b"".join((self.header, *self.payload))

    def to_rx(self) -> RxPacket:
        """As the stack at the other end of an in-memory link receives it."""
        return RxPacket(self.join(), self.csum, self.gso_type, self.gso_size)
