"""Stable and temporary addresses (RFC 7217, RFC 8981) in virtual time."""

from __future__ import annotations

import pytest

from tcpip import sockopt as so
from tcpip.addr import AF_INET6, IPV6_ALL_NODES, SockAddr, eui64_address, multicast_mac, parse
from tcpip.header import ndp
from tcpip.header.ethernet import TYPE_IPV6
from tcpip.network.autoconf import NO_LINK_LOCAL, STABLE_PRIVACY, reserved
from tcpip.sockopt import SOCK_DGRAM
from tcpip.stack.address import NicAddress

from ..bench import MAC, PEER_MAC, Host, icmpv6_message, ipv6_packet

ROUTER = parse("fe80::99")
PREFIX = parse("2001:db8:5::")
DAY = 86400


def advertise(host: Host, valid: int = 30 * DAY, preferred: int = 7 * DAY, flags: int = 0) -> None:
    option = ndp.PrefixInfo(PREFIX, 64, True, True, valid, preferred).emit_option()
    message = icmpv6_message(134, 0, flags << 16 | 1800, bytes(8) + option, ROUTER, IPV6_ALL_NODES)
    packet = ipv6_packet(message, 58, ROUTER, IPV6_ALL_NODES, hop_limit=255)
    host.frame(packet, TYPE_IPV6, multicast_mac(IPV6_ALL_NODES))


def object_to(host: Host, addr: bytes) -> None:
    """Somebody advertises an address that the host is trying."""
    message = icmpv6_message(136, 0, 0x20000000, addr + ndp.link_option(2, PEER_MAC), addr, IPV6_ALL_NODES)
    packet = ipv6_packet(message, 58, addr, IPV6_ALL_NODES, hop_limit=255)
    host.frame(packet, TYPE_IPV6, multicast_mac(IPV6_ALL_NODES))


def made(host: Host, temporary: bool = False) -> list[NicAddress]:
    return [a for a in host.nic.addresses.values() if a.addr[:8] == PREFIX[:8] and a.temporary == temporary]


def stable(secret: bytes = b"secret") -> Host:
    host = Host(ipv6=False)
    host.nic.accept_ra = True
    host.nic.autoconf.addr_gen_mode = STABLE_PRIVACY
    host.nic.autoconf.stable_secret = secret
    return host


def test_stable_addresses_are_the_same_again_and_do_not_show_the_mac() -> None:
    one, again, other = stable(), stable(), stable(b"another")
    for host in (one, again, other):
        advertise(host)
        host.pass_time(2)
    (mine,) = made(one)
    assert [a.addr for a in made(again)] == [mine.addr] != [a.addr for a in made(other)]
    assert mine.addr != eui64_address(PREFIX, MAC) and not mine.tentative
    link_local = next(a for a in one.nic.addresses if a[:2] == b"\xfe\x80")
    assert link_local[8:] not in (mine.addr[8:], eui64_address(bytes(16), MAC)[8:])


def test_another_identifier_is_tried_where_one_is_taken_three_times() -> None:
    host = stable()
    advertise(host)
    seen = []
    for _ in range(4):
        (mine,) = made(host)
        assert mine.tentative and mine.addr not in seen
        seen.append(mine.addr)
        object_to(host, mine.addr)
        assert not made(host)
        host.pass_time(1.5)
    assert not made(host)
    advertise(host)
    assert not made(host)


def test_an_identifier_that_was_taken_is_not_tried_by_the_next_advertisement() -> None:
    host = stable()
    advertise(host)
    (first,) = made(host)
    object_to(host, first.addr)
    advertise(host)
    host.pass_time(3)
    (second,) = made(host)
    assert second.addr != first.addr and not second.tentative


def test_no_link_local_address_when_none_is_wanted() -> None:
    host = Host(ipv6=False)
    host.nic.autoconf.addr_gen_mode = NO_LINK_LOCAL
    host.nic.add_link_local()
    assert not any(a[:2] == b"\xfe\x80" for a in host.nic.addresses)


@pytest.mark.parametrize("identifier", ["0:0:0:0", "fdff:ffff:ffff:ff80", "fdff:ffff:ffff:ffff", "200:5eff:fe00:5213"])
def test_reserved_identifiers(identifier: str) -> None:
    assert reserved(parse(f"::{identifier}" if identifier != "0:0:0:0" else "::")[8:])
    assert not reserved(b"\xfd\xff\xff\xff\xff\xff\xff\x7f") and not reserved(b"\xfe" + bytes(7))


def private(prefer: int = 2) -> Host:
    host = Host(ipv6=False)
    host.nic.accept_ra = True
    host.nic.autoconf.use_tempaddr = prefer
    advertise(host)
    host.pass_time(2)
    return host


def test_a_temporary_address_is_renewed_before_it_is_deprecated() -> None:
    host = private()
    (first,) = made(host, True)
    assert first.preferred_until is not None and first.valid_until is not None
    now = host.clock.now_ns()
    assert DAY - 600 - 3 <= (first.preferred_until - now) // 10**9 <= DAY
    assert 7 * DAY - 3 <= (first.valid_until - now) / 1e9 <= 7 * DAY
    host.pass_time((first.preferred_until - now) / 1e9 - 1)
    assert len(made(host, True)) == 2 and not first.deprecated
    host.pass_time(2)
    fresh = next(a for a in made(host, True) if a is not first)
    assert first.deprecated and not fresh.deprecated and fresh.addr[8:] != first.addr[8:]
    assert host.stack.find_route(parse("2001:db8:5::1")).src == fresh.addr
    for _ in range(20):
        host.pass_time(DAY)
        advertise(host)
        live = made(host, True)
        assert len([a for a in live if not a.deprecated]) == 1 and len(live) <= 9
    assert first.addr not in host.nic.addresses


def test_who_wants_a_public_address_gets_one() -> None:
    destination = SockAddr(parse("2001:db8:9::1"), 9)
    for prefer, wish, temporary in ((2, 0, True), (1, 0, False), (2, 2, False), (1, 1, True)):
        host = private(prefer)
        ep = host.stack.new_endpoint(AF_INET6, SOCK_DGRAM)
        if wish:
            ep.set_option(so.SOL_IPV6, so.IPV6_ADDR_PREFERENCES, wish)
        ep.connect(destination)
        assert [ep.getsockname().addr] == [a.addr for a in made(host, temporary)]


def test_a_prefix_that_ends_takes_its_temporary_addresses_along() -> None:
    host = private()
    advertise(host, 3 * 3600, 0)
    (mine,) = made(host, True)
    assert mine.deprecated
    host.pass_time(3 * 3600 + 1)
    assert not made(host, True) and not made(host)


def test_temporary_addresses_that_are_always_taken_are_given_up() -> None:
    host = Host(ipv6=False)
    host.nic.accept_ra = True
    host.nic.autoconf.use_tempaddr = 1
    advertise(host)
    tried = 0
    while made(host, True):
        tried += 1
        object_to(host, made(host, True)[0].addr)
    assert tried == 3
