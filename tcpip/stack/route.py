"""The way to one destination: the NIC, the addresses, the next hop, and what fits.

A `Route` is what transport endpoints keep for a connection and hand packets to. It stays usable for as long as
the connection lives: when the stack's routes, addresses or path MTUs change it looks itself up again.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from tcpip import errors
from tcpip.addr import is_loopback, is_multicast
from tcpip.buffer import TxPacket
from tcpip.checksum import partial_sum
from tcpip.errors import NetworkError
from tcpip.stack.route_flow import NO_FLOW
from tcpip.stack.route_metrics import NO_METRICS, RouteMetrics
from tcpip.stack.route_table import TABLE_MAIN

if TYPE_CHECKING:
    from tcpip.network.neighbor import Neighbor
    from tcpip.stack.nic import Nic
    from tcpip.stack.stack import Stack
    from tcpip.stats import DeviceStats


class Route:
    """A resolved route; `IPv4Route` and `IPv6Route` add the header. `src` and `dst` never change.

    `ident` counts IPv4 identifications for this destination, from a random start (RFC 6864 4, RFC 7739 in spirit).
    `six`: IPv6. `ip_header_len` is 20 or 40, and more where the socket has options or extension headers of its own, which is
    what is not `plain`. `local`: the destination is an address of this stack (the packet takes the loopback).
    `mark` is that of the socket or packet it was looked up for, and so is `flow`, where rules look at one. `table` has the row that decided. `label_seed` is what automatic flow labels begin with.
    """

    __slots__ = (
        "stack",
        "nic",
        "src",
        "dst",
        "next_hop",
        "local",
        "broadcast",
        "multicast",
        "six",
        "plain",
        "ip_header_len",
        "pseudo",
        "generation",
        "neighbor",
        "ident",
        "metrics",
        "mark",
        "flow",
        "table",
        "label_seed",
        "_mtu",
    )

    def __init__(
        self, stack: Stack, nic: Nic, src: bytes, dst: bytes, next_hop: bytes, local: bool, broadcast: bool
    ) -> None:
        self.stack = stack
        self.nic = nic
        self.src = src
        self.dst = dst
        self.next_hop = next_hop
        self.local = local
        self.broadcast = broadcast
        self.multicast = is_multicast(dst)
        self.six = len(dst) == 16
        self.plain = True
        self.ip_header_len = 40 if self.six else 20
        self.pseudo = partial_sum(src) + partial_sum(dst)
        self.generation = stack.generation
        self.neighbor: Neighbor | None = None
        self.ident = stack.random.getrandbits(16)
        self.metrics = NO_METRICS
        self.mark = 0
        self.flow = NO_FLOW
        self.table = TABLE_MAIN
        self.label_seed = 0
        self._mtu = stack.path_mtus.get(nic, dst)

    @property
    def loopback(self) -> bool:
        """It stays on this host."""
        return self.local or is_loopback(self.dst)

    def device(self) -> DeviceStats:
        """Who counts what goes this way: the NIC, and for an address of this host the one that has it (rt6i_idev)."""
        return (self.stack.local.get(self.dst, self.nic) if self.local else self.nic).stats6

    def mtu(self) -> int:
        """The largest IP packet that may go this way now: the NIC's, or less once path MTU discovery has learned.

        Without a way at the moment it is what it last was.
        """
        if self.generation != self.stack.generation:
            try:
                self.refresh()
            except NetworkError:
                return self._mtu
        return self._mtu

    def use_metrics(self, metrics: RouteMetrics) -> None:
        """What the routing table says about this way."""
        self.metrics = metrics
        if metrics.mtu:
            self._mtu = min(self._mtu, metrics.mtu)

    def gso_limit(self) -> int:
        """The largest IP packet that may be handed over as a super-segment (before it is split or offloaded)."""
        return self.nic.gso_max

    def refresh(self) -> None:
        """Look the way up again after a change; the addresses stay. NETWORK_UNREACHABLE, NETWORK_DOWN."""
        fresh = self.stack.find_route(self.dst, self.src, 0, self.mark, self.flow)
        self.nic = fresh.nic
        self.next_hop = fresh.next_hop
        self.local = fresh.local
        self.broadcast = fresh.broadcast
        self.neighbor = None
        self.metrics = fresh.metrics
        self._mtu = fresh._mtu
        self.generation = fresh.generation

    def confirm(self) -> None:
        """The peer answers (an acknowledgement of new data): the next hop is reachable (RFC 4861 7.3.1)."""
        if self.neighbor is not None:
            self.neighbor.confirm()

    def transmit(self, pkt: TxPacket, dont_fragment: bool) -> None:
        """Send a packet that has its IP header: cut to fit where that is permitted, else MESSAGE_TOO_LONG."""
        if len(pkt) <= self._mtu or pkt.gso_size:
            self._send(pkt)
            return
        if dont_fragment:
            raise NetworkError(errors.MESSAGE_TOO_LONG)
        for piece in self.fragments(pkt):
            self._send(piece)

    def _send(self, pkt: TxPacket) -> None:
        neighbor = self.neighbor
        if neighbor is None:
            neighbor = self.neighbor = self.nic.neighbor_for(self)
        neighbor.send(pkt)

    @abstractmethod
    def fragments(self, pkt: TxPacket) -> list[TxPacket]:
        """A packet that is too long, cut to fit."""

    @abstractmethod
    def write_packet(
        self, pkt: TxPacket, protocol: int, ttl: int = -1, tos: int = 0, dont_fragment: bool = True
    ) -> None:
        """Send a transport segment: put the IP header in front, fill in the checksum, queue at the NIC.

        `pkt.header` is the transport header with its checksum field zero, a `bytearray` when `pkt.csum_offset` >= 0.
        `ttl` -1 is the default; `tos` of IPv6 may have a flow label above the traffic class (flow_labels.py). A packet above the MTU without `gso_size` is fragmented, or MESSAGE_TOO_LONG with
        `dont_fragment`. NETWORK_UNREACHABLE, HOST_UNREACHABLE, NETWORK_DOWN. It leaves with the next `Stack.flush()`.
        """
