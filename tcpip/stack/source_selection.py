"""Which of a NIC's addresses a packet leaves with.

Implements: RFC 6724 5, rules 1, 2, 3, 6, 7, 8 (rule 5 by looking at the outgoing NIC only); RFC 1122 3.3.4.3 for IPv4.
"""

from __future__ import annotations

from collections.abc import Iterable

from tcpip.addr import common_prefix_len, is_link_local, is_loopback, is_multicast
from tcpip.stack.address import NicAddress
from tcpip.stack.policy_table import DEFAULT, PolicyTable


def scope(addr: bytes) -> int:
    """RFC 6724 3.1: multicast carries its own; link-local 2; loopback counts as link-local; else global 14."""
    if len(addr) == 16 and is_multicast(addr):
        return addr[1] & 15
    if is_link_local(addr) or is_loopback(addr):
        return 2
    return 14


def select(
    addresses: Iterable[NicAddress],
    dst: bytes,
    next_hop: bytes,
    temporary: bool = False,
    labels: PolicyTable = DEFAULT,
    number: int = 0,
) -> bytes:
    """The best source for `dst`, of temporary and other ones the kind that is wanted; empty when there is none of its family.
    `number`: of the interface that it leaves by."""
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
        if _better(address, best, dst, temporary, labels, number):
            best = address
    return best.addr


def _better(a: NicAddress, b: NicAddress, dst: bytes, temporary: bool, labels: PolicyTable, number: int) -> bool:
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
    wanted = labels.label(dst, number)
    matches_a, matches_b = labels.label(a.addr, number) == wanted, labels.label(b.addr, number) == wanted
    if matches_a != matches_b:
        return matches_a
    if a.temporary != b.temporary:
        return a.temporary == temporary
    return min(common_prefix_len(a.addr, dst), a.prefix_len) > min(common_prefix_len(b.addr, dst), b.prefix_len)
