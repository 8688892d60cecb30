"""Telling the sender of a rejected packet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip.buffer import RxPacket
from tcpip.errors import Malformed
from tcpip.filter.packet import FilteredPacket
from tcpip.header import icmpv4, icmpv6
from tcpip.transport.tcp.emit import reset_for
from tcpip.transport.tcp.segment import Segment

if TYPE_CHECKING:
    from tcpip.stack.stack import Stack


def _as_received(stack: Stack, pkt: FilteredPacket) -> RxPacket:
    """A packet that is about to leave as it would come in."""
    tx, known = pkt.tx, pkt.rx
    if tx is None:
        assert known is not None
        return known
    rx = RxPacket(tx.join(), tx.csum)
    rx.transport = tx.transport
    rx.src, rx.dst, rx.protocol, rx.nic = pkt.src, pkt.dst, pkt.protocol, stack.lo
    if known is not None:
        rx.nic, rx.kind, rx.ttl, rx.tos = known.nic, known.kind, known.ttl, known.tos
    rx.track = pkt
    rx.key = rx.src + rx.dst + rx.data[rx.transport : rx.transport + 4]
    return rx


def send_unreachable(stack: Stack, pkt: FilteredPacket, code: int) -> None:
    """An ICMP destination unreachable; code -1 is port unreachable."""
    rx = _as_received(stack, pkt)
    if pkt.four:
        stack.icmpv4.send_error(rx, icmpv4.DEST_UNREACHABLE, icmpv4.PORT_UNREACHABLE if code < 0 else code, 0)
    else:
        stack.icmpv6.send_error(rx, icmpv6.DEST_UNREACHABLE, icmpv6.PORT_UNREACHABLE if code < 0 else code, 0)


def send_reset(stack: Stack, pkt: FilteredPacket) -> None:
    """The reset that a segment to a closed port gets; a damaged one gets none."""
    if pkt.flow is None or not pkt.checksum_ok():
        return
    try:
        segment = Segment(_as_received(stack, pkt), stack.clock.now_ns())
    except Malformed:
        return
    netfilter = stack.enable_netfilter()
    before = netfilter.answer_to(pkt)
    reset_for(stack, segment)
    netfilter.answer_to(before)
