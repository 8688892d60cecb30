"""The DHCP client against a server made of bytes, on a manual clock."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpip.addr import IPV4_ANY, IPV4_BROADCAST, MAC_BROADCAST, parse
from tcpip.config import dhcp_client as states
from tcpip.config.dhcp_client import DhcpClient
from tcpip.errors import Malformed
from tcpip.header import dhcp as wire
from tcpip.header.arp import REPLY, ArpPacket
from tcpip.header.dhcp import DhcpMessage
from tests.unit.tcpip.bench import MAC, PEER_MAC, Host
from tests.unit.tcpip.config.dhcp_server import LEASED, SERVER, Bench


def test_from_discover_to_bound() -> None:
    bench = Bench(host_name="box")
    discover = bench.one(wire.DISCOVER)
    assert bench.headers == [(MAC_BROADCAST, IPV4_ANY, IPV4_BROADCAST)]
    assert discover.flags == wire.FLAG_BROADCAST and discover.ciaddr == IPV4_ANY
    assert discover.options[wire.OPTION_HOST_NAME] == b"box"
    assert discover.options[wire.OPTION_CLIENT_ID] == b"\x01" + MAC
    bench.answer(discover, wire.OFFER)
    request = bench.one(wire.REQUEST)
    assert request.options[wire.OPTION_REQUESTED_ADDRESS] == LEASED
    assert request.options[wire.OPTION_SERVER_ID] == SERVER
    assert (request.xid, request.ciaddr, request.secs) == (discover.xid, IPV4_ANY, discover.secs)
    bench.answer(request, wire.ACK, {wire.OPTION_DNS: b"\x08\x08\x08\x08", wire.OPTION_MTU: b"\x05\x00"})
    assert bench.client.state == states.CHECKING and bench.changes == []
    bench.host.pass_time(9)
    assert bench.client.state == states.BOUND and bench.changes == [LEASED]
    nic = bench.host.nic
    assert nic.addresses[LEASED].prefix_len == 24
    assert nic.dns_servers == [b"\x08\x08\x08\x08"] and nic.mtu == 1280
    route = bench.host.stack.find_route(parse("198.51.100.1"))
    assert (route.next_hop, route.src) == (SERVER, LEASED)


def test_discover_is_repeated_at_growing_intervals() -> None:
    bench = Bench()
    times = [bench.host.clock.now_ns() for _ in bench.sent()]
    for _ in range(3000):
        bench.host.pass_time(0.1)
        times += [bench.host.clock.now_ns() for _ in bench.sent()]
    gaps = [(b - a) / 1e9 for a, b in pairwise(times)]
    for gap, expected in zip(gaps, (4, 8, 16, 32, 64, 64, 64), strict=True):
        assert expected - 1.2 <= gap <= expected + 1.2
    assert len(gaps) == 7 and bench.client.state == states.SELECTING


def test_a_request_without_answer_starts_anew() -> None:
    bench = Bench()
    bench.answer(bench.one(wire.DISCOVER), wire.OFFER)
    kinds = []
    for _ in range(70):
        kinds += [m.message_type() for m in bench.sent()]
        bench.host.pass_time(1)
    assert kinds[:5] == [wire.REQUEST] * 4 + [wire.DISCOVER]


def test_renewal_by_unicast_then_rebinding_by_broadcast_then_the_end() -> None:
    bench = Bench()
    bench.bind()
    bench.host.pass_time(480)
    assert bench.sent() == [] and bench.client.state == states.BOUND
    bench.host.pass_time(20)
    renew = bench.one(wire.REQUEST)
    assert bench.client.state == states.RENEWING
    assert bench.headers == [(PEER_MAC, LEASED, SERVER)]
    assert renew.ciaddr == LEASED and renew.flags == 0
    assert wire.OPTION_REQUESTED_ADDRESS not in renew.options and wire.OPTION_SERVER_ID not in renew.options
    bench.host.pass_time(360)
    assert len(bench.sent()) == 3
    bench.headers.clear()
    bench.host.pass_time(20)
    assert bench.client.state == states.REBINDING
    assert bench.one(wire.REQUEST).ciaddr == LEASED
    assert bench.headers == [(MAC_BROADCAST, LEASED, IPV4_BROADCAST)]
    assert LEASED in bench.host.nic.addresses
    bench.host.pass_time(130)
    assert LEASED not in bench.host.nic.addresses and bench.changes == [LEASED, b""]
    assert bench.sent()[-1].message_type() == wire.DISCOVER


@pytest.mark.parametrize("wait", [495, 880])
def test_a_renewed_lease_goes_on(wait: int) -> None:
    bench = Bench()
    bench.bind()
    bench.host.pass_time(wait)
    renew = bench.sent()[-1]
    bench.answer(renew, wire.ACK, {wire.OPTION_ROUTER: parse("192.0.2.254")})
    assert bench.client.state == states.BOUND
    bench.host.pass_time(480)
    assert LEASED in bench.host.nic.addresses and bench.changes == [LEASED]
    assert bench.host.stack.find_route(parse("198.51.100.1")).next_hop == parse("192.0.2.254")


def test_a_refused_renewal_ends_the_lease_at_once() -> None:
    bench = Bench()
    bench.bind()
    bench.host.pass_time(500)
    bench.answer(bench.sent()[-1], wire.NAK)
    assert LEASED not in bench.host.nic.addresses
    bench.host.pass_time(2.9)
    assert bench.sent() == []
    bench.host.pass_time(0.2)
    bench.one(wire.DISCOVER)


def test_a_remembered_address_is_asked_for_first() -> None:
    bench = Bench(remembered=LEASED)
    request = bench.one(wire.REQUEST)
    assert request.options[wire.OPTION_REQUESTED_ADDRESS] == LEASED
    assert wire.OPTION_SERVER_ID not in request.options and request.ciaddr == IPV4_ANY
    bench.answer(request, wire.ACK)
    bench.host.pass_time(9)
    assert bench.client.state == states.BOUND


def test_a_remembered_address_of_another_network_is_refused() -> None:
    bench = Bench(remembered=parse("10.1.1.1"))
    bench.answer(bench.one(wire.REQUEST), wire.NAK)
    bench.host.pass_time(4)
    assert wire.OPTION_REQUESTED_ADDRESS not in bench.one(wire.DISCOVER).options


def test_an_address_that_somebody_has_is_declined() -> None:
    bench = Bench()
    bench.answer(bench.one(wire.DISCOVER), wire.OFFER)
    bench.answer(bench.one(wire.REQUEST), wire.ACK)
    bench.host.pass_time(1.5)
    bench.host.arp(ArpPacket(REPLY, PEER_MAC, LEASED, MAC, IPV4_ANY))
    decline = bench.one(wire.DECLINE)
    assert decline.options[wire.OPTION_REQUESTED_ADDRESS] == LEASED
    assert decline.options[wire.OPTION_SERVER_ID] == SERVER
    assert bench.changes == [] and LEASED not in bench.host.nic.addresses
    bench.host.pass_time(9.9)
    assert bench.sent() == []
    bench.host.pass_time(0.2)
    bench.one(wire.DISCOVER)


def test_an_address_that_is_set_by_hand_meanwhile_is_declined() -> None:
    bench = Bench()
    bench.answer(bench.one(wire.DISCOVER), wire.OFFER)
    bench.answer(bench.one(wire.REQUEST), wire.ACK)
    bench.host.nic.add_address(LEASED, 24)
    bench.host.pass_time(8)
    bench.one(wire.DECLINE)
    assert bench.client.lease is None and LEASED in bench.host.nic.addresses


def test_stop_releases() -> None:
    bench = Bench()
    bench.bind({wire.OPTION_DNS: b"\x08\x08\x08\x08", wire.OPTION_MTU: b"\x05\x00"})
    bench.client.stop()
    release = bench.one(wire.RELEASE)
    assert release.ciaddr == LEASED and release.options[wire.OPTION_SERVER_ID] == SERVER
    assert bench.headers == [(PEER_MAC, LEASED, SERVER)]
    nic = bench.host.nic
    assert LEASED not in nic.addresses and nic.dns_servers == [] and nic.mtu == 1500
    assert not [e for e in bench.host.stack.routes.entries if e.nic is nic]
    bench.host.pass_time(3000)
    assert bench.sent() == []
    again = DhcpClient(nic)
    again.start()
    bench.one(wire.DISCOVER)


def test_classless_routes_replace_the_router() -> None:
    bench = Bench()
    routes = bytes((16, 10, 7, 192, 0, 2, 9)) + bytes((24, 172, 16, 5, 0, 0, 0, 0)) + bytes((0, 192, 0, 2, 8))
    bench.bind({wire.OPTION_CLASSLESS_ROUTES: routes})
    find = bench.host.stack.find_route
    assert find(parse("10.7.3.3")).next_hop == parse("192.0.2.9")
    assert find(parse("172.16.5.9")).next_hop == parse("172.16.5.9")
    assert find(parse("198.51.100.1")).next_hop == parse("192.0.2.8")


def test_an_endless_lease_is_not_renewed() -> None:
    bench = Bench()
    bench.bind({wire.OPTION_LEASE_TIME: b"\xff" * 4})
    bench.host.pass_time(100_000)
    assert bench.sent() == [] and bench.client.state == states.BOUND


def test_times_of_the_server_count_if_they_make_sense() -> None:
    bench = Bench()
    bench.bind({wire.OPTION_T1: (100).to_bytes(4, "big"), wire.OPTION_T2: (200).to_bytes(4, "big")})
    bench.host.pass_time(95)
    assert bench.client.state == states.RENEWING
    bench = Bench()
    bench.bind({wire.OPTION_T1: (900).to_bytes(4, "big"), wire.OPTION_T2: (100).to_bytes(4, "big")})
    bench.host.pass_time(480)
    assert bench.client.state == states.BOUND


# Hostile and broken servers.


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({}, {"xid": 1}),
        ({}, {"chaddr": PEER_MAC}),
        ({}, {"op": wire.BOOTREQUEST}),
        ({}, {"yiaddr": IPV4_ANY}),
        ({}, {"yiaddr": IPV4_BROADCAST}),
        ({}, {"yiaddr": parse("224.0.0.1")}),
        ({}, {"yiaddr": parse("127.0.0.1")}),
        ({}, {"yiaddr": parse("192.0.2.255")}),
        ({wire.OPTION_SERVER_ID: None}, {}),
        ({wire.OPTION_SERVER_ID: b"\1\2\3"}, {}),
        ({wire.OPTION_LEASE_TIME: None}, {}),
        ({wire.OPTION_LEASE_TIME: b"\1"}, {}),
        ({wire.OPTION_SUBNET_MASK: b"\xff\0\xff\0"}, {}),
        ({wire.OPTION_SUBNET_MASK: b"\0\0\0\0"}, {}),
        ({wire.OPTION_MESSAGE_TYPE: b"\2\2"}, {}),
    ],
)
def test_offers_that_are_none(options: dict[int, bytes], fields: dict[str, object]) -> None:
    bench = Bench()
    bench.answer(bench.one(wire.DISCOVER), wire.OFFER, options, **fields)
    assert bench.sent() == [] and bench.client.state == states.SELECTING


def test_an_acknowledgement_of_something_else() -> None:
    bench = Bench()
    bench.answer(bench.one(wire.DISCOVER), wire.OFFER)
    request = bench.one(wire.REQUEST)
    bench.answer(request, wire.ACK, yiaddr=parse("192.0.2.78"))
    bench.answer(request, wire.ACK, {wire.OPTION_SERVER_ID: parse("192.0.2.2")})
    bench.answer(request, wire.NAK, {wire.OPTION_SERVER_ID: parse("192.0.2.2")})
    assert bench.client.state == states.REQUESTING


def test_an_offer_of_an_address_that_we_have() -> None:
    bench = Bench()
    bench.host.nic.add_address(LEASED, 24)
    bench.answer(bench.one(wire.DISCOVER), wire.OFFER)
    assert bench.client.state == states.SELECTING


def test_options_of_no_use_are_left_out() -> None:
    bench = Bench()
    bench.bind(
        {
            wire.OPTION_LEASE_TIME: b"\0\0\0\0",
            wire.OPTION_ROUTER: b"\xff\xff\xff\xff",
            wire.OPTION_DNS: b"\1\2\3",
            wire.OPTION_DOMAIN_NAME: b"a; rm -rf /",
            wire.OPTION_MTU: b"\0\x44",
            wire.OPTION_CLASSLESS_ROUTES: b"\x21\1\1\1\1",
        }
    )
    lease = bench.client.lease
    assert lease is not None
    assert (lease.seconds, lease.routes, lease.dns, lease.domain, lease.mtu) == (16, [], [], "", 0)
    assert bench.host.nic.mtu == 1500


def test_lists_are_bounded() -> None:
    bench = Bench()
    bench.bind(
        {wire.OPTION_DNS: bytes((8, 8, 8, 8)) * 60, wire.OPTION_CLASSLESS_ROUTES: bytes((8, 9, 192, 0, 2, 1)) * 90}
    )
    lease = bench.client.lease
    assert lease is not None and len(lease.dns) == 8 and len(lease.routes) == 64


def test_a_server_that_refuses_all_the_time_sets_no_pace() -> None:
    bench = Bench()
    asked = 0
    for _ in range(600):
        for message in bench.sent():
            asked += 1
            bench.answer(message, wire.OFFER if message.message_type() == wire.DISCOVER else wire.NAK)
        bench.host.pass_time(0.1)
    assert asked <= 2 * 21


@settings(max_examples=300)
@given(st.binary(max_size=600))
def test_parsing_raises_nothing_else(data: bytes) -> None:
    for body in (
        data,
        wire.FIXED.pack(2, 1, 6, 0, 9, 0, 0, *[bytes(4)] * 4, MAC, data[:64], data[:128]) + wire.COOKIE + data,
    ):
        try:
            DhcpMessage.parse(body).message_type()
        except Malformed:
            pass


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from((1, 3, 6, 15, 26, 51, 53, 54, 58, 59, 121)), st.binary(max_size=300)))
def test_any_options_leave_the_host_well(options: dict[int, bytes]) -> None:
    bench = Bench()
    bench.answer(bench.one(wire.DISCOVER), wire.OFFER, options)
    for request in bench.sent():
        bench.answer(request, wire.ACK, options)
    bench.host.pass_time(9)
    bench.host.pass_time(3)
    bench.client.stop()
    assert LEASED not in bench.host.nic.addresses and bench.host.nic.mtu == 1500 and bench.host.nic.dns_servers == []


def test_long_options_and_those_in_other_fields() -> None:
    message = DhcpMessage(wire.BOOTREPLY, 7, MAC, {wire.OPTION_DNS: bytes(range(256)) + bytes(44), 53: b"\2"})
    parsed = DhcpMessage.parse(message.to_bytes())
    assert parsed.options == message.options and parsed.xid == 7
    body = bytearray(DhcpMessage(wire.BOOTREPLY, 7, MAC, {wire.OPTION_OVERLOAD: b"\3"}).to_bytes())
    body[44:49] = bytes((53, 1, 5, 255, 0))
    body[108:115] = bytes((54, 4, 1, 2, 3, 4, 255))
    assert DhcpMessage.parse(bytes(body)).options == {52: b"\3", 53: b"\5", 54: b"\1\2\3\4"}


def test_two_interfaces_have_a_client_each() -> None:
    bench = Bench()
    other = Host(ipv6=False)
    second = bench.host.stack.add_nic(other.link, "eth1")
    DhcpClient(second).start()
    bench.host.stack.flush()
    assert len(bench.sent()) == 1 and len(other.link.take()) == 1


def test_dpkt_reads_the_same() -> None:
    import dpkt

    bench = Bench()
    raw = bench.host.frames()[-1]
    dhcp = dpkt.dhcp.DHCP(dpkt.ethernet.Ethernet(raw).data.data.data)
    assert dict(dhcp.opts)[53] == b"\1" and dhcp.chaddr[:6] == MAC
