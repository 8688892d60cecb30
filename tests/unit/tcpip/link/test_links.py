"""Links in memory: pipe, bridge, sniffer, impairment, and offload done in software."""

import io
import os
import struct
from random import Random

import dpkt
import pytest

from tcpip.addr import SockAddr, parse
from tcpip.buffer import CSUM_PARTIAL, GSO_TCPV4, GSO_TCPV6, RxPacket, TxPacket
from tcpip.checksum import partial_sum
from tcpip.clock import NS_PER_S, ManualClock
from tcpip.errors import NetworkError
from tcpip.header.ipv4 import Ipv4Header
from tcpip.link import vnet
from tcpip.link.base import CAP_NO_ARP, Dispatcher
from tcpip.link.bridge import Bridge
from tcpip.link.channel import ChannelLink
from tcpip.link.fdbased import FdLink
from tcpip.link.impairment import ImpairmentLink
from tcpip.link.offload import complete_checksum, split
from tcpip.link.pcapng import PcapngWriter
from tcpip.link.pipe import pipe
from tcpip.link.sniffer import start_capture, stop_capture
from tcpip.sockopt import SOCK_DGRAM
from tcpip.stack.stack import Stack
from tcpip.timers import TimerQueue

from ..bench import IP4, PEER4, PEER_MAC, Host, icmpv4_message

A, B = parse("10.0.0.1"), parse("10.0.0.2")


class Collector(Dispatcher):
    """Keeps what is delivered."""

    def __init__(self) -> None:
        self.packets: list[RxPacket] = []

    def deliver(self, packets: list[RxPacket]) -> None:
        self.packets += packets


def tcp_super_segment(v6: bool, payload: bytes, size: int) -> TxPacket:
    """A TCP packet with an Ethernet and an IP header, as a route hands it to a link."""
    src, dst = (parse("2001:db8::1"), parse("2001:db8::2")) if v6 else (A, B)
    tcp = bytearray(struct.pack("!HHIIBBHHH", 1, 2, 0xFFFFFF00, 9, 0x50, 0x99, 500, 0, 0))
    pseudo = partial_sum(src) + partial_sum(dst) + 6 + len(tcp) + len(payload)
    tcp[16:18] = (pseudo % 0xFFFF).to_bytes(2, "big")
    if v6:
        ip = struct.pack("!IHBB", 6 << 28, len(tcp) + len(payload), 6, 64) + src + dst
    else:
        out = bytearray(20)
        Ipv4Header(src, dst, 6, 20 + len(tcp) + len(payload), ident=0xFFFF, dont_fragment=True).emit(out, 0)
        ip = bytes(out)
    link = PEER_MAC + b"\x02\0\0\0\0\x01" + (b"\x86\xdd" if v6 else b"\x08\0")
    half = len(payload) // 2
    pkt = TxPacket(
        link + ip + tcp, [payload[:half], payload[half:]], len(payload), 16, GSO_TCPV6 if v6 else GSO_TCPV4, size
    )
    pkt.csum = CSUM_PARTIAL
    pkt.network, pkt.transport = 14, 14 + len(ip)
    return pkt


@pytest.mark.parametrize("v6", [False, True])
def test_split_makes_whole_segments(v6: bool) -> None:
    payload = bytes(i % 251 for i in range(3000))
    segments = split(tcp_super_segment(v6, payload, 1400))
    assert [s.payload_len for s in segments] == [1400, 1400, 200]
    for index, segment in enumerate(segments):
        frame = dpkt.ethernet.Ethernet(segment.join())
        ip = frame.data
        assert len(bytes(ip)) == len(segment.join()) - 14
        tcp = ip.data
        assert tcp.seq == (0xFFFFFF00 + index * 1400) & 0xFFFFFFFF
        assert bytes(tcp.data) == payload[index * 1400 : (index + 1) * 1400]
        assert bool(tcp.flags & 0x80) == (index == 0)
        assert bool(tcp.flags & 0x09) == (index == 2)
        assert tcp.flags & 0x10
        raw = segment.join()
        start = segment.transport
        addresses = raw[26:34] if not v6 else raw[22:54]
        assert (partial_sum(addresses) + 6 + len(raw) - start + partial_sum(raw[start:])) % 0xFFFF == 0
        if not v6:
            assert Ipv4Header.parse(raw[14:]).ident == (0xFFFF + index) & 0xFFFF


def test_complete_checksum() -> None:
    pkt = tcp_super_segment(False, b"odd", 0)
    complete_checksum(pkt)
    raw = pkt.join()
    assert (partial_sum(raw[26:34]) + 6 + len(raw) - 34 + partial_sum(raw[34:])) % 0xFFFF == 0


def test_vnet_header_round_trip() -> None:
    pkt = tcp_super_segment(False, bytes(3000), 1400)
    raw = vnet.emit(pkt)
    assert vnet.HEADER.unpack(raw) == (1, 1, 54, 1400, 34, 16)
    got = vnet.parse(raw + pkt.join())
    assert (got.csum, got.gso_type, got.gso_size, got.frame()) == (CSUM_PARTIAL, GSO_TCPV4, 1400, pkt.join())
    assert vnet.parse(b"\x02" + bytes(9) + b"frame").csum == 2


def joined_stacks(offload: bool) -> tuple[Stack, Stack, ManualClock]:
    clock = ManualClock()
    left, right = pipe(1500, offload=offload)
    one, two = Stack(clock, Random(1)), Stack(clock, Random(2))
    one.add_nic(left).add_address(A, 24)
    two.add_nic(right).add_address(B, 24)
    return one, two, clock


@pytest.mark.parametrize("offload", [False, True])
def test_two_stacks_on_a_pipe(offload: bool) -> None:
    one, two, _ = joined_stacks(offload)
    server, client = two.new_endpoint(2, SOCK_DGRAM), one.new_endpoint(2, SOCK_DGRAM)
    server.bind(SockAddr(B, 7))
    client.sendmsg(bytes(5000), SockAddr(B, 7))
    one.flush()
    two.flush()
    buffer = memoryview(bytearray(6000))
    got = server.recvmsg(buffer)
    assert got.length == 5000 and got.address is not None
    server.sendmsg(b"back", got.address)
    two.flush()
    one.flush()
    assert client.recv_into(buffer) == 4


def test_closed_pipe_drops() -> None:
    one, _, _ = joined_stacks(True)
    nic = one.nics[2]
    nic.link.close()
    one.new_endpoint(2, SOCK_DGRAM).sendmsg(b"x", SockAddr(B, 7))
    one.flush()
    assert one.stats.drops == {"link-error": 2}


def test_bridge_learns() -> None:
    bridge = Bridge()
    links = [ChannelLink() for _ in range(3)]
    for link in links:
        bridge.add_port(link)
    macs = [bytes((2, 0, 0, 0, 0, n)) for n in range(3)]
    links[0].inject(b"\xff" * 6 + macs[0] + b"\x08\x06" + bytes(30))
    assert [len(link.take()) for link in links] == [0, 1, 1]
    links[1].inject(macs[0] + macs[1] + b"\x08\x06" + bytes(30))
    assert [len(link.take()) for link in links] == [1, 0, 0]
    links[0].inject(macs[2] + macs[0] + b"\x08\x06" + bytes(30))
    assert [len(link.take()) for link in links] == [0, 1, 1]
    links[0].inject(b"short")
    assert [len(link.take()) for link in links] == [0, 0, 0]


def test_bridge_cuts_for_ports_without_offload() -> None:
    bridge = Bridge()
    out = ChannelLink()
    bridge.add_port(out)
    port = bridge.add_port(ChannelLink())
    pkt = tcp_super_segment(False, bytes(3000), 1400)
    bridge.forward(port, [pkt.to_rx()])
    assert [len(f) for f in out.take()] == [1454, 1454, 254]


def test_sniffer_writes_what_dpkt_reads() -> None:
    host = Host()
    out = io.BytesIO()
    sniffer = start_capture(host.nic, PcapngWriter(out))
    sniffer.comment = "unit test"
    host.ipv4(icmpv4_message(8, 0, 1, b"abc"), 1)
    host.frames()
    stop_capture(host.nic, sniffer)
    host.ipv4(icmpv4_message(8, 0, 1, b"abc"), 1)
    out.seek(0)
    packets = list(dpkt.pcapng.Reader(out))
    assert len(packets) == 2
    request, answer = (dpkt.ethernet.Ethernet(data) for _, data in packets)
    assert request.data.data.type == 8 and answer.data.data.type == 0
    assert b"unit test" in out.getvalue()
    assert abs(packets[0][0] - host.clock.realtime_ns() / 1e9) < 10


def impaired(seed: int = 1) -> tuple[ImpairmentLink, ChannelLink, ManualClock, TimerQueue, Collector]:
    clock, timers = ManualClock(), TimerQueue()
    inner = ChannelLink(limit=100_000)
    link = ImpairmentLink(inner, clock, timers, seed)
    collector = Collector()
    link.attach(collector)
    return link, inner, clock, timers, collector


def send(link: ImpairmentLink, count: int, size: int = 100) -> None:
    link.write_packets([TxPacket(number.to_bytes(4, "big") + bytes(size - 4), [], 0) for number in range(count)])


def numbers(inner: ChannelLink) -> list[int]:
    return [int.from_bytes(frame[:4], "big") for frame in inner.take()]


def test_impairment_off_is_transparent() -> None:
    link, inner, _, _, collector = impaired()
    send(link, 10)
    assert numbers(inner) == list(range(10))
    inner.inject(b"in")
    assert [p.frame() for p in collector.packets] == [b"in"]


def test_delay_keeps_order_and_jitter_too() -> None:
    link, inner, clock, timers, _ = impaired()
    link.outbound.delay_ns, link.outbound.jitter_ns = 1000, 500
    send(link, 50)
    assert numbers(inner) == []
    clock.advance(999)
    timers.run(clock.now_ns())
    assert numbers(inner) == []
    clock.advance(501)
    timers.run(clock.now_ns())
    assert numbers(inner) == list(range(50))


def test_loss_is_seeded_and_near_its_rate() -> None:
    runs = []
    for _ in range(2):
        link, inner, _, _, _ = impaired(5)
        link.outbound.loss = 0.1
        send(link, 5000)
        runs.append(numbers(inner))
    assert runs[0] == runs[1]
    assert 4350 < len(runs[0]) < 4650


def test_burst_loss_loses_runs() -> None:
    link, inner, _, _, _ = impaired()
    link.outbound.burst_enter, link.outbound.burst_leave = 0.01, 0.2
    send(link, 5000)
    got = numbers(inner)
    gaps = [b - a - 1 for a, b in zip(got, got[1:], strict=False) if b - a > 1]
    assert sum(gaps) / len(gaps) > 3


def test_partition_duplicates_corruption_and_reordering() -> None:
    link, inner, clock, timers, collector = impaired()
    link.inbound.partition = True
    inner.inject(b"in")
    assert collector.packets == []
    link.outbound.duplicate = 1.0
    send(link, 2)
    assert numbers(inner) == [0, 0, 1, 1]
    link.outbound.duplicate, link.outbound.corrupt = 0.0, 1.0
    link.write_packets([TxPacket(bytes(50), [], 0)])
    assert sum(bin(byte).count("1") for byte in inner.take()[0]) == 1
    link.outbound.corrupt, link.outbound.reorder, link.outbound.delay_ns = 0.0, 0.3, 1000
    send(link, 50)
    clock.advance(1000)
    timers.run(clock.now_ns())
    got = numbers(inner)
    assert sorted(got) == list(range(50)) and got != sorted(got)


def test_rate_and_queue_limit() -> None:
    link, inner, clock, timers, _ = impaired()
    link.outbound.rate, link.outbound.queue_limit = 8_000_000, 10
    send(link, 20, 1000)
    clock.advance(5_000_000)
    timers.run(clock.now_ns())
    assert numbers(inner) == [0, 1, 2, 3, 4]
    clock.advance(50_000_000)
    timers.run(clock.now_ns())
    assert numbers(inner) == [5, 6, 7, 8, 9]
    assert link.lost == 10


def test_fd_link_reads_batches_and_survives_a_closed_peer() -> None:
    import socket

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    link = FdLink(os.dup(ours.fileno()), 1500, PEER_MAC)
    ours.close()
    collector = Collector()
    link.attach(collector)
    for number in range(70):
        theirs.send(bytes((number,)) * 60)
    assert link.receive() is True
    assert len(collector.packets) == 64
    assert link.receive() is False
    assert len(collector.packets) == 70
    assert link.write_packets([TxPacket(b"head", [b"er", b"!"], 3)]) == 1
    assert theirs.recv(100) == b"header!"
    theirs.close()
    assert link.write_packets([TxPacket(b"head", [], 0)]) == 0
    assert link.receive() is False
    link.close()
    link.close()


def test_raw_ip_link_needs_no_resolution() -> None:
    clock = ManualClock()
    link = ChannelLink(1500, b"", CAP_NO_ARP)
    stack = Stack(clock, Random(1))
    stack.add_nic(link, "tun0").add_address(IP4, 24)
    stack.new_endpoint(2, SOCK_DGRAM).sendmsg(b"x", SockAddr(PEER4, 9))
    stack.flush()
    (packet,) = link.take()
    assert Ipv4Header.parse(packet).dst == PEER4
    link.inject(b"", b"\x00", packet)


def test_transmit_queue_is_bounded() -> None:
    host = Host()
    endpoint = host.stack.new_endpoint(2, SOCK_DGRAM)
    for _ in range(1100):
        endpoint.sendmsg(b"x", SockAddr(PEER4, 9))
    assert len(host.frames()) == 1000
    assert host.stack.stats.drops == {"queue-full": 100}


def test_interface_that_is_down_has_no_routes() -> None:
    host = Host()
    host.nic.set_up(False)
    with pytest.raises(NetworkError):
        host.stack.new_endpoint(2, SOCK_DGRAM).sendmsg(b"x", SockAddr(PEER4, 9))


def test_what_is_under_way_does_not_fill_the_queue_of_the_rate_limiter() -> None:
    clock, timers = ManualClock(), TimerQueue()
    a, b = pipe(1500, offload=False)
    received: list[RxPacket] = []

    class Sink(Dispatcher):
        def deliver(self, packets: list[RxPacket]) -> None:
            received.extend(packets)

    b.attach(Sink())
    link = ImpairmentLink(a, clock, timers)
    link.outbound.rate, link.outbound.queue_limit, link.outbound.delay_ns = 8_000_000, 2, NS_PER_S
    for _ in range(20):
        link.write_packets([TxPacket(bytes(1000), [], 0)])
        clock.advance(1_000_000)  # what a packet takes
    clock.advance(2 * NS_PER_S)
    timers.run(clock.now_ns())
    assert (len(received), link.lost) == (20, 0)
