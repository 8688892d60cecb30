"""Explicit congestion notification of one connection: what was agreed, what is to be echoed, what is to be said.

Implements: RFC 3168 6.1 (negotiation, ECT(0) on new text only, ECE until CWR, one reduction a window), 6.1.1.1 (fall
back without ECN when the SYN has to be repeated). As net/ipv4/tcp_input.c and tcp_output.c have it; no AccECN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.buffer import RxPacket
from tcpip.header.tcp import ACK, CWR, ECE, SYN

if TYPE_CHECKING:
    from tcpip.stack.route import Route
    from tcpip.transport.tcp.config import TcpConfig
    from tcpip.transport.tcp.endpoint import TcpEndpoint
    from tcpip.transport.tcp.segment import Segment

NOT_ECT: Final = 0
ECT_0: Final = 2
CE: Final = 3
MASK: Final = 3
QUICK_ACKS: Final = 2
"""For what is marked first, and for what comes unmarkable after text that was not (it is likely to be a retransmission)."""


class Ecn:
    """`asked` with our SYN; `ok` agreed. `echo`: every ACK carries ECE until the peer's CWR. `tell`: the next new text
    carries CWR. `seen`: the peer's packets have been ECT. `delivered_ce` bytes of ours were acknowledged with ECE."""

    __slots__ = ("asked", "ok", "echo", "tell", "seen", "delivered_ce")

    def __init__(self) -> None:
        self.asked = False
        self.ok = False
        self.echo = False
        self.tell = False
        self.seen = False
        self.delivered_ce = 0

    def mark(self, flags: int, new_text: bool) -> int:
        """The flags of a segment that is about to leave."""
        if self.echo:
            flags |= ECE
        if new_text and self.tell:
            self.tell = False
            flags |= CWR
        return flags


def wants(config: TcpConfig, route: Route | None) -> bool:
    """Our SYN asks for ECN (tcp_ecn=1, or a feature of the route)."""
    return config.ecn == 1 or (route is not None and route.metrics.ecn != 0)


def syn_flags(ep: TcpEndpoint, flags: int) -> int:
    """The flags of our SYN; its repetitions no longer ask."""
    if flags & ACK:
        return flags | ECE if ep.ecn.ok else flags
    ecn = ep.ecn
    ecn.asked = wants(ep.config, ep.route) and (ep.snd.retransmits == 0 or not ep.config.ecn_fallback)
    return flags | ECE | CWR if ecn.asked else flags


def grants(config: TcpConfig, route: Route, seg: Segment) -> bool:
    """A SYN asks for ECN, and is to have it. One that is itself marked is not believed (RFC 3168 6.1.1)."""
    asked = seg.flags & (ECE | CWR) == ECE | CWR
    return asked and seg.pkt.tos & MASK == NOT_ECT and allowed(config, route)


def allowed(config: TcpConfig, route: Route) -> bool:
    """Who asks may have ECN."""
    return config.ecn != 0 or route.metrics.ecn != 0


def answered(ep: TcpEndpoint, seg: Segment) -> None:
    """The peer's SYN or SYN-ACK has come to our own."""
    if seg.flags & ACK:
        ep.ecn.ok = ep.ecn.asked and seg.flags & (ECE | CWR) == ECE
    elif ep.route is not None:
        ep.ecn.ok = ep.ecn.asked and grants(ep.config, ep.route, seg)


def text_came(ep: TcpEndpoint, pkt: RxPacket, flags: int) -> None:
    """A segment with text of a connection that has agreed on ECN."""
    ecn = ep.ecn
    bits = pkt.tos & MASK
    if flags & CWR:
        ecn.echo = False
        ep.rcv.ack_at_once()
    if (bits == CE and not ecn.echo) or (bits == NOT_ECT and ecn.seen):
        ep.rcv.acknowledge_quickly(QUICK_ACKS)
    if bits == CE:
        ecn.echo = True
    if bits != NOT_ECT:
        ecn.seen = True


def echoed(ep: TcpEndpoint, flags: int) -> bool:
    """An ACK says that ours were marked on the way."""
    return ep.ecn.ok and flags & (ECE | SYN) == ECE
