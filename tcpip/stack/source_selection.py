"""Which of a NIC's addresses a packet leaves with.

Implements: RFC 6724 5, rules 1, 2, 3, 6, 7, 8 (rule 5 by looking at the outgoing NIC only); RFC 1122 3.3.4.3 for IPv4.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tcpip.addr import common_prefix_len, in_prefix, is_link_local, is_loopback, is_multicast, parse
from tcpip.stack.address import NicAddress

LABELS: Final = (
    ("::1", 128, 0),
    ("::", 96, 3),
    ("::ffff:0:0", 96, 4),
    ("2001::", 32, 6),
    ("2001:10::", 28, 7),
    ("3ffe::", 16, 12),
    ("2002::", 16, 2),
    ("fec0::", 10, 11),
    ("fc00::", 7, 5),
    ("::", 0, 1),
)
"""RFC 6724 2.1's policy table with the numbers of Linux, which go by RFC 3484 and RFC 5220 (net/ipv6/addrlabel.c)."""


def scope(addr: bytes) -> int:
    """RFC 6724 3.1: multicast carries its own; link-local 2; loopback counts as link-local; else global 14."""
    if len(addr) == 16 and is_multicast(addr):
        return addr[1] & 15
    if is_link_local(addr) or is_loopback(addr):
        return 2
    return 14


def label(addr: bytes) -> int:
    """The first row of the policy table that holds."""
    for prefix, length, value in LABELS:
        if in_prefix(addr, parse(prefix), length):
            return value
    return 1


def select(addresses: Iterable[NicAddress], dst: bytes, next_hop: bytes, temporary: bool = False) -> bytes:
    """The best source for `dst`, of temporary and other ones the kind that is wanted; empty when there is none of its family."""
    usable = [a for a in addresses if len(a.addr) == len(dst) and not a.tentative]
    if not usable:
        return b""
    if len(dst) == 4:
        for address in usable:
            if address.reaches(next_hop or dst):
                return address.addr
        for address in usable:
            if address.is_global():
                return address.addr
        return usable[0].addr
    usable.reverse()  # of equals the newest, as Linux has it (ipv6_link_dev_addr)
    best = usable[0]
    for address in usable[1:]:
        if _better(address, best, dst, temporary):
            best = address
    return best.addr


def _better(a: NicAddress, b: NicAddress, dst: bytes, temporary: bool) -> bool:
    """RFC 6724 5: `a` is preferred over `b`."""
    if (a.addr == dst) != (b.addr == dst):
        return a.addr == dst
    scope_a, scope_b, scope_dst = scope(a.addr), scope(b.addr), scope(dst)
    if scope_a < scope_b:
        return scope_a >= scope_dst
    if scope_b < scope_a:
        return scope_b < scope_dst
    if a.deprecated != b.deprecated:
        return b.deprecated
    matches_a, matches_b = label(a.addr) == label(dst), label(b.addr) == label(dst)
    if matches_a != matches_b:
        return matches_a
    if a.temporary != b.temporary:
        return a.temporary == temporary
    return min(common_prefix_len(a.addr, dst), a.prefix_len) > min(common_prefix_len(b.addr, dst), b.prefix_len)
