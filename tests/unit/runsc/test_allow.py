"""The form of --allow and --publish rules."""

from __future__ import annotations

import pytest

from runsc.allow import check_rule
from runsc.failure import UsageError
from runsc.publish import parse_publish

GOOD = [
    "*",
    "*:443",
    "tcp:*:443",
    "example.org",
    "example.org:443",
    "*.example.org:80-90",
    "udp:1.1.1.1:53",
    "10.0.0.0/8",
    "10.0.0.0/8:22",
    "[::1]:80",
    "[2001:db8::]/32",
    "[2001:db8::/32]",
    "[2001:db8::]/32:443",
    "icmp:8.8.8.8",
    "tcp:[::1]:80-81",
    "host.stackbox.internal:8000",
    "TCP:example.org:1",
    "a_b.example.org",
    "xn--bcher-kva.example",
]
BAD = [
    "",
    ":",
    "tcp:",
    "example.org:",
    "example.org:0",
    "example.org:65536",
    "example.org:90-80",
    "example.org:80-",
    "example.org:http",
    "::1",
    "2001:db8::1:80",
    "[::1",
    "[zz]:80",
    "[::1]/129",
    "[::1]/x",
    "1.2.3",
    "1.2.3.4.5",
    "10.0.0.0/33",
    "10.0.0.0/",
    "icmp:example.org:80",
    "exa mple.org",
    "a..b",
    "*.*.org",
    "ex*.org",
    "-" * 64 + ".org",
    "a\nb",
    "1.2.3.4:٣",
]


@pytest.mark.parametrize("rule", GOOD)
def test_good_rules(rule: str) -> None:
    check_rule(rule)


@pytest.mark.parametrize("rule", BAD)
def test_bad_rules(rule: str) -> None:
    with pytest.raises(UsageError, match=r"^--allow .*; the form is "):
        check_rule(rule)


def test_publish_forms() -> None:
    one = parse_publish("8080:80")
    assert (one.address, one.host_port, one.guest_port, one.protocol) == ("127.0.0.1", 8080, 80, "tcp")
    two = parse_publish("0.0.0.0:53:5353/udp")
    assert (two.address, two.host_port, two.guest_port, two.protocol) == ("0.0.0.0", 53, 5353, "udp")
    three = parse_publish("[::1]:1:2")
    assert (three.address, three.host_port, three.guest_port) == ("::1", 1, 2)


@pytest.mark.parametrize(
    "text", ["", "80", "a:b", "80:0", "0:80", "1:2:3:4", "x:1:2", "1:2/sctp", "[::1]:1", "70000:1"]
)
def test_bad_publish(text: str) -> None:
    with pytest.raises(UsageError):
        parse_publish(text)
