"""IPv4 input checks, ICMP answers, fragments out and in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpip.addr import IPV4_BROADCAST, SockAddr, multicast_mac, parse
from tcpip.checksum import partial_sum
from tcpip.errors import DropReason
from tcpip.header.ipv4 import Ipv4Header
from tcpip.network.reassembly import MAX_BYTES, MAX_FRAGMENTS, MAX_PACKETS
from tcpip.sockopt import SOCK_DGRAM

from ..bench import IP4, MAC, PEER4, Host, icmpv4_message, ipv4_packet, udp_datagram

PING = icmpv4_message(8, 0, 0x12340001, b"payload")


def drops(host: Host) -> dict[str, int]:
    return host.stack.stats.drops


def test_echo_comes_back_with_the_same_data() -> None:
    host = Host()
    host.ipv4(PING, 1)
    (answer,) = host.packets()
    header = Ipv4Header.parse(answer)
    assert (header.src, header.dst, header.protocol, header.ttl) == (IP4, PEER4, 1, 64)
    assert answer[20:] == icmpv4_message(0, 0, 0x12340001, b"payload")


def test_link_padding_is_ignored() -> None:
    host = Host()
    host.frame(ipv4_packet(PING, 1) + bytes(30))
    assert host.packets()[0][20:] == icmpv4_message(0, 0, 0x12340001, b"payload")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"dst": parse("10.0.0.77")}, DropReason.NOT_FOR_US),
        ({"src": parse("224.0.0.1")}, DropReason.BAD_SOURCE),
        ({"src": parse("127.0.0.1")}, DropReason.BAD_SOURCE),
        ({"src": IP4}, DropReason.BAD_SOURCE),
        ({"src": IPV4_BROADCAST}, DropReason.BAD_SOURCE),
        ({"dst": parse("127.0.0.1")}, DropReason.NOT_FOR_US),
        ({"dst": parse("239.1.1.1")}, DropReason.NOT_FOR_US),
        ({"options": b"\x83\x03\x04\0"}, DropReason.SOURCE_ROUTED),
        ({"options": b"\x07\x00\0\0"}, DropReason.BAD_OPTION),
    ],
)
def test_what_is_not_answered(fields: dict[str, bytes], reason: str) -> None:
    host = Host()
    host.ipv4(PING, 1, **fields)
    assert host.frames() == []
    assert drops(host) == {reason: 1}


def test_options_do_not_hide_the_ports() -> None:
    host = Host()
    server = host.stack.new_endpoint(2, SOCK_DGRAM)
    server.bind(SockAddr(IP4, 7))
    host.ipv4(udp_datagram(b"hi", 5, 7), 17, options=b"\x94\x04\0\0")
    buffer = memoryview(bytearray(8))
    assert server.recvmsg(buffer).address == SockAddr(PEER4, 5)


def test_answers_to_pings_have_the_recorded_route_and_the_times() -> None:
    """What `ping -R` and `ping -T` show of a Linux host: its address twice, and one time each way."""
    host = Host()
    host.ipv4(PING, 1, options=b"\x07\x0f\x08" + PEER4 + bytes(8) + b"\0")
    (answer,) = host.packets()
    assert answer[20:36] == b"\x07\x0f\x10" + PEER4 + IP4 + IP4 + b"\0"
    assert answer[36:] == icmpv4_message(0, 0, 0x12340001, b"payload") and not partial_sum(answer[:36])
    host.ipv4(PING, 1, options=b"\x44\x0c\x05\0" + bytes(8))
    (answer,) = host.packets()
    assert answer[20:24] == b"\x44\x0c\x0d\0" and bytes(4) not in (answer[24:28], answer[28:32])
    host.ipv4(PING, 1, options=b"\x94\x04\0\0")
    assert host.packets()[0][0] == 0x45


def test_unknown_protocol_is_reported() -> None:
    host = Host()
    packet = ipv4_packet(b"12345678", 200)
    host.frame(packet)
    (answer,) = host.packets()
    assert answer[20:22] == b"\x03\x02"
    assert answer[28:] == packet


@pytest.mark.parametrize(
    ("fields", "dst_mac"),
    [
        ({"dst": IPV4_BROADCAST}, b"\xff" * 6),
        ({"dst": parse("10.0.0.255")}, b"\xff" * 6),
        ({"dst": parse("224.0.0.1")}, multicast_mac(parse("224.0.0.1"))),
        ({}, b"\xff" * 6),
        ({"src": bytes(4)}, MAC),
        ({"offset": 64}, MAC),
    ],
)
def test_no_error_for_broadcast_multicast_and_fragments(fields: dict[str, object], dst_mac: bytes) -> None:
    host = Host()
    host.ipv4(udp_datagram(b"x" * 8, 5, 7), 17, dst_mac, **fields)
    assert host.frames() == []


def test_no_error_about_an_error() -> None:
    host = Host()
    host.ipv4(b"\x03\x02" + bytes(30), 1)
    assert host.frames() == []


def fragments(data: bytes, size: int, ident: int = 7) -> list[bytes]:
    """`data` as UDP-less protocol 1 fragments of `size` bytes."""
    return [
        ipv4_packet(data[at : at + size], 1, ident=ident, offset=at, more=at + size < len(data))
        for at in range(0, len(data), size)
    ]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
def test_fragments_in_any_order_are_one_packet(order: tuple[int, ...]) -> None:
    host = Host()
    pieces = fragments(icmpv4_message(8, 0, 1, bytes(range(200)) * 2), 160)
    for index in order:
        host.frame(pieces[index])
    (answer,) = host.packets()
    assert answer[28:] == bytes(range(200)) * 2
    assert host.stack.ipv4.reassembler.bytes_held == 0


def test_duplicate_fragment_is_harmless_and_overlap_is_fatal() -> None:
    host = Host()
    pieces = fragments(icmpv4_message(8, 0, 1, bytes(400)), 160)
    host.frame(pieces[0])
    host.frame(pieces[0])
    for piece in pieces[1:]:
        host.frame(piece)
    assert len(host.packets()) == 1
    host.frame(pieces[0])
    host.frame(ipv4_packet(bytes(160), 1, ident=7, offset=80, more=True))
    for piece in pieces[1:]:
        host.frame(piece)
    assert host.packets() == []
    assert drops(host)[DropReason.FRAGMENT_OVERLAP] == 1


@pytest.mark.parametrize(
    ("offset", "more", "data"),
    [(0, True, b"x" * 9), (65528, False, b"x" * 16), (0, True, b"")],
)
def test_bad_fragments(offset: int, more: bool, data: bytes) -> None:
    host = Host()
    host.ipv4(data, 1, ident=1, offset=offset, more=more)
    assert drops(host) == {DropReason.BAD_FRAGMENT: 1}


def test_reassembly_memory_is_bounded() -> None:
    host = Host()
    for ident in range(MAX_PACKETS + 10):
        host.ipv4(bytes(64), 1, ident=ident & 0xFFFF, offset=0, more=True)
    held = host.stack.ipv4.reassembler
    assert len(held.partials) == MAX_PACKETS
    for ident in range(5000):
        host.ipv4(bytes(1400), 1, ident=ident, offset=1480, more=True, src=parse("10.0.0.9"))
    assert held.bytes_held <= MAX_BYTES
    for number in range(MAX_FRAGMENTS + 1):
        host.ipv4(bytes(8), 1, ident=1, offset=number * 16 + 8, more=True, src=parse("10.0.0.10"))
    assert drops(host)[DropReason.FRAGMENT_LIMIT] >= 1


def test_unfinished_packet_times_out_and_is_reported() -> None:
    host = Host()
    pieces = fragments(icmpv4_message(8, 0, 1, bytes(400)), 160)
    host.frame(pieces[0])
    host.pass_time(31)
    (answer,) = host.packets()
    assert answer[20:22] == b"\x0b\x01"
    assert host.stack.ipv4.reassembler.bytes_held == 0
    assert drops(host)[DropReason.FRAGMENT_TIMEOUT] == 1


def test_large_datagram_is_sent_in_fragments_that_fit() -> None:
    host = Host(mtu=576)
    endpoint = host.stack.new_endpoint(2, SOCK_DGRAM)
    data = bytes(i & 255 for i in range(2000))
    endpoint.sendmsg(data, SockAddr(PEER4, 9))
    packets = host.packets()
    assert all(len(p) <= 576 for p in packets)
    body = bytearray(2008)
    for packet in packets:
        header = Ipv4Header.parse(packet)
        body[header.offset : header.offset + header.total_len - 20] = packet[20:]
    assert body[8:] == data
    assert partial_sum(IP4 + PEER4 + bytes((0, 17)) + (2008).to_bytes(2, "big") + bytes(body)) == 0


@settings(max_examples=300)
@given(st.binary(max_size=100), st.sampled_from([0x0800, 0x0806, 0x86DD, 0x1234]))
def test_any_frame_is_survived(data: bytes, ethertype: int) -> None:
    host = Host()
    host.frame(data, ethertype)
    host.link.inject(data)
    host.pass_time(40)


@settings(max_examples=300)
@given(
    st.binary(max_size=64),
    st.sampled_from([1, 2, 6, 17, 58, 200]),
    st.sampled_from([IP4, IPV4_BROADCAST, parse("224.0.0.1")]),
    st.integers(0, 100),
    st.booleans(),
    st.sampled_from([b"", b"\x94\x04\0\0", b"\x01\x07\x01\0"]),
)
def test_any_payload_in_a_good_header_is_survived(
    data: bytes, protocol: int, dst: bytes, offset: int, more: bool, options: bytes
) -> None:
    host = Host()
    host.ipv4(data, protocol, dst=dst, offset=offset * 8, more=more, options=options)
    host.pass_time(40)
