"""IPv6 input, extension headers, fragments, neighbour discovery, autoconfiguration."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpip.addr import IPV6_ALL_NODES, SockAddr, eui64_address, multicast_mac, parse, solicited_node, text
from tcpip.errors import DropReason
from tcpip.header import ndp
from tcpip.header.ethernet import TYPE_IPV6
from tcpip.header.ipv6 import Ipv6Header
from tcpip.header.ipv6_ext import FRAGMENT_FIXED
from tcpip.sockopt import SOCK_DGRAM

from ..bench import IP6, MAC, PEER6, PEER_MAC, Host, icmpv6_message, ipv6_packet, udp_datagram

PING = icmpv6_message(128, 0, 0x12340001, b"payload")
ROUTER = parse("fe80::99")


def answers(host: Host) -> list[bytes]:
    return host.packets(TYPE_IPV6)


def test_echo() -> None:
    host = Host()
    host.ipv6(PING, 58)
    (answer,) = answers(host)
    header = Ipv6Header.parse(answer)
    assert (header.src, header.dst, header.hop_limit) == (IP6, PEER6, 64)
    assert answer[40:] == icmpv6_message(129, 0, 0x12340001, b"payload", IP6, PEER6)


def test_echo_behind_extension_headers() -> None:
    host = Host()
    host.ipv6(b"\x3c\0\x01\x04\0\0\0\0" + b"\x3a\0\x01\x04\0\0\0\0" + PING, 0)
    assert len(answers(host)) == 1


def test_unknown_next_header_is_reported_with_its_place() -> None:
    host = Host()
    packet = ipv6_packet(b"12345678", 200)
    host.frame(packet, TYPE_IPV6)
    (answer,) = answers(host)
    assert answer[40:42] == b"\x04\x01" and answer[44:48] == bytes((0, 0, 0, 6)) and answer[48:] == packet


def test_hop_by_hop_anywhere_but_first_is_reported() -> None:
    host = Host()
    host.ipv6(b"\x00\0\x01\x04\0\0\0\0" + b"\x3a\0\x01\x04\0\0\0\0" + PING, 60)
    (answer,) = answers(host)
    assert answer[40:42] == b"\x04\x01" and answer[44:48] == bytes((0, 0, 0, 40))


def test_bad_checksum_is_dropped() -> None:
    host = Host()
    host.ipv6(PING[:-1] + b"X", 58)
    assert answers(host) == []
    assert host.stack.stats.drops == {DropReason.BAD_CHECKSUM: 1}


def fragments(payload: bytes, size: int, ident: int = 9, protocol: int = 58) -> list[bytes]:
    pieces = []
    for at in range(0, len(payload), size):
        more = at + size < len(payload)
        head = FRAGMENT_FIXED.pack(protocol, 0, at | int(more), ident)
        pieces.append(ipv6_packet(head + payload[at : at + size], 44))
    return pieces


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_fragments(order: tuple[int, ...]) -> None:
    host = Host()
    data = bytes(range(250)) * 4
    pieces = fragments(icmpv6_message(128, 0, 1, data), 400)
    for index in order:
        host.frame(pieces[index], TYPE_IPV6)
    (answer,) = answers(host)
    assert answer[48:] == data


def test_atomic_fragment_is_a_whole_packet() -> None:
    host = Host()
    for piece in fragments(PING, 1000):
        host.frame(piece, TYPE_IPV6)
    assert len(answers(host)) == 1


def test_overlap_discards_everything() -> None:
    host = Host()
    pieces = fragments(icmpv6_message(128, 0, 1, bytes(1000)), 400)
    host.frame(pieces[0], TYPE_IPV6)
    host.ipv6(FRAGMENT_FIXED.pack(58, 0, 200 | 1, 9) + bytes(400), 44)
    for piece in pieces[1:]:
        host.frame(piece, TYPE_IPV6)
    assert answers(host) == []
    assert host.stack.stats.drops[DropReason.FRAGMENT_OVERLAP] == 1


def test_nested_fragments_are_refused() -> None:
    host = Host()
    inner = FRAGMENT_FIXED.pack(58, 0, 0, 1) + PING
    nested = b"\x2c\0\x01\x04\0\0\0\0" + inner
    host.ipv6(FRAGMENT_FIXED.pack(60, 0, 0, 2) + nested, 44)
    host.ipv6(FRAGMENT_FIXED.pack(44, 0, 0, 2) + inner, 44)
    assert answers(host) == []
    assert host.stack.stats.drops[DropReason.BAD_FRAGMENT] == 2


def test_large_datagram_is_fragmented() -> None:
    host = Host(mtu=1280)
    endpoint = host.stack.new_endpoint(10, SOCK_DGRAM)
    endpoint.sendmsg(bytes(3000), SockAddr(PEER6, 9))
    sent = answers(host)
    assert len(sent) == 3 and all(len(p) <= 1280 and p[6] == 44 for p in sent)


def solicitation(target: bytes, src: bytes = PEER6, mac: bytes = PEER_MAC) -> bytes:
    body = target + (ndp.link_option(1, mac) if mac else b"")
    return ipv6_packet(
        icmpv6_message(135, 0, 0, body, src, solicited_node(target)), 58, src, solicited_node(target), hop_limit=255
    )


def test_solicitation_is_answered() -> None:
    host = Host(resolve=False)
    host.frame(solicitation(IP6), TYPE_IPV6, multicast_mac(solicited_node(IP6)))
    (answer,) = answers(host)
    assert answer[40] == 136 and answer[44:48] == bytes((0x60, 0, 0, 0))
    assert answer[48:64] == IP6 and answer[64:] == b"\x02\x01" + MAC
    assert host.nic.neighbors.find(PEER6) is not None


def test_solicitation_from_afar_is_ignored() -> None:
    host = Host(resolve=False)
    packet = bytearray(solicitation(IP6))
    packet[7] = 254
    host.frame(bytes(packet), TYPE_IPV6, multicast_mac(solicited_node(IP6)))
    assert answers(host) == []
    assert host.stack.stats.drops == {DropReason.BAD_HOP_LIMIT: 1}


def test_resolution() -> None:
    host = Host(resolve=False)
    endpoint = host.stack.new_endpoint(10, SOCK_DGRAM)
    endpoint.sendmsg(b"x", SockAddr(PEER6, 9))
    (request,) = answers(host)
    assert request[40] == 135 and request[24:40] == solicited_node(PEER6) and request[48:64] == PEER6
    body = PEER6 + ndp.link_option(2, PEER_MAC)
    host.ipv6(icmpv6_message(136, 0, 0x60000000, body), 58, hop_limit=255)
    (packet,) = answers(host)
    assert packet[48:] == b"x"


def test_duplicate_address_detection() -> None:
    host = Host()
    free, taken = parse("2001:db8::10"), parse("2001:db8::11")
    host.nic.add_address(free, 64)
    host.nic.add_address(taken, 64)
    probes = [p for p in answers(host) if p[6] == 58 and p[40] == 135]
    assert [p[48:64] for p in probes] == [free, taken] and all(p[8:24] == bytes(16) for p in probes)
    body = taken + ndp.link_option(2, PEER_MAC)
    host.ipv6(
        icmpv6_message(136, 0, 0x20000000, body, PEER6, IPV6_ALL_NODES),
        58,
        multicast_mac(IPV6_ALL_NODES),
        dst=IPV6_ALL_NODES,
        hop_limit=255,
    )
    host.pass_time(1.1)
    assert free in host.stack.local
    assert taken not in host.nic.addresses
    assert list(host.stack.duplicates) == [(host.nic.number, taken)]


def advertisement(lifetime: int, valid: int, preferred: int) -> bytes:
    prefix = ndp.PrefixInfo(parse("2001:db8:5::"), 64, True, True, valid, preferred)
    body = bytes(8) + ndp.link_option(1, PEER_MAC) + prefix.emit_option() + b"\x05\x01\0\0\0\0\x05\x78"
    message = icmpv6_message(134, 0, 64 << 24 | lifetime, body, ROUTER, IPV6_ALL_NODES)
    return ipv6_packet(message, 58, ROUTER, IPV6_ALL_NODES, hop_limit=255)


def test_autoconfiguration_and_expiry() -> None:
    host = Host()
    host.nic.accept_ra = True
    host.frame(advertisement(1800, 600, 300), TYPE_IPV6, multicast_mac(IPV6_ALL_NODES))
    host.pass_time(1.1)
    mine = eui64_address(parse("2001:db8:5::"), MAC)
    assert mine in host.stack.local
    assert host.nic.mtu == 1400
    route = host.stack.find_route(parse("2001:db8:5:1::1"))
    assert route.next_hop == ROUTER and text(route.src) == text(mine)
    host.pass_time(300)
    assert host.nic.addresses[mine].deprecated
    assert host.stack.find_route(parse("2001:db8:5:1::1")).src == IP6
    host.pass_time(300)
    assert mine not in host.nic.addresses
    host.pass_time(1300)
    assert all(not e.learnt for e in host.stack.routes.entries)


def test_autoconfiguration_is_bounded() -> None:
    host = Host()
    host.nic.accept_ra = True
    for number in range(100):
        prefix = ndp.PrefixInfo(parse(f"2001:db8:{number:x}::"), 64, True, True, 600, 300)
        router = parse(f"fe80::{number + 1:x}")
        message = icmpv6_message(134, 0, 1800, bytes(8) + prefix.emit_option(), router, IPV6_ALL_NODES)
        host.frame(
            ipv6_packet(message, 58, router, IPV6_ALL_NODES, hop_limit=255), TYPE_IPV6, multicast_mac(IPV6_ALL_NODES)
        )
    assert sum(a.dynamic for a in host.nic.addresses.values()) == 16
    assert len([e for e in host.stack.routes.entries if e.learnt]) <= 24


def test_packet_too_big_shrinks_the_path() -> None:
    host = Host()
    far = parse("2600::1")
    host.stack.add_route(bytes(16), 0, PEER6)
    route = host.stack.find_route(far)
    assert route.mtu() == 1500
    quoted = ipv6_packet(udp_datagram(bytes(1400), 5, 9, IP6, far), 17, IP6, far)
    host.ipv6(icmpv6_message(2, 0, 1300, quoted[:1232]), 58)
    assert route.mtu() == 1500
    host.stack.new_endpoint(10, SOCK_DGRAM).bind(SockAddr(IP6, 5))
    host.ipv6(icmpv6_message(2, 0, 1300, quoted[:1232]), 58)
    assert route.mtu() == 1300
    host.ipv6(icmpv6_message(2, 0, 300, quoted[:1232]), 58)
    assert route.mtu() == 1280
    host.pass_time(601)
    assert route.mtu() == 1500
    assert host.stack.path_mtus.get(host.nic, far) == 1500


@settings(max_examples=300)
@given(
    st.binary(max_size=100),
    st.sampled_from([0, 6, 17, 43, 44, 58, 60, 200]),
    st.sampled_from([IP6, IPV6_ALL_NODES, solicited_node(IP6)]),
    st.sampled_from([PEER6, ROUTER, bytes(16)]),
)
def test_any_payload_in_a_good_header_is_survived(data: bytes, protocol: int, dst: bytes, src: bytes) -> None:
    host = Host()
    host.nic.accept_ra = True
    host.ipv6(data, protocol, dst=dst, src=src, hop_limit=255)
    host.pass_time(61)


@settings(max_examples=300)
@given(
    st.integers(0, 160),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=80),
    st.sampled_from([IP6, IPV6_ALL_NODES, solicited_node(IP6)]),
    st.sampled_from([PEER6, ROUTER, bytes(16)]),
)
def test_any_message_with_a_good_checksum_is_survived(
    kind: int, rest: int, body: bytes, dst: bytes, src: bytes
) -> None:
    host = Host()
    host.nic.accept_ra = True
    host.ipv6(icmpv6_message(kind, 0, rest, body, src, dst), 58, dst=dst, src=src, hop_limit=255)
    host.pass_time(61)
