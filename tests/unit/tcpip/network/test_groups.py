"""IGMP and MLD, host side: reports, queries, leaves."""

from tcpip.addr import IPV6_ALL_NODES, multicast_mac, parse
from tcpip.checksum import checksum
from tcpip.errors import DropReason
from tcpip.header.ethernet import TYPE_IPV6

from ..bench import Host, icmpv6_message

GROUP4, GROUP6 = parse("239.9.9.9"), parse("ff05::9")
ALL_SYSTEMS = parse("224.0.0.1")
SOON = 0.01
ROUTER6 = parse("fe80::99")


def igmp_query(host: Host, group: bytes, tenths: int, v3: bool = True) -> None:
    body = bytearray(bytes((0x11, tenths, 0, 0)) + group + (bytes(4) if v3 else b""))
    body[2:4] = checksum(body).to_bytes(2, "big")
    dst = group if any(group) else ALL_SYSTEMS
    host.ipv4(bytes(body), 2, multicast_mac(dst), dst=dst, ttl=1, options=b"\x94\x04\0\0")


def reports(host: Host) -> list[tuple[int, int, bytes]]:
    """(IGMP type, record type, group) of what was sent, or is sent at once."""
    host.pass_time(SOON)
    found = []
    for packet in host.packets():
        body = packet[24:]
        found.append((body[0], body[8], body[12:16]) if body[0] == 0x22 else (body[0], 0, body[4:8]))
    return found


def test_join_is_said_twice_and_leave_once() -> None:
    host = Host()
    host.nic.join_group(GROUP4)
    host.nic.join_group(GROUP4)
    assert reports(host) == [(0x22, 4, GROUP4)]
    host.pass_time(1.1)
    assert reports(host) == [(0x22, 4, GROUP4)]
    host.nic.leave_group(GROUP4)
    assert reports(host) == []
    host.nic.leave_group(GROUP4)
    assert reports(host) == [(0x22, 3, GROUP4)]
    host.nic.leave_group(GROUP4)
    assert reports(host) == []


def test_queries_are_answered_in_time() -> None:
    host = Host()
    host.nic.join_group(GROUP4)
    host.pass_time(2)
    reports(host)
    igmp_query(host, bytes(4), 20)
    host.pass_time(2)
    assert reports(host) == [(0x22, 2, GROUP4)]
    igmp_query(host, parse("239.1.1.1"), 20)
    host.pass_time(3)
    assert reports(host) == []


def test_oldest_querier_gets_the_oldest_reports_and_no_leave() -> None:
    host = Host()
    igmp_query(host, bytes(4), 0, v3=False)
    host.pass_time(11)
    reports(host)
    host.nic.join_group(GROUP4)
    assert reports(host) == [(0x12, 0, GROUP4)]
    host.pass_time(2)
    reports(host)
    host.nic.leave_group(GROUP4)
    assert reports(host) == []
    host.pass_time(400)
    host.nic.join_group(GROUP4)
    assert reports(host) == [(0x22, 4, GROUP4)]


def test_old_querier_gets_old_reports() -> None:
    host = Host()
    host.nic.join_group(GROUP4)
    host.pass_time(2)
    reports(host)
    igmp_query(host, bytes(4), 20, v3=False)
    host.pass_time(2)
    assert reports(host) == [(0x16, 0, GROUP4)]
    host.nic.leave_group(GROUP4)
    assert reports(host) == [(0x17, 0, GROUP4)]
    host.pass_time(400)
    host.nic.join_group(GROUP4)
    assert reports(host) == [(0x22, 4, GROUP4)]


def test_forged_query_does_not_silence_for_ever() -> None:
    host = Host()
    host.nic.join_group(GROUP4)
    host.pass_time(2)
    igmp_query(host, bytes(4), 255)
    host.pass_time(11)
    reports(host)
    igmp_query(host, bytes(4), 10)
    host.pass_time(1)
    assert reports(host) == [(0x22, 2, GROUP4)]


def test_bad_igmp_checksum_is_dropped() -> None:
    host = Host()
    host.ipv4(b"\x11\x01\0\0\0\0\0\0", 2, multicast_mac(ALL_SYSTEMS), dst=ALL_SYSTEMS, ttl=1)
    assert host.stack.stats.drops == {DropReason.BAD_CHECKSUM: 1}


def mld_reports(host: Host) -> list[tuple[int, bytes]]:
    host.pass_time(SOON)
    return [(p[56], p[60:76]) for p in host.packets(TYPE_IPV6) if p[6] == 0 and p[48] == 143]


def test_mld() -> None:
    host = Host()
    host.nic.join_group(GROUP6)
    assert mld_reports(host) == [(4, GROUP6)]
    host.pass_time(1.1)
    assert mld_reports(host) == [(4, GROUP6)]
    query = icmpv6_message(130, 0, 1000 << 16, bytes(16) + bytes(4), ROUTER6, IPV6_ALL_NODES)
    mac = multicast_mac(IPV6_ALL_NODES)
    host.ipv6(query, 58, mac, src=ROUTER6, dst=IPV6_ALL_NODES, hop_limit=64)
    assert host.stack.stats.drops[DropReason.BAD_SOURCE] == 1
    host.ipv6(query, 58, mac, src=ROUTER6, dst=IPV6_ALL_NODES, hop_limit=1)
    host.pass_time(1)
    assert (2, GROUP6) in mld_reports(host)
    host.nic.leave_group(GROUP6)
    assert mld_reports(host) == [(3, GROUP6)]
