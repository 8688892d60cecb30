"""802.1Q VLANs: one link that carries several, each a link of its own.

    trunk = VlanTrunk(TapLink("tap0"))
    stack.add_nic(trunk.add(100), "eth0.100")
    stack.add_nic(trunk.untagged(), "eth0")

Implements: IEEE 802.1Q clause 9 (tag), 802.1ad with `protocol` TYPE_SERVICE_TAG; trunks nest. As on Linux a VLAN has the
MTU of the link below, whose frames get four bytes longer, and a frame with VLAN 0 counts as untagged.
Deviates: the priority of received tags is not kept; no GVRP, MVRP.
"""

from __future__ import annotations

from typing import Final

from tcpip.buffer import RxPacket, TxPacket
from tcpip.link.base import CAP_LOOPBACK, Dispatcher, LinkEndpoint

TYPE_VLAN: Final = 0x8100
TYPE_SERVICE_TAG: Final = 0x88A8
TAG_LEN: Final = 4
MAX_ID: Final = 4094
UNTAGGED: Final = 0
_ADDRESSES_LEN: Final = 12


def add_tag(pkt: TxPacket, tag: bytes) -> None:
    """Put a tag, type and control information, behind the addresses of a frame that is to be sent."""
    header = bytes(pkt.header)
    pkt.header = header[:_ADDRESSES_LEN] + tag + header[_ADDRESSES_LEN:]
    pkt.network += TAG_LEN
    pkt.transport += TAG_LEN


def tag_of(pkt: RxPacket) -> tuple[int, int]:
    """What stands where the tag of a received frame would be: the type, and the number of a VLAN; zeros in a short one."""
    data, at = pkt.data, pkt.link + _ADDRESSES_LEN
    if pkt.end < at + TAG_LEN:
        return 0, 0
    return data[at] << 8 | data[at + 1], (data[at + 2] & 0x0F) << 8 | data[at + 3]


def without_tag(pkt: RxPacket) -> RxPacket:
    """The same frame without its tag."""
    at = pkt.link + _ADDRESSES_LEN
    frame = pkt.data[pkt.link : at] + pkt.data[at + TAG_LEN : pkt.end]
    return RxPacket(frame, pkt.csum, pkt.gso_type, pkt.gso_size)


class VlanTrunk(Dispatcher):
    """The VLANs of `inner`. Frames of a VLAN that nobody has are counted in `dropped`."""

    __slots__ = ("inner", "protocol", "dropped", "_ports", "_tag_type")

    def __init__(self, inner: LinkEndpoint, protocol: int = TYPE_VLAN) -> None:
        self.inner = inner
        self.protocol = protocol
        self.dropped = 0
        self._ports: dict[int, VlanLink] = {}
        self._tag_type = protocol.to_bytes(2, "big")
        inner.attach(self)

    def add(self, number: int, priority: int = 0) -> VlanLink:
        """VLAN `number`, 1 to 4094, whose frames are sent with `priority`, 0 to 7. ValueError, also when it is there."""
        if not 1 <= number <= MAX_ID or not 0 <= priority <= 7:
            raise ValueError(f"not a VLAN: {number}, priority {priority}")
        return self._add(VlanLink(self, number, self._tag_type + (priority << 13 | number).to_bytes(2, "big")))

    def untagged(self) -> VlanLink:
        """What comes and goes without a tag. ValueError when it is there already."""
        return self._add(VlanLink(self, UNTAGGED, b""))

    def _add(self, port: VlanLink) -> VlanLink:
        if port.number in self._ports:
            raise ValueError(f"VLAN {port.number} is there already")
        self._ports[port.number] = port
        return port

    def remove(self, port: VlanLink) -> None:
        """Take a VLAN away; with the last one the link below is closed. Harmless when repeated."""
        if self._ports.get(port.number) is port:
            del self._ports[port.number]
            if not self._ports:
                self.inner.attach(None)
                self.inner.close()

    def deliver(self, packets: list[RxPacket]) -> None:
        """Each run of frames of one VLAN is one batch."""
        batch: list[RxPacket] = []
        current: VlanLink | None = None
        for pkt in packets:
            number, plain = self._untag(pkt)
            port = self._ports.get(number)
            if port is None or port.dispatcher is None:
                self.dropped += 1
                continue
            if port is not current:
                if batch and current is not None and current.dispatcher is not None:
                    current.dispatcher.deliver(batch)
                batch, current = [], port
            batch.append(plain)
        if batch and current is not None and current.dispatcher is not None:
            current.dispatcher.deliver(batch)

    def _untag(self, pkt: RxPacket) -> tuple[int, RxPacket]:
        protocol, number = tag_of(pkt)
        return (number, without_tag(pkt)) if protocol == self.protocol else (UNTAGGED, pkt)


class VlanLink(LinkEndpoint):
    """One VLAN of a trunk; offload goes through to the link below."""

    def __init__(self, trunk: VlanTrunk, number: int, tag: bytes) -> None:
        inner = trunk.inner
        super().__init__(inner.mtu, inner.mac, inner.capabilities & ~CAP_LOOPBACK, inner.gso_max)
        self.trunk = trunk
        self.inner = inner
        self.number = number
        self.tag = tag

    def write_packets(self, batch: list[TxPacket]) -> int:
        tag = self.tag
        if tag:
            for pkt in batch:
                add_tag(pkt, tag)
        return self.inner.write_packets(batch)

    def close(self) -> None:
        self.trunk.remove(self)
