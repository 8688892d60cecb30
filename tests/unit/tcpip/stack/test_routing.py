"""Route lookup, source selection, changes while routes are held, forwarding, gateways that take everything."""

import pytest

from tcpip import errors
from tcpip.addr import IPV4_ANY, IPV6_ANY, SockAddr, parse, text
from tcpip.buffer import TxPacket
from tcpip.errors import NetError, NetworkError
from tcpip.header.ethernet import TYPE_IPV6
from tcpip.link.channel import ChannelLink
from tcpip.sockopt import SOCK_DGRAM
from tcpip.stack.address import NicAddress
from tcpip.stack.nic import Nic
from tcpip.stack.source_selection import select

from ..bench import IP4, IP6, PEER4, PEER6, PEER_MAC, Host, icmpv4_message, ipv4_packet, ipv6_packet, udp_datagram

FAR = parse("192.0.2.1")


def second_nic(host: Host, address: str = "10.1.0.1/24") -> Nic:
    addr, _, length = address.partition("/")
    nic = host.stack.add_nic(ChannelLink(mac=b"\x02\0\0\0\0\x02"), "eth1")
    nic.add_address(parse(addr), int(length), dad=False)
    return nic


def fails(error: NetError, host: Host, dst: bytes) -> None:
    with pytest.raises(NetworkError) as caught:
        host.stack.find_route(dst)
    assert caught.value.error is error


def test_longest_prefix_then_metric() -> None:
    host = Host()
    other = second_nic(host)
    stack = host.stack
    fails(errors.NETWORK_UNREACHABLE, host, FAR)
    stack.add_route(IPV4_ANY, 0, PEER4)
    assert stack.find_route(FAR).next_hop == PEER4
    stack.add_route(parse("192.0.2.0"), 24, parse("10.1.0.9"), metric=10)
    route = stack.find_route(FAR)
    assert (route.nic, route.src, route.next_hop) == (other, parse("10.1.0.1"), parse("10.1.0.9"))
    better = stack.add_route(parse("192.0.2.0"), 24, PEER4, metric=5)
    assert stack.find_route(FAR).nic is host.nic
    assert stack.find_route(FAR, nic=other.number).nic is other
    stack.remove_route(better)
    other.set_up(False)
    assert stack.find_route(FAR).next_hop == PEER4
    stack.add_route(FAR, 32, error=errors.PERMISSION_DENIED)
    fails(errors.PERMISSION_DENIED, host, FAR)


def test_gateway_must_be_on_link() -> None:
    host = Host()
    with pytest.raises(NetworkError) as caught:
        host.stack.add_route(IPV4_ANY, 0, FAR)
    assert caught.value.error is errors.NETWORK_UNREACHABLE


def test_own_addresses_go_through_the_loopback() -> None:
    host = Host()
    for dst, src in ((IP4, IP4), (parse("127.0.0.9"), parse("127.0.0.1")), (IP6, IP6), (parse("::1"), parse("::1"))):
        route = host.stack.find_route(dst)
        assert route.nic is host.stack.lo and route.src == src and route.loopback
    assert host.stack.find_route(IPV4_ANY).dst == parse("127.0.0.1")


def test_held_route_follows_changes() -> None:
    host = Host()
    old = host.stack.add_route(IPV4_ANY, 0, PEER4)
    route = host.stack.find_route(FAR)
    assert route.mtu() == 1500
    host.nic.set_mtu(1400)
    assert route.mtu() == 1400
    host.stack.remove_route(old)
    assert route.mtu() == 1400
    with pytest.raises(NetworkError):
        route.write_packet(TxPacket(bytearray(8), [], 0), 17)
    host.stack.add_route(IPV4_ANY, 0, parse("10.0.0.7"))
    assert route.mtu() == 1400 and route.next_hop == parse("10.0.0.7")


def test_address_removal_takes_its_route() -> None:
    host = Host()
    host.nic.add_address(parse("10.0.0.50"), 24)
    host.nic.remove_address(IP4)
    assert host.stack.find_route(PEER4).src == parse("10.0.0.50")
    host.nic.remove_address(parse("10.0.0.50"))
    fails(errors.NETWORK_UNREACHABLE, host, PEER4)
    with pytest.raises(NetworkError):
        host.nic.remove_address(IP4)
    host.stack.remove_nic(host.nic)
    assert host.nic.number not in host.stack.nics


@pytest.mark.parametrize(
    ("own", "dst", "expected"),
    [
        ("2001:db8:1::1/64 fe80::1/64", "2001:db8:2::2", "2001:db8:1::1"),
        ("2001:db8:1::1/64 fe80::1/64", "fe80::2", "fe80::1"),
        ("2001:db8:1::1/64 fe80::1/64", "ff02::1", "fe80::1"),
        ("2001:db8:1::1/64 fd00::1/64", "fd00:2::2", "fd00::1"),
        ("2001:db8:1::1/64 2001:db8:2::1/64", "2001:db8:2::9", "2001:db8:2::1"),
        ("2001:db8:1::1/64 2001:db8:2::1/64", "2001:db8:1::1", "2001:db8:1::1"),
        ("fe80::1/64", "2001:db8::1", "fe80::1"),
    ],
)
def test_source_selection(own: str, dst: str, expected: str) -> None:
    for order in (1, -1):
        addresses = []
        for value in own.split()[::order]:
            addr, _, length = value.partition("/")
            addresses.append(NicAddress(parse(addr), int(length)))
        assert text(select(addresses, parse(dst), b"")) == expected


def test_deprecated_and_tentative_sources() -> None:
    old, new = NicAddress(parse("2001:db8::1"), 64), NicAddress(parse("2001:db8:9::1"), 64)
    old.deprecated = True
    assert select([old, new], parse("2001:db8::5"), b"") == new.addr
    new.tentative = True
    assert select([old, new], parse("2001:db8::5"), b"") == old.addr


def test_forwarding() -> None:
    host = Host()
    other = second_nic(host)
    other.neighbors.add_permanent(parse("10.1.0.2"), PEER_MAC)
    assert isinstance(other.link, ChannelLink)
    packet = ipv4_packet(udp_datagram(b"x" * 50, 1, 2, PEER4, parse("10.1.0.2")), 17, PEER4, parse("10.1.0.2"))
    host.frame(packet)
    assert not [f for f in other.link.take() if f[12:14] == b"\x08\0"]
    host.stack.forwarding = True
    host.frame(packet)
    (frame,) = [f for f in other.link.take() if f[12:14] == b"\x08\0"]
    assert frame[22] == 63 and frame[34:] == packet[20:]
    expired = ipv4_packet(b"x" * 20, 17, PEER4, parse("10.1.0.2"), ttl=1)
    host.frame(expired)
    assert host.packets()[0][20:22] == b"\x0b\0"
    other.set_mtu(576)
    host.frame(ipv4_packet(bytes(1000), 17, PEER4, parse("10.1.0.2"), dont_fragment=True))
    (answer,) = host.packets()
    assert answer[20:22] == b"\x03\x04" and answer[26:28] == (576).to_bytes(2, "big")
    host.frame(ipv4_packet(bytes(1000), 17, PEER4, parse("10.1.0.2")))
    assert len([f for f in other.link.take() if f[12:14] == b"\x08\0"]) == 2
    host.frame(ipv4_packet(b"x" * 20, 17, PEER4, FAR))
    assert host.packets()[0][20:22] == b"\x03\0"


def test_forwarding_of_one_interface() -> None:
    host = Host()
    other = second_nic(host)
    other.neighbors.add_permanent(parse("10.1.0.2"), PEER_MAC)
    assert isinstance(other.link, ChannelLink)
    far = parse("10.1.0.2")
    settings, packet = host.stack.nic_settings, ipv4_packet(udp_datagram(b"x", 1, 2, PEER4, far), 17, PEER4, far)
    for name, passes in ((other.name, 0), (host.nic.name, 1)):
        settings.write(host.stack, "ipv4/conf/forwarding", name, 1)
        host.frame(packet)
        assert len([f for f in other.link.take() if f[12:14] == b"\x08\0"]) == passes
    assert not host.stack.forwarding
    settings.write(host.stack, "ipv4/conf/forwarding", "all", 0)
    assert host.nic.forwards, "nothing has changed for all"
    host.stack.forwarding = True
    host.stack.forwarding = False
    assert not host.nic.forwards


def test_forwarding_ipv6() -> None:
    host = Host()
    other = second_nic(host, "2001:db8:1::1/64")
    target = parse("2001:db8:1::2")
    other.neighbors.add_permanent(target, PEER_MAC)
    host.stack.forwarding = True
    host.frame(ipv6_packet(bytes(20), 17, PEER6, target), TYPE_IPV6)
    assert isinstance(other.link, ChannelLink)
    assert not [f for f in other.link.take() if f[20] == 17]
    host.stack.forwarding_v6 = True
    host.frame(ipv6_packet(bytes(20), 17, PEER6, target), TYPE_IPV6)
    frames = [f for f in other.link.take() if f[20] == 17]
    assert len(frames) == 1 and frames[0][21] == 63
    other.set_mtu(1280)
    host.frame(ipv6_packet(bytes(1400), 17, PEER6, target), TYPE_IPV6)
    (answer,) = host.packets(TYPE_IPV6)
    assert answer[40] == 2 and answer[44:48] == (1280).to_bytes(4, "big")


def test_promiscuous_interface_answers_for_everyone() -> None:
    host = Host()
    host.nic.promiscuous = True
    host.stack.add_route(IPV6_ANY, 0, PEER6)
    server = host.stack.new_endpoint(2, SOCK_DGRAM)
    server.bind(SockAddr(FAR, 53))
    host.ipv4(udp_datagram(b"q", 9, 53, PEER4, FAR), 17, dst=FAR)
    got = server.recvmsg(memoryview(bytearray(8)))
    assert got.address == SockAddr(PEER4, 9)
    server.sendmsg(b"a", SockAddr(PEER4, 9))
    assert host.packets()[0][12:20] == FAR + PEER4


def test_multicast_and_broadcast_leave_by_the_real_interface() -> None:
    host = Host()
    assert host.stack.find_route(parse("239.1.1.1")).nic is host.nic
    assert host.stack.find_route(parse("255.255.255.255")).nic is host.nic
    assert host.stack.find_route(parse("ff02::1")).nic is host.nic


def test_answers_to_each_other_do_not_recurse() -> None:
    host = Host()
    for _ in range(3000):
        host.stack.deliver(host.nic, [])
    host.ipv4(icmpv4_message(8, 0, 1), 1)
    assert len(host.packets()) == 1
