"""The stack: owner of interfaces, routes, protocols and endpoints; everything happens inside its calls.

Driven by `Nic.deliver`, endpoint calls, `run_timers` and `flush`; it answers with packets handed to links, wait queues
notified, and `next_deadline`. No threads, no sleeping, no wall clock. A call that arrives while the stack is busy
(an in-memory link's answer) waits in the inbox for the outermost one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tcpip import addr as addresses
from tcpip import errors
from tcpip.addr import IPV4_ANY, IPV4_BROADCAST, IPV4_LOOPBACK, IPV6_ANY, IPV6_LOOPBACK
from tcpip.buffer import RxPacket, TxPacket
from tcpip.clock import Clock
from tcpip.errors import Malformed, NetError, NetworkError
from tcpip.filter.tracking import TrackingSettings
from tcpip.header import icmpv4 as icmpv4_wire
from tcpip.header import icmpv6 as icmpv6_wire
from tcpip.link.base import LinkEndpoint
from tcpip.link.loopback import LoopbackLink
from tcpip.network.forward import Forwarder
from tcpip.network.icmpv4 import ICMPv4
from tcpip.network.icmpv6 import ICMPv6
from tcpip.network.igmp import IGMP
from tcpip.network.ipv4 import IPv4, IPv4Route
from tcpip.network.ipv6 import IPv6, IPv6Route
from tcpip.network.listener import GroupSettings
from tcpip.network.redirects import Redirects
from tcpip.stack.new_endpoint import new_endpoint
from tcpip.stack.nic import Nic
from tcpip.stack.nic_settings import ALL, NicSettings
from tcpip.stack.path_mtus import PathMtus
from tcpip.stack.policy_table import PolicyTable
from tcpip.stack.route import Route
from tcpip.stack.route_flow import NO_FLOW, RouteFlow, of_packet
from tcpip.stack.route_table import TABLE_MAIN, RouteEntry, RouteTable
from tcpip.stack.routing_rules import RoutingRules
from tcpip.stack.source_selection import select
from tcpip.stack.watch import StackWatch
from tcpip.stats import Stats
from tcpip.timers import TimerQueue
from tcpip.toil import Toil
from tcpip.transport.buffer_limits import BufferLimits
from tcpip.transport.flow_labels import FlowLabels
from tcpip.transport.packet_table import PacketTable
from tcpip.transport.portless import PingTable, RawTable
from tcpip.transport.ports import PortManager
from tcpip.transport.protocol import IcmpError, TransportProtocol
from tcpip.transport.tcp.protocol import TcpProtocol
from tcpip.transport.udp_protocol import UdpProtocol

if TYPE_CHECKING:
    from random import Random

    from tcpip.filter.netfilter import Netfilter
    from tcpip.transport.endpoint import Endpoint
    from tcpip.transport.forwarder import FlowForwarder

MAX_ROUNDS: Final = 64
"""Turns of receive and send in one call; what two local endpoints go on saying waits for the next flush."""
MAX_CACHED_ROUTES: Final = 1024
MAX_COPIES: Final = 1000
TIMERS_AT_ONCE: Final = 16


class Stack:
    """A host. `on_output` is called when an endpoint call has queued the first packet: schedule `flush`. `on_more` is
    called instead, where there is one, when it pays to wait a moment: more like it may come at once."""

    def __init__(self, clock: Clock, random: Random | None = None, loopback: bool = True, ipv6: bool = True) -> None:
        self.clock = clock
        if random is None:
            from random import Random as Generator

            random = Generator()  # seeded by the operating system
        self.random = random
        self.timers = TimerQueue()
        self.stats = Stats()
        self.ports = PortManager(self.random)
        self.nics: dict[int, Nic] = {}
        self.nic_settings = NicSettings()
        self.group_settings = GroupSettings()
        self._next_number = 1
        self.routes, self.rules = RouteTable(), RoutingRules()
        self.labels = PolicyTable()
        self.watch: StackWatch | None = None
        self.has_local_routes, self.generation = False, 0
        self.local: dict[bytes, Nic] = {}
        self.anycast: dict[bytes, Nic] = {}
        # The second and the third: sockets may have addresses that are nobody's here.
        self.bindv6only = self.nonlocal_bind = self.nonlocal_bind_v6 = 0
        self.ipv6_enabled, self.default_ttl = ipv6, 64
        self.netfilter: Netfilter | None = None
        self.flows: FlowForwarder | None = None
        self.on_output: Callable[[], None] | None = None
        self.on_more: Callable[[], None] | None = None
        self.packet_taps: list[Callable[[Nic, RxPacket], None]] = []
        self.duplicates: dict[tuple[int, bytes], None] = {}
        self._route_cache: dict[tuple[bytes, bytes, int, int], Route] = {}
        self.path_mtus = PathMtus(self)
        self._inbox: deque[tuple[Nic, list[RxPacket]]] = deque()
        self._copies: deque[RxPacket] = deque()
        self._pending: dict[Nic, None] = {}
        self._busy, self.buffers = False, BufferLimits()
        self.ipv4, self.ipv6 = IPv4(self), IPv6(self)
        self.icmpv4, self.icmpv6 = ICMPv4(self), ICMPv6(self)
        self.pings = PingTable(self)
        self.raws, self.packets = RawTable(self), PacketTable(self)
        self.forwarder = Forwarder(self)
        self.redirects = Redirects(self)
        self.flow_labels, self.tracking = FlowLabels(self), TrackingSettings()
        self.udp = UdpProtocol(self)
        self.protocols: dict[int, TransportProtocol] = {}
        self.tcp = TcpProtocol(self)
        for protocol in (self.icmpv4, self.icmpv6, IGMP(self), self.udp, self.tcp):
            self.add_protocol(protocol)
        self.lo: Nic | None = None
        if loopback:
            self.lo = self.add_nic(LoopbackLink(), "lo")
            self.lo.add_address(IPV4_LOOPBACK, 8)
            if ipv6:
                self.lo.add_address(IPV6_LOOPBACK, 128)

    # Configuration.

    @property
    def toil(self) -> Toil:
        """What is done for packets, here and wherever else the limits of buffers are these."""
        return self.buffers.toil

    def add_nic(self, link: LinkEndpoint, name: str = "", number: int = 0) -> Nic:
        """A new interface, up, without addresses. Numbers start at 1 and are not used again soon."""
        if not number:
            number = self.next_number()
        if number in self.nics or any(n.name == name for n in self.nics.values() if name):
            raise NetworkError(errors.ADDRESS_IN_USE)
        nic = Nic(self, number, name or f"eth{number}", link)
        self.nics[number] = nic
        self.nic_settings.begin(nic)
        return nic

    def next_number(self) -> int:
        """A number for an interface, which is not given again soon."""
        number = self._next_number
        while number in self.nics:
            number += 1
        self._next_number = number + 1
        return number

    def remove_nic(self, nic: Nic) -> None:
        """Take an interface away with its addresses and routes; the link is closed."""
        self.detach_nic(nic)
        nic.link.close()

    def detach_nic(self, nic: Nic) -> None:
        """The same, and the link goes on, for another stack."""
        nic.set_up(False)
        nic.link.attach(None)
        nic.router_timer.cancel()
        for detector in list(nic.conflict_detectors.values()):
            detector.stop()
        self.nics.pop(nic.number, None)
        self.routes.drop(nic)
        self._pending.pop(nic, None)
        self.addresses_changed()

    def find_nic(self, name: str) -> Nic | None:
        """By its name, or another one that it goes by."""
        return next((nic for nic in self.nics.values() if nic.name == name or name in nic.alt_names), None)

    def add_route(
        self,
        prefix: bytes,
        length: int,
        gateway: bytes = b"",
        nic: Nic | None = None,
        metric: int = 0,
        source: bytes = b"",
        error: NetError | None = None,
        table: int = TABLE_MAIN,
        kind: str = "",
    ) -> RouteEntry:
        """A route; without `nic` the gateway's own route says which. NETWORK_UNREACHABLE when it has none. `kind` as
        `RouteEntry` has it."""
        if kind == "local" and nic is None:
            nic = self.lo
        if nic is None and error is None and kind in ("", "unicast", "local"):
            via = self.routes.lookup(gateway) if gateway else None
            if via is None or via.nic is None or via.gateway:
                raise NetworkError(errors.NETWORK_UNREACHABLE)
            nic = via.nic
        entry = RouteEntry(
            addresses.masked(prefix, length), length, nic, gateway, metric, source, error, "static", table, kind
        )
        self.routes.add(entry)
        self.changed()
        if self.watch is not None:
            self.watch.route_added(entry)
        return entry

    def remove_route(self, entry: RouteEntry) -> None:
        """Harmless when absent."""
        if self.routes.remove(entry) and self.watch is not None:
            self.watch.route_removed(entry)
        self.changed()

    def add_protocol(self, protocol: TransportProtocol) -> None:
        """Plug a transport protocol in; a later one of the same number replaces it."""
        self.protocols[protocol.number] = protocol

    def changed(self) -> None:
        """Routes look themselves up again."""
        self.has_local_routes = any([entry.kind == "local" for entry in self.routes.entries])
        self.generation += 1
        self._route_cache.clear()

    def addresses_changed(self) -> None:
        """The set of local addresses is another one."""
        self.anycast = {addr: nic for nic in self.nics.values() for addr in nic.anycast}
        self.local = {a.addr: nic for nic in self.nics.values() for a in nic.addresses.values() if not a.tentative}
        self.changed()

    def enable_netfilter(self) -> Netfilter:
        """The packet filter, with tracking and translation; empty the first time, the same one after that."""
        if self.netfilter is None:
            from tcpip.filter.netfilter import Netfilter

            self.netfilter = Netfilter(self)
        return self.netfilter

    def forward_flows(self) -> FlowForwarder:
        """Who is asked about flows that nobody local takes: set its `tcp` and `udp`."""
        if self.flows is None:
            from tcpip.transport.forwarder import FlowForwarder

            self.flows = FlowForwarder(self)
        return self.flows

    # Endpoints.

    def new_endpoint(self, family: int, sock_type: int, protocol: int = 0) -> Endpoint:
        """socket(2); see `tcpip.stack.new_endpoint`. ADDRESS_FAMILY_NOT_SUPPORTED, PROTOCOL_NOT_SUPPORTED."""
        return new_endpoint(self, family, sock_type, protocol)

    # Driving.

    def deliver(self, nic: Nic, packets: list[RxPacket]) -> None:
        """A batch that `nic` received."""
        self._inbox.append((nic, packets))
        if not self._busy:
            self.flush()

    def run_timers(self, now: int = -1) -> None:
        """Fire what is due (now, unless a time is given), or as much of it as there is time for, and flush."""
        if self._busy:
            return
        self._busy = True
        toil = self.toil
        outermost = toil.begin(self.clock)
        try:
            now = self.clock.now_ns() if now < 0 else now
            while self.timers.run(now, TIMERS_AT_ONCE) == TIMERS_AT_ONCE and not toil.enough():
                pass
        finally:
            self._busy = False
            if outermost:
                toil.end()
        self.flush()

    def next_deadline(self) -> int | None:
        """When `run_timers` has something to do."""
        return self.timers.next_deadline()

    def flush(self) -> None:
        """Handle what came in, send what is queued, until there is nothing left."""
        if self._busy:
            return
        self._busy = True
        toil = self.toil
        outermost = toil.begin(self.clock)
        try:
            rounds = 0
            self.udp.batch.flush()
            while self._inbox or self._pending or self._copies or self.tcp.dirty:
                rounds += 1
                if rounds > MAX_ROUNDS or (toil.enough() and (rounds > 1 or not outermost)):
                    break
                self._turn(toil)
        finally:
            self._busy = False
            if outermost:
                toil.end()
        if (self._inbox or self._pending or self._copies or self.tcp.dirty) and self.on_output is not None:
            self.on_output()

    def has_undelivered(self) -> bool:
        """Something that was sent by who is gone by now is still here: it waits for the next flush, for a neighbour to
        answer, or for the acknowledgement of a peer."""
        if self.udp.batch.flow is not None or self._pending or self.tcp.dirty:
            return True
        return self.tcp.orphans_have_data() or any(nic.neighbors.have_waiting() for nic in self.nics.values())

    def _turn(self, toil: Toil) -> None:
        inbox = self._inbox
        for at in range(len(inbox)):
            if at and toil.enough():
                break
            nic, packets = inbox.popleft()
            left = self._handle(nic, packets, toil)
            if left:
                inbox.appendleft((nic, left))
                break
        copies = self._copies
        for _ in range(len(copies)):
            self._deliver_copy(copies.popleft())
            if toil.enough():
                break
        if self.tcp.dirty:
            self.tcp.flush()
        self.udp.batch.flush()
        if self._pending:
            nics = list(self._pending)
            self._pending = {}
            for at, nic in enumerate(nics):
                if at and toil.enough():
                    self._pending = dict.fromkeys(nics[at:]) | self._pending
                    break
                nic.flush()

    def _handle(self, nic: Nic, packets: list[RxPacket], toil: Toil) -> list[RxPacket]:
        """A batch that came in; what there was no time for."""
        for at, pkt in enumerate(packets, 1):
            nic.handle_packet(pkt)
            if at < len(packets) and toil.enough():
                return packets[at:]
        return []

    def output_pending(self, nic: Nic) -> None:
        """`nic` has something to send at the next flush."""
        first = not self._pending
        self._pending[nic] = None
        if first and not self._busy and self.on_output is not None:
            self.on_output()

    def output_may_wait(self) -> None:
        """A datagram waits for more like it, until the next flush."""
        ask = self.on_more or self.on_output
        if not self._busy and ask is not None:
            ask()

    def loopback_is_idle(self) -> bool:
        """Nothing is under way on the loopback, and nobody watches or disturbs what is."""
        lo = self.lo
        return (
            lo is not None
            and lo.up
            and not self._inbox
            and lo not in self._pending
            and isinstance(lo.link, LoopbackLink)
            and not self.packet_taps
            and self.netfilter is None
            and not self.raws.endpoints
            and not self.packets.endpoints
        )

    def endpoints_pending(self) -> None:
        """An endpoint has something to do at the next flush."""
        if not self._busy and self.on_output is not None:
            self.on_output()

    # Packets.

    def deliver_transport(self, pkt: RxPacket) -> None:
        """A whole packet for this host, to the protocol above. Malformed."""
        protocol = self.protocols.get(pkt.protocol)
        taken = bool(self.raws.endpoints) and self.raws.deliver(pkt)
        if protocol is not None:
            protocol.deliver(pkt)
            return
        if taken:
            return
        if len(pkt.dst) == 4:
            self.stats.ip.inc("InUnknownProtos")
            self.icmpv4.send_error(pkt, icmpv4_wire.DEST_UNREACHABLE, icmpv4_wire.PROTOCOL_UNREACHABLE, 0)
        else:
            if pkt.nic is not None:
                pkt.nic.counts_for(pkt.dst).count6("InUnknownProtos")
            if pkt.protocol != 59:
                self.icmpv6.send_error(pkt, icmpv6_wire.PARAMETER_PROBLEM, 1, 6)
        self.stats.drop(errors.DropReason.UNKNOWN_PROTOCOL, pkt)

    def port_unreachable(self, pkt: RxPacket) -> None:
        """Nobody is at the packet's port."""
        if len(pkt.dst) == 4:
            self.icmpv4.send_error(pkt, icmpv4_wire.DEST_UNREACHABLE, icmpv4_wire.PORT_UNREACHABLE, 0)
        else:
            self.icmpv6.send_error(pkt, icmpv6_wire.DEST_UNREACHABLE, icmpv6_wire.PORT_UNREACHABLE, 0)

    def report_error(self, owner: TransportProtocol, error: IcmpError) -> None:
        """A received ICMP error, to its transport. Its path MTU is believed when it quotes what we sent (RFC 5927 7)."""
        if error.mtu:
            if not owner.expects_error(error):
                self.stats.drop(errors.DropReason.NO_ENDPOINT)
                return
            error.mtu = self.path_mtus.learn(error.dst, error.mtu)
        owner.deliver_error(error)

    def link_failure(self, nic: Nic, pkt: TxPacket) -> None:
        """A packet of ours could not be sent as its next hop does not answer: tell its transport."""
        header = bytes(pkt.header[:40])
        quoted = bytes(pkt.header[pkt.transport :])
        if len(header) < 20 or len(quoted) < 8:
            return
        if header[0] >> 4 == 4:
            src, dst, protocol = header[12:16], header[16:20], header[9]
            kind, code = icmpv4_wire.DEST_UNREACHABLE, icmpv4_wire.HOST_UNREACHABLE
        else:
            src, dst, protocol = header[8:24], header[24:40], header[6]
            kind, code = icmpv6_wire.DEST_UNREACHABLE, icmpv6_wire.ADDRESS_UNREACHABLE
        owner = self.protocols.get(protocol)
        if owner is not None and src in self.local:
            owner.deliver_error(
                IcmpError(errors.HOST_UNREACHABLE, False, kind, code, 0, src, dst, protocol, quoted, src, nic)
            )

    def loop_back(self, pkt: RxPacket) -> None:
        """A multicast or broadcast packet that this host sends and also receives; metadata as of a received one."""
        if len(self._copies) < MAX_COPIES:
            self._copies.append(pkt)

    def _deliver_copy(self, pkt: RxPacket) -> None:
        try:
            self.deliver_transport(pkt)
        except Malformed as error:
            self.stats.drop(error.reason, pkt)

    def tap(self, nic: Nic, pkt: RxPacket) -> None:
        """Show a received packet to those who watch."""
        for watcher in self.packet_taps:
            watcher(nic, pkt)

    # Routing.

    @property
    def forwarding(self) -> bool:
        """Packets of IPv4 for others are passed on; setting it is for all interfaces (net.ipv4.ip_forward)."""
        return self.nic_settings.everywhere.get("ipv4/conf/forwarding", 0) != 0

    @forwarding.setter
    def forwarding(self, on: bool) -> None:
        self.nic_settings.write(self, "ipv4/conf/forwarding", ALL, int(on))

    @property
    def forwarding_v6(self) -> bool:
        """Packets of IPv6 for others are passed on; setting it makes this a router on all interfaces."""
        return self.nic_settings.everywhere.get("ipv6/conf/forwarding", 0) != 0

    @forwarding_v6.setter
    def forwarding_v6(self, on: bool) -> None:
        self.nic_settings.write(self, "ipv6/conf/forwarding", ALL, int(on))

    def is_local(self, addr: bytes) -> bool:
        """An address of this host, 127.0.0.0/8 included."""
        return addr in self.local or (len(addr) == 4 and addr[0] == 127 and self.lo is not None)

    def is_anycast(self, addr: bytes) -> bool:
        """An address of this host that others may have, too: one that was joined, or a router's of a subnet."""
        return addr in self.anycast

    def find_route(self, dst: bytes, src: bytes = b"", nic: int = 0, mark: int = 0, flow: RouteFlow = NO_FLOW) -> Route:
        """The way to `dst`, from `src` (empty: selected), through interface `nic` (0: any), for a socket's `mark`.

        NETWORK_UNREACHABLE, ADDRESS_NOT_AVAILABLE when there is no source, or the error of a reject route.
        """
        if self.rules.detailed:
            route = self._resolve(dst, src, nic, mark, flow)
            route.flow = flow
            return route
        key = (dst, src, nic, mark)
        kept = self._route_cache.get(key)
        return kept if kept is not None else self._keep(key, self._resolve(dst, src, nic, mark, flow))

    def forwarding_route(self, pkt: RxPacket) -> Route:
        """The way that a received packet for somebody else takes; raises as `find_route` does."""
        mark = pkt.track.mark if pkt.track is not None else 0
        if pkt.nic is None or (self.rules.plain and not self.routes.multipath and not self.rules.tos_decides):
            return self.find_route(pkt.dst)
        key = (pkt.dst, pkt.src, -pkt.nic.number, mark)
        route = self._route_cache.get(key) if not self.rules.detailed else None
        if route is None:
            flow = of_packet(pkt)
            entry = self.rules.lookup(self.routes, pkt.dst, pkt.src, pkt.nic.name, "", 0, mark, flow)
            route = self._keep(key, self._route_by(entry, pkt.dst, b"", mark, 0, pkt.src))
        return route

    def _keep(self, key: tuple[bytes, bytes, int, int], route: Route) -> Route:
        if len(self._route_cache) >= MAX_CACHED_ROUTES:
            self._route_cache.clear()
        self._route_cache[key] = route
        return route

    def delivers_locally(self, pkt: RxPacket) -> bool:
        """A route of kind `local` takes a received packet to an address that is not the host's (ip-route(8))."""
        if not self.has_local_routes or pkt.nic is None:
            return False
        mark = pkt.track.mark if pkt.track is not None else 0
        try:
            entry = self.rules.lookup(self.routes, pkt.dst, pkt.src, pkt.nic.name, "", 0, mark, of_packet(pkt))
        except NetworkError:
            return False
        return entry is not None and entry.kind == "local"

    def _resolve(self, dst: bytes, src: bytes, number: int, mark: int, flow: RouteFlow) -> Route:
        if addresses.is_any(dst):
            dst = src if src and not addresses.is_any(src) else IPV4_LOOPBACK if len(dst) == 4 else IPV6_LOOPBACK
        if self.is_local(dst) and self.lo is not None:
            owner = self.local.get(dst)
            scoped = number and owner is not None and owner.number != number and addresses.is_link_local(dst)
            if not scoped and self.lo.up:
                return self._route(
                    self.lo, src or (IPV4_LOOPBACK if dst[0] == 127 and len(dst) == 4 else dst), dst, dst, True
                )
        if dst in self.anycast and self.lo is not None and self.lo.up:
            return self._route(self.lo, src or self._source(self.anycast[dst], dst, dst), dst, dst, True)
        if dst == IPV4_BROADCAST or addresses.is_multicast(dst):
            return self._resolve_group(dst, src, number)
        out = self.nics.get(number)
        name = out.name if out is not None else ""
        entry = self.rules.lookup(self.routes, dst, src, "lo", name, number, mark, flow)
        return self._route_by(entry, dst, src, mark, number, src)

    def _route_by(self, entry: RouteEntry | None, dst: bytes, src: bytes, mark: int, number: int, of: bytes) -> Route:
        nic, gateway = entry.choose(dst, of, number) if entry is not None else (None, b"")
        if nic is None or entry is None:
            if entry is not None and entry.error is not None:
                raise NetworkError(entry.error)
            raise NetworkError(errors.NETWORK_UNREACHABLE)
        next_hop = gateway or dst
        if gateway and self.redirects.learnt:
            next_hop = self.redirects.next_hop(dst, gateway, nic)
        local = entry.kind == "local"
        route = self._route(nic, src or entry.source or self._source(nic, dst, next_hop), dst, next_hop, local)
        route.use_metrics(entry.metrics)
        route.mark, route.table = mark, entry.table
        return route

    def _resolve_group(self, dst: bytes, src: bytes, number: int) -> Route:
        """Broadcast and multicast leave by the given interface, the source's, the route's, or the first that can."""
        nic = self.nics.get(number) if number else self.local.get(src)
        if nic is None and not number:
            entry = self.routes.lookup(dst)
            if entry is not None and entry.nic is not None:
                nic = entry.nic
            else:
                size = len(dst)
                usable = [n for n in self.nics.values() if n.up and any(len(a) == size for a in n.addresses)]
                nic = next((n for n in usable if not n.loopback), None)
        if nic is None or not nic.up:
            raise NetworkError(errors.NETWORK_UNREACHABLE)
        return self._route(nic, src or self._source(nic, dst, dst), dst, dst, False)

    def _source(self, nic: Nic, dst: bytes, next_hop: bytes) -> bytes:
        """RFC 6724 among the NIC's own; failing that any address of the host of the right family."""
        temporary = nic.autoconf.use_tempaddr > 1
        source = select(nic.addresses.values(), dst, next_hop, temporary, self.labels, nic.number)
        if source:
            return source
        others = [a for n in self.nics.values() if not n.loopback for a in n.addresses.values()]
        source = select([a for a in others if not addresses.is_link_local(a.addr)], dst, next_hop, False, self.labels)
        if not source:
            if dst == IPV4_BROADCAST:
                return IPV4_ANY
            if len(dst) == 16 and addresses.is_scoped(dst):
                return IPV6_ANY
            raise NetworkError(errors.ADDRESS_NOT_AVAILABLE)
        return source

    def _route(self, nic: Nic, src: bytes, dst: bytes, next_hop: bytes, local: bool) -> Route:
        if len(dst) == 4:
            broadcast = dst == IPV4_BROADCAST or (not local and dst in nic.broadcasts)
            return IPv4Route(self, nic, src, dst, next_hop, local, broadcast)
        return IPv6Route(self, nic, src, dst, next_hop, local, False)
