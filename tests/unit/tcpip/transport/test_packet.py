"""Packet endpoints on an Ethernet link and the loopback. What Linux does is compared in tests/guest/py/packet_*.py, but
for what needs a link with addresses."""

from __future__ import annotations

import pytest

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET, AF_INET6, AF_PACKET, IPV4_LOOPBACK, IPV6_LOOPBACK, LinkAddress, SockAddr
from tcpip.buffer import CSUM_NONE, CSUM_VALID, TO_BROADCAST, TO_HOST, TO_MULTICAST, TO_OTHER, TO_OUTGOING
from tcpip.errors import NetError, NetworkError
from tcpip.header.ethernet import TYPE_ARP, TYPE_IPV4, TYPE_IPV6
from tcpip.link.base import CAP_USO
from tcpip.sockopt import SOCK_DGRAM, SOCK_RAW
from tcpip.stack.stack import Stack
from tcpip.transport.endpoint import AGAIN, Endpoint
from tcpip.transport.packet import Frame, FrameSink, PacketEndpoint
from tcpip.transport.packet_table import ETH_P_ALL
from tcpip.transport.socket_filter import SOCK_FILTER
from tcpip.waiter import EVENT_ERR, EVENT_IN

from ..bench import IP4, MAC, PEER4, PEER_MAC, Host, ipv4_packet, udp_datagram

GROUP = b"\x01\x00\x5e\x00\x00\x01"


def packet(stack: Stack, ethertype: int = ETH_P_ALL, kind: int = SOCK_RAW, nic: int = 0) -> PacketEndpoint:
    endpoint = stack.new_endpoint(AF_PACKET, kind, ethertype)
    assert isinstance(endpoint, PacketEndpoint)
    if nic:
        endpoint.bind(LinkAddress(b"", 0, nic))
    return endpoint


def receive(endpoint: Endpoint) -> tuple[bytes, LinkAddress] | None:
    buffer = bytearray(70000)
    try:
        message = endpoint.recvmsg(memoryview(buffer))
    except NetworkError as error:
        assert error.error is errors.WOULD_BLOCK
        return None
    assert isinstance(message.address, LinkAddress)
    return bytes(buffer[: message.length]), message.address


def kinds(endpoint: Endpoint) -> list[int]:
    found = []
    while (got := receive(endpoint)) is not None:
        found.append(got[1].kind)
    return found


def error_of(call: object, *arguments: object) -> NetError:
    with pytest.raises(NetworkError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.error


def test_what_comes_in_by_whom_it_is_for() -> None:
    host = Host()
    every, ip, arp = (packet(host.stack, kind) for kind in (ETH_P_ALL, TYPE_IPV4, TYPE_ARP))
    for mac in (MAC, b"\xff" * 6, GROUP, b"\x02\0\0\0\0\x55"):
        host.frame(ipv4_packet(udp_datagram(b"hello", 1, 2), 17), TYPE_IPV4, mac)
    for endpoint in (every, ip):
        seen = []
        while (got := receive(endpoint)) is not None:
            seen.append(got[1].kind)
            if got[1].kind != TO_OUTGOING:
                assert got[0][14:].endswith(b"hello") and got[1].addr == PEER_MAC and got[1].port == TYPE_IPV4
                assert (got[1].scope_id, got[1].hardware) == (host.nic.number, 1)
        assert [kind for kind in seen if kind != TO_OUTGOING] == [TO_HOST, TO_BROADCAST, TO_MULTICAST, TO_OTHER]
    assert receive(arp) is None
    assert host.stack.stats.drops[errors.DropReason.NOT_FOR_US] == 1, "what is for others goes no further"


def test_what_leaves_is_seen_by_those_who_want_everything() -> None:
    host = Host()
    every, ip, cooked = packet(host.stack), packet(host.stack, TYPE_IPV4), packet(host.stack, kind=SOCK_DGRAM)
    udp = host.stack.new_endpoint(AF_INET, SOCK_DGRAM)
    udp.sendmsg(b"out", SockAddr(PEER4, 9))
    sent = host.frames()
    got = receive(every)
    assert got is not None and got[0] == sent[0] and got[1].kind == TO_OUTGOING and got[1].addr == MAC
    assert receive(ip) is None
    assert receive(cooked) == (sent[0][14:], got[1])
    every.set_option(so.SOL_PACKET, so.PACKET_IGNORE_OUTGOING, 1)
    udp.sendmsg(b"again", SockAddr(PEER4, 9))
    host.frames()
    assert receive(every) is None and receive(cooked) is not None


def test_datagrams_in_a_row_are_seen_one_by_one() -> None:
    """While nobody looks, they leave as one super-packet."""
    for looked_at in (False, True):
        host = Host(capabilities=CAP_USO)
        every = packet(host.stack) if looked_at else None
        udp = host.stack.new_endpoint(AF_INET, SOCK_DGRAM)
        for _ in range(3):
            udp.sendmsg(b"row", SockAddr(PEER4, 9))
        assert len(host.frames()) == (3 if looked_at else 1)
        if every is not None:
            assert kinds(every) == [TO_OUTGOING] * 3


def test_frames_of_ones_own() -> None:
    host = Host()
    raw, cooked, other = packet(host.stack, nic=2), packet(host.stack, 0x88B5, SOCK_DGRAM, 2), packet(host.stack)
    assert raw.send(PEER_MAC + MAC + b"\x88\xb5whole") == 19
    assert cooked.sendmsg(b"part", LinkAddress(PEER_MAC, 0x88B6, 2)) == 4
    assert host.frames() == [PEER_MAC + MAC + b"\x88\xb5whole", PEER_MAC + MAC + b"\x88\xb6part"]
    assert kinds(raw) == [TO_OUTGOING], "not its own"
    assert kinds(other) == [TO_OUTGOING, TO_OUTGOING]
    raw.set_option(so.SOL_PACKET, so.PACKET_QDISC_BYPASS, 1)
    raw.send(PEER_MAC + MAC + b"\x88\xb5unseen")
    assert len(host.frames()) == 1 and kinds(other) == []


def test_what_cannot_be_sent() -> None:
    host = Host()
    raw, cooked = packet(host.stack, nic=2), packet(host.stack, 0x88B5, SOCK_DGRAM, 2)
    assert error_of(raw.send, bytes(13)) is errors.INVALID_ARGUMENT
    assert error_of(raw.send, bytes(1515)) is errors.MESSAGE_TOO_LONG
    assert raw.send(bytes(12) + b"\x81\0" + bytes(1504)) == 1518
    assert error_of(raw.send, bytes(12) + b"\x81\0" + bytes(1505)) is errors.MESSAGE_TOO_LONG
    assert error_of(cooked.send, b"no address") is errors.INVALID_ARGUMENT
    assert error_of(packet(host.stack).send, bytes(20)) is errors.NO_SUCH_ADDRESS
    host.nic.set_up(False)
    assert error_of(raw.send, bytes(20)) is errors.NETWORK_DOWN


def test_an_interface_that_goes_down() -> None:
    host = Host()
    bound, loose = packet(host.stack, nic=2), packet(host.stack)
    host.nic.set_up(False)
    assert bound.readiness() & (EVENT_IN | EVENT_ERR) == EVENT_IN | EVENT_ERR and not loose.readiness() & EVENT_ERR
    assert error_of(bound.recvmsg, memoryview(bytearray(9))) is errors.NETWORK_DOWN
    host.nic.set_up(True)
    host.frame(b"x" * 20, 0x88B5)
    assert kinds(bound) == [TO_HOST]
    assert error_of(bound.bind, LinkAddress(b"", 3, 77)) is errors.NO_SUCH_DEVICE


def test_the_queue_is_bounded() -> None:
    host = Host()
    endpoint = packet(host.stack, 0x88B5)
    endpoint.set_option(so.SOL_SOCKET, so.SO_RCVBUF, 5000)
    for _ in range(100):
        host.frame(bytes(1000), 0x88B5)
    kept = len(kinds(endpoint))
    assert 0 < kept < 12
    packets, drops = memoryview(endpoint.get_option(so.SOL_PACKET, so.PACKET_STATISTICS)).cast("I")  # type: ignore[arg-type]
    assert (packets, drops) == (100, 100 - kept) and endpoint.received_bytes == 0


def test_the_filter_sees_the_link_header() -> None:
    host = Host()
    endpoint = packet(host.stack, TYPE_IPV4)
    program = ((0x28, 0, 0, 12), (0x15, 0, 1, TYPE_IPV4), (6, 0, 0, 20), (6, 0, 0, 0))
    endpoint.set_option(so.SOL_SOCKET, so.SO_ATTACH_FILTER, b"".join(SOCK_FILTER.pack(*line) for line in program))
    endpoint.set_option(so.SOL_PACKET, so.PACKET_AUXDATA, 1)
    host.frame(ipv4_packet(udp_datagram(b"hello", 1, 2), 17))
    got = endpoint.recvmsg(memoryview(bytearray(100)))
    assert got.length == 20
    assert list(memoryview(got.control[0][2][:12]).cast("I")) == [1, 47, 20]


@pytest.mark.parametrize(("csum", "status"), [(CSUM_NONE, 1), (CSUM_VALID, 0x81)])
def test_what_is_known_of_checksums(csum: int, status: int) -> None:
    host = Host()
    endpoint = packet(host.stack, 0x88B5)
    endpoint.set_option(so.SOL_PACKET, so.PACKET_AUXDATA, 1)
    host.frame(b"text", 0x88B5, csum=csum)
    got = endpoint.recvmsg(memoryview(bytearray(100)))
    assert int.from_bytes(got.control[0][2][:4], "little") == status


def test_a_sink_in_place_of_the_queue() -> None:
    class Two(FrameSink):
        def __init__(self) -> None:
            self.frames: list[Frame] = []

        def put(self, frame: Frame) -> bool:
            if len(self.frames) == 2:
                return False
            self.frames.append(frame)
            return True

        def readable(self) -> bool:
            return bool(self.frames)

    host = Host()
    endpoint = packet(host.stack, 0x88B5)
    sink = endpoint.sink = Two()
    for _ in range(3):
        host.frame(b"text", 0x88B5)
    assert [frame.data[14:] for frame in sink.frames] == [b"text"] * 2 and receive(endpoint) is None
    assert endpoint.readiness() & EVENT_IN and endpoint.packet.drops == 1


def test_what_is_sent_on_the_loopback() -> None:
    """Seen, but from and to its own IPv4 addresses not believed: nobody has routed it there. IPv6 is."""
    host = Host()
    stack = host.stack
    sender, every = packet(stack, nic=1), packet(stack)
    udp4, udp6 = stack.new_endpoint(AF_INET, SOCK_DGRAM), stack.new_endpoint(AF_INET6, SOCK_DGRAM)
    udp4.bind(SockAddr(bytes(4), 7))
    udp6.bind(SockAddr(IPV6_LOOPBACK, 8))
    for addr in (IPV4_LOOPBACK, IP4):
        sender.send(bytes(12) + b"\x08\0" + ipv4_packet(udp_datagram(b"x", 9, 7, addr, addr), 17, addr, addr))
    header = b"\x60\0\0\0\0\x09\x11\x40" + IPV6_LOOPBACK * 2
    sender.send(bytes(12) + b"\x86\xdd" + header + udp_datagram(b"y", 9, 8, IPV6_LOOPBACK, IPV6_LOOPBACK))
    assert kinds(every) == [TO_OUTGOING, TO_HOST] * 3
    assert udp4.recv_into(memoryview(bytearray(9))) == AGAIN
    assert udp6.recv_into(memoryview(bytearray(9))) == 1
    lo = stack.lo
    assert lo is not None and (lo.rx_packets, lo.tx_packets) == (3, 3)
    sender.send(b"\x02" + bytes(11) + b"\x86\xdd" + header)
    assert kinds(every) == [TO_OUTGOING, TO_OTHER]


def test_closed_is_closed() -> None:
    host = Host()
    endpoint = packet(host.stack)
    endpoint.close()
    endpoint.close()
    host.frame(b"text", 0x88B5)
    assert not host.stack.packets.endpoints and not endpoint.received
    assert host.stack.loopback_is_idle()


def test_ethertype_of_ipv6_and_hostile_frames() -> None:
    host = Host()
    endpoint = packet(host.stack, TYPE_IPV6)
    for frame in (b"", b"x", bytes(13), bytes(14)):
        host.link.inject(frame)
    assert receive(endpoint) is None
    for size in (0, 15, 17, 300):
        wrong = size.to_bytes(2, "little") + bytes(14)
        with pytest.raises(NetworkError):
            endpoint.set_option(so.SOL_PACKET, so.PACKET_ADD_MEMBERSHIP, wrong[: 8 + size % 8])


def test_one_packet_meets_so_many_programs_only() -> None:
    """With thousands of sockets, a packet would take minutes."""
    host = Host()
    long = b"".join([SOCK_FILTER.pack(0x30, 0, 0, 0)] * 4095 + [SOCK_FILTER.pack(0x06, 0, 0, 0xFFFF)])
    endpoints = [packet(host.stack) for _ in range(20)]
    for endpoint in endpoints:
        endpoint.set_option(so.SOL_SOCKET, so.SO_ATTACH_FILTER, long)
    plain = packet(host.stack)
    for turn in (1, 2):
        host.frame(b"text", 0x88B5)
        assert [len(endpoint.received) for endpoint in endpoints] == [turn] * 4 + [0] * 16
        assert [endpoint.packet.drops for endpoint in endpoints] == [0] * 4 + [turn] * 16
        assert plain.received
