"""The hooks: where packets meet the tables, tracking and translation, in Linux's order.

`Stack.netfilter` is None until somebody calls `Stack.enable_netfilter`; until then a packet costs one comparison more.
Source: include/uapi/linux/netfilter_ipv4.h (priorities), iptables(8).
Deviates: one rule set for both families; ARP, neighbour and listener discovery and DHCP leave without passing OUTPUT.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tcpip import errors
from tcpip.buffer import RxPacket, TxPacket
from tcpip.errors import DropReason, Malformed, NetworkError
from tcpip.filter.conntrack import Conntrack
from tcpip.filter.flow_tuple import REPLY
from tcpip.filter.nat import Translator
from tcpip.filter.packet import RELATED, UNTRACKED, FilteredPacket
from tcpip.filter.table import FORWARD, INPUT, OUTPUT, POSTROUTING, PREROUTING, Table
from tcpip.sockopt import IPPROTO_TCP, IPPROTO_UDP

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.stack.route import Route
    from tcpip.stack.stack import Stack
    from tcpip.transport.protocol import PacketHandler

Trace = Callable[[str, str, FilteredPacket], None]
"""Called with a Log target's prefix, the hook and the packet."""


class Netfilter:
    """The tables `raw`, `mangle`, `nat` and `filter` of a stack, its connections, and `trace` for what Log targets tell."""

    __slots__ = (
        "stack",
        "raw",
        "mangle",
        "nat",
        "filter",
        "conntrack",
        "translator",
        "trace",
        "_untracked",
        "_answered",
    )

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.raw = Table("raw")
        self.mangle = Table("mangle")
        self.nat = Table("nat")
        self.filter = Table("filter")
        self.conntrack = Conntrack(stack)
        self.translator = Translator(self)
        self.trace: Trace | None = None
        self._untracked = False
        self._answered: FilteredPacket | None = None

    # What comes in.

    def prerouting(self, pkt: RxPacket, max_fragment: int) -> FilteredPacket:
        """A received packet before it is routed. Malformed: it is dropped."""
        known = pkt.track  # of our own loopback
        view = pkt.track = FilteredPacket()
        view.received(pkt)
        view.max_fragment = max_fragment
        self._untracked = known is not None
        if not self.raw.run(view, PREROUTING, self):
            raise Malformed(DropReason.FILTERED)
        if known is not None:
            view.connection, view.direction, view.state = known.connection, known.direction, known.state
        elif not self._untracked:
            self.conntrack.track(view)
        if not self.mangle.run(view, PREROUTING, self) or not self.translator.translate(view, PREROUTING):
            raise Malformed(DropReason.FILTERED)
        return view

    def input(self, view: FilteredPacket) -> None:
        """A packet for this host before a socket sees it. Malformed."""
        passes = self.mangle.run(view, INPUT, self) and self.filter.run(view, INPUT, self)
        if not passes or not self.translator.translate(view, INPUT):
            raise Malformed(DropReason.FILTERED)
        self.conntrack.confirm(view)

    def forward(self, view: FilteredPacket, out: TxPacket, protocol: int, nic: Nic) -> None:
        """A packet for somebody else, and then as it leaves. Malformed."""
        view.out_nic = nic
        view.tx = out  # its TTL is the new one, which is what a rejection quotes
        if not self.mangle.run(view, FORWARD, self) or not self.filter.run(view, FORWARD, self):
            raise Malformed(DropReason.FILTERED)
        view.sent(out, protocol)
        self._postrouting(view, nic)

    # What leaves.

    def send(self, route: Route, pkt: TxPacket, protocol: int, dont_fragment: bool) -> None:
        """A packet of this host, IP header in front. NOT_PERMITTED when it is dropped, and what a new route raises."""
        view = FilteredPacket()
        view.sent(pkt, protocol)
        view.out_nic = route.nic
        socket = view.socket = pkt.socket
        mark = view.mark = socket.mark if socket is not None else route.mark
        dst = view.dst
        answered, self._answered = self._answered, None
        try:
            self._output(view, answered)
            if view.mark != mark or view.dst != dst:
                route = self.stack.find_route(view.dst, view.src, 0, view.mark)
            self._postrouting(view, route.nic)
        except Malformed as refusal:
            self.stack.stats.drop(refusal.reason)
            raise NetworkError(errors.NOT_PERMITTED) from None
        finally:
            self._answered = answered
        pkt.track = view if route.nic.loopback else None
        route.transmit(pkt, dont_fragment)

    def _output(self, view: FilteredPacket, answered: FilteredPacket | None) -> None:
        self._untracked = False
        if not self.raw.run(view, OUTPUT, self):
            raise Malformed(DropReason.FILTERED)
        if answered is not None and answered.connection is not None:
            view.connection, view.direction, view.state = answered.connection, REPLY - answered.direction, RELATED
        elif not self._untracked:
            self.conntrack.track(view)
        passes = self.mangle.run(view, OUTPUT, self) and self.translator.translate(view, OUTPUT)
        if not passes or not self.filter.run(view, OUTPUT, self):
            raise Malformed(DropReason.FILTERED)

    def _postrouting(self, view: FilteredPacket, nic: Nic) -> None:
        view.out_nic = nic
        if not self.mangle.run(view, POSTROUTING, self) or not self.translator.translate(view, POSTROUTING):
            raise Malformed(DropReason.FILTERED)
        self.conntrack.confirm(view)

    def answer_to(self, view: FilteredPacket | None) -> FilteredPacket | None:
        """What is sent until the next call is an answer to this packet, and belongs to its connection even while that
        is not confirmed (Linux: nf_ct_attach). Answers what was set before."""
        before, self._answered = self._answered, view
        return before

    # For targets.

    def untrack(self, pkt: FilteredPacket) -> None:
        """The packet that is in the raw table now belongs to no connection."""
        self._untracked = True
        pkt.state = UNTRACKED

    def transparent_socket(self, pkt: FilteredPacket, port: int) -> PacketHandler | None:
        """Who takes a packet that is intercepted: see `tcpip.filter.target.Transparent`."""
        flow = pkt.flow
        if pkt.rx is None or flow is None or flow[0] not in (IPPROTO_TCP, IPPROTO_UDP):
            return None
        demux = self.stack.tcp.demux if flow[0] == IPPROTO_TCP else self.stack.udp.demux
        return demux.find_transparent(pkt.rx, port if port >= 0 else flow[4])
