"""A learning bridge between links, in memory.

Implements: IEEE 802.1D learning and forwarding; addresses kept for the bridges themselves (01:80:c2:00:00:0X) are not
forwarded. No spanning tree, so the wiring must have no loops; what is learnt does not age.
"""

from __future__ import annotations

from typing import Final

from tcpip.buffer import CSUM_PARTIAL, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, RxPacket, TxPacket
from tcpip.link.base import CAP_TX_CSUM, GSO_NEEDS, Dispatcher, LinkEndpoint
from tcpip.link.offload import complete_checksum, split

MAX_ENTRIES: Final = 4096
_BROADCAST: Final = b"\xff" * 6
_RESERVED: Final = b"\x01\x80\xc2\0\0"
_CSUM_OFFSETS: Final = {GSO_TCPV4: 16, GSO_TCPV6: 16, GSO_UDP_L4: 6}


class BridgePort(Dispatcher):
    """Receives from one link and hands to the bridge.

    `hairpin`: what came in here may go out here. `learning`: senders are learnt. `flood`, `flood_groups`, `flood_broadcast`:
    it gets frames to whom nobody knows, to groups, to all. `isolated` ports do not reach each other (bridge(8)).
    """

    __slots__ = ("bridge", "link", "hairpin", "learning", "flood", "flood_groups", "flood_broadcast", "isolated")

    def __init__(self, bridge: Bridge, link: LinkEndpoint) -> None:
        self.bridge = bridge
        self.link = link
        self.hairpin = False
        self.learning = True
        self.flood = True
        self.flood_groups = True
        self.flood_broadcast = True
        self.isolated = False

    def takes(self, dst: bytes) -> bool:
        """It gets a frame whose destination is not known to be elsewhere."""
        if not dst[0] & 1:
            return self.flood
        return self.flood_broadcast if dst == _BROADCAST else self.flood_groups

    def deliver(self, packets: list[RxPacket]) -> None:
        self.bridge.forward(self, packets)


class Bridge:
    """Ports in the order in which they were added; the forwarding table is bounded, the oldest entry goes first. `fixed`:
    where somebody has said that an address is; what is seen does not move it."""

    def __init__(self) -> None:
        self.ports: list[BridgePort] = []
        self.table: dict[bytes, BridgePort] = {}
        self.fixed: dict[bytes, BridgePort] = {}

    def add_port(self, link: LinkEndpoint) -> BridgePort:
        """Attach a link."""
        port = BridgePort(self, link)
        self.ports.append(port)
        link.attach(port)
        return port

    def remove_port(self, port: BridgePort) -> None:
        """Detach a link and forget what was learnt there."""
        self.ports.remove(port)
        port.link.attach(None)
        self.table = {mac: p for mac, p in self.table.items() if p is not port}
        self.fixed = {mac: p for mac, p in self.fixed.items() if p is not port}

    def learn(self, mac: bytes, port: BridgePort) -> None:
        """It was seen there."""
        if mac not in self.table and len(self.table) >= MAX_ENTRIES:
            del self.table[next(iter(self.table))]
        self.table[mac] = port

    def forward(self, source: BridgePort, packets: list[RxPacket]) -> None:
        """Learn where senders are; send each frame where its destination is, or everywhere."""
        batches: dict[BridgePort, list[TxPacket]] = {}
        for pkt in packets:
            frame = pkt.frame()
            if len(frame) < 14:
                continue
            dst, src = frame[:6], frame[6:12]
            if dst.startswith(_RESERVED) and dst[5] < 16:
                continue
            if source.learning and not src[0] & 1 and src not in self.fixed:
                self.learn(src, source)
            known = self.fixed.get(dst)
            if known is None and not dst[0] & 1:
                known = self.table.get(dst)
            for port in self.ports if known is None else (known,):
                if (port is not source or port.hairpin) and (known is not None or port.takes(dst)):
                    if port.isolated and source.isolated:
                        continue
                    batches.setdefault(port, []).extend(adapt(as_sent(pkt, frame), port.link.capabilities))
        for port, batch in batches.items():
            port.link.write_packets(batch)


def as_sent(pkt: RxPacket, frame: bytes) -> TxPacket:
    """A received frame as one to send, with its offload state. Frames that are too odd for offload go as plain ones."""
    headers = header_lengths(frame)
    if (pkt.csum != CSUM_PARTIAL and not pkt.gso_size) or headers is None:
        return TxPacket(frame, [], 0)
    network, transport, size, csum_offset = headers
    gso_type = pkt.gso_type & 0x7F
    gso_size = pkt.gso_size if _CSUM_OFFSETS.get(gso_type) == csum_offset else 0
    body = memoryview(frame)[size:]
    out = TxPacket(frame[:size], [body], len(body), csum_offset, gso_type if gso_size else 0, gso_size)
    out.csum = CSUM_PARTIAL
    out.network = network
    out.transport = transport
    return out


def header_lengths(frame: bytes) -> tuple[int, int, int, int] | None:
    """Offsets of the IP header, the transport header and its end, and its checksum's place: TCP and UDP over plain IP
    only, in a VLAN or not."""
    network = 18 if frame[12:14] == b"\x81\0" else 14
    ethertype = frame[network - 2 : network]
    if ethertype == b"\x08\0" and len(frame) >= network + 20:
        transport, protocol = network + (frame[network] & 15) * 4, frame[network + 9]
    elif ethertype == b"\x86\xdd" and len(frame) >= network + 40:
        transport, protocol = network + 40, frame[network + 6]
    else:
        return None
    if protocol == 17 and len(frame) >= transport + 8:
        return network, transport, transport + 8, 6
    if protocol == 6 and len(frame) >= transport + 20:
        end = transport + (frame[transport + 12] >> 4) * 4
        return (network, transport, end, 16) if transport + 20 <= end <= len(frame) else None
    return None


def adapt(pkt: TxPacket, capabilities: int) -> list[TxPacket]:
    """What a link with `capabilities` can take."""
    if pkt.gso_size and not capabilities & GSO_NEEDS[pkt.gso_type]:
        return split(pkt)
    if pkt.csum == CSUM_PARTIAL and not capabilities & CAP_TX_CSUM:
        complete_checksum(pkt)
    return [pkt]
