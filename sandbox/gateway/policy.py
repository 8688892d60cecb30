"""Egress policy: the rules of `--allow`, and what they permit. Pure.

A rule is [tcp:|udp:|icmp:]HOST[:PORT[-PORT]], HOST a name, a wildcard (`*.example.org`: any name below
example.org), an IPv4 address, an [IPv6] address, a CIDR or `*`. Without a protocol it covers all three;
with ports it covers no ICMP.

What no rule covers by `*` or through a name: the loopback, unspecified, multicast and broadcast ranges
(a guest's packets to them have no business on the host), link-local addresses (cloud metadata: name them by
address), and the host's own loopback as `host.stackbox.internal` (name it).
"""

from __future__ import annotations

from typing import Final, Iterable

from tcpip import addr as addresses
from tcpip.sockopt import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP

PROTOCOL_NAMES: Final[dict[str, int]] = {"tcp": IPPROTO_TCP, "udp": IPPROTO_UDP, "icmp": IPPROTO_ICMP}
ANY_HOST: Final = "*"
HOST_NAME: Final = "host.stackbox.internal"
_NAME_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


class PolicyError(ValueError):
    """A rule that cannot be read; says why."""


class Rule:
    """One rule. Exactly one of `name` (exact), `suffix` (with its leading dot), `network`, `any_host` is meant.

    `protocol` 0: all. Ports are inclusive; `with_ports` tells whether any were given.
    """

    __slots__ = (
        "text",
        "protocol",
        "name",
        "suffix",
        "network",
        "prefix_len",
        "any_host",
        "first",
        "last",
        "with_ports",
    )

    def __init__(self, text: str) -> None:
        self.text = text
        self.protocol = 0
        self.name = ""
        self.suffix = ""
        self.network = b""
        self.prefix_len = 0
        self.any_host = False
        self.first = 0
        self.last = 65535
        self.with_ports = False

    def covers(self, protocol: int, port: int) -> bool:
        """Protocol and port fit. Nothing but TCP, UDP and ICMP ever does."""
        if protocol not in (IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP):
            return False
        if self.protocol and self.protocol != protocol:
            return False
        if protocol == IPPROTO_ICMP:
            return not self.with_ports
        return self.first <= port <= self.last

    def names(self, name: str) -> bool:
        """A name or wildcard rule that fits the (normalised) name; `*` is not asked here."""
        return self.name == name if self.name else bool(self.suffix) and name.endswith(self.suffix)

    def contains(self, address: bytes) -> bool:
        """An address rule that fits."""
        return bool(self.network) and addresses.in_prefix(address, self.network, self.prefix_len)


def normal_name(name: str) -> str:
    """As names are compared: lower case, no final dot."""
    return name.lower().removesuffix(".")


def parse_rule(text: str) -> Rule:
    """Raises PolicyError."""
    if not text.isascii():
        raise PolicyError(f"{text!r}: not ASCII (an internationalised name is written in its xn-- form)")
    rule = Rule(text)
    rest = text
    head, colon, tail = text.partition(":")
    if colon and head.lower() in PROTOCOL_NAMES:
        rule.protocol, rest = PROTOCOL_NAMES[head.lower()], tail
    if rest.startswith("["):
        host, bracket, tail = rest[1:].partition("]")
        if not bracket:
            raise PolicyError(f"{text!r}: there is no ] after the IPv6 address")
        prefix, colon, ports = tail.partition(":")
        if prefix and not prefix.startswith("/"):
            raise PolicyError(f"{text!r}: {prefix!r} after the IPv6 address")
        _set_network(rule, host + prefix, 16)
    else:
        host, colon, ports = rest.partition(":")
        if ":" in ports:
            raise PolicyError(f"{text!r}: an IPv6 address goes in brackets")
        _set_host(rule, host)
    if colon:
        _set_ports(rule, ports)
    return rule


def _set_network(rule: Rule, text: str, size: int) -> None:
    try:
        rule.network, rule.prefix_len = addresses.parse_prefix(text)
    except ValueError as error:
        raise PolicyError(f"{rule.text!r}: {error}") from None
    if len(rule.network) != size:
        raise PolicyError(f"{rule.text!r}: {text!r} is not an IPv{6 if size == 16 else 4} address")


def _set_host(rule: Rule, host: str) -> None:
    if host == ANY_HOST:
        rule.any_host = True
        return
    head = host.partition("/")[0]
    if "/" in host or head.replace(".", "").isdecimal():
        _set_network(rule, host, 4)
        return
    wildcard = host.startswith("*.")
    name = normal_name(host[2:] if wildcard else host)
    if not is_name(name):
        raise PolicyError(f"{rule.text!r}: {host!r} is not a name")
    if wildcard:
        rule.suffix = "." + name
    else:
        rule.name = name


def is_name(name: str) -> bool:
    """A normalised DNS name of letters, digits, hyphens and underscores."""
    return 0 < len(name) <= 253 and all(
        0 < len(label) <= 63 and _NAME_CHARACTERS.issuperset(label) for label in name.split(".")
    )


def _set_ports(rule: Rule, text: str) -> None:
    if rule.protocol == IPPROTO_ICMP:
        raise PolicyError(f"{rule.text!r}: icmp has no ports")
    first, dash, last = text.partition("-")
    if not dash:
        last = first
    for port in (first, last):
        if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) <= 65535):
            raise PolicyError(f"{rule.text!r}: {port!r} is not a port")
    rule.first, rule.last, rule.with_ports = int(first), int(last), True
    if rule.first > rule.last:
        raise PolicyError(f"{rule.text!r}: the ports run backwards")


def never_leaves(address: bytes) -> bool:
    """Loopback, unspecified (0.0.0.0/8: Linux connects 0.0.0.0 to itself), multicast, broadcast, v4-mapped."""
    if len(address) == 4:
        return address[0] in (0, 127) or address[0] >= 224
    return (
        addresses.is_any(address)
        or addresses.is_loopback(address)
        or addresses.is_multicast(address)
        or (addresses.is_v4_mapped(address))
    )


class Policy:
    """A set of rules; the order does not matter. Without a rule nothing is permitted, unless `open_by_default`."""

    __slots__ = ("rules", "open")

    def __init__(self, rules: Iterable[Rule], open_by_default: bool = False) -> None:
        self.rules = tuple(rules)
        self.open = open_by_default and not self.rules

    @classmethod
    def parse(cls, texts: Iterable[str], open_by_default: bool = False) -> Policy:
        """Raises PolicyError."""
        return cls((parse_rule(text) for text in texts), open_by_default)

    def permits_name(self, name: str) -> bool:
        """It may be resolved: some rule names it."""
        name = normal_name(name)
        return self.open or any(rule.any_host or rule.names(name) for rule in self.rules)

    def permits(self, protocol: int, address: bytes, port: int, names: Iterable[str] = ()) -> bool:
        """A packet to `address` that the guest knows under `names` (IPPROTO_*; ICMPv6 counts as ICMP; port 0 then)."""
        address = addresses.unmapped(address)
        if never_leaves(address):
            return False
        if self.open:
            return True
        if protocol == IPPROTO_ICMPV6:
            protocol = IPPROTO_ICMP
        local = addresses.is_link_local(address)
        for rule in self.rules:
            if not rule.covers(protocol, port):
                continue
            if rule.contains(address):
                return True
            if not local and (rule.any_host or any(rule.names(name) for name in names)):
                return True
        return False

    def permits_somehow(self, protocol: int, address: bytes) -> bool:
        """A rule for addresses covers this one at some port."""
        return any(self.permits(protocol, address, rule.first) for rule in self.rules)

    def permits_host(self, protocol: int, port: int) -> bool:
        """The host's loopback: only by its name (or a wildcard above it)."""
        if protocol == IPPROTO_ICMPV6:
            protocol = IPPROTO_ICMP
        return any(rule.covers(protocol, port) and rule.names(HOST_NAME) for rule in self.rules)

    def has_names(self) -> bool:
        """Some rule depends on names."""
        return any(rule.name or rule.suffix for rule in self.rules)


def suggest(protocol: int, target: str, port: int) -> str:
    """The flag that would allow it; `target` is a name or an address."""
    host = f"[{target}]" if ":" in target else target
    if protocol == IPPROTO_TCP:
        return f"--allow {host}:{port}"
    if protocol == IPPROTO_UDP:
        return f"--allow udp:{host}:{port}"
    return f"--allow icmp:{host}"


def protocol_name(protocol: int) -> str:
    """For messages."""
    if protocol in (IPPROTO_ICMP, IPPROTO_ICMPV6):
        return "icmp"
    return {IPPROTO_TCP: "tcp", IPPROTO_UDP: "udp"}.get(protocol, f"protocol {protocol}")
