"""Neighbour discovery: resolution, duplicate address detection, router discovery.

Redirects are in redirects.py.
Implements: RFC 4861 6.3, 7; RFC 4862 5.4; RFC 7527 (looped-back DAD, by nonce); RFC 8106 5.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.addr import (
    IPV6_ALL_NODES,
    IPV6_ALL_ROUTERS,
    IPV6_ANY,
    is_link_local,
    is_multicast,
    masked,
    multicast_mac,
    solicited_node,
)
from tcpip.buffer import RxPacket, TxPacket
from tcpip.checksum import finish, partial_sum, pseudo_sum
from tcpip.clock import NS_PER_MS, NS_PER_S
from tcpip.errors import DropReason, Malformed
from tcpip.header import icmpv6 as wire
from tcpip.header import ndp
from tcpip.header.ethernet import TYPE_IPV6
from tcpip.header.ipv6 import Ipv6Header
from tcpip.network.autoconf import FOREVER, MAX_SLAAC_ADDRESSES
from tcpip.stack.address import NicAddress
from tcpip.stack.route_table import RouteEntry
from tcpip.transport.anycast import router_has

if TYPE_CHECKING:
    from tcpip.network.neighbor import Neighbor
    from tcpip.stack.nic import Nic

MAX_RTR_SOLICITATIONS: Final = 3
MAX_ROUTERS: Final = 8
ICMPV6: Final = 58


def handle_message(nic: Nic, pkt: RxPacket, message: wire.Icmpv6Message) -> None:
    """One of types 133 to 137; Malformed. The hop limit proves that it comes from the link (RFC 4861 6.1, 7.1)."""
    if pkt.ttl != 255:
        raise Malformed(DropReason.BAD_HOP_LIMIT)
    if message.code:
        raise Malformed(DropReason.BAD_FIELD)
    if message.type == wire.NEIGHBOR_SOLICITATION:
        _solicitation(nic, pkt, message)
    elif message.type == wire.NEIGHBOR_ADVERTISEMENT:
        _advertisement(nic, pkt, message)
    elif message.type == wire.ROUTER_ADVERTISEMENT:
        _router_advertisement(nic, pkt, message)
    elif message.type == wire.REDIRECT:
        nic.stack.redirects.received_v6(nic, pkt, bytes(message.body))
    elif message.type == wire.ROUTER_SOLICITATION:
        _router_solicitation(nic, pkt, message)
    else:
        nic.stack.stats.drop(DropReason.UNKNOWN_MESSAGE, pkt)


def _solicitation(nic: Nic, pkt: RxPacket, message: wire.Icmpv6Message) -> None:
    """RFC 4861 7.2.3, 7.2.4; RFC 4862 5.4.3 for a tentative target."""
    parsed = ndp.NeighborMessage.parse(message.body)
    target, mac = parsed.target, parsed.options.source_link
    unspecified = pkt.src == IPV6_ANY
    if is_multicast(target) or (unspecified and (mac or pkt.dst != solicited_node(target))):
        raise Malformed(DropReason.BAD_FIELD)
    address = nic.addresses.get(target)
    if address is None:
        if target in nic.anycast and not unspecified:
            _answer_for_anycast(nic, pkt, target, mac)
        return
    if address.tentative:
        if unspecified and parsed.options.nonce not in nic.dad_nonces:
            nic.duplicate_address(address)
        return
    if unspecified:
        send(nic, wire.NEIGHBOR_ADVERTISEMENT, ndp.NA_OVERRIDE, _advert(nic, target), target, IPV6_ALL_NODES)
        return
    if mac:
        nic.neighbors.get(pkt.src).learn(mac)
    flags = ndp.NA_SOLICITED | ndp.NA_OVERRIDE | (ndp.NA_ROUTER if nic.forwards_v6 else 0)
    send(nic, wire.NEIGHBOR_ADVERTISEMENT, flags, _advert(nic, target), target, pkt.src)


def _answer_for_anycast(nic: Nic, pkt: RxPacket, target: bytes, mac: bytes) -> None:
    """RFC 4861 7.2.7: others may answer, too, so nothing is overridden."""
    if mac:
        nic.neighbors.get(pkt.src).learn(mac)
    flags = ndp.NA_SOLICITED | (ndp.NA_ROUTER if nic.forwards_v6 else 0)
    source = nic.source_for(pkt.src)
    if source:
        send(nic, wire.NEIGHBOR_ADVERTISEMENT, flags, _advert(nic, target), source, pkt.src)


def _advert(nic: Nic, target: bytes) -> bytes:
    return target + ndp.link_option(ndp.OPTION_TARGET_LINK, nic.mac)


def _advertisement(nic: Nic, pkt: RxPacket, message: wire.Icmpv6Message) -> None:
    """RFC 4861 7.2.5; RFC 4862 5.4.4."""
    parsed = ndp.NeighborMessage.parse(message.body)
    target = parsed.target
    solicited = message.rest & ndp.NA_SOLICITED != 0
    if is_multicast(target) or (is_multicast(pkt.dst) and solicited):
        raise Malformed(DropReason.BAD_FIELD)
    address = nic.addresses.get(target)
    if address is not None:
        if address.tentative:
            nic.duplicate_address(address)
        return
    entry = nic.neighbors.find(target)
    if entry is not None:
        entry.is_router = message.rest & ndp.NA_ROUTER != 0
        entry.advertised(parsed.options.target_link, solicited, message.rest & ndp.NA_OVERRIDE != 0)


def _router_solicitation(nic: Nic, pkt: RxPacket, message: wire.Icmpv6Message) -> None:
    """RFC 4861 6.2.6: a router learns who asks; the daemon of advertisements answers (net/ipv6/ndisc.c: ndisc_recv_rs)."""
    if not nic.forwards_v6 or pkt.src == IPV6_ANY:
        return
    mac = ndp.NdpOptions.parse(message.body).source_link
    entry = nic.neighbors.get(pkt.src) if mac else nic.neighbors.find(pkt.src)
    if entry is not None:
        entry.is_router = False
        if mac:
            entry.learn(mac)


def _router_advertisement(nic: Nic, pkt: RxPacket, message: wire.Icmpv6Message) -> None:
    """RFC 4861 6.3.4; RFC 4862 5.5.3."""
    advert = ndp.RouterAdvertisement.parse(message.rest, message.body)
    if not is_link_local(pkt.src):
        raise Malformed(DropReason.BAD_SOURCE)
    if nic.accept_ra < (2 if nic.forwards_v6 else 1):
        return
    nic.router_solicitations_left = 0
    options = advert.options
    if advert.hop_limit:
        nic.hop_limit = advert.hop_limit
    if 0 < advert.reachable_ms <= 3_600_000:
        nic.reachable_ns = advert.reachable_ms * NS_PER_MS
    if 0 < advert.retrans_ms <= 3_600_000:
        nic.retrans_ns = max(advert.retrans_ms, 10) * NS_PER_MS
    if options.source_link:
        entry = nic.neighbors.get(pkt.src)
        entry.is_router = True
        entry.learn(options.source_link)
    if 1280 <= options.mtu <= nic.link.mtu and nic.autoconf.accept_mtu:
        nic.set_mtu(options.mtu)
    if nic.autoconf.accept_defrtr:
        _default_route(nic, pkt.src, advert.router_lifetime_s)
    nic.dns_servers = [server for server, lifetime in options.dns_servers if lifetime][:3] or nic.dns_servers
    for prefix in options.prefixes[:MAX_SLAAC_ADDRESSES] if nic.autoconf.accept_pinfo else ():
        if is_link_local(prefix.prefix) or is_multicast(prefix.prefix) or prefix.preferred_s > prefix.valid_s:
            continue
        if prefix.on_link:
            _prefix_route(nic, prefix)
        if prefix.autonomous and prefix.length == 64 and nic.autoconf.enabled:
            nic.autoconf.prefix_seen(prefix)
    nic.autoconf.flags_seen(advert.flags & 0x80 != 0, advert.flags & 0x40 != 0)


def _until(nic: Nic, seconds: int) -> int | None:
    return None if seconds == FOREVER else nic.stack.clock.now_ns() + seconds * NS_PER_S


def _set_route(nic: Nic, prefix: bytes, length: int, gateway: bytes, seconds: int, limit: int) -> None:
    """Add, refresh or withdraw a learnt route. A prefix is the kernel's, as one of an address (IP6_RT_PRIO_ADDRCONF)."""
    table = nic.stack.routes
    learnt = [e for e in table.entries if e.nic is nic and e.learnt]
    for entry in learnt:
        if entry.prefix == prefix and entry.length == length and entry.gateway == gateway:
            if seconds:
                entry.expires = _until(nic, seconds)
            else:
                table.remove(entry)
                nic.stack.changed()
            nic.schedule_expiry()
            return
    if seconds and len(learnt) < limit:
        metric, protocol = (1024, "ra") if gateway else (256, "kernel")
        entry = RouteEntry(prefix, length, nic, gateway, metric, b"", None, protocol)
        entry.learnt = True
        entry.expires = _until(nic, seconds)
        table.add(entry)
        nic.stack.changed()
        nic.schedule_expiry()


def _default_route(nic: Nic, router: bytes, lifetime_s: int) -> None:
    _set_route(nic, IPV6_ANY, 0, router, lifetime_s, MAX_ROUTERS)


def _prefix_route(nic: Nic, prefix: ndp.PrefixInfo) -> None:
    limit = MAX_ROUTERS + MAX_SLAAC_ADDRESSES
    _set_route(nic, masked(prefix.prefix, prefix.length), prefix.length, b"", prefix.valid_s, limit)


def solicit(nic: Nic, neighbor: Neighbor, unicast: bool) -> None:
    """Ask for the neighbour's link address (RFC 4861 7.2.2)."""
    source = nic.source_for(neighbor.addr)
    body = neighbor.addr + (ndp.link_option(ndp.OPTION_SOURCE_LINK, nic.mac) if source else b"")
    if unicast and neighbor.mac:
        send(nic, wire.NEIGHBOR_SOLICITATION, 0, body, source or IPV6_ANY, neighbor.addr, neighbor.mac)
    else:
        send(nic, wire.NEIGHBOR_SOLICITATION, 0, body, source or IPV6_ANY, solicited_node(neighbor.addr))


def start_dad(nic: Nic, address: NicAddress) -> None:
    """Probe a tentative address; it is ours when nobody objects within RetransTimer (RFC 4862 5.4.2)."""
    _DadEnd(nic, address, nic.autoconf.dad_transmits).probe()


class _DadEnd:
    """Runs when the time for objections is over."""

    __slots__ = ("nic", "address", "nonce", "left")

    def __init__(self, nic: Nic, address: NicAddress, left: int) -> None:
        self.nic = nic
        self.address = address
        self.nonce = b""
        self.left = left

    def probe(self) -> None:
        """Ask, and wait for RetransTimer."""
        nic = self.nic
        self.left -= 1
        self.nonce = nic.stack.random.getrandbits(48).to_bytes(6, "big")
        nic.dad_nonces[self.nonce] = self.address.addr
        body = self.address.addr + bytes((ndp.OPTION_NONCE, 1)) + self.nonce
        send(nic, wire.NEIGHBOR_SOLICITATION, 0, body, IPV6_ANY, solicited_node(self.address.addr))
        nic.stack.timers.after(nic.stack.clock.now_ns() + nic.retrans_ns, self.run)

    def run(self) -> None:
        nic, address = self.nic, self.address
        nic.dad_nonces.pop(self.nonce, None)
        if address.tentative and nic.addresses.get(address.addr) is address:
            if self.left > 0:
                self.probe()
                return
            address.tentative = False
            nic.autoconf.confirmed(address)
            if nic.forwards_v6:
                router_has(nic, address, True)
            nic.stack.addresses_changed()
            if nic.stack.watch is not None:
                nic.stack.watch.address_changed(nic, address)
            if is_link_local(address.addr):
                nic.mld.address_confirmed()
                solicit_routers(nic)


def solicit_routers(nic: Nic) -> None:
    """Ask for advertisements, up to three times (RFC 4861 6.3.7)."""
    if nic.accept_ra < (2 if nic.forwards_v6 else 1) or nic.router_solicitations_left <= 0:
        return
    nic.router_solicitations_left -= 1
    source = nic.source_for(IPV6_ALL_ROUTERS)
    body = ndp.link_option(ndp.OPTION_SOURCE_LINK, nic.mac) if source else b""
    send(nic, wire.ROUTER_SOLICITATION, 0, body, source or IPV6_ANY, IPV6_ALL_ROUTERS)
    nic.router_timer.arm(nic.stack.clock.now_ns() + nic.autoconf.solicit_interval_ns)


def send(nic: Nic, kind: int, rest: int, body: bytes, src: bytes, dst: bytes, mac: bytes = b"") -> None:
    """A message with hop limit 255 straight out of `nic`, without looking at routes."""
    size = wire.HEADER_LEN + len(body)
    out = bytearray(40 + size)
    Ipv6Header(src, dst, ICMPV6, size, 255).emit(out, 0)
    wire.Icmpv6Message(kind, 0, rest, body).emit(out, 40)
    value = finish(pseudo_sum(src, dst, ICMPV6, size) + partial_sum(memoryview(out)[40:]))
    out[42:44] = value.to_bytes(2, "big")
    nic.stack.stats.count_message_v6(kind, len(out), is_multicast(dst))
    nic.stats6.count_message(kind, len(out), is_multicast(dst))
    pkt = TxPacket(bytes(out), [], 0)
    pkt.transport = 40
    if is_multicast(dst):
        nic.send_frame(pkt, multicast_mac(dst), TYPE_IPV6)
    elif mac:
        nic.send_frame(pkt, mac, TYPE_IPV6)
    else:
        pkt.ethertype = TYPE_IPV6
        nic.neighbors.get(dst).send(pkt)
