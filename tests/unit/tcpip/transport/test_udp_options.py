"""What the options of datagram endpoints do to packets: extension headers, super-datagrams, cuts, checksums."""

import struct

import pytest

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET6, IPV6_ANY, SockAddr
from tcpip.buffer import CSUM_VALID, GSO_UDP_L4, RxPacket
from tcpip.errors import NetworkError
from tcpip.header.ethernet import TYPE_IPV6
from tcpip.sockopt import SOCK_DGRAM
from tcpip.transport.datagram import Datagram
from tcpip.transport.timestamping import SOFTWARE, TX_SOFTWARE

from ..bench import IP4, IP6, PEER4, PEER6, Host, ipv4_packet, udp_datagram
from .test_udp import receive, udp


def test_extension_headers_and_flow_labels_are_shown() -> None:
    host = Host()
    server = udp(host, AF_INET6)
    server.bind(SockAddr(IPV6_ANY, 7))
    for name in (
        so.IPV6_RECVHOPOPTS,
        so.IPV6_RECVDSTOPTS,
        so.IPV6_2292DSTOPTS,
        so.IPV6_FLOWINFO,
        so.IPV6_RECVORIGDSTADDR,
    ):
        server.set_option(so.SOL_IPV6, name, 1)
    hop = bytes((60, 0, 1, 4, 0, 0, 0, 0))
    destination = bytes((17, 1, 1, 12)) + bytes(12)
    host.ipv6(hop + destination + udp_datagram(b"x", 4000, 7, PEER6, IP6), 0, flow_label=0x12345, traffic_class=0)
    _, message = receive(server)
    assert message.control[:4] == [
        (so.SOL_IPV6, so.IPV6_FLOWINFO, (0x12345).to_bytes(4, "big")),
        (so.SOL_IPV6, so.IPV6_HOPOPTS, hop),
        (so.SOL_IPV6, so.IPV6_DSTOPTS, destination),
        (so.SOL_IPV6, so.IPV6_2292DSTOPTS, destination),
    ]
    level, name, data = message.control[4]
    assert (level, name, data[2:4], data[8:24]) == (so.SOL_IPV6, so.IPV6_RECVORIGDSTADDR, b"\0\7", IP6)


def test_a_super_datagram_is_read_whole_with_udp_gro_and_in_pieces_without() -> None:
    host = Host()
    server = udp(host)
    server.bind(SockAddr(IP4, 7))
    for gro, sizes in ((0, [40, 40, 20]), (1, [100])):
        server.set_option(so.SOL_UDP, so.UDP_GRO, gro)
        data = ipv4_packet(udp_datagram(b"x" * 100, 4000, 7), 17)
        pkt = RxPacket(data, CSUM_VALID, GSO_UDP_L4, 40)
        pkt.transport, pkt.src, pkt.dst, pkt.nic = 20, PEER4, IP4, host.nic
        pkt.key = PEER4 + IP4 + data[20:24]
        host.stack.udp.deliver(pkt)
        got = [receive(server, 200) for _ in sizes]
        assert [len(text) for text, _ in got] == sizes
        control = [(so.SOL_UDP, so.UDP_GRO, struct.pack("=i", 40))] if gro else []
        assert all(message.control == control for _, message in got)


def test_udp_segment_cuts_what_is_sent() -> None:
    host = Host()
    client = udp(host)
    client.connect(SockAddr(PEER4, 9))
    client.sendmsg(b"y" * 250, None, 0, [(so.SOL_UDP, so.UDP_SEGMENT, struct.pack("=H", 100))])
    assert [len(packet) - 28 for packet in host.packets()] == [100, 100, 50]
    for size, text in ((1473, b"x" * 2000), (10, b"x" * 641)):
        client.set_option(so.SOL_UDP, so.UDP_SEGMENT, size)
        with pytest.raises(NetworkError) as caught:
            client.send(text)
        assert caught.value.error is errors.INVALID_ARGUMENT


def test_ipv6_without_checksums_only_for_who_says_so() -> None:
    host = Host()
    server = udp(host, AF_INET6)
    server.bind(SockAddr(IPV6_ANY, 7))
    datagram = bytearray(udp_datagram(b"x", 4000, 7, PEER6, IP6))
    datagram[6:8] = b"\0\0"
    host.ipv6(bytes(datagram), 17)
    assert not server.readable_bytes()
    server.set_option(so.SOL_UDP, so.UDP_NO_CHECK6_RX, 1)
    host.ipv6(bytes(datagram), 17)
    assert receive(server)[0] == b"x"
    server.set_option(so.SOL_UDP, so.UDP_NO_CHECK6_TX, 1)
    server.sendmsg(b"y", SockAddr(PEER6, 4000))
    (packet,) = (p for p in host.packets(TYPE_IPV6) if p[6] == 17)
    assert packet[46:48] == b"\0\0"


def test_dont_fragment_refuses_what_does_not_fit() -> None:
    host = Host()
    client = host.stack.new_endpoint(AF_INET6, SOCK_DGRAM)
    client.connect(SockAddr(PEER6, 9))
    assert client.send(b"x" * 2000) == 2000
    client.set_option(so.SOL_IPV6, so.IPV6_DONTFRAG, 1)
    with pytest.raises(NetworkError) as caught:
        client.send(b"x" * 2000)
    assert caught.value.error is errors.MESSAGE_TOO_LONG


def test_a_mark_is_shown() -> None:
    pkt = RxPacket(ipv4_packet(udp_datagram(b"x", 1, 7), 17))
    pkt.transport = 20
    datagram = Datagram(pkt, 28, 1, 0)
    assert datagram.mark == 0 and datagram.dst_port == b"\0\7"


def test_stamps_that_nobody_asks_for_are_bounded() -> None:
    host = Host()
    client = udp(host)
    client.connect(SockAddr(PEER4, 9))
    client.set_option(so.SOL_SOCKET, so.SO_TIMESTAMPING, TX_SOFTWARE | SOFTWARE)
    for _ in range(200):
        client.send(b"x")
    keys = 0
    with pytest.raises(NetworkError):
        while True:
            text, message = receive(client, 100, so.MSG_ERRQUEUE)
            assert text[:14] == bytes(12) + b"\x08\0" or text[12:14] == b"\x08\0"
            assert message.control[1][1] == so.IP_RECVERR
            keys += 1
    assert keys == 64
