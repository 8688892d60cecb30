"""UDP: the protocol and its demultiplexing. Its endpoints are imported with the first (udp.py, which names the sources)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip.addr import is_multicast
from tcpip.buffer import CSUM_NONE, TO_HOST, RxPacket
from tcpip.errors import DropReason, Malformed
from tcpip.header.udp import FIXED, HEADER_LEN
from tcpip.sockopt import IPPROTO_UDP
from tcpip.transport.demux import Demuxer
from tcpip.transport.protocol import IcmpError, PacketHandler, TransportProtocol, transport_checksum_ok
from tcpip.transport.udp_batch import UdpBatch

if TYPE_CHECKING:
    from tcpip.stack.stack import Stack
    from tcpip.transport.udp import UdpEndpoint


class UdpProtocol(TransportProtocol):
    """Protocol 17 of one stack."""

    number = IPPROTO_UDP

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.demux = Demuxer()
        self.stats4, self.stats6 = stack.stats.udp, stack.stats.udp6
        self.batch = UdpBatch()

    def new_endpoint(self, family: int) -> UdpEndpoint:
        from tcpip.transport.udp import UdpEndpoint

        return UdpEndpoint(self.stack, family)

    def deliver(self, pkt: RxPacket) -> None:
        stats = self.stats4 if len(pkt.dst) == 4 else self.stats6
        at = pkt.transport
        if pkt.end - at < HEADER_LEN:
            stats.inc("InErrors")
            raise Malformed(DropReason.TRUNCATED)
        _, dst_port, length, checksum = FIXED.unpack_from(pkt.data, at)
        if length < HEADER_LEN or length > pkt.end - at:
            stats.inc("InErrors")
            raise Malformed(DropReason.BAD_LENGTH)
        pkt.end = at + length
        if not checksum and len(pkt.dst) == 16 and pkt.csum == CSUM_NONE and not self._takes_unchecked(pkt, dst_port):
            stats.inc("InCsumErrors")
            raise Malformed(DropReason.BAD_CHECKSUM)
        if checksum and not transport_checksum_ok(pkt):
            stats.inc("InCsumErrors")
            stats.inc("InErrors")
            raise Malformed(DropReason.BAD_CHECKSUM)
        if pkt.kind != TO_HOST and (is_multicast(pkt.dst) or pkt.dst[0] != 127):
            self._deliver_to_all(pkt, dst_port)
            return
        handler = self.demux.connected.get(pkt.key) or self.demux.find_listener(pkt, dst_port)
        if handler is None:
            if self.stack.flows is not None and self.stack.flows.datagram(pkt):
                return
            stats.inc("NoPorts")
            self.stack.port_unreachable(pkt)
            raise Malformed(DropReason.NO_ENDPOINT)
        handler.handle_packet(pkt)

    def _takes_unchecked(self, pkt: RxPacket, dst_port: int) -> bool:
        """Who gets it has UDP_NO_CHECK6_RX (RFC 6935)."""
        from tcpip.transport.udp import UdpEndpoint

        handler = self.demux.connected.get(pkt.key) or self.demux.find_listener(pkt, dst_port)
        return isinstance(handler, UdpEndpoint) and handler.udp.no_check6_rx

    def _deliver_to_all(self, pkt: RxPacket, dst_port: int) -> None:
        """Broadcast and multicast reach every endpoint that wants them (RFC 1122 4.1.3.3)."""
        receivers: list[PacketHandler] = self.demux.all_bound(pkt, dst_port)
        connected = self.demux.connected.get(pkt.key)
        if connected is not None:
            receivers.append(connected)
        for handler in receivers:
            handler.handle_packet(pkt)
        if not receivers:
            (self.stats4 if len(pkt.dst) == 4 else self.stats6).inc("IgnoredMulti")
            raise Malformed(DropReason.NO_ENDPOINT)

    def _sender_of(self, error: IcmpError) -> PacketHandler | None:
        handler = self.demux.connected.get(error.key)
        if handler is None:
            handler = self.demux.find_bound_local(error.src, error.local_port, error.nic.number, error.key)
        return handler

    def expects_error(self, error: IcmpError) -> bool:
        return self._sender_of(error) is not None

    def deliver_error(self, error: IcmpError) -> None:
        handler = self._sender_of(error)
        if handler is not None:
            handler.handle_error(error)
