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
from tcpip.filter.hook import CONFIRM, CONNTRACK, FILTER, MANGLE, NAT_DST, NAT_SRC, RAW, HookEntry, HookList
from tcpip.filter.nat import Translator
from tcpip.filter.packet import RELATED, UNTRACKED, FilteredPacket
from tcpip.filter.table import FORWARD, INPUT, OUTPUT, POSTROUTING, PREROUTING, Chain, Table
from tcpip.sockopt import IPPROTO_TCP, IPPROTO_UDP

if TYPE_CHECKING:
    from tcpip.stack.nic import Nic
    from tcpip.stack.route import Route
    from tcpip.stack.stack import Stack
    from tcpip.transport.protocol import PacketHandler

Trace = Callable[[str, str, FilteredPacket], None]
"""Called with a Log target's prefix, the hook and the packet."""


class _TableHook(HookEntry):
    """A table's chain; when it changes the packet's mark that is routed again."""

    def __init__(self, priority: int, chain: Chain, owner: Netfilter) -> None:
        super().__init__(priority)
        self.chain = chain
        self.owner = owner

    def passes(self, pkt: FilteredPacket, hook: str) -> bool:
        mark = pkt.mark
        if not self.chain.passes(pkt, hook, self.owner):
            return False
        if pkt.mark != mark:
            pkt.rerouted = True
        return True


class _Tracking(HookEntry):
    """Finds or makes the packet's connection, unless that is known or shall not be."""

    def __init__(self, owner: Netfilter) -> None:
        super().__init__(CONNTRACK)
        self.owner = owner

    def passes(self, pkt: FilteredPacket, hook: str) -> bool:
        known = pkt.known
        if known is not None and hook == PREROUTING:
            pkt.connection, pkt.direction, pkt.state = known.connection, known.direction, known.state
        elif known is not None and known.connection is not None:
            pkt.connection, pkt.direction, pkt.state = known.connection, REPLY - known.direction, RELATED
        elif not pkt.untracked:
            self.owner.conntrack.track(pkt)
        return True


class _Translation(HookEntry):
    """Chooses and applies translations."""

    def __init__(self, priority: int, translator: Translator) -> None:
        super().__init__(priority)
        self.translator = translator

    def passes(self, pkt: FilteredPacket, hook: str) -> bool:
        return self.translator.translate(pkt, hook)


class _Confirmation(HookEntry):
    """Enters the connection of a packet that has passed."""

    def __init__(self, conntrack: Conntrack) -> None:
        super().__init__(CONFIRM)
        self.conntrack = conntrack

    def passes(self, pkt: FilteredPacket, hook: str) -> bool:
        self.conntrack.confirm(pkt)
        return True


class Netfilter:
    """The tables `raw`, `mangle`, `nat` and `filter` of a stack, its connections, and `trace` for what Log targets tell.

    `hooks` has who else is asked, `nat_hooks` who chooses translations beside the nat table. `for_nft`: only
    an nf_tables ruleset needs it.
    """

    __slots__ = (
        "stack",
        "raw",
        "mangle",
        "nat",
        "filter",
        "conntrack",
        "translator",
        "trace",
        "hooks",
        "nat_hooks",
        "for_nft",
        "_answered",
    )

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.raw = Table("raw")
        self.mangle = Table("mangle")
        self.nat = Table("nat")
        self.filter = Table("filter")
        self.conntrack = Conntrack(stack)
        self.nat_hooks = {hook: HookList() for hook in self.nat.chains}
        self.translator = Translator(self)
        self.trace: Trace | None = None
        self.for_nft = False
        self.hooks = {hook: HookList() for hook in self.mangle.chains}
        self._answered: FilteredPacket | None = None
        for priority, table in ((RAW, self.raw), (MANGLE, self.mangle), (FILTER, self.filter)):
            for hook, chain in table.chains.items():
                self.hooks[hook].add(_TableHook(priority, chain, self))
        for hook in (PREROUTING, OUTPUT):
            self.hooks[hook].add(_Tracking(self))
            self.hooks[hook].add(_Translation(NAT_DST, self.translator))
        for hook in (INPUT, POSTROUTING):
            self.hooks[hook].add(_Translation(NAT_SRC, self.translator))
            self.hooks[hook].add(_Confirmation(self.conntrack))

    def _ask(self, view: FilteredPacket, hook: str) -> None:
        for entry in self.hooks[hook].entries:
            if not entry.passes(view, hook):
                raise Malformed(DropReason.FILTERED)

    # What comes in.

    def prerouting(self, pkt: RxPacket, max_fragment: int) -> FilteredPacket:
        """A received packet before it is routed. Malformed: it is dropped."""
        known = pkt.track  # of our own loopback
        view = pkt.track = FilteredPacket()
        view.received(pkt)
        view.max_fragment = max_fragment
        view.known = known
        if known is not None:
            view.mark, view.traced = known.mark, known.traced
            view.connection, view.direction, view.state = known.connection, known.direction, known.state
        self._ask(view, PREROUTING)
        view.known = None
        return view

    def input(self, view: FilteredPacket) -> None:
        """A packet for this host before a socket sees it. Malformed."""
        self._ask(view, INPUT)

    def forward(self, view: FilteredPacket, out: TxPacket, protocol: int, nic: Nic) -> None:
        """A packet for somebody else, and then as it leaves. Malformed."""
        view.out_nic = nic
        view.sent(out, protocol)  # its TTL is the new one, which is what a rejection quotes
        self._ask(view, FORWARD)
        self._ask(view, POSTROUTING)
        if nic.egress is not None:
            out.track = view

    # What leaves.

    def send(self, route: Route, pkt: TxPacket, protocol: int, dont_fragment: bool) -> None:
        """A packet of this host, IP header in front. NOT_PERMITTED when it is dropped, and what a new route raises."""
        view = FilteredPacket()
        view.sent(pkt, protocol)
        view.out_nic = route.nic
        socket = view.socket = pkt.socket
        view.mark = socket.mark if socket is not None else route.mark
        dst = view.dst
        view.known, self._answered = self._answered, None
        answered = view.known
        try:
            self._ask(view, OUTPUT)
            view.known = None
            if view.rerouted or view.dst != dst:
                route = self.stack.find_route(view.dst, view.src, 0, view.mark)
            view.out_nic = route.nic
            self._ask(view, POSTROUTING)
        except Malformed as refusal:
            self.stack.stats.drop(refusal.reason, pkt)
            raise NetworkError(errors.NOT_PERMITTED) from None
        finally:
            self._answered = answered
        pkt.track = view if route.nic.loopback or route.nic.egress is not None else None
        route.transmit(pkt, dont_fragment)

    def answer_to(self, view: FilteredPacket | None) -> FilteredPacket | None:
        """What is sent until the next call is an answer to this packet, and belongs to its connection even while that
        is not confirmed (Linux: nf_ct_attach). Answers what was set before."""
        before, self._answered = self._answered, view
        return before

    # For targets.

    def untrack(self, pkt: FilteredPacket) -> None:
        """The packet that is in the raw table now belongs to no connection."""
        pkt.untracked = True
        pkt.state = UNTRACKED

    def transparent_socket(self, pkt: FilteredPacket, port: int) -> PacketHandler | None:
        """Who takes a packet that is intercepted: see `tcpip.filter.target.Transparent`."""
        flow = pkt.flow
        if pkt.rx is None or flow is None or flow[0] not in (IPPROTO_TCP, IPPROTO_UDP):
            return None
        demux = self.stack.tcp.demux if flow[0] == IPPROTO_TCP else self.stack.udp.demux
        return demux.find_transparent(pkt.rx, port if port >= 0 else flow[4])
