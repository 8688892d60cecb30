"""A host under test: one stack on a manual clock, one Ethernet NIC that ends in a channel, and a peer made of bytes."""

from __future__ import annotations

from random import Random

from tcpip.addr import parse
from tcpip.buffer import CSUM_NONE
from tcpip.checksum import checksum, partial_sum
from tcpip.clock import ManualClock
from tcpip.header.arp import ArpPacket
from tcpip.header.ethernet import TYPE_ARP, TYPE_IPV4, TYPE_IPV6, EthernetHeader
from tcpip.header.ipv4 import Ipv4Header
from tcpip.header.ipv6 import Ipv6Header
from tcpip.header.udp import UdpHeader
from tcpip.link.channel import ChannelLink
from tcpip.stack.stack import Stack

MAC = b"\x02\0\0\0\0\x01"
PEER_MAC = b"\x02\0\0\0\0\x99"
IP4 = parse("10.0.0.1")
PEER4 = parse("10.0.0.2")
IP6 = parse("2001:db8::1")
PEER6 = parse("2001:db8::2")


class Host:
    """`stack` with 10.0.0.1/24 and 2001:db8::1/64; the peer's link addresses are known unless `resolve` is off."""

    def __init__(self, resolve: bool = True, mtu: int = 1500, ipv6: bool = True, **link_options: int) -> None:
        self.clock = ManualClock(1_000_000_000)
        self.stack = Stack(self.clock, Random(7))
        self.link = ChannelLink(mtu, MAC, **link_options)
        self.nic = self.stack.add_nic(self.link, "eth0")
        self.nic.accept_ra = False
        self.nic.add_address(IP4, 24)
        if ipv6:
            self.nic.add_address(IP6, 64, dad=False)
        if resolve:
            self.nic.neighbors.add_permanent(PEER4, PEER_MAC)
            self.nic.neighbors.add_permanent(PEER6, PEER_MAC)
        self.pass_time(2)
        self.frames()

    def frames(self) -> list[bytes]:
        """What the host has sent since the last time."""
        self.stack.flush()
        return self.link.take()

    def packets(self, ethertype: int = TYPE_IPV4) -> list[bytes]:
        """The same, of one type, without the link header."""
        return [f[14:] for f in self.frames() if int.from_bytes(f[12:14], "big") == ethertype]

    def pass_time(self, seconds: float) -> None:
        """Let the clock run, firing each timer at its time."""
        end = self.clock.now_ns() + int(seconds * 1e9)
        while True:
            deadline = self.stack.next_deadline()
            if deadline is None or deadline > end:
                break
            self.clock.advance(max(deadline - self.clock.now_ns(), 0))
            self.stack.run_timers()
        self.clock.advance(end - self.clock.now_ns())
        self.stack.run_timers()

    def frame(self, payload: bytes, ethertype: int = TYPE_IPV4, dst: bytes = MAC, csum: int = CSUM_NONE) -> None:
        """A frame from the peer arrives."""
        header = bytearray(14)
        EthernetHeader(dst, PEER_MAC, ethertype).emit(header, 0)
        self.link.inject(bytes(header) + payload, csum=csum)

    def ipv4(self, payload: bytes, protocol: int, dst_mac: bytes = MAC, **fields: object) -> None:
        """An IPv4 packet from the peer arrives."""
        self.frame(ipv4_packet(payload, protocol, **fields), TYPE_IPV4, dst_mac)

    def ipv6(self, payload: bytes, next_header: int, dst_mac: bytes = MAC, **fields: object) -> None:
        """An IPv6 packet from the peer arrives."""
        self.frame(ipv6_packet(payload, next_header, **fields), TYPE_IPV6, dst_mac)

    def arp(self, packet: ArpPacket, dst: bytes = MAC) -> None:
        """An ARP packet arrives."""
        out = bytearray(28)
        packet.emit(out, 0)
        self.frame(bytes(out), TYPE_ARP, dst)

    def arps(self) -> list[ArpPacket]:
        """ARP packets the host has sent."""
        return [ArpPacket.parse(p) for p in self.packets(TYPE_ARP)]


def ipv4_packet(payload: bytes, protocol: int, src: bytes = PEER4, dst: bytes = IP4, **fields: object) -> bytes:
    """An IPv4 packet."""
    options = fields.get("options", b"")
    assert isinstance(options, bytes)
    header = Ipv4Header(src, dst, protocol, 20 + len(options) + len(payload), **fields)  # type: ignore[arg-type]
    out = bytearray(header.wire_len())
    header.emit(out, 0)
    return bytes(out) + payload


def ipv6_packet(payload: bytes, next_header: int, src: bytes = PEER6, dst: bytes = IP6, **fields: object) -> bytes:
    """An IPv6 packet."""
    out = bytearray(40)
    Ipv6Header(src, dst, next_header, len(payload), **fields).emit(out, 0)  # type: ignore[arg-type]
    return bytes(out) + payload


def udp_datagram(data: bytes, src_port: int, dst_port: int, src: bytes = PEER4, dst: bytes = IP4) -> bytes:
    """A UDP datagram with its checksum."""
    out = bytearray(8)
    UdpHeader(src_port, dst_port, 8 + len(data)).emit(out, 0)
    total = partial_sum(src) + partial_sum(dst) + 17 + len(data) + 8 + partial_sum(bytes(out) + data)
    out[6:8] = ((0xFFFF - (total % 0xFFFF or 0xFFFF)) or 0xFFFF).to_bytes(2, "big")
    return bytes(out) + data


def icmpv4_message(kind: int, code: int, rest: int, body: bytes = b"") -> bytes:
    """An ICMPv4 message with its checksum."""
    head = bytearray(bytes((kind, code, 0, 0)) + rest.to_bytes(4, "big") + body)
    head[2:4] = checksum(head).to_bytes(2, "big")
    return bytes(head)


def icmpv6_message(kind: int, code: int, rest: int, body: bytes = b"", src: bytes = PEER6, dst: bytes = IP6) -> bytes:
    """An ICMPv6 message with its checksum."""
    head = bytearray(bytes((kind, code, 0, 0)) + rest.to_bytes(4, "big") + body)
    total = partial_sum(src) + partial_sum(dst) + 58 + len(head) + partial_sum(head)
    head[2:4] = (0xFFFF - (total % 0xFFFF or 0xFFFF)).to_bytes(2, "big")
    return bytes(head)
