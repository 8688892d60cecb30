"""IP options and extension headers that sockets send, per socket and per message, and what comes of received ones."""

from __future__ import annotations

import struct

import pytest

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET, AF_INET6, SockAddr, parse
from tcpip.errors import NetworkError
from tcpip.header.ethernet import TYPE_IPV4, TYPE_IPV6
from tcpip.header.ipv4 import Ipv4Header
from tcpip.sockopt import SOCK_DGRAM, SOCK_RAW, SOCK_STREAM
from tcpip.transport.endpoint import Endpoint
from tcpip.transport.tcp.endpoint import TcpEndpoint

from ..bench import IP4, IP6, PEER4, PEER6, PEER_MAC, Host, ipv4_packet, udp_datagram
from .test_udp import receive

HOP = bytes((0, 0, 5, 2, 0, 0, 1, 0))
DESTINATION = bytes((0, 0, 1, 4, 0, 0, 0, 0))
VIA = parse("2001:db8::77")
SEGMENTS = bytes((0, 4, 4, 1, 1, 0, 0, 0)) + bytes(16) + VIA
RECORD = bytes((7, 11, 4)) + bytes(8) + b"\1"


def client(host: Host, family: int = AF_INET6, kind: int = SOCK_DGRAM, protocol: int = 0) -> Endpoint:
    ep = host.stack.new_endpoint(family, kind, protocol)
    ep.settings().privileged = True
    return ep


def refused(ep: Endpoint, level: int, name: int, value: int | bytes) -> object:
    with pytest.raises(NetworkError) as caught:
        ep.set_option(level, name, value)
    return caught.value.error


def test_headers_leave_in_their_order_with_every_datagram() -> None:
    host = Host()
    ep = client(host)
    for name, header in ((so.IPV6_DSTOPTS, DESTINATION), (so.IPV6_RTHDRDSTOPTS, DESTINATION), (so.IPV6_HOPOPTS, HOP)):
        ep.set_option(so.SOL_IPV6, name, header)
        assert ep.get_option(so.SOL_IPV6, name) == header
    ep.sendmsg(b"x", SockAddr(PEER6, 9))
    (packet,) = host.packets(TYPE_IPV6)
    assert packet[6] == 0 and packet[40:48] == bytes((60,)) + HOP[1:]
    assert packet[48:56] == bytes((17,)) + DESTINATION[1:]  # IPV6_RTHDRDSTOPTS waits for a routing header
    assert packet[56:] == udp_datagram(b"x", ep.getsockname().port, 9, IP6, PEER6)
    ep.set_option(so.SOL_IPV6, so.IPV6_HOPOPTS, b"")
    ep.set_option(so.SOL_IPV6, so.IPV6_DSTOPTS, b"")
    ep.sendmsg(b"x", SockAddr(PEER6, 9))
    assert host.packets(TYPE_IPV6)[0][6] == 17


@pytest.mark.any_packets  # the decoders sum for the first hop
def test_a_segment_list_leads_over_its_first_hop() -> None:
    host = Host()
    host.nic.neighbors.add_permanent(VIA, PEER_MAC)
    ep = client(host)
    ep.set_option(so.SOL_IPV6, so.IPV6_RTHDR, SEGMENTS)
    ep.set_option(so.SOL_IPV6, so.IPV6_RTHDRDSTOPTS, DESTINATION)
    ep.sendmsg(b"x", SockAddr(PEER6, 9))
    (packet,) = host.packets(TYPE_IPV6)
    assert packet[24:40] == VIA
    assert packet[6] == 60 and packet[40] == 43 and packet[48] == 17
    assert packet[56:72] == PEER6 and packet[72:88] == VIA
    assert packet[88:] == udp_datagram(b"x", ep.getsockname().port, 9, IP6, PEER6)  # summed for where it ends


def test_headers_of_one_message_stand_for_those_of_the_socket() -> None:
    host = Host()
    ep = client(host)
    ep.set_option(so.SOL_IPV6, so.IPV6_HOPOPTS, HOP)
    ep.sendmsg(b"x", SockAddr(PEER6, 9), 0, [(so.SOL_IPV6, so.IPV6_DSTOPTS, DESTINATION)])
    (packet,) = host.packets(TYPE_IPV6)
    assert packet[6] == 60 and packet[40] == 17
    twice = [(so.SOL_IPV6, so.IPV6_HOPOPTS, HOP)] * 2
    with pytest.raises(NetworkError) as caught:
        ep.sendmsg(b"x", SockAddr(PEER6, 9), 0, twice)
    assert caught.value.error is errors.INVALID_ARGUMENT
    ep.settings().privileged = False
    with pytest.raises(NetworkError) as caught:
        ep.sendmsg(b"x", SockAddr(PEER6, 9), 0, twice[:1])
    assert caught.value.error is errors.NOT_PERMITTED


def test_fragments_repeat_what_routers_read() -> None:
    host = Host()
    ep = client(host)
    ep.set_option(so.SOL_IPV6, so.IPV6_HOPOPTS, HOP)
    ep.set_option(so.SOL_IPV6, so.IPV6_DSTOPTS, DESTINATION)
    ep.sendmsg(bytes(3000), SockAddr(PEER6, 9))
    packets = host.packets(TYPE_IPV6)
    assert len(packets) == 3 and all(len(packet) <= 1500 for packet in packets)
    for packet in packets:
        assert packet[6] == 0 and packet[40] == 44 and packet[48] == 60
        assert int.from_bytes(packet[4:6], "big") == len(packet) - 40
    assert packets[0][56:64] == bytes((17,)) + DESTINATION[1:]
    assert sum(len(packet) - 56 for packet in packets) == 8 + 8 + 3000


def test_headers_make_segments_shorter_and_connections_have_them() -> None:
    host = Host()
    server = client(host, kind=SOCK_STREAM)
    server.bind(SockAddr(IP6, 80))
    server.listen(1)
    stream = client(host, kind=SOCK_STREAM)
    stream.set_option(so.SOL_IPV6, so.IPV6_DSTOPTS, DESTINATION)
    with pytest.raises(NetworkError):
        stream.connect(SockAddr(IP6, 80))
    host.frames()
    accepted = server.accept()
    segment = int(stream.get_option(so.SOL_TCP, 2))
    assert isinstance(stream, TcpEndpoint) and stream.route is not None and stream.route.ip_header_len == 48
    stream.set_option(so.SOL_IPV6, so.IPV6_HOPOPTS, HOP)
    assert stream.route.ip_header_len == 56 and int(stream.get_option(so.SOL_TCP, 2)) < segment
    assert stream.send(b"z" * 100_000) == 100_000
    host.frames()
    got = bytearray(200_000)
    size = accepted.recv_into(memoryview(got))
    while size < 100_000:
        host.frames()
        size += accepted.recv_into(memoryview(got)[size:])
    assert got[:size] == b"z" * 100_000


def test_headers_that_are_wrong_are_refused() -> None:
    ep = client(Host())
    for value in (HOP[:4], HOP + b"\0", bytes((0, 1)) + bytes(6)):
        assert refused(ep, so.SOL_IPV6, so.IPV6_HOPOPTS, value) is errors.INVALID_ARGUMENT
    for routing in (
        bytes((0, 2, 0, 1)) + bytes(20),
        bytes((0, 2, 2, 1)) + bytes(20),
        bytes((0, 2, 4, 1, 0)) + bytes(19),
    ):
        assert refused(ep, so.SOL_IPV6, so.IPV6_RTHDR, routing) is errors.INVALID_ARGUMENT
    ep.settings().privileged = False
    assert refused(ep, so.SOL_IPV6, so.IPV6_HOPOPTS, HOP) is errors.NOT_PERMITTED


def test_options_leave_with_this_host_in_the_recorded_route() -> None:
    host = Host()
    ep = client(host, AF_INET)
    ep.set_option(so.SOL_IP, so.IP_OPTIONS, RECORD)
    assert ep.get_option(so.SOL_IP, so.IP_OPTIONS) == RECORD
    ep.sendmsg(b"x", SockAddr(PEER4, 9))
    (packet,) = host.packets(TYPE_IPV4)
    assert Ipv4Header.parse(packet).options == bytes((7, 11, 8)) + IP4 + bytes(4) + b"\1"
    assert packet[32:] == udp_datagram(b"x", ep.getsockname().port, 9, IP4, PEER4)
    stamps = bytes((68, 12, 5, 1)) + bytes(8)
    ep.sendmsg(b"x", SockAddr(PEER4, 9), 0, [(so.SOL_IP, so.IP_RETOPTS, stamps)])
    options = Ipv4Header.parse(host.packets(TYPE_IPV4)[0]).options
    day = host.clock.realtime_ns() // 1_000_000 % 86_400_000
    assert options == bytes((68, 12, 13, 1)) + IP4 + day.to_bytes(4, "big")
    ep.set_option(so.SOL_IP, so.IP_OPTIONS, b"")
    ep.sendmsg(bytes(2000), SockAddr(PEER4, 9))
    assert [packet[0] for packet in host.packets(TYPE_IPV4)] == [0x45, 0x45]


@pytest.mark.parametrize(
    "value",
    [
        bytes(44),
        b"\7\2\4",
        b"\7\7\3\0\0\0\0",
        RECORD + RECORD,
        bytes((131, 7, 4)) + PEER4,
        bytes((68, 12, 4, 0)) + bytes(8),
        b"\x94\2",
    ],
)
def test_options_that_are_wrong_are_refused(value: bytes) -> None:
    assert refused(client(Host(), AF_INET), so.SOL_IP, so.IP_OPTIONS, value) is errors.INVALID_ARGUMENT


def test_a_connection_answers_with_the_options_that_it_was_asked_with() -> None:
    host = Host()
    server = client(host, AF_INET, SOCK_STREAM)
    server.bind(SockAddr(IP4, 80))
    server.listen(1)
    syn = struct.pack("!HHIIBBHHH", 4000, 80, 1, 0, 0x50, 2, 1000, 0, 0)
    host.ipv4(with_sum(syn), 6, options=RECORD)
    (answer,) = host.packets(TYPE_IPV4)
    assert Ipv4Header.parse(answer).options == bytes((7, 11, 12)) + IP4 + IP4 + b"\0"
    ack = struct.pack("!HHIIBBHHH", 4000, 80, 2, int.from_bytes(answer[36:40], "big") + 1, 0x50, 16, 1000, 0, 0)
    host.ipv4(with_sum(ack), 6)
    accepted = server.accept()
    assert accepted.get_option(so.SOL_IP, so.IP_OPTIONS) == bytes((7, 11, 8)) + IP4 + bytes(5)
    accepted.send(b"hello")
    (segment,) = host.packets(TYPE_IPV4)
    assert segment[0] == 0x48 and segment.endswith(b"hello")


def with_sum(segment: bytes) -> bytes:
    """With its checksum."""
    from tcpip.checksum import checksum

    whole = bytearray(segment)
    value = checksum(PEER4 + IP4 + b"\0\6" + len(segment).to_bytes(2, "big") + segment)
    whole[16:18] = value.to_bytes(2, "big")
    return bytes(whole)


def test_received_options_show_this_host() -> None:
    host = Host()
    server = client(host, AF_INET)
    server.bind(SockAddr(IP4, 7))
    server.set_option(so.SOL_IP, so.IP_RECVOPTS, 1)
    stamps = bytes((68, 12, 5, 1)) + bytes(8)
    full = bytes((68, 8, 9, 0)) + bytes(4)
    for sent in (RECORD, stamps, full):
        host.ipv4(udp_datagram(b"x", 4000, 7), 17, options=sent)
    day = host.clock.realtime_ns() // 1_000_000 % 86_400_000
    shown = [receive(server)[1].control for _ in range(3)]
    assert shown[0] == [(so.SOL_IP, so.IP_RECVOPTS, bytes((7, 11, 8)) + IP4 + bytes(4) + b"\1")]
    assert shown[1] == [(so.SOL_IP, so.IP_RECVOPTS, bytes((68, 12, 13, 1)) + IP4 + day.to_bytes(4, "big"))]
    assert shown[2] == [(so.SOL_IP, so.IP_RECVOPTS, bytes((68, 8, 9, 16)) + bytes(4))]


def test_a_raw_socket_writes_ipv6_headers() -> None:
    host = Host()
    ep = client(host, AF_INET6, SOCK_RAW, so.IPPROTO_RAW)
    assert ep.get_option(so.SOL_IPV6, so.IPV6_HDRINCL) == 1
    packet = b"\x6f\xff\xff\xff" + bytes((0, 4, 99, 3)) + PEER6 + PEER6 + b"text"
    ep.sendmsg(packet, SockAddr(PEER6, 0))
    assert host.packets(TYPE_IPV6) == [packet]
    for size, error in ((39, errors.INVALID_ARGUMENT), (1501, errors.MESSAGE_TOO_LONG)):
        with pytest.raises(NetworkError) as caught:
            ep.sendmsg(bytes(size), SockAddr(PEER6, 0))
        assert caught.value.error is error
    other = client(host, AF_INET6, SOCK_RAW, 99)
    other.sendmsg(b"text", SockAddr(PEER6, 0))
    assert host.packets(TYPE_IPV6)[0][40:] == b"text"
    other.set_option(so.SOL_IPV6, so.IPV6_HDRINCL, 1)
    other.sendmsg(packet, SockAddr(PEER6, 0))
    assert host.packets(TYPE_IPV6) == [packet]


def test_the_largest_fragment_is_told() -> None:
    host = Host()
    server = client(host, AF_INET)
    server.bind(SockAddr(IP4, 7))
    server.set_option(so.SOL_IP, so.IP_RECVFRAGSIZE, 1)
    whole = udp_datagram(bytes(1000), 4000, 7)
    host.ipv4(whole[:600], 17, more=True, ident=9)
    host.ipv4(whole[600:], 17, offset=600, ident=9)
    host.ipv4(udp_datagram(b"x", 4000, 7), 17)
    assert receive(server)[1].control == [(so.SOL_IP, so.IP_RECVFRAGSIZE, struct.pack("=i", 620))]
    assert receive(server)[1].control == []
    six = client(host)
    six.bind(SockAddr(IP6, 7))
    six.set_option(so.SOL_IPV6, so.IPV6_RECVFRAGSIZE, 1)
    whole = udp_datagram(bytes(1000), 4000, 7, PEER6, IP6)
    host.ipv6(bytes((17, 0, 0, 1, 0, 0, 0, 5)) + whole[:600], 44)
    host.ipv6(bytes((17, 0)) + (600).to_bytes(2, "big") + bytes((0, 0, 0, 5)) + whole[600:], 44)
    assert receive(six)[1].control == [(so.SOL_IPV6, so.IPV6_RECVFRAGSIZE, struct.pack("=i", 648))]


def test_what_would_have_fitted_is_told() -> None:
    host = Host()
    ep = client(host)
    ep.set_option(so.SOL_IPV6, so.IPV6_RECVPATHMTU, 1)
    ep.set_option(so.SOL_IPV6, so.IPV6_DONTFRAG, 1)
    ep.set_option(so.SOL_IPV6, so.IPV6_DSTOPTS, DESTINATION)
    with pytest.raises(NetworkError) as caught:
        ep.sendmsg(bytes(1500), SockAddr(PEER6, 9))
    assert caught.value.error is errors.MESSAGE_TOO_LONG
    text, message = receive(ep)
    assert text == b"" and message.address == SockAddr(PEER6, 0)
    ((level, name, data),) = message.control
    assert (level, name, len(data)) == (so.SOL_IPV6, so.IPV6_PATHMTU, 32)
    assert data[8:24] == PEER6 and data[28:] == struct.pack("=I", 1492)
    with pytest.raises(NetworkError):
        receive(ep)


def test_a_packet_quoted_short_is_followed_by_extensions() -> None:
    host = Host()
    ep = client(host, AF_INET)
    ep.set_option(so.SOL_IP, so.IP_RECVERR, 1)
    ep.set_option(so.SOL_IP, so.IP_RECVERR_RFC4884, 1)
    ep.connect(SockAddr(PEER4, 9))
    label = bytes((0, 8, 1, 1)) + b"\1\2\3\4"
    for damage in (b"", b"\7"):
        ep.send(b"x" * 150)
        (sent,) = host.packets(TYPE_IPV4)
        body = sent[:128] + b"\x20\0\0\0" + label + damage
        message = bytes((11, 0, 0, 0, 0, 32, 0, 0)) + body
        from tcpip.checksum import checksum

        host.ipv4(message[:2] + checksum(message).to_bytes(2, "big") + message[4:], 1)
        text, got = receive(ep, 2000, so.MSG_ERRQUEUE)
        offset, flags = struct.unpack_from("=HB", got.control[0][2], 12)
        assert (offset, flags) == (100, int(bool(damage)))
        assert text[offset:] == body[128:]


def forwarded(host: Host, ethertype: int) -> list[bytes]:
    """What has left, but for redirects: the packets go back to where they came from."""
    at, icmp = (9, 1) if ethertype == TYPE_IPV4 else (6, 58)
    return [packet for packet in host.packets(ethertype) if packet[at] != icmp]


def test_packets_with_router_alerts_are_taken_out_of_the_way() -> None:
    host = Host()
    host.stack.forwarding = host.stack.forwarding_v6 = True
    away = parse("10.0.0.77")
    host.nic.neighbors.add_permanent(away, PEER_MAC)
    ep = client(host, AF_INET, SOCK_RAW, 46)
    ep.set_option(so.SOL_IP, so.IP_ROUTER_ALERT, 1)
    assert refused(ep, so.SOL_IP, so.IP_ROUTER_ALERT, 1) is errors.ADDRESS_IN_USE
    packet = ipv4_packet(b"path", 46, dst=away, options=bytes((148, 4, 0, 0)))
    host.frame(packet)
    assert receive(ep)[0] == packet and not host.packets(TYPE_IPV4)
    host.ipv4(b"plain", 46, dst=away)
    assert len(forwarded(host, TYPE_IPV4)) == 1
    ep.set_option(so.SOL_IP, so.IP_ROUTER_ALERT, 0)
    host.frame(packet)
    assert len(forwarded(host, TYPE_IPV4)) == 1
    far = parse("2001:db8::55")
    host.nic.neighbors.add_permanent(far, PEER_MAC)
    six = client(host, AF_INET6, SOCK_RAW, so.IPPROTO_RAW)
    six.set_option(so.SOL_IPV6, so.IPV6_ROUTER_ALERT, 3)
    for value, taken in ((3, True), (4, False)):
        host.ipv6(bytes((17, 0, 5, 2, 0, value, 1, 0)) + b"data", 0, dst=far)
        assert bool(six.readable_bytes()) == taken
        assert len(forwarded(host, TYPE_IPV6)) == int(not taken)
        if taken:
            receive(six)
    six.close()
    ep.close()
    assert not host.stack.raws.alerted and not host.stack.raws.alerted6


def test_source_filters_are_set_and_told_whole() -> None:
    host = Host()
    group = parse("239.1.2.3")
    ep = client(host, AF_INET)
    ep.set_option(so.SOL_IP, so.IP_ADD_MEMBERSHIP, group + IP4)
    ep.bind(SockAddr(bytes(4), 7))
    ep.set_option(so.SOL_IP, so.IP_MSFILTER, group + IP4 + struct.pack("=II", 1, 1) + PEER4)
    from tcpip.transport.ip_options import source_filter

    asked = group + IP4 + struct.pack("=II", 0, 5)
    assert source_filter(ep, so.SOL_IP, so.IP_MSFILTER, asked) == group + IP4 + struct.pack("=II", 1, 1) + PEER4
    host.ipv4(udp_datagram(b"a", 1, 7, dst=group), 17, dst=group, dst_mac=b"\x01\0\x5e\x01\2\3")
    other = parse("10.0.0.9")
    host.ipv4(udp_datagram(b"b", 1, 7, src=other, dst=group), 17, src=other, dst=group, dst_mac=b"\x01\0\x5e\x01\2\3")
    assert receive(ep)[0] == b"a" and not ep.readable_bytes()
    storage = struct.pack("=HH4s", AF_INET, 0, group).ljust(128, b"\0")
    head = struct.pack("=I4x128sII", host.nic.number, storage, 0, 0)
    ep.set_option(so.SOL_IP, so.MCAST_MSFILTER, head)
    assert source_filter(ep, so.SOL_IP, so.MCAST_MSFILTER, head) == head
    many = group + IP4 + struct.pack("=II", 0, 11) + PEER4 * 11
    assert refused(ep, so.SOL_IP, so.IP_MSFILTER, many) is errors.NO_BUFFER_SPACE
    ep.set_option(so.SOL_IP, so.IP_MSFILTER, group + IP4 + struct.pack("=II", 1, 0))
    assert group not in host.nic.groups


def test_a_hint_that_the_way_is_bad_forgets_its_mtu() -> None:
    host = Host()
    ep = client(host, AF_INET)
    ep.connect(SockAddr(PEER4, 9))
    host.stack.path_mtus.learn(PEER4, 600)
    assert ep.get_option(so.SOL_IP, so.IP_MTU) == 600
    ep.set_option(so.SOL_SOCKET, so.SO_CNX_ADVICE, 0)
    assert ep.get_option(so.SOL_IP, so.IP_MTU) == 600
    ep.set_option(so.SOL_SOCKET, so.SO_CNX_ADVICE, 1)
    assert ep.get_option(so.SOL_IP, so.IP_MTU) == 1500
