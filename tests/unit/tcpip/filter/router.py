"""A router between `lan` and `wan`, two raw-IP links that end in the test's hands, and packets to send through it."""

from __future__ import annotations

from random import Random

from tcpip.addr import IPV4_ANY, IPV6_ANY, parse
from tcpip.checksum import finish, partial_sum
from tcpip.clock import NS_PER_S, ManualClock
from tcpip.header.tcp import ACK, SYN, TcpHeader
from tcpip.link.base import CAP_NO_ARP
from tcpip.link.channel import ChannelLink
from tcpip.stack.stack import Stack

from ..bench import icmpv4_message, icmpv6_message, ipv4_packet, ipv6_packet, udp_datagram

LAN4, WAN4 = parse("10.0.0.1"), parse("203.0.113.1")
LAN6, WAN6 = parse("fd00::1"), parse("2001:db8::1")
CLIENT, CLIENT2, SERVER = parse("10.0.0.2"), parse("10.0.0.3"), parse("198.51.100.7")
CLIENT6, SERVER6 = parse("fd00::2"), parse("2001:db8:9::7")


class Router:
    """10.0.0.1/24 and fd00::1/64 on `lan`, 203.0.113.1/24 and 2001:db8::1/64 and the default routes on `wan`."""

    def __init__(self, seed: int = 1, netfilter: bool = True) -> None:
        self.clock = ManualClock(1000 * NS_PER_S)
        self.stack = Stack(self.clock, Random(seed))
        self.lan_link = ChannelLink(1500, b"", CAP_NO_ARP, 1 << 20)
        self.wan_link = ChannelLink(1500, b"", CAP_NO_ARP, 1 << 20)
        self.lan = self.stack.add_nic(self.lan_link, "lan")
        self.wan = self.stack.add_nic(self.wan_link, "wan")
        for nic, four, six in ((self.lan, LAN4, LAN6), (self.wan, WAN4, WAN6)):
            nic.add_address(four, 24)
            nic.add_address(six, 64, dad=False)
        self.stack.add_route(IPV4_ANY, 0, parse("203.0.113.254"), self.wan)
        self.stack.add_route(IPV6_ANY, 0, parse("2001:db8::fe"), self.wan)
        self.stack.forwarding = self.stack.forwarding_v6 = True
        if netfilter:
            self.nf = self.stack.enable_netfilter()
        self.sent()

    def sent(self) -> tuple[list[bytes], list[bytes]]:
        """What has left by lan and wan since the last time."""
        self.stack.flush()
        return self.lan_link.take(), self.wan_link.take()

    def from_lan(self, packet: bytes) -> tuple[list[bytes], list[bytes]]:
        """A packet comes in there; what leaves."""
        self.lan_link.inject(packet)
        return self.sent()

    def from_wan(self, packet: bytes) -> tuple[list[bytes], list[bytes]]:
        """A packet comes in there; what leaves."""
        self.wan_link.inject(packet)
        return self.sent()

    def through(self, packet: bytes) -> bytes:
        """From lan to wan: exactly one packet for one."""
        lan, wan = self.from_lan(packet)
        assert (len(lan), len(wan)) == (0, 1)
        return wan[0]

    def back(self, packet: bytes) -> bytes:
        """From wan to lan: exactly one packet for one."""
        lan, wan = self.from_wan(packet)
        assert (len(lan), len(wan)) == (1, 0)
        return lan[0]

    def pass_time(self, seconds: float) -> None:
        """Let the clock run, firing each timer at its time."""
        end = self.clock.now_ns() + int(seconds * NS_PER_S)
        while (deadline := self.stack.next_deadline()) is not None and deadline <= end:
            self.clock.advance(max(deadline - self.clock.now_ns(), 0))
            self.stack.run_timers()
        self.clock.advance(end - self.clock.now_ns())
        self.stack.run_timers()


def ip(payload: bytes, protocol: int, src: bytes, dst: bytes, **fields: object) -> bytes:
    """A packet of the addresses' family."""
    build = ipv4_packet if len(src) == 4 else ipv6_packet
    return build(payload, protocol, src, dst, **fields)


def udp(src: bytes, sport: int, dst: bytes, dport: int, data: bytes = b"data", **fields: object) -> bytes:
    """A UDP packet."""
    return ip(udp_datagram(data, sport, dport, src, dst), 17, src, dst, **fields)


def tcp(
    src: bytes,
    sport: int,
    dst: bytes,
    dport: int,
    flags: int = SYN,
    seq: int = 1000,
    ack: int = 0,
    data: bytes = b"",
    window: int = 64000,
    options: bytes = b"",
    **fields: object,
) -> bytes:
    """A TCP packet."""
    out = bytearray(20 + len(options))
    TcpHeader(sport, dport, seq, ack, flags, window, options).emit(out, 0)
    total = partial_sum(src) + partial_sum(dst) + 6 + len(out) + len(data) + partial_sum(bytes(out) + data)
    out[16:18] = finish(total).to_bytes(2, "big")
    return ip(bytes(out) + data, 6, src, dst, **fields)


def echo(src: bytes, dst: bytes, ident: int, reply: bool = False, **fields: object) -> bytes:
    """An ICMP echo request or reply."""
    if len(src) == 4:
        return ip(icmpv4_message(0 if reply else 8, 0, ident << 16 | 1, b"ping"), 1, src, dst, **fields)
    return ip(icmpv6_message(129 if reply else 128, 0, ident << 16 | 1, b"ping", src, dst), 58, src, dst, **fields)


def ports(packet: bytes) -> tuple[int, int]:
    """Source and destination port of a packet without options."""
    at = 20 if packet[0] >> 4 == 4 else 40
    return int.from_bytes(packet[at : at + 2], "big"), int.from_bytes(packet[at + 2 : at + 4], "big")


def addresses(packet: bytes) -> tuple[bytes, bytes]:
    """Source and destination."""
    return (packet[12:16], packet[16:20]) if packet[0] >> 4 == 4 else (packet[8:24], packet[24:40])


def checks(packet: bytes) -> bool:
    """IP header and transport checksums are right, and the ICMP message's, and those it quotes."""
    four = packet[0] >> 4 == 4
    at = (packet[0] & 15) * 4 if four else 40
    if four and partial_sum(packet[:at]):
        return False
    protocol = packet[9] if four else packet[6]
    src, dst = addresses(packet)
    pseudo = partial_sum(src) + partial_sum(dst) + protocol + len(packet) - at
    if protocol == 1:
        pseudo = 0
    if (partial_sum(packet[at:]) + pseudo) % 0xFFFF:
        return False
    error = (protocol == 1 and packet[at] in (3, 11, 12)) or (protocol == 58 and packet[at] < 128)
    return not error or checks(packet[at + 8 :])


def handshake(router: Router, src: bytes, sport: int, dst: bytes, dport: int) -> tuple[bytes, int]:
    """A TCP connection from lan to wan through source translation; the address and port that the outside sees."""
    seen = router.through(tcp(src, sport, dst, dport, SYN))
    addr, port = addresses(seen)[0], ports(seen)[0]
    router.back(tcp(dst, dport, addr, port, SYN | ACK, 5000, 1001))
    router.through(tcp(src, sport, dst, dport, ACK, 1001, 5001))
    return addr, port
