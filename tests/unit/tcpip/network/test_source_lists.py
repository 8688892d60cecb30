"""Source lists of IGMPv3 and MLDv2: what the filters of sockets come to, and what routers are told of it and when."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest

from tcpip import sockopt as so
from tcpip.addr import AF_INET, AF_INET6, IPV6_ALL_NODES, multicast_mac, parse
from tcpip.checksum import checksum
from tcpip.header import group_record as wire
from tcpip.header.ethernet import TYPE_IPV6
from tcpip.network.group_filter import MAX_GONE
from tcpip.transport.endpoint import Endpoint

from ..bench import IP4, Host, icmpv6_message

GROUP, OTHER = parse("232.1.1.1"), parse("232.1.1.2")
GROUP6 = parse("ff35::1:1")
ALL_SYSTEMS = parse("224.0.0.1")
ROUTER6 = parse("fe80::99")
A, B, C = (parse(f"10.1.0.{n}") for n in (1, 2, 3))
A6, B6 = parse("2001:db8:1::a"), parse("2001:db8:1::b")
IS_IN, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK = range(1, 7)

Told = tuple[int, bytes, list[bytes]]


def unpack(body: bytes, count: int, width: int) -> list[Told]:
    found, at = [], 0
    for _ in range(count):
        sources = int.from_bytes(body[at + 2 : at + 4], "big")
        first = at + 4 + width
        listed = [body[first + n * width : first + (n + 1) * width] for n in range(sources)]
        found.append((body[at], body[at + 4 : first], listed))
        at = first + sources * width
    assert at == len(body)
    return found


def told(host: Host, seconds: float = 0.01) -> list[list[Told]]:
    """The records of each report within that time."""
    host.pass_time(seconds)
    found = []
    for packet in host.packets():
        if packet[9] == 2 and packet[24] == 0x22:
            assert checksum(packet[24:]) == 0
            found.append(unpack(packet[32:], int.from_bytes(packet[30:32], "big"), 4))
    return found


def told6(host: Host, seconds: float = 0.01) -> list[list[Told]]:
    host.pass_time(seconds)
    reports = [p for p in host.packets(TYPE_IPV6) if p[6] == 0 and p[48] == 143]
    return [unpack(p[56:], int.from_bytes(p[54:56], "big"), 16) for p in reports]


def udp(host: Host, family: int = AF_INET) -> Endpoint:
    return host.stack.udp.new_endpoint(family)


def source(endpoint: Endpoint, name: int, addr: bytes, group: bytes = GROUP) -> None:
    endpoint.set_option(so.SOL_IP, name, struct.pack("=4s4s4s", group, IP4, addr))


def join(endpoint: Endpoint, group: bytes = GROUP, name: int = so.IP_ADD_MEMBERSHIP) -> None:
    endpoint.set_option(so.SOL_IP, name, group + IP4)


def whole(endpoint: Endpoint, include: bool, sources: Sequence[bytes], group: bytes = GROUP) -> None:
    head = struct.pack("=4s4sII", group, IP4, int(include), len(sources))
    endpoint.set_option(so.SOL_IP, so.IP_MSFILTER, head + b"".join(sources))


def query(host: Host, group: bytes = bytes(4), sources: Sequence[bytes] = (), tenths: int = 10, qrv: int = 2) -> None:
    head = bytes((0x11, tenths, 0, 0)) + group + bytes((qrv, 125)) + len(sources).to_bytes(2, "big")
    body = bytearray(head + b"".join(sources))
    body[2:4] = checksum(body).to_bytes(2, "big")
    dst = group if any(group) else ALL_SYSTEMS
    host.ipv4(bytes(body), 2, multicast_mac(dst), dst=dst, ttl=1, options=b"\x94\x04\0\0")


def storage(addr: bytes) -> bytes:
    return struct.pack("=HHI16sI", AF_INET6, 0, 0, addr, 0).ljust(128, b"\0")


def source6(host: Host, endpoint: Endpoint, name: int, addr: bytes) -> None:
    value = struct.pack("=I4x", host.nic.number) + storage(GROUP6) + storage(addr)
    endpoint.set_option(so.SOL_IPV6, name, value)


def query6(
    host: Host, group: bytes = bytes(16), sources: Sequence[bytes] = (), ms: int = 1000, v1: bool = False
) -> None:
    rest = b"" if v1 else bytes((2, 125)) + len(sources).to_bytes(2, "big") + b"".join(sources)
    dst = group if any(group) else IPV6_ALL_NODES
    body = icmpv6_message(130, 0, ms << 16, group + rest, ROUTER6, dst)
    host.ipv6(body, 58, multicast_mac(dst), src=ROUTER6, dst=dst, hop_limit=1)


def test_sources_are_allowed_and_blocked_each_twice() -> None:
    host = Host()
    s = udp(host)
    source(s, so.IP_ADD_SOURCE_MEMBERSHIP, A)
    assert told(host) == [[(ALLOW, GROUP, [A])]]
    source(s, so.IP_ADD_SOURCE_MEMBERSHIP, B)
    assert told(host) == [[(ALLOW, GROUP, [A, B])]]  # A's repetition
    assert told(host, 3) == [[(ALLOW, GROUP, [B])]]
    source(s, so.IP_DROP_SOURCE_MEMBERSHIP, A)
    assert told(host, 3) == [[(BLOCK, GROUP, [A])]] * 2
    s.close()
    assert told(host, 3) == [[(BLOCK, GROUP, [B])]] * 2
    assert not host.nic.igmp.groups and not host.nic.igmp.left


def test_modes_of_sockets_merge() -> None:
    host = Host()
    one, two = udp(host), udp(host)
    source(one, so.IP_ADD_SOURCE_MEMBERSHIP, A)
    told(host, 3)
    join(two)
    assert told(host, 3) == [[(TO_EX, GROUP, [])]] * 2
    source(two, so.IP_BLOCK_SOURCE, A)  # one wants it
    assert told(host, 3) == []
    source(two, so.IP_BLOCK_SOURCE, B)
    assert told(host, 3) == [[(BLOCK, GROUP, [B])]] * 2
    source(two, so.IP_UNBLOCK_SOURCE, B)
    assert told(host, 3) == [[(ALLOW, GROUP, [B])]] * 2
    two.close()
    assert told(host, 3) == [[(TO_IN, GROUP, [A])]] * 2


def test_excluded_by_all_who_exclude() -> None:
    host = Host()
    one, two = udp(host), udp(host)
    for s in (one, two):
        join(s)
        source(s, so.IP_BLOCK_SOURCE, A)
    source(one, so.IP_BLOCK_SOURCE, B)
    assert told(host, 3) == [[(TO_EX, GROUP, [A])]] * 2
    two.close()
    assert told(host, 3) == [[(BLOCK, GROUP, [B])]] * 2


def test_whole_filter_replaces() -> None:
    host = Host()
    s = udp(host)
    join(s)
    told(host, 3)
    whole(s, True, [A, B])
    assert told(host, 3) == [[(TO_IN, GROUP, [A, B])]] * 2
    whole(s, True, [B, C])
    assert told(host, 3) == [[(ALLOW, GROUP, [C]), (BLOCK, GROUP, [A])]] * 2
    whole(s, False, [A])
    assert told(host, 3) == [[(TO_EX, GROUP, [A])]] * 2
    whole(s, True, [])
    assert told(host, 3) == [[(TO_IN, GROUP, [])]] * 2


def test_general_query_is_answered_once_for_all_groups() -> None:
    host = Host()
    one, two = udp(host), udp(host)
    source(one, so.IP_ADD_SOURCE_MEMBERSHIP, A)
    join(two, OTHER)
    source(two, so.IP_BLOCK_SOURCE, B, OTHER)
    told(host, 3)
    for _ in range(50):
        query(host)
    assert told(host, 1) == [[(IS_EX, OTHER, [B]), (IS_IN, GROUP, [A])]]


def test_specific_queries() -> None:
    host = Host()
    one, two = udp(host), udp(host)
    for addr in (A, B):
        source(one, so.IP_ADD_SOURCE_MEMBERSHIP, addr)
    join(two, OTHER)
    source(two, so.IP_BLOCK_SOURCE, A, OTHER)
    told(host, 3)
    query(host, GROUP, [B, C])
    assert told(host, 1) == [[(IS_IN, GROUP, [B])]]
    query(host, GROUP, [C])
    assert told(host, 1) == []
    query(host, GROUP, [A], 100)
    query(host, GROUP, [B], 100)
    assert told(host, 10) == [[(IS_IN, GROUP, [A, B])]]
    query(host, GROUP, [A], 100)
    query(host, GROUP, [], 100)
    assert told(host, 10) == [[(IS_IN, GROUP, [A, B])]]
    query(host, OTHER, [A])  # nobody wants that
    assert told(host, 1) == []
    query(host, OTHER, [A, B])
    assert told(host, 1) == [[(IS_EX, OTHER, [A])]]
    query(host, GROUP, [], 255)
    query(host, GROUP, [], 5)
    assert told(host, 0.5) == [[(IS_IN, GROUP, [A, B])]]
    assert told(host, 4000) == []


def test_robustness_of_the_querier_and_of_the_setting() -> None:
    host = Host()
    s = udp(host)
    query(host, qrv=4)
    told(host, 3)
    join(s)
    assert told(host, 5) == [[(TO_EX, GROUP, [])]] * 4
    host = Host()
    host.stack.group_settings.igmp_qrv = 3
    host.nic.set_up(False)
    host.nic.set_up(True)
    join(udp(host))
    assert told(host, 5) == [[(TO_EX, GROUP, [])]] * 3


def test_down_says_nothing_and_up_says_all() -> None:
    host = Host()
    one, two = udp(host), udp(host)
    source(one, so.IP_ADD_SOURCE_MEMBERSHIP, A)
    join(two, OTHER)
    told(host, 3)
    host.nic.set_up(False)
    source(one, so.IP_ADD_SOURCE_MEMBERSHIP, B)
    assert told(host, 3) == []
    host.nic.set_up(True)
    assert told(host, 3) == [[(TO_EX, OTHER, []), (ALLOW, GROUP, [A, B])]] * 2


def test_older_router_is_told_of_groups_only() -> None:
    host = Host()
    s = udp(host)
    source(s, so.IP_ADD_SOURCE_MEMBERSHIP, A)
    told(host, 3)
    body = bytearray(b"\x11\x0a\0\0\0\0\0\0")
    body[2:4] = checksum(body).to_bytes(2, "big")
    host.ipv4(bytes(body), 2, multicast_mac(ALL_SYSTEMS), dst=ALL_SYSTEMS, ttl=1)
    host.pass_time(1)
    assert [(p[24], p[28:32]) for p in host.packets()] == [(0x16, GROUP)]
    source(s, so.IP_ADD_SOURCE_MEMBERSHIP, B)
    query(host, GROUP, [A])
    host.pass_time(1)
    assert [(p[24], p[28:32]) for p in host.packets()] == [(0x16, GROUP)]


def test_somebody_else_answered_the_older_router() -> None:
    host = Host()
    join(udp(host))
    told(host, 3)
    for kind, tenths, group in ((0x11, 100, bytes(4)), (0x16, 0, GROUP)):
        body = bytearray(bytes((kind, tenths, 0, 0)) + group)
        body[2:4] = checksum(body).to_bytes(2, "big")
        dst = group if any(group) else ALL_SYSTEMS
        host.ipv4(bytes(body), 2, multicast_mac(dst), dst=dst, ttl=1)
    host.pass_time(11)
    assert host.packets() == []


def test_long_lists_fill_several_packets() -> None:
    host = Host(mtu=576)
    host.stack.group_settings.igmp_max_msf = 1000
    sources = [parse(f"10.2.{n >> 8}.{n & 255}") for n in range(300)]
    s = udp(host)
    join(s)
    told(host, 3)
    whole(s, True, sources)
    reports = told(host)
    assert [len(r) for r in reports] == [1, 1, 1]
    assert [addr for r in reports for addr in r[0][2]] == sources
    told(host, 3)
    whole(s, False, sources)
    assert told(host) == [[(TO_EX, GROUP, sources[:134])]]  # a second one would take the first back


def test_packing_keeps_within_room() -> None:
    records: list[wire.Record] = [(ALLOW, GROUP, [A, B, C]), (TO_EX, OTHER, [A, B]), (TO_IN, GROUP, ())]
    for room in range(12, 60):
        bodies = wire.pack(records, room)
        assert all(len(body) <= room for _, body in bodies)
        found = [record for count, body in bodies for record in unpack(body, count, 4)]
        assert [a for kind, _, listed in found if kind == ALLOW for a in listed] == [A, B, C]
        assert [kind for kind, _, _ in found if kind != ALLOW] == [TO_EX, TO_IN]


def test_lists_that_change_all_the_time_fill_no_memory() -> None:
    host = Host()
    s = udp(host)
    source(s, so.IP_ADD_SOURCE_MEMBERSHIP, A)
    for n in range(3000):
        addr = (0x0A030000 + n).to_bytes(4, "big")
        source(s, so.IP_ADD_SOURCE_MEMBERSHIP, addr)
        source(s, so.IP_DROP_SOURCE_MEMBERSHIP, addr)
    assert len(host.nic.igmp.groups[GROUP].gone) == MAX_GONE
    assert len(told(host)) == 3


def test_queries_that_are_not_whole_are_dropped() -> None:
    host = Host()
    s = udp(host)
    source(s, so.IP_ADD_SOURCE_MEMBERSHIP, A)
    told(host, 3)
    body = bytearray(bytes((0x11, 10, 0, 0)) + GROUP + b"\x02\x7d\x00\x02" + A)
    body[2:4] = checksum(body).to_bytes(2, "big")
    host.ipv4(bytes(body), 2, multicast_mac(GROUP), dst=GROUP, ttl=1, options=b"\x94\x04\0\0")
    query(host, bytes(4), [A])
    assert told(host, 3) == []


@pytest.mark.parametrize("reports", [0, 1])
def test_link_local_groups_as_is_set(reports: int) -> None:
    host = Host()
    host.stack.group_settings.igmp_link_local_mcast_reports = reports
    group = parse("224.0.0.251")
    join(udp(host), group)
    assert told(host) == [[(TO_EX, group, [])]] * reports


def test_mode_may_change_until_there_has_been_a_list() -> None:
    host = Host()
    s = udp(host)
    join(s)
    told(host, 3)
    source(s, so.IP_ADD_SOURCE_MEMBERSHIP, A)
    assert told(host, 3) == [[(TO_IN, GROUP, [A])]] * 2


def test_listener_discovery_with_sources() -> None:
    host = Host()
    s = udp(host, AF_INET6)
    source6(host, s, so.MCAST_JOIN_SOURCE_GROUP, A6)
    assert told6(host, 3) == [[(ALLOW, GROUP6, [A6])]] * 2
    source6(host, s, so.MCAST_JOIN_SOURCE_GROUP, B6)
    assert told6(host, 3) == [[(ALLOW, GROUP6, [B6])]] * 2
    query6(host, GROUP6, [B6, ROUTER6])
    assert told6(host, 1) == [[(IS_IN, GROUP6, [B6])]]
    query6(host)
    (records,) = told6(host, 1)
    assert records[0] == (IS_IN, GROUP6, [A6, B6])
    assert all(record[0] == IS_EX and not record[2] for record in records[1:])
    s.close()
    assert told6(host, 3) == [[(BLOCK, GROUP6, [B6, A6])]] * 2


def test_older_router_of_ipv6() -> None:
    host = Host()
    s = udp(host, AF_INET6)
    source6(host, s, so.MCAST_JOIN_SOURCE_GROUP, A6)
    told6(host, 3)
    query6(host, v1=True)
    host.pass_time(1)
    groups = {p[56:72] for p in host.packets(TYPE_IPV6) if p[48] == 131}
    assert GROUP6 in groups
    s.close()
    host.pass_time(0.1)
    done = [(p[24:40], p[56:72]) for p in host.packets(TYPE_IPV6) if p[48] == 132]
    assert done == [(parse("ff02::2"), GROUP6)]
    host.pass_time(300)
    source6(host, udp(host, AF_INET6), so.MCAST_JOIN_SOURCE_GROUP, A6)
    assert told6(host) == [[(ALLOW, GROUP6, [A6])]]
