"""Egress rules: what they read, what they permit, what nothing permits."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.gateway.pins import GRACE_NS, MAX_ADDRESSES, MAX_NAMES, NamePins
from sandbox.gateway.policy import Policy, PolicyError, never_leaves, parse_rule, suggest
from tcpip.addr import parse, text
from tcpip.clock import NS_PER_S, ManualClock
from tcpip.sockopt import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP

V4 = st.ip_addresses(v=4).map(lambda a: a.packed)
V6 = st.ip_addresses(v=6).map(lambda a: a.packed)
ADDRESS = V4 | V6
PORT = st.integers(1, 65535)
PROTOCOL = st.sampled_from([IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6])
LABEL = st.text("abcxyz019-_", min_size=1, max_size=10)
NAME = st.lists(LABEL, min_size=1, max_size=4).map(".".join).filter(lambda n: not n.replace(".", "").isdecimal())


@pytest.mark.parametrize(
    "rule",
    ["", ":80", "tcp:", "a b", "a..b", "*.", "*x.org", "1.2.3", "1.2.3.4/33", "1.2.3.4/", "[::1", "[1.2.3.4]", "::1"]
    + ["h:0", "h:65536", "h:9-8", "h:", "h:x", "h:1-", "icmp:h:5", "[::1]x", "[::1]:", "[::1/129]", "h:1:2", "x" * 64]
    + ["h:²", "10.0.0.0/٣", "h:-1", "h:+1", "*.*", "exämple.org", "h/8"],
)
def test_bad_rules_are_refused(rule: str) -> None:
    with pytest.raises(PolicyError):
        parse_rule(rule)


@given(st.text(max_size=40))
def test_any_text_is_a_rule_or_a_policy_error(rule: str) -> None:
    try:
        parse_rule(rule)
    except PolicyError as error:
        assert str(error)


def permits(rule: str, protocol: int, address: str, port: int, *names: str) -> bool:
    return Policy.parse([rule]).permits(protocol, parse(address), port, names)


def test_ports_and_protocols() -> None:
    assert permits("1.2.3.4:80", IPPROTO_TCP, "1.2.3.4", 80)
    assert permits("1.2.3.4:80", IPPROTO_UDP, "1.2.3.4", 80)
    assert not permits("1.2.3.4:80", IPPROTO_ICMP, "1.2.3.4", 0)
    assert not permits("tcp:1.2.3.4:80", IPPROTO_UDP, "1.2.3.4", 80)
    assert permits("1.2.3.4", IPPROTO_ICMP, "1.2.3.4", 0)
    assert permits("icmp:[2001:db8::1]", IPPROTO_ICMPV6, "2001:db8::1", 0)
    assert not permits("icmp:1.2.3.4", IPPROTO_TCP, "1.2.3.4", 80)
    assert permits("UDP:1.2.3.4:10-20", IPPROTO_UDP, "1.2.3.4", 20)
    assert not permits("udp:1.2.3.4:10-20", IPPROTO_UDP, "1.2.3.4", 21)
    assert not permits("tcp:*:80", 132, "1.2.3.4", 80)
    assert not permits("*", 47, "1.2.3.4", 0)


def test_names_need_an_answer_and_wildcards_do_not_cover_the_apex() -> None:
    assert permits("api.example.org:443", IPPROTO_TCP, "1.2.3.4", 443, "api.example.org")
    assert not permits("api.example.org:443", IPPROTO_TCP, "1.2.3.4", 443)
    assert not permits("api.example.org:443", IPPROTO_TCP, "1.2.3.4", 443, "example.org")
    policy = Policy.parse(["*.Example.ORG."])
    assert policy.permits_name("a.b.example.org")
    assert policy.permits_name("A.EXAMPLE.org.")
    assert not policy.permits_name("example.org")
    assert not policy.permits_name("badexample.org")
    assert not policy.permits_name("example.org.evil")


def test_without_rules_nothing_is_permitted_unless_open() -> None:
    assert not Policy.parse([]).permits(IPPROTO_TCP, parse("1.2.3.4"), 80)
    assert Policy.parse([], open_by_default=True).permits(IPPROTO_TCP, parse("1.2.3.4"), 80)
    assert not Policy.parse(["5.6.7.8"], open_by_default=True).permits(IPPROTO_TCP, parse("1.2.3.4"), 80)


@given(ADDRESS, PORT, PROTOCOL)
def test_star_covers_all_but_the_ranges_that_never_leave(address: bytes, port: int, protocol: int) -> None:
    ip = ipaddress.ip_address(address)
    ip = getattr(ip, "ipv4_mapped", None) or ip
    expected = not (
        ip.is_loopback or ip.is_unspecified or ip.is_multicast or ip.is_link_local
        or (ip.version == 4 and (ip.packed[0] == 0 or ip.packed[0] >= 240))
    )  # fmt: skip
    assert Policy.parse(["*"]).permits(protocol, address, port, ("x.org",)) is expected


@given(ADDRESS, ADDRESS, st.integers(0, 128), PORT)
def test_cidr_is_what_ipaddress_says(address: bytes, network: bytes, length: int, port: int) -> None:
    length = min(length, len(network) * 8)
    rule = f"[{text(network)}/{length}]" if len(network) == 16 else f"{text(network)}/{length}"
    net = ipaddress.ip_network((network, length), strict=False)
    ip = ipaddress.ip_address(address)
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    expected = ip.version == net.version and ip in net and not never_leaves(ip.packed)
    assert Policy.parse([rule]).permits(IPPROTO_TCP, address, port) is expected


@given(NAME, PORT)
def test_a_name_rule_permits_just_its_name(name: str, port: int) -> None:
    policy = Policy.parse([f"{name}:{port}"])
    address = parse("93.184.216.34")
    assert policy.permits_name(name.upper() + ".")
    assert policy.permits(IPPROTO_TCP, address, port, (name,))
    assert not policy.permits(IPPROTO_TCP, address, port, ("x" + name, name + ".x"))
    assert not policy.permits(IPPROTO_TCP, address, port % 65535 + 1, (name,))
    assert not policy.permits(IPPROTO_TCP, parse("127.0.0.1"), port, (name,))


def test_link_local_needs_its_address() -> None:
    assert not permits("*", IPPROTO_TCP, "169.254.169.254", 80)
    assert not permits("evil.org", IPPROTO_TCP, "169.254.169.254", 80, "evil.org")
    assert permits("169.254.169.254:80", IPPROTO_TCP, "169.254.169.254", 80)


def test_the_hosts_loopback_needs_its_name() -> None:
    assert not Policy.parse(["*"]).permits_host(IPPROTO_TCP, 80)
    assert Policy.parse(["host.stackbox.internal:80"]).permits_host(IPPROTO_TCP, 80)
    assert not Policy.parse(["host.stackbox.internal:80"]).permits_host(IPPROTO_TCP, 81)
    assert Policy.parse(["*.stackbox.internal"]).permits_host(IPPROTO_UDP, 81)


@given(ADDRESS, PORT, PROTOCOL)
def test_the_suggestion_permits_what_was_refused(address: bytes, port: int, protocol: int) -> None:
    if never_leaves(address):
        return
    icmp = protocol in (IPPROTO_ICMP, IPPROTO_ICMPV6)
    flag, rule = suggest(protocol, text(address), 0 if icmp else port).split()
    assert flag == "--allow"
    assert Policy.parse([rule]).permits(protocol, address, port)


def test_pins_expire_and_are_bounded() -> None:
    clock = ManualClock()
    pins = NamePins(clock)
    pins.pin("a.org", b"\1\2\3\4", 10)
    pins.pin("b.org", b"\1\2\3\4", 1000)
    assert pins.names(b"\1\2\3\4") == ("a.org", "b.org")
    clock.advance(GRACE_NS + 10 * NS_PER_S)
    assert pins.names(b"\1\2\3\4") == ("b.org",)
    clock.advance(1000 * NS_PER_S)
    assert pins.names(b"\1\2\3\4") == ()
    for number in range(MAX_ADDRESSES + 1):
        pins.pin("x.org", number.to_bytes(4, "big"), 1)
    assert pins.names(bytes(4)) == ()
    assert pins.names(b"\0\0\0\1") == ("x.org",)
    for number in range(MAX_NAMES + 1):
        pins.pin(f"n{number}", b"\t\t\t\t", 1)
    assert len(pins.names(b"\t\t\t\t")) == MAX_NAMES
