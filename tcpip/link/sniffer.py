"""A link that shows what passes through it: pcapng capture on any NIC, started and stopped while it runs."""

from __future__ import annotations

from tcpip.buffer import RxPacket, TxPacket
from tcpip.clock import Clock
from tcpip.link.base import CAP_NO_ARP, LinkEndpoint, WrapperLink
from tcpip.link.pcapng import INBOUND, LINKTYPE_ETHERNET, LINKTYPE_RAW, OUTBOUND, PcapngWriter
from tcpip.stack.nic import Nic


class SnifferLink(WrapperLink):
    """Wraps `inner`. Super-segments are written as they are, checksums that the link completes are written incomplete."""

    def __init__(
        self, inner: LinkEndpoint, writer: PcapngWriter, clock: Clock, name: str = "", snap_len: int = 0
    ) -> None:
        super().__init__(inner, inner.capabilities)
        self.writer = writer
        self.clock = clock
        self.snap_len = snap_len or 1 << 30
        self.comment = ""
        link_type = LINKTYPE_RAW if inner.capabilities & CAP_NO_ARP else LINKTYPE_ETHERNET
        self.interface = writer.add_interface(name, link_type, snap_len)

    def write_packets(self, batch: list[TxPacket]) -> int:
        for pkt in batch:
            self._record(pkt.join(), OUTBOUND)
        return self.inner.write_packets(batch)

    def received(self, packets: list[RxPacket]) -> None:
        for pkt in packets:
            self._record(pkt.frame(), INBOUND)
        if self.dispatcher is not None:
            self.dispatcher.deliver(packets)

    def _record(self, data: bytes, direction: int) -> None:
        now = self.clock.realtime_ns()
        self.writer.packet(self.interface, now, data[: self.snap_len], direction, self.comment, len(data))

    def close(self) -> None:
        self.writer.flush()
        self.inner.close()


def start_capture(nic: Nic, writer: PcapngWriter, snap_len: int = 0) -> SnifferLink:
    """From now on write what passes the NIC."""
    sniffer = SnifferLink(nic.link, writer, nic.stack.clock, nic.name, snap_len)
    nic.link = sniffer
    sniffer.attach(nic)
    return sniffer


def stop_capture(nic: Nic, sniffer: SnifferLink) -> None:
    """Take the sniffer out again; the one that was put in last must go first."""
    if nic.link is sniffer:
        nic.link = sniffer.inner
        sniffer.inner.attach(nic)
        sniffer.writer.flush()
