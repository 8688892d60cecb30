"""How many ICMP errors leave, against what Linux 6.18 sent for the same datagrams (400, one every 10 ms, to closed ports)."""

from tcpip.header.ethernet import TYPE_IPV4, TYPE_IPV6
from tcpip.network.icmp_limits import MAX_PEERS, PeerLimits

from ..bench import IP4, IP6, PEER4, PEER6, PEER_MAC, Host, ipv4_packet, ipv6_packet, udp_datagram

OTHER = b"\x0a\0\0\x63"


def errors_v4(host: Host, src: bytes = PEER4) -> int:
    host.frame(ipv4_packet(udp_datagram(b"x", 1000, 40000, src, IP4), 17, src), TYPE_IPV4)
    return len(host.packets(TYPE_IPV4))


def errors_v6(host: Host) -> int:
    host.frame(ipv6_packet(udp_datagram(b"x", 1000, 40000, PEER6, IP6), 17), TYPE_IPV6)
    return len(host.packets(TYPE_IPV6))


def test_one_host_is_told_six_things_at_once_and_then_one_a_second() -> None:
    host = Host()
    told = []
    for _ in range(400):
        told.append(errors_v4(host))
        host.pass_time(0.01)
    assert told[:7] == [1, 1, 1, 1, 1, 1, 0] and sum(told) in (9, 10)
    assert host.stack.stats.icmp["OutRateLimitHost"] > 300


def test_of_ipv6_ten_a_second() -> None:
    host = Host()
    told = []
    for _ in range(400):
        told.append(errors_v6(host))
        host.pass_time(0.01)
    assert told[:7] == [1, 1, 1, 1, 1, 1, 0] and sum(told) in (45, 46, 47)


def test_all_hosts_together() -> None:
    host = Host()
    others = [b"\x0a\0\0" + bytes((n,)) for n in range(3, 250)]
    for other in others:
        host.nic.neighbors.add_permanent(other, PEER_MAC)
    told = [errors_v4(host, other) for other in others]
    assert sum(told) >= 50 // 2 and sum(told[150:]) == 0
    assert host.stack.stats.icmp["OutRateLimitGlobal"] > 0
    host.pass_time(1)
    assert errors_v4(host, OTHER) == 1


def test_what_is_not_masked_is_not_limited() -> None:
    host = Host()
    host.stack.icmpv4.ratemask = 0
    assert sum([errors_v4(host) for _ in range(100)]) == 100
    host.stack.icmpv6.ratemask = bytes(256)
    assert sum([errors_v6(host) for _ in range(100)]) == 100


def test_an_interval_of_0_is_no_limit_for_a_host() -> None:
    host = Host()
    host.stack.icmpv4.interval_ms = 0
    host.stack.icmpv4.limiter.burst = 1000
    host.stack.icmpv4.limiter.per_second = 1_000_000
    for _ in range(100):
        host.pass_time(0.01)
        assert errors_v4(host) == 1


def test_the_hosts_that_are_remembered_are_bounded() -> None:
    peers = PeerLimits()
    for n in range(3 * MAX_PEERS):
        assert peers.allow(n.to_bytes(4, "big"), 1000, 0)
    assert len(peers._full_at) == MAX_PEERS
