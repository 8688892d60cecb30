"""Whatever a peer sends, the stack counts or answers; it never raises, and its memory stays bounded."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpip.addr import IPV6_ANY, SockAddr, parse
from tcpip.buffer import CSUM_NONE, CSUM_PARTIAL, CSUM_VALID, RxPacket
from tcpip.errors import NetworkError
from tcpip.header.ethernet import TYPE_ARP, TYPE_IPV4, TYPE_IPV6
from tcpip.sockopt import SOCK_DGRAM, SOCK_STREAM
from tcpip.transport.endpoint import Endpoint

from ..bench import IP4, IP6, MAC, PEER4, PEER6, PEER_MAC, Host, icmpv4_message, ipv4_packet, ipv6_packet, udp_datagram

PORT = 80


def busy_host() -> tuple[Host, list[Endpoint]]:
    """A host with listeners of both kinds, a connection attempt under way, a router's role and a gateway's manners."""
    host = Host()
    host.nic.accept_ra = True
    stream, datagram, active = (
        host.stack.new_endpoint(10, SOCK_STREAM),
        host.stack.new_endpoint(10, SOCK_DGRAM),
        host.stack.new_endpoint(2, SOCK_STREAM),
    )
    stream.bind(SockAddr(IPV6_ANY, PORT))
    stream.listen(4)
    datagram.bind(SockAddr(IPV6_ANY, PORT))
    active.bind(SockAddr(IP4, 4000))
    try:
        active.connect(SockAddr(PEER4, PORT))
    except NetworkError:
        pass
    host.stack.forwarding = host.stack.forwarding_v6 = True
    host.frames()
    return host, [stream, datagram, active]


def drain(host: Host, endpoints: list[Endpoint]) -> None:
    buffer = memoryview(bytearray(70000))
    for endpoint in endpoints:
        endpoint.readiness()
        try:
            endpoint.recv_into(buffer)
        except NetworkError:
            pass
    host.pass_time(3)
    host.frames()


tcp_flags = st.integers(0, 255)
tcp_options = st.sampled_from(
    [
        b"",
        b"\x02\x04\x05\xb4",
        b"\x02\x04\0\0",
        b"\x03\x03\xff\0",
        b"\x08\x0a" + bytes(10),
        b"\x05\x0a" + b"\xff" * 8,
        b"\x02\0\0\0",
        b"\x22\xff\0\0",
    ]
)


@settings(max_examples=250)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, PORT, 4000]),
            st.sampled_from([PORT, 4000, 9]),
            st.sampled_from([0, 1, 2**31, 2**32 - 1]),
            st.sampled_from([0, 1, 2**31, 2**32 - 1]),
            tcp_flags,
            st.sampled_from([0, 1, 65535]),
            tcp_options,
            st.binary(max_size=20),
            st.integers(0, 15),
            st.booleans(),
        ),
        max_size=6,
    )
)
def test_any_tcp_segments(segments: list[tuple[int, int, int, int, int, int, bytes, bytes, int, bool]]) -> None:
    host, endpoints = busy_host()
    for src, dst, seq, ack, flags, window, options, data, offset, right in segments:
        options += bytes(-len(options) & 3)
        words = 5 + len(options) // 4 if right else offset
        segment = src.to_bytes(2, "big") + dst.to_bytes(2, "big") + seq.to_bytes(4, "big") + ack.to_bytes(4, "big")
        segment += bytes((words << 4, flags)) + window.to_bytes(2, "big") + b"\0\0\0\0" + options + data
        for packet, kind in ((ipv4_packet(segment, 6), TYPE_IPV4), (ipv6_packet(segment, 6), TYPE_IPV6)):
            frame = MAC + PEER_MAC + kind.to_bytes(2, "big") + packet
            host.nic.deliver([RxPacket(frame, CSUM_VALID, 1, 500)])
    drain(host, endpoints)


@pytest.mark.any_packets  # what is forwarded has the transport's checksum that it came with
@settings(max_examples=200)
@given(st.integers(0, 2**32), st.sampled_from([CSUM_NONE, CSUM_PARTIAL, CSUM_VALID]))
def test_mutated_good_frames(seed: int, csum: int) -> None:
    random = Random(seed)
    host, endpoints = busy_host()
    syn = bytes.fromhex("0fa00050000000010000000050021000") + bytes(4)
    good = [
        (TYPE_IPV4, ipv4_packet(udp_datagram(b"data", 5, PORT), 17)),
        (TYPE_IPV4, ipv4_packet(syn, 6)),
        (TYPE_IPV4, ipv4_packet(icmpv4_message(3, 4, 600, ipv4_packet(syn, 6, IP4, PEER4)), 1)),
        (TYPE_IPV4, ipv4_packet(udp_datagram(b"data", 5, PORT), 17, dst=parse("10.0.0.200"))),
        (TYPE_IPV6, ipv6_packet(udp_datagram(b"data", 5, PORT, PEER6, IP6), 17)),
        (TYPE_IPV6, ipv6_packet(b"\x2c\0\x01\x04\0\0\0\0" + b"\x11\0\0\x01\0\0\0\x07" + bytes(16), 0)),
        (TYPE_ARP, bytes.fromhex("0001080006040001") + PEER_MAC + PEER4 + bytes(6) + IP4),
    ]
    for _ in range(20):
        kind, packet = random.choice(good)
        frame = bytearray(MAC + PEER_MAC + kind.to_bytes(2, "big") + packet)
        for _ in range(random.randrange(4)):
            frame[random.randrange(len(frame))] = random.randrange(256)
        size = random.choice((len(frame), len(frame), random.randrange(len(frame) + 1)))
        host.nic.deliver(
            [RxPacket(bytes(frame[:size]), csum, random.choice((0, 1, 4, 3, 77)), random.choice((0, 1, 1448, 65535)))]
        )
    drain(host, endpoints)
