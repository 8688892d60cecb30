"""Address predicates and texts against the standard library's."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpip import addr

either = st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16))


@given(either)
def test_text_and_parse_are_inverse_and_agree_with_ipaddress(value: bytes) -> None:
    assert addr.parse(addr.text(value)) == value
    assert addr.from_ipaddress(addr.to_ipaddress(value)) == value


@given(either)
def test_predicates_agree_with_ipaddress(value: bytes) -> None:
    known = ipaddress.ip_address(value)
    assert addr.is_multicast(value) == known.is_multicast
    assert addr.is_loopback(value) == (known.is_loopback and not addr.is_v4_mapped(value))
    assert addr.is_link_local(value) == (known.is_link_local and not addr.is_v4_mapped(value))


@given(either, st.integers(0, 128))
def test_masked_agrees_with_ipaddress(value: bytes, length: int) -> None:
    length = min(length, len(value) * 8)
    network = ipaddress.ip_network((value, length), strict=False)
    assert addr.masked(value, length) == network.network_address.packed
    assert addr.in_prefix(value, addr.masked(value, length), length)
    if len(value) == 4:
        assert addr.subnet_broadcast(value, length) == network.broadcast_address.packed


def test_multicast_addresses_of_the_link() -> None:
    assert addr.multicast_mac(addr.parse("224.129.2.3")).hex(":") == "01:00:5e:01:02:03"
    assert addr.multicast_mac(addr.parse("ff02::1:ff00:1")).hex(":") == "33:33:ff:00:00:01"
    assert addr.solicited_node(addr.parse("2001:db8::1:2:3")) == addr.parse("ff02::1:ff02:3")
    assert addr.text(addr.eui64_address(addr.parse("fe80::"), b"\x02\0\0\0\0\x01")) == "fe80::ff:fe00:1"


@pytest.mark.parametrize("value", ["", "1.2.3", "1.2.3.4.5", "::g", "fe80::1%eth0", "01.2.3.4x"])
def test_bad_addresses_are_value_errors(value: str) -> None:
    with pytest.raises(ValueError, match="not an IPv4 or IPv6 address"):
        addr.parse(value)


@pytest.mark.parametrize("value", ["1.2.3.4/33", "1.2.3.4/", "::/129", "1.2.3.4/-1"])
def test_bad_prefixes_are_value_errors(value: str) -> None:
    with pytest.raises(ValueError, match="prefix length"):
        addr.parse_prefix(value)
