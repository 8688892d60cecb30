"""Anycast addresses: joined by sockets, and a router's of each subnet."""

import struct

import pytest

from tcpip import errors
from tcpip import sockopt as so
from tcpip.addr import AF_INET6, SockAddr, parse, solicited_node
from tcpip.errors import NetworkError
from tcpip.header import ndp
from tcpip.header.ethernet import TYPE_IPV6
from tcpip.sockopt import SOCK_DGRAM
from tcpip.transport.endpoint import Endpoint

from ..bench import IP6, PEER6, PEER_MAC, Host, icmpv6_message, udp_datagram

SHARED = parse("2001:db8::aa")
SUBNET = parse("2001:db8::")


def socket(host: Host) -> Endpoint:
    ep = host.stack.new_endpoint(AF_INET6, SOCK_DGRAM)
    ep.settings().privileged = True
    return ep


def join(ep: Endpoint, addr: bytes, number: int = 0, name: int = so.IPV6_JOIN_ANYCAST) -> None:
    ep.set_option(so.SOL_IPV6, name, struct.pack("=16si", addr, number))


def refused(ep: Endpoint, addr: bytes, number: int = 0, name: int = so.IPV6_JOIN_ANYCAST) -> errors.NetError:
    with pytest.raises(NetworkError) as caught:
        join(ep, addr, number, name)
    return caught.value.error


def echoes(host: Host, dst: bytes) -> list[bytes]:
    """Who answers a ping to it."""
    host.ipv6(icmpv6_message(128, 0, 1, b"", PEER6, dst), 58, dst=dst)
    return [packet[8:24] for packet in host.packets(TYPE_IPV6) if packet[40] == 129]


def test_while_a_socket_has_joined() -> None:
    host = Host()
    ep = socket(host)
    assert echoes(host, SHARED) == []
    join(ep, SHARED)
    host.frames()
    assert echoes(host, SHARED) == [IP6] and solicited_node(SHARED) in host.nic.groups
    ep.bind(SockAddr(bytes(16), 7))
    host.ipv6(udp_datagram(b"here", 9, 7, PEER6, SHARED), 17, dst=SHARED)
    assert ep.readable_bytes() == 4
    with pytest.raises(NetworkError):
        socket(host).bind(SockAddr(SHARED, 8))
    other = socket(host)
    join(other, SHARED, host.nic.number)
    ep.close()
    assert echoes(host, SHARED) == [IP6]
    join(other, SHARED, 0, so.IPV6_LEAVE_ANYCAST)
    host.frames()
    assert echoes(host, SHARED) == [] and solicited_node(SHARED) not in host.nic.groups


def test_neighbours_are_told_without_override() -> None:
    host = Host()
    join(socket(host), SHARED)
    host.frames()
    body = SHARED + ndp.link_option(1, PEER_MAC)
    message = icmpv6_message(135, 0, 0, body, PEER6, solicited_node(SHARED))
    host.ipv6(message, 58, b"\x33\x33\xff\0\0\xaa", dst=solicited_node(SHARED), hop_limit=255)
    (answer,) = [packet for packet in host.packets(TYPE_IPV6) if packet[40] == 136]
    assert answer[8:24] == IP6 and answer[48:64] == SHARED and answer[44] == 0x40


def test_what_is_refused() -> None:
    host = Host()
    ep = socket(host)
    assert refused(ep, parse("ff02::9")) is errors.INVALID_ARGUMENT
    assert refused(ep, IP6) is errors.INVALID_ARGUMENT
    assert refused(ep, parse("2001:db8:9::1")) is errors.ADDRESS_NOT_AVAILABLE
    assert refused(ep, parse("2001:db8:9::1"), host.nic.number) is errors.ADDRESS_NOT_AVAILABLE
    assert refused(ep, SHARED, 99) is errors.NO_SUCH_DEVICE
    assert refused(ep, SHARED, 0, so.IPV6_LEAVE_ANYCAST) is errors.NO_SUCH_FILE
    ep.settings().privileged = False
    assert refused(ep, SHARED) is errors.NOT_PERMITTED


def test_a_router_has_the_subnets_address() -> None:
    host = Host()
    assert echoes(host, SUBNET) == []
    host.stack.forwarding_v6 = True
    assert echoes(host, SUBNET) == [IP6]
