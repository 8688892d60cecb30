"""A network interface: addresses, groups and neighbours on one link, and the queue of frames that leave with a flush."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Sequence

from tcpip import errors
from tcpip.addr import (
    AF_INET,
    AF_INET6,
    IPV4_ALL_SYSTEMS,
    IPV6_ALL_NODES,
    MAC_BROADCAST,
    is_any,
    is_link_local,
    is_loopback,
    is_multicast,
    multicast_mac,
    solicited_node,
)
from tcpip.buffer import CSUM_PARTIAL, TO_BROADCAST, TO_MULTICAST, TO_OTHER, RxPacket, TxPacket
from tcpip.errors import DropReason, Malformed, NetworkError
from tcpip.header.ethernet import FIXED, HEADER_LEN, TYPE_ARP, TYPE_IPV4, TYPE_IPV6
from tcpip.link.base import CAP_LOOPBACK, CAP_NO_ARP, CAP_TX_CSUM, CAP_USO, GSO_NEEDS, Dispatcher, LinkEndpoint
from tcpip.link.offload import complete_checksum, split
from tcpip.network import arp, ndp
from tcpip.network.acd import ConflictDetector
from tcpip.network.autoconf import Autoconf
from tcpip.network.igmp import IgmpListener
from tcpip.network.mld import MldListener
from tcpip.network.neighbor import PERMANENT, REACHABLE_TIME, RETRANS_TIMER, Neighbor, NeighborTable
from tcpip.stack import prefix_routes
from tcpip.stack.address import NicAddress
from tcpip.stack.source_selection import select
from tcpip.stats import DeviceStats
from tcpip.transport.anycast import router_has

if TYPE_CHECKING:
    from tcpip.network.listener import Listener
    from tcpip.stack.egress import Egress
    from tcpip.stack.ingress import Ingress
    from tcpip.stack.route import Route
    from tcpip.stack.stack import Stack

MTU_LEAST: Final = 68
TX_QUEUE: Final = 1000
AT_ONCE: Final = 4  # packets, where filters may take long over them
"""Frames that may wait for a flush, as txqueuelen has it; more are dropped and counted."""
MAX_GROUPS: Final = 256
MAX_ADDRESSES: Final = 1024
"""Of all interfaces of a stack together."""
MAX_DUPLICATES: Final = 64
"""Addresses remembered as somebody else's."""


class Nic(Dispatcher):
    """Made by `Stack.add_nic`. `promiscuous`: packets to any address are taken as ours (a gateway for the peer).
    `rp_filter`: 1 refuses IPv4 sources that are not reached through here, 2 those that are not reached at all.
    `carrier` off: nothing is probed yet. `proxy_arp`: a router answers ARP for what it reaches elsewhere; for the addresses in
    `proxied` it does in any case. `accept_ra` 2: a router heeds advertisements, too. `disable_ipv6`: by
    `nic_settings.set_disabled`. `accept_redirects`, `accept_redirects_v6`: a host that is no router heeds them;
    `send_redirects`: of IPv4, by a router."""

    __slots__ = (
        "stack",
        "number",
        "name",
        "alias",
        "alt_names",
        "group",
        "link",
        "mac",
        "mtu",
        "gso_max",
        "up",
        "carrier",
        "loopback",
        "has_arp",
        "cuts_udp",
        "promiscuous",
        "rp_filter",
        "proxy_arp",
        "proxied",
        "forwards",
        "forwards_v6",
        "accept_ra",
        "disable_ipv6",
        "accept_redirects",
        "accept_redirects_v6",
        "send_redirects",
        "addresses",
        "broadcasts",
        "first",
        "groups",
        "anycast",
        "neighbors",
        "hop_limit",
        "reachable_ns",
        "retrans_ns",
        "dad_nonces",
        "conflict_detectors",
        "dns_servers",
        "autoconf",
        "router_solicitations_left",
        "router_timer",
        "igmp",
        "mld",
        "stats6",
        "rx_packets",
        "rx_bytes",
        "tx_packets",
        "tx_bytes",
        "tx_dropped",
        "rx_dropped",
        "egress",
        "ingress",
        "upper",
        "_tx",
        "_expiry",
        "_soft_csum",
        "_capabilities",
    )

    def __init__(self, stack: Stack, number: int, name: str, link: LinkEndpoint) -> None:
        self.stack = stack
        self.number = number
        self.name = name
        self.alias = ""  # what its administrator calls it (RFC 2863 3.1.9)
        self.alt_names: list[str] = []  # other names that it is found by
        self.group = 0  # that it was put into, to be changed with others
        self.link = link
        self.mac = link.mac
        self.mtu = link.mtu
        self.gso_max = min(link.gso_max, 65535)
        self.up = True
        self.carrier = True
        self._capabilities = link.capabilities
        self._soft_csum = not link.capabilities & CAP_TX_CSUM
        self.loopback = link.capabilities & CAP_LOOPBACK != 0
        self.has_arp = not link.capabilities & CAP_NO_ARP
        self.cuts_udp = link.capabilities & (CAP_USO | CAP_LOOPBACK) == CAP_USO
        self.promiscuous = False
        self.rp_filter = 0
        self.proxy_arp = False
        self.proxied: set[bytes] = set()
        self.accept_ra: int = int(self.has_arp)
        self.disable_ipv6 = False
        self.forwards: int = 0  # not 0: packets for others that it receives are passed on
        self.forwards_v6: int = 0  # not 0: hosts there are told that this is a router
        self.accept_redirects = self.accept_redirects_v6 = self.send_redirects = True
        self.addresses: dict[bytes, NicAddress] = {}
        self.broadcasts: dict[bytes, int] = {}  # and of how many addresses each is
        self.first: dict[tuple[int, bytes], NicAddress] | None = None  # by `first_of`, until it changes
        self.groups: dict[bytes, int] = {IPV4_ALL_SYSTEMS: 1, IPV6_ALL_NODES: 1}
        self.anycast: dict[bytes, int] = {}  # and how many sockets and addresses of a router have joined each
        self.neighbors = NeighborTable(self)
        self.hop_limit = 64
        self.reachable_ns = REACHABLE_TIME
        self.retrans_ns = RETRANS_TIMER
        self.dad_nonces: dict[bytes, bytes] = {}
        self.conflict_detectors: dict[bytes, ConflictDetector] = {}
        self.dns_servers: list[bytes] = []
        self.autoconf = Autoconf(self)
        self.router_solicitations_left = ndp.MAX_RTR_SOLICITATIONS
        self.router_timer = stack.timers.timer(self._solicit_routers)
        self.igmp = IgmpListener(self)
        self.mld = MldListener(self)
        self.stats6 = DeviceStats()
        self.rx_packets = self.rx_bytes = self.tx_packets = self.tx_bytes = 0
        self.tx_dropped = self.rx_dropped = 0
        self.ingress: Ingress | None = None  # filters of what comes in
        self.egress: Egress | None = None  # where packets wait before they go to the link
        self.upper: Callable[[RxPacket], bool] | None = (
            None  # interfaces on top of this one: True for frames that are theirs
        )
        self._tx: list[TxPacket] = []
        self._expiry = stack.timers.timer(self._expire)
        link.attach(self)

    def set_link(self, link: LinkEndpoint) -> None:
        """Another link for the same wire: a wrapper around the present one, or what it wraps."""
        self.link = link
        self.capabilities_changed()
        link.attach(self)

    def count6(self, name: str, by: int = 1) -> None:
        """Of IPv6: for the stack and for this interface."""
        self.stack.stats.ip6.inc(name, by)
        self.stats6.ip6.inc(name, by)

    def counts_for(self, dst: bytes) -> Nic:
        """The interface that counts what is received here for `dst`: whose address it is."""
        return self if dst in self.addresses else self.stack.local.get(dst, self)

    def capabilities_changed(self) -> None:
        """What the link does for this host is another."""
        self._capabilities = self.link.capabilities
        self._soft_csum = not self._capabilities & CAP_TX_CSUM
        self.cuts_udp = self._capabilities & (CAP_USO | CAP_LOOPBACK) == CAP_USO

    # Receiving.

    def deliver(self, packets: list[RxPacket]) -> None:
        """A batch from the wire."""
        self.stack.deliver(self, packets)

    def handle_packet(self, pkt: RxPacket) -> None:
        """One packet; whatever is wrong with it is counted."""
        self.rx_packets += 1
        at = pkt.link
        self.rx_bytes += pkt.end - at
        if not self.up:
            self._drop(DropReason.NIC_DOWN, pkt)
            return
        pkt.nic = self
        data = pkt.data
        stack = self.stack
        if stack.packets.endpoints:
            stack.packets.received(self, pkt)
        if self.ingress is not None and self.ingress.takes(self, pkt):
            return
        if self.upper is not None and self.upper(pkt):
            return
        try:
            if self.has_arp:
                if pkt.end < at + HEADER_LEN:
                    raise Malformed(DropReason.TRUNCATED)
                if not data.startswith(self.mac, at):
                    self._classify(pkt)
                pkt.network = at + HEADER_LEN
                pkt.ethertype = kind = data[at + 12] << 8 | data[at + 13]
            else:
                if pkt.end <= at:
                    raise Malformed(DropReason.TRUNCATED)
                version = data[at] >> 4
                pkt.ethertype = kind = TYPE_IPV4 if version == 4 else TYPE_IPV6 if version == 6 else 0
            if stack.packet_taps:
                stack.tap(self, pkt)
            if kind == TYPE_IPV4:
                stack.ipv4.handle_packet(self, pkt)
            elif kind == TYPE_IPV6 and stack.ipv6_enabled and not self.disable_ipv6:
                stack.ipv6.handle_packet(self, pkt)
            elif kind == TYPE_ARP:
                arp.handle_packet(self, pkt)
            else:
                raise Malformed(DropReason.UNKNOWN_ETHERTYPE)
        except Malformed as error:
            if error.reason == DropReason.UNKNOWN_ETHERTYPE:
                self._drop(error.reason, pkt)
            else:
                self.stack.stats.drop(error.reason, pkt)

    def _drop(self, reason: str, pkt: RxPacket) -> None:
        """It came to nobody: what a protocol has refused does not count here (net/core/dev.c: __netif_receive_skb_core)."""
        self.rx_dropped += 1
        self.stack.stats.drop(reason, pkt)

    def _classify(self, pkt: RxPacket) -> None:
        data, at = pkt.data, pkt.link
        if data.startswith(MAC_BROADCAST, at):
            pkt.kind = TO_BROADCAST
        elif data[at] & 1:
            pkt.kind = TO_MULTICAST
        elif not self.promiscuous:
            pkt.kind = TO_OTHER
            raise Malformed(DropReason.NOT_FOR_US)

    # Sending.

    def enqueue(self, pkt: TxPacket, link_header: bytes) -> None:
        """Queue an IP packet with its link header; what the link cannot do is done here."""
        if link_header:
            pkt.header = link_header + pkt.header
            pkt.transport += HEADER_LEN
            pkt.network += HEADER_LEN
        if not self.up or len(self._tx) >= TX_QUEUE:
            self.tx_dropped += 1
            self.stack.stats.drop(DropReason.QUEUE_FULL if self.up else DropReason.NIC_DOWN, pkt)
            return
        if not self._tx:
            self.stack.output_pending(self)
        if pkt.gso_size and not self._capabilities & GSO_NEEDS[pkt.gso_type]:
            self._tx += split(pkt)
            return
        if self._soft_csum and pkt.csum == CSUM_PARTIAL:
            complete_checksum(pkt)
        self._tx.append(pkt)

    def send_frame(self, pkt: TxPacket, mac: bytes, ethertype: int) -> None:
        """Queue a packet to a known link address, past the neighbour cache."""
        pkt.ethertype = ethertype
        self.enqueue(pkt, FIXED.pack(mac, self.mac, ethertype) if self.has_arp else b"")

    def flush(self) -> None:
        """Hand what is queued to the link, or to what it waits in before."""
        batch = self._tx
        if batch:
            self._tx = []
            size = self.at_once()
            if len(batch) > size:
                batch, self._tx = batch[:size], batch[size:]
                self.stack.output_pending(self)
            if self.ingress is not None:
                batch = self.ingress.left_by(self, batch)
            if self.egress is None:
                self.transmit(batch)
            else:
                self.egress.write(batch)

    def at_once(self) -> int:
        """So many packets are sent before it is looked how long that takes."""
        if not self.stack.toil.used:
            return TX_QUEUE
        return 1 if self.stack.packets.endpoints else AT_ONCE

    def transmit(self, batch: list[TxPacket]) -> None:
        """Hand packets to the link, now."""
        for pkt in batch:
            self.tx_bytes += len(pkt.header) + pkt.payload_len
        if self.stack.packets.endpoints:
            self.stack.packets.sent(self, batch)
        taken = self.link.write_packets(batch)
        self.tx_packets += taken
        if taken < len(batch):
            self.tx_dropped += len(batch) - taken
            self.stack.stats.drop(DropReason.LINK_ERROR, None, len(batch) - taken)

    # Neighbours.

    def link_header(self, mac: bytes, addr_len: int) -> bytes:
        """The Ethernet header of IP packets to `mac`."""
        return FIXED.pack(mac, self.mac, TYPE_IPV4 if addr_len == 4 else TYPE_IPV6) if self.has_arp else b""

    def neighbor_for(self, route: Route) -> Neighbor:
        """Who gets a route's packets on this link."""
        hop = route.next_hop
        if not self.has_arp:
            return Neighbor(self, hop, b"", PERMANENT)
        if route.broadcast:
            return Neighbor(self, hop, MAC_BROADCAST, PERMANENT)
        if is_multicast(hop):
            return Neighbor(self, hop, multicast_mac(hop), PERMANENT)
        return self.neighbors.get(hop)

    def solicit(self, neighbor: Neighbor, unicast: bool) -> None:
        """Ask for a neighbour's link address."""
        if len(neighbor.addr) == 4:
            arp.solicit(self, neighbor, unicast)
        else:
            ndp.solicit(self, neighbor, unicast)

    def neighbor_failed(self, neighbor: Neighbor) -> None:
        """A neighbour does not answer: forget what was learnt of it when the table is large."""
        self.stack.redirects.forget(self, neighbor.addr)
        if len(self.neighbors.entries) > 512:
            self.neighbors.remove(neighbor.addr)

    # Addresses.

    def add_address(
        self,
        addr: bytes,
        prefix_len: int,
        dynamic: bool = False,
        dad: bool = True,
        on_link: bool = True,
        described: Callable[[NicAddress], None] | None = None,
    ) -> NicAddress:
        """Assign an address; the on-link route comes with it, unless `on_link` is off. IPv6 is tentative until nobody
        objects, unless `dad` is off. `described` fills in the rest before anybody hears of it.

        ADDRESS_IN_USE when the NIC has it already, INVALID_ARGUMENT for what is no unicast address.
        """
        six = len(addr) == 16
        if addr in self.addresses:
            raise NetworkError(errors.ADDRESS_IN_USE)
        if len(self.stack.local) >= MAX_ADDRESSES or (six and len(self.groups) >= MAX_GROUPS - 1):
            raise NetworkError(errors.NO_BUFFER_SPACE)
        if is_any(addr) or is_multicast(addr) or not 0 <= prefix_len <= len(addr) * 8:
            raise NetworkError(errors.INVALID_ARGUMENT)
        address = NicAddress(addr, prefix_len, dynamic)
        if described is not None:
            described(address)
        if six and self.disable_ipv6:
            raise NetworkError(errors.PERMISSION_DENIED)
        dad = dad and self.autoconf.probes()
        if six and not self.addresses_of(AF_INET6) and not is_link_local(addr) and self.has_arp and self.carrier:
            self.add_link_local(dad)
        address.tentative = six and dad and self.has_arp and not is_loopback(addr)
        self.addresses[addr] = address
        if self.first is not None and not six:
            self.first.setdefault((prefix_len, address.subnet()), address)
        if address.broadcast:
            self._broadcast(address, 1)
        route = prefix_routes.add(self, address) if on_link and not dynamic else None
        self.stack.addresses_changed()
        if self.stack.watch is not None:
            self.stack.watch.address_added(self, address, route)
        if six:
            if self.has_arp:
                self.join_group(solicited_node(addr))
            if address.tentative and self.carrier:
                ndp.start_dad(self, address)
            elif self.forwards_v6 and not address.tentative:
                router_has(self, address, True)
        elif self.has_arp:
            arp.announce(self, addr)
        return address

    def add_link_local(self, dad: bool = True) -> None:
        """An address in fe80::/64, as every IPv6 interface must have one (RFC 4291 2.8); harmless when there is one."""
        if self.disable_ipv6:
            return
        if self.has_arp and not any(is_link_local(a) for a in self.addresses if len(a) == 16):
            addr = self.autoconf.link_local()
            if addr:
                self.add_address(addr, 64, dad=dad)

    def remove_address(self, addr: bytes) -> None:
        """Take an address away, and the route that came with it. ADDRESS_NOT_AVAILABLE."""
        address = self.addresses.pop(addr, None)
        if address is None:
            raise NetworkError(errors.ADDRESS_NOT_AVAILABLE)
        if self.stack.netfilter is not None:
            self.stack.netfilter.conntrack.address_gone(self, addr)
        if self.first is not None and self.first.get((address.prefix_len, address.subnet())) is address:
            self.first = None
        if address.broadcast:
            self._broadcast(address, -1)
        route = prefix_routes.leave(self, address)
        if len(addr) == 16 and self.has_arp:
            self.leave_group(solicited_node(addr))
        router_has(self, address, False)
        self.stack.addresses_changed()
        if self.stack.watch is not None:
            self.stack.watch.address_removed(self, address, route)

    def _broadcast(self, address: NicAddress, by: int) -> None:
        """One address more, or less, has these."""
        for addr in (address.broadcast, address.subnet()):
            count = self.broadcasts.get(addr, 0) + by
            if count:
                self.broadcasts[addr] = count
            else:
                del self.broadcasts[addr]

    def first_of(self, address: NicAddress) -> NicAddress:
        """The one of IPv4 with the same prefix that was there first."""
        if self.first is None:
            self.first = {}
            for other in self.addresses.values():
                if len(other.addr) == 4:
                    self.first.setdefault((other.prefix_len, other.subnet()), other)
        return self.first.get((address.prefix_len, address.subnet()), address)

    def addresses_of(self, family: int) -> list[NicAddress]:
        """In the order in which they came."""
        size = 4 if family == AF_INET else 16
        return [a for a in self.addresses.values() if len(a.addr) == size]

    def source_for(self, dst: bytes) -> bytes:
        """The address of this NIC that packets to `dst` on its link come from; empty when there is none."""
        return self.source_preferring(dst, self.autoconf.use_tempaddr > 1)

    def source_preferring(self, dst: bytes, temporary: bool) -> bytes:
        """The same for a socket that has said which kind it wants (RFC 5014)."""
        return select(self.addresses.values(), dst, dst, temporary, self.stack.labels, self.number)

    def duplicate_address(self, address: NicAddress) -> None:
        """Somebody else has a tentative address: it never becomes ours (RFC 4862 5.4.5)."""
        self.stack.duplicates[(self.number, address.addr)] = None
        if len(self.stack.duplicates) > MAX_DUPLICATES:
            del self.stack.duplicates[next(iter(self.stack.duplicates))]
        self.remove_address(address.addr)
        self.autoconf.duplicate(address)
        if address.on_duplicate is not None:
            address.on_duplicate(address.addr)

    def schedule_expiry(self) -> None:
        """Look at lifetimes again at the next one's end."""
        times = [a.valid_until for a in self.addresses.values() if a.valid_until is not None]
        times += [
            a.preferred_until for a in self.addresses.values() if a.preferred_until is not None and not a.deprecated
        ]
        times += [e.expires for e in self.stack.routes.entries if e.nic is self and e.expires is not None]
        if times:
            self._expiry.arm(min(times))

    def _expire(self) -> None:
        now = self.stack.clock.now_ns()
        for address in list(self.addresses.values()):
            if address.valid_until is not None and address.valid_until <= now:
                self.remove_address(address.addr)
            elif address.preferred_until is not None and address.preferred_until <= now:
                address.deprecated = True
                self.stack.changed()
                if self.stack.watch is not None:
                    self.stack.watch.address_changed(self, address)
        for entry in list(self.stack.routes.entries):
            if entry.nic is self and entry.expires is not None and entry.expires <= now:
                self.stack.remove_route(entry)
        self.schedule_expiry()

    def _solicit_routers(self) -> None:
        ndp.solicit_routers(self)

    # Groups.

    def listener(self, group: bytes) -> Listener:
        """Who tells routers of the group."""
        return self.igmp if len(group) == 4 else self.mld

    def join_group(self, group: bytes, include: bool = False) -> None:
        """Receive a multicast group; counted, so each join needs its leave. With `include` sources are named later. TOO_MANY_MEMBERSHIPS."""
        count = self.groups.get(group, 0)
        if not count and len(self.groups) >= MAX_GROUPS:
            raise NetworkError(errors.TOO_MANY_MEMBERSHIPS)
        self.groups[group] = count + 1
        self.listener(group).join(group, include)

    def leave_group(self, group: bytes, include: bool = False, sources: Sequence[bytes] = ()) -> None:
        """One join less, which had come to this filter; harmless when there is none."""
        count = self.groups.get(group, 0)
        if not count:
            return
        if count > 1:
            self.groups[group] = count - 1
        else:
            del self.groups[group]
        self.listener(group).leave(group, include, sources)

    # State.

    def set_up(self, up: bool, told: int = 1) -> None:
        """Bring the interface up or down; down forgets what was learnt of neighbours. `told`: for the stack's watch."""
        if self.up != up:
            self.up = up
            if self.stack.watch is not None:
                self.stack.watch.link_turned(self, told)
            if not up:
                if self.stack.netfilter is not None:
                    self.stack.netfilter.conntrack.address_gone(self)
                self.neighbors.clear()
                self.stack.redirects.forget(self)
                self._tx.clear()
                if self.egress is not None:
                    self.egress.reset()
                self.stack.packets.went_down(self)
            for listener in (self.igmp, self.mld):
                if up:
                    listener.start()
                else:
                    listener.stop()
            self.stack.changed()

    def rename(self, name: str) -> None:
        """One that no other interface has."""
        old_name, self.name = self.name, name
        self.stack.changed()
        if self.stack.watch is not None:
            self.stack.watch.link_renamed(self, old_name)

    def set_carrier(self, carrier: bool) -> None:
        """Whether the link carries anything, where somebody knows: the probes for tentative addresses wait for it."""
        if carrier and not self.carrier:
            for address in self.addresses.values():
                if address.tentative:
                    ndp.start_dad(self, address)
        self.carrier = carrier

    @property
    def mtu_least(self) -> int:
        """RFC 791 3.2."""
        return MTU_LEAST

    @property
    def mtu_most(self) -> int:
        """The link's own."""
        return max(self.link.mtu, MTU_LEAST)

    def set_mtu(self, mtu: int) -> None:
        """Bytes of IP packet per frame. INVALID_ARGUMENT above the link's own or below 68."""
        if not self.mtu_least <= mtu <= self.mtu_most:
            raise NetworkError(errors.INVALID_ARGUMENT)
        if mtu != self.mtu:
            self.mtu = mtu
            self.stack.changed()
