"""The form of an `--allow` rule: [tcp:|udp:|icmp:]HOST[:PORT[-PORT]].

HOST is a name, a wildcard (`*.example.org`), an IPv4 address, an IPv6 address in brackets, a CIDR
(`10.0.0.0/8`, `[2001:db8::]/32`) or `*`.
"""

from __future__ import annotations

import socket
from typing import Final

from runsc.failure import UsageError

FORM: Final = "[tcp:|udp:|icmp:]HOST[:PORT[-PORT]]"
_NAME_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


def check_rule(rule: str) -> None:
    """Raises UsageError with the rule, what is wrong with it and the form."""
    reason = why_wrong(rule)
    if reason:
        raise UsageError(f"--allow {rule!r}: {reason}; the form is {FORM}")


def why_wrong(rule: str) -> str:
    """Empty for a good rule."""
    protocol, rest = "", rule
    head, colon, tail = rule.partition(":")
    if colon and head.lower() in ("tcp", "udp", "icmp"):
        protocol, rest = head.lower(), tail
    if rest.startswith("["):
        return _why_wrong_v6(rest, protocol)
    host, colon, ports = rest.partition(":")
    if ":" in ports:
        return "an IPv6 address goes in brackets"
    return _why_wrong_host(host) or (_why_wrong_ports(ports, protocol) if colon else "")


def _why_wrong_v6(rest: str, protocol: str) -> str:
    address, bracket, tail = rest[1:].partition("]")
    if not bracket:
        return "there is no ] after the IPv6 address"
    prefix, colon, ports = tail.partition(":")
    inner, slash, length = address.partition("/")
    if slash and not prefix:
        prefix = f"/{length}"
    if prefix and not _good_length(prefix, 128):
        return f"{prefix!r} is not a prefix length"
    try:
        socket.inet_pton(socket.AF_INET6, inner)
    except OSError:
        return f"{inner!r} is not an IPv6 address"
    return _why_wrong_ports(ports, protocol) if colon else ""


def _good_length(text: str, most: int) -> bool:
    digits = text.removeprefix("/")
    return text.startswith("/") and digits.isascii() and digits.isdigit() and int(digits) <= most


def _why_wrong_host(host: str) -> str:
    if not host:
        return "there is no host"
    if host == "*":
        return ""
    address, slash, length = host.partition("/")
    if slash or (address.replace(".", "").isdigit() and address.isascii()):
        try:
            socket.inet_pton(socket.AF_INET, address)
        except OSError:
            return f"{address!r} is not an IPv4 address"
        return "" if not slash or _good_length("/" + length, 32) else f"{length!r} is not a prefix length"
    name = host.removeprefix("*.").removesuffix(".").lower()
    labels = name.split(".")
    if len(name) > 253 or not all(0 < len(label) <= 63 and _NAME_CHARACTERS.issuperset(label) for label in labels):
        return f"{host!r} is not a name"
    return ""


def _why_wrong_ports(ports: str, protocol: str) -> str:
    if protocol == "icmp":
        return "icmp has no ports"
    first, dash, last = ports.partition("-")
    for port in (first, last) if dash else (first,):
        if not (port.isascii() and port.isdigit()) or not 0 < int(port) <= 65535:
            return f"{port!r} is not a port"
    if dash and int(first) > int(last):
        return f"the ports {ports} run backwards"
    return ""
