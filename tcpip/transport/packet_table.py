"""All packet endpoints of a stack: who is shown what passes through an interface, and how their own frames leave.

Source of behaviour: net/core/dev.c, net/ethernet/eth.c: eth_type_trans, drivers/net/loopback.c, and for what the loopback
does not let in net/ipv4/route.c: ip_route_input_slow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import MAC_BROADCAST
from tcpip.buffer import TO_BROADCAST, TO_HOST, TO_MULTICAST, TO_OTHER, TO_OUTGOING, RxPacket, TxPacket
from tcpip.header.ethernet import HEADER_LEN, TYPE_IPV4, TYPE_IPV6

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack
    from tcpip.transport.packet import PacketEndpoint

ETH_P_ALL: Final = 3
ARPHRD_ETHER: Final = 1
ARPHRD_LOOPBACK: Final = 772
ARPHRD_NONE: Final = 0xFFFE
_MIN_IPV4: Final = 20
_ZERO: Final = bytes(12)


def hardware_type(nic: Nic) -> int:
    """ARPHRD_* of an interface."""
    if nic.loopback:
        return ARPHRD_LOOPBACK
    return ARPHRD_ETHER if nic.mac else ARPHRD_NONE


def own_address(nic: Nic) -> bytes:
    """Its link address; the loopback's is zeros. Empty: there are no link headers."""
    return nic.mac or (bytes(6) if nic.loopback else b"")


def packet_kind(nic: Nic, frame: bytes, at: int) -> int:
    """TO_*: whom a received frame is for. The loopback has no address for broadcasts."""
    if frame.startswith(MAC_BROADCAST, at) and not nic.loopback:
        return TO_BROADCAST
    if frame[at] & 1:
        return TO_MULTICAST
    return TO_HOST if frame.startswith(own_address(nic), at) else TO_OTHER


class PacketTable:
    """`endpoints`: those that want packets. Empty costs nothing."""

    __slots__ = ("stack", "endpoints")

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.endpoints: list[PacketEndpoint] = []

    def add(self, endpoint: PacketEndpoint) -> None:
        """Show it packets, from now on."""
        self.endpoints.append(endpoint)

    def remove(self, endpoint: PacketEndpoint) -> None:
        """Harmless when it is not there."""
        if endpoint in self.endpoints:
            self.endpoints.remove(endpoint)

    def went_down(self, nic: Nic) -> None:
        """Those that are bound to the interface are told."""
        for endpoint in list(self.endpoints):
            if endpoint.nic == nic.number:
                endpoint.fail(errors.NETWORK_DOWN)

    # What passes.

    def received(self, nic: Nic, pkt: RxPacket) -> None:
        """A packet came in. On the loopback it begins with IP, or has the header that was sent before `pkt.link`."""
        data, at = pkt.data, pkt.link
        if nic.loopback:
            if at:
                at -= HEADER_LEN
            else:
                data = _ZERO + _ethertype(data, 0) + data
        elif not nic.has_arp:
            view = RxPacket(data, pkt.csum, pkt.gso_type, pkt.gso_size, at)
            view.ethertype = int.from_bytes(_ethertype(data, at), "big")
            self._show(nic, view, None)
            return
        if len(data) < at + HEADER_LEN:
            return
        view = RxPacket(data, pkt.csum, pkt.gso_type, pkt.gso_size, at)
        view.end -= len(pkt.data) - pkt.end
        view.kind = packet_kind(nic, data, at)
        _read_header(view)
        self._show(nic, view, None)

    def sent(self, nic: Nic, batch: list[TxPacket]) -> None:
        """Packets are about to leave: for endpoints of every protocol, but not for whose they are."""
        if not any(e.ethertype == ETH_P_ALL and not e.packet.flags[so.PACKET_IGNORE_OUTGOING] for e in self.endpoints):
            return
        for pkt in batch:
            if pkt.unseen:
                continue
            data = pkt.join()
            if nic.loopback:
                data = _ZERO + _ethertype(data, 0) + data
            view = RxPacket(data, pkt.csum, pkt.gso_type, pkt.gso_size)
            view.kind = TO_OUTGOING
            if nic.loopback or nic.has_arp:
                _read_header(view)
            else:
                view.ethertype = int.from_bytes(_ethertype(data, 0), "big")
            self._show(nic, view, pkt)

    def _show(self, nic: Nic, view: RxPacket, sent: TxPacket | None) -> None:
        view.nic = nic
        for endpoint in list(self.endpoints):
            if endpoint.nic and endpoint.nic != nic.number:
                continue
            if sent is None:
                if endpoint.ethertype in (ETH_P_ALL, view.ethertype):
                    endpoint.handle_packet(view)
            elif (
                endpoint.ethertype == ETH_P_ALL
                and not endpoint.packet.flags[so.PACKET_IGNORE_OUTGOING]
                and sent.socket is not endpoint.options
            ):
                endpoint.handle_packet(view)

    # What they send.

    def transmit(self, nic: Nic, frame: bytes, ethertype: int, endpoint: PacketEndpoint) -> None:
        """A whole frame out of an interface; of the loopback it comes back in."""
        if nic.loopback:
            self._loop(nic, frame, endpoint)
            return
        pkt = TxPacket(frame, [], 0)
        pkt.socket = endpoint.options
        pkt.network = HEADER_LEN if nic.has_arp else 0
        pkt.ethertype = ethertype
        pkt.unseen = endpoint.packet.flags[so.PACKET_QDISC_BYPASS]
        nic.enqueue(pkt, b"")

    def _loop(self, nic: Nic, frame: bytes, endpoint: PacketEndpoint) -> None:
        pkt = TxPacket(frame, [], 0)
        pkt.socket = endpoint.options
        nic.tx_packets += 1
        nic.tx_bytes += len(frame)
        view = RxPacket(frame)
        view.kind = TO_OUTGOING
        _read_header(view)
        if not endpoint.packet.flags[so.PACKET_QDISC_BYPASS]:
            self._show(nic, view, pkt)
        back = RxPacket(frame, link=HEADER_LEN)
        if self._is_taken(nic, frame):
            self.stack.deliver(nic, [back])
            return
        nic.rx_packets += 1
        nic.rx_bytes += len(frame)
        self.received(nic, back)

    def _is_taken(self, nic: Nic, frame: bytes) -> bool:
        """The network layer takes what comes in by the loopback. Nobody has routed what was sent as a frame: IPv4 from or
        to this host's own addresses is a Martian there."""
        if packet_kind(nic, frame, 0) != TO_HOST:
            return False
        ethertype = int.from_bytes(frame[12:14], "big")
        version = frame[HEADER_LEN] >> 4 if len(frame) > HEADER_LEN else 0
        if ethertype == TYPE_IPV6:
            return version == 6
        if ethertype != TYPE_IPV4 or version != 4 or len(frame) < HEADER_LEN + _MIN_IPV4:
            return False
        src, dst = frame[26:30], frame[30:34]
        return not self.stack.is_local(src) and dst[0] != 127


def _ethertype(data: bytes, at: int) -> bytes:
    return b"\x86\xdd" if len(data) > at and data[at] >> 4 == 6 else b"\x08\x00"


def _read_header(view: RxPacket) -> None:
    data, at = view.data, view.link
    view.network = at + HEADER_LEN
    view.link_src = data[at + 6 : at + 12]
    view.ethertype = data[at + 12] << 8 | data[at + 13]
