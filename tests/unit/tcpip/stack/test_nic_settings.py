"""Settings of interfaces by Linux's names have their effects."""

import pytest

from tcpip.addr import AF_INET6, IPV6_LOOPBACK, parse
from tcpip.errors import NetworkError
from tcpip.header import ndp
from tcpip.header.ethernet import TYPE_IPV6
from tcpip.link.channel import ChannelLink
from tcpip.stack.nic_settings import SETTINGS

from ..bench import IP6, PEER4, PEER6, Host, icmpv4_message, icmpv6_message

ROUTER = parse("fe80::99")


def put(host: Host, key: str, value: int, name: str = "eth0") -> None:
    host.stack.nic_settings.write(host.stack, key, name, value)


def sent(host: Host, kind: int) -> int:
    """ICMPv6 messages of one type since the last time."""
    return sum(packet[6] == 58 and packet[40] == kind for packet in host.packets(TYPE_IPV6))


def get(host: Host, key: str, name: str = "eth0") -> int:
    return host.stack.nic_settings.read(host.stack, key, name)


@pytest.mark.parametrize("key", SETTINGS)
def test_each_is_read_and_written(key: str) -> None:
    host = Host()
    _, _, _, usual, least, most = SETTINGS[key]
    if key != "ipv6/conf/accept_ra":  # which the bench turns off
        assert get(host, key) == get(host, key, "all") == get(host, key, "default") == usual
    value = most if usual != most else least
    put(host, key, value)
    assert get(host, key) == value and get(host, key, "default") == usual
    for bad in (least - 1, most + 1):
        with pytest.raises(NetworkError):
            put(host, key, bad)
    with pytest.raises(NetworkError):
        put(host, key, value, "eth7")
    put(host, key, value, "all")
    assert get(host, key, "lo") == get(host, key, "default") == value


def test_without_ipv6() -> None:
    host = Host()
    put(host, "ipv6/conf/disable_ipv6", 1, "all")
    assert not host.nic.addresses_of(AF_INET6) and IPV6_LOOPBACK not in host.stack.local
    with pytest.raises(NetworkError):
        host.nic.add_address(IP6, 64)
    host.ipv6(icmpv6_message(128, 0, 1), 58)
    assert sent(host, 129) == 0
    later = host.stack.add_nic(ChannelLink(1500, b"\2\0\0\0\0\7"), "eth1")
    assert later.disable_ipv6
    put(host, "ipv6/conf/disable_ipv6", 0, "all")
    assert IPV6_LOOPBACK in host.stack.local and len(host.nic.addresses_of(AF_INET6)) == 1


def reports(host: Host) -> int:
    """Reports of groups (behind a header of options) since the last time."""
    return sum(packet[6] == 0 and packet[48] == 143 for packet in host.packets(TYPE_IPV6))


def test_without_ipv6_no_group_is_reported() -> None:
    host = Host()
    host.nic.join_group(parse("ff05::9"))
    host.pass_time(0.01)
    assert reports(host) > 0
    put(host, "ipv6/conf/disable_ipv6", 1)
    host.pass_time(20)
    assert reports(host) == 0
    put(host, "ipv6/conf/disable_ipv6", 0)
    host.pass_time(0.01)
    assert reports(host) > 0


def advertise(host: Host) -> None:
    prefix = ndp.PrefixInfo(parse("2001:db8:5::"), 64, True, True, 1000, 1000).emit_option()
    mtu = bytes((5, 1, 0, 0)) + (1400).to_bytes(4, "big")
    body = bytes(8) + prefix + mtu
    message = icmpv6_message(134, 0, 64 << 24 | 600, body, ROUTER, parse("ff02::1"))
    host.ipv6(message, 58, b"\x33\x33\0\0\0\1", src=ROUTER, dst=parse("ff02::1"), hop_limit=255)


def learnt(host: Host) -> tuple[bool, bool, bool, int]:
    routes = [entry for entry in host.stack.routes.entries if entry.learnt]
    dynamic = any(address.dynamic for address in host.nic.addresses.values())
    return any(e.length == 0 for e in routes), any(e.length == 64 for e in routes), dynamic, host.nic.mtu


@pytest.mark.parametrize(
    ("off", "wanted"),
    [
        ("", (True, True, True, 1400)),
        ("accept_ra", (False, False, False, 1500)),
        ("accept_ra_defrtr", (False, True, True, 1400)),
        ("accept_ra_pinfo", (True, False, False, 1400)),
        ("accept_ra_mtu", (True, True, True, 1500)),
        ("autoconf", (True, True, False, 1400)),
    ],
)
def test_what_advertisements_may_do(off: str, wanted: tuple[bool, bool, bool, int]) -> None:
    host = Host()
    put(host, "ipv6/conf/accept_ra", 1)
    if off:
        put(host, f"ipv6/conf/{off}", 0)
    advertise(host)
    assert learnt(host) == wanted


def test_a_router_listens_to_routers_only_where_it_is_told_to() -> None:
    host = Host()
    host.stack.forwarding_v6 = True
    put(host, "ipv6/conf/accept_ra", 1)
    advertise(host)
    assert not learnt(host)[0]
    put(host, "ipv6/conf/accept_ra", 2)
    advertise(host)
    assert learnt(host)[0]


def test_who_becomes_a_router_forgets_the_routers_that_it_knew() -> None:
    host = Host()
    put(host, "ipv6/conf/accept_ra", 1)
    advertise(host)
    assert learnt(host)[0]
    host.stack.forwarding_v6 = True
    assert not learnt(host)[0]


def test_duplicates_are_looked_for_as_often_as_is_set() -> None:
    host = Host()
    put(host, "ipv6/conf/dad_transmits", 3)
    address = host.nic.add_address(parse("2001:db8::77"), 64)
    host.frames()
    host.pass_time(1.5)
    assert address.tentative and sent(host, 135) == 1
    host.pass_time(1.6)
    assert not address.tentative
    put(host, "ipv6/conf/accept_dad", 0)
    assert not host.nic.add_address(parse("2001:db8::78"), 64).tentative


def test_neighbours_are_asked_as_often_as_is_set() -> None:
    host = Host(resolve=False)
    put(host, "neigh/mcast_solicit", 1)
    put(host, "neigh/retrans_time_ms", 50)
    host.nic.solicit(host.nic.neighbors.get(PEER4), False)
    host.ipv4(icmpv4_message(8, 0, 1), 1)
    asked = len(host.arps())
    host.pass_time(0.06)
    assert asked and host.arps() == []


def test_echo_may_be_refused() -> None:
    host = Host()
    host.stack.icmpv4.ignore_echo = host.stack.icmpv6.ignore_echo = 1
    host.ipv4(icmpv4_message(8, 0, 1), 1)
    host.ipv6(icmpv6_message(128, 0, 1), 58, src=PEER6)
    assert host.frames() == []
