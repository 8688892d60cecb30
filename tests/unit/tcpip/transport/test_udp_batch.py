"""Datagrams that follow each other closely leave as one super-packet; what the link cannot cut is cut here."""

import pytest

from tcpip.addr import IPV4_ANY, SockAddr
from tcpip.buffer import CSUM_NONE, CSUM_PARTIAL, GSO_UDP_L4, RxPacket, TxPacket
from tcpip.link.base import CAP_TX_CSUM, CAP_USO
from tcpip.link.offload import split
from tcpip.sockopt import SOCK_DGRAM
from tcpip.transport.endpoint import Endpoint
from tcpip.transport.udp_batch import MAX_SEGMENTS, MAX_TOTAL

from ..bench import IP4, IP6, PEER4, PEER6, PEER_MAC, Host, ipv4_packet, udp_datagram

ABLE = CAP_TX_CSUM | CAP_USO
TO = {2: SockAddr(PEER4, 9), 10: SockAddr(PEER6, 9)}


def host_and_socket(family: int = 2, capabilities: int = ABLE) -> tuple[Host, Endpoint]:
    host = Host(capabilities=capabilities)
    endpoint = host.stack.new_endpoint(family, SOCK_DGRAM)
    return host, endpoint


def sent(host: Host) -> list[TxPacket]:
    host.stack.flush()
    packets = list(host.link.sent)
    host.link.sent.clear()
    return packets


def texts(packet: TxPacket) -> list[bytes]:
    return [bytes(piece) for piece in packet.payload]


def on_the_wire(packet: TxPacket) -> list[bytes]:
    """The IP packets that it stands for."""
    pieces = split(packet) if packet.gso_size else [packet]
    return [piece.join()[14:] for piece in pieces]


@pytest.mark.parametrize("family", [2, 10])
def test_one_super_packet(family: int) -> None:
    host, endpoint = host_and_socket(family)
    asked = []
    host.stack.on_more = lambda: asked.append(1)
    data = [bytes([n]) * 100 for n in range(5)] + [b"last"]
    for text in data:
        assert endpoint.sendmsg(text, TO[family]) == len(text)
    assert len(asked) == 1
    (packet,) = sent(host)
    assert texts(packet) == data
    assert (packet.gso_type, packet.gso_size, packet.csum) == (GSO_UDP_L4, 100, CSUM_PARTIAL)
    port = endpoint.getsockname().port
    ours, theirs = (IP4, PEER4) if family == 2 else (IP6, PEER6)
    assert [p[20 if family == 2 else 40 :] for p in on_the_wire(packet)] == [
        udp_datagram(text, port, 9, ours, theirs) for text in data
    ]


def test_pieces_are_packets_of_their_own() -> None:
    host, endpoint = host_and_socket()
    for _ in range(3):
        endpoint.sendmsg(b"x" * 50, TO[2])
    pieces = on_the_wire(sent(host)[0])
    identifications = [int.from_bytes(p[4:6], "big") for p in pieces]
    assert [i - identifications[0] & 0xFFFF for i in identifications] == [0, 1, 2]
    assert all(int.from_bytes(p[:20], "big") % 0xFFFF == 0 and p[2:4] == (78).to_bytes(2, "big") for p in pieces)


def test_what_differs_goes_apart_and_in_order() -> None:
    host, endpoint = host_and_socket()
    other = host.stack.new_endpoint(2, SOCK_DGRAM)
    endpoint.sendmsg(b"aa", TO[2])
    endpoint.sendmsg(b"bb", TO[2])
    endpoint.sendmsg(b"ccc", TO[2])  # longer than the first
    endpoint.sendmsg(b"d", TO[2])  # shorter: the last
    endpoint.sendmsg(b"e", TO[2])
    endpoint.sendmsg(b"f", SockAddr(PEER4, 10))
    endpoint.sendmsg(b"", TO[2])  # nothing to cut
    endpoint.sendmsg(b"g", TO[2])
    other.sendmsg(b"h", TO[2])
    endpoint.set_option(0, 2, 9)  # IP_TTL
    endpoint.sendmsg(b"i", TO[2])
    endpoint.sendmsg(b"j" * 2000, TO[2])  # in fragments
    endpoint.sendmsg(b"k", TO[2])
    packets = sent(host)
    assert [texts(p) for p in packets[:8]] == [
        [b"aa", b"bb"],
        [b"ccc", b"d"],
        [b"e"],
        [b"f"],
        [b""],
        [b"g"],
        [b"h"],
        [b"i"],
    ]
    assert [p.gso_size for p in packets] == [2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0] and texts(packets[-1]) == [b"k"]


def test_bounds() -> None:
    host, endpoint = host_and_socket()
    for _ in range(MAX_SEGMENTS + 1):
        endpoint.sendmsg(b"x", TO[2])
    assert [len(p.payload) for p in sent(host)] == [MAX_SEGMENTS, 1]
    for _ in range(MAX_TOTAL // 1400 + 1):
        endpoint.sendmsg(b"x" * 1400, TO[2])
    assert [len(p.payload) for p in sent(host)] == [MAX_TOTAL // 1400, 1]


def test_a_link_that_cuts_nothing_gets_single_packets_at_once() -> None:
    host, endpoint = host_and_socket(capabilities=CAP_TX_CSUM)
    endpoint.sendmsg(b"a", TO[2])
    assert host.stack._pending
    endpoint.sendmsg(b"b", TO[2])
    assert [texts(p) for p in sent(host)] == [[b"a"], [b"b"]]


def test_the_link_goes_down_meanwhile() -> None:
    host, endpoint = host_and_socket()
    endpoint.sendmsg(b"a", TO[2])
    host.nic.set_up(False)
    assert sent(host) == []
    host.nic.set_up(True)


def test_a_smaller_path_mtu_meanwhile() -> None:
    host, endpoint = host_and_socket()
    for _ in range(2):
        endpoint.sendmsg(b"x" * 1400, TO[2])
    host.stack.path_mtus.learn(PEER4, 600)
    assert all(len(p) <= 600 + 14 for p in sent(host))


@pytest.mark.parametrize(("size", "pieces"), [(1, 10), (4, 3), (10, 1), (11, 1)])
def test_a_received_super_packet_is_several_datagrams(size: int, pieces: int) -> None:
    host, endpoint = host_and_socket()
    endpoint.bind(SockAddr(IPV4_ANY, 7))
    frame = host.nic.mac + PEER_MAC + b"\x08\0" + ipv4_packet(udp_datagram(b"0123456789", 4000, 7), 17)
    host.nic.deliver([RxPacket(frame, CSUM_NONE, GSO_UDP_L4, size)])
    buffer, got = bytearray(100), []
    while endpoint.readable_bytes():
        message = endpoint.recvmsg(memoryview(buffer))
        assert message.address == SockAddr(PEER4, 4000)
        got.append(bytes(buffer[: message.length]))
    assert len(got) == pieces and b"".join(got) == b"0123456789" and len(got[0]) == min(size, 10)
    assert host.stack.stats.udp.values["InDatagrams"] == pieces
