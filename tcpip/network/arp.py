"""ARP: resolving IPv4 neighbours, answering for our own addresses, announcing them.

Implements: RFC 826, RFC 1027 (proxy ARP, without the delay that Linux has), RFC 1122 2.3.2, RFC 5227 2.3 (announcement), 2.1.1 (answering probes), RFC 3927 2.5 (everything
from a link-local address is broadcast). Who watches for conflicts is in `acd`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcpip.addr import IPV4_ANY, IPV4_BROADCAST, MAC_BROADCAST, MAC_ZERO, is_link_local, is_multicast
from tcpip.buffer import RxPacket, TxPacket
from tcpip.errors import DropReason, Malformed, NetworkError
from tcpip.header import arp as wire
from tcpip.header.ethernet import TYPE_ARP

if TYPE_CHECKING:
    from tcpip.network.neighbor import Neighbor
    from tcpip.stack.nic import Nic


def handle_packet(nic: Nic, pkt: RxPacket) -> None:
    """One received ARP packet; Malformed. Unknown senders are learnt only when they ask for us (RFC 826)."""
    message = wire.ArpPacket.parse(memoryview(pkt.data)[pkt.network : pkt.end])
    if message.operation not in (wire.REQUEST, wire.REPLY):
        raise Malformed(DropReason.UNKNOWN_MESSAGE)
    sender, mac = message.sender_ip, message.sender_mac
    if nic.conflict_detectors and mac != nic.mac:
        for addr in dict.fromkeys((sender, message.target_ip)):
            detector = nic.conflict_detectors.get(addr)
            if detector is not None:
                detector.seen(message)
    if mac[0] & 1 or sender in nic.addresses:
        raise Malformed(DropReason.BAD_SOURCE)
    for_us = message.target_ip in nic.addresses
    table = nic.neighbors
    if sender != IPV4_ANY:
        entry = table.find(sender)
        if entry is None and for_us and message.operation == wire.REQUEST and _on_link(nic, sender):
            entry = table.get(sender)
        if entry is not None:
            if message.operation == wire.REPLY and message.target_mac == nic.mac:
                entry.advertised(mac, True, True)
            else:
                entry.learn(mac)
    if message.operation == wire.REQUEST and (for_us or _proxies(nic, message.target_ip)):
        _send(nic, wire.REPLY, mac, message.target_ip, mac, sender)


def _proxies(nic: Nic, target: bytes) -> bool:
    """RFC 1027: a router answers for hosts that it reaches through another interface (net/ipv4/arp.c:arp_fwd_proxy)."""
    if not nic.forwards or not (nic.proxy_arp or nic.proxied) or is_multicast(target) or target == IPV4_BROADCAST:
        return False
    try:
        route = nic.stack.find_route(target)
    except NetworkError:
        return False
    return not route.local and route.nic is not nic and (nic.proxy_arp or target in nic.proxied)


def _on_link(nic: Nic, addr: bytes) -> bool:
    return any(len(a.addr) == 4 and a.reaches(addr) for a in nic.addresses.values())


def solicit(nic: Nic, neighbor: Neighbor, unicast: bool) -> None:
    """Ask who has the neighbour's address."""
    source = nic.source_for(neighbor.addr)
    to = neighbor.mac if unicast and neighbor.mac else MAC_BROADCAST
    _send(nic, wire.REQUEST, to, source or IPV4_ANY, MAC_ZERO, neighbor.addr)


def announce(nic: Nic, addr: bytes) -> None:
    """Tell the link that `addr` is ours."""
    _send(nic, wire.REQUEST, MAC_BROADCAST, addr, MAC_ZERO, addr)


def probe(nic: Nic, addr: bytes) -> None:
    """Ask whether anybody has `addr`, which is not ours yet."""
    _send(nic, wire.REQUEST, MAC_BROADCAST, IPV4_ANY, MAC_ZERO, addr)


def _send(nic: Nic, operation: int, to: bytes, sender: bytes, target_mac: bytes, target: bytes) -> None:
    if is_link_local(sender):
        to = MAC_BROADCAST
    out = bytearray(wire.PACKET_LEN)
    wire.ArpPacket(operation, nic.mac, sender, target_mac, target).emit(out, 0)
    nic.send_frame(TxPacket(bytes(out), [], 0), to, TYPE_ARP)
