"""Tables, rules, kinds of routes, reverse paths, proxy ARP."""

from __future__ import annotations

import pytest

from tcpip import errors
from tcpip.addr import IPV4_ANY, IPV4_BROADCAST, IPV6_ANY, SockAddr, parse
from tcpip.errors import NetError, NetworkError
from tcpip.filter.match import Source
from tcpip.filter.table import Rule
from tcpip.filter.target import SetMark
from tcpip.header.arp import REPLY, REQUEST, ArpPacket
from tcpip.link.channel import ChannelLink
from tcpip.sockopt import SO_MARK, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET
from tcpip.stack.route_table import RouteTable
from tcpip.stack.routing_rules import RoutingRule
from tcpip.transport.udp import UdpEndpoint

from ..bench import PEER_MAC, Host
from ..filter.router import CLIENT, CLIENT2, CLIENT6, SERVER, SERVER6, Router, addresses, tcp, udp

OTHER = parse("203.0.113.77")


def rule(router: Router, priority: int, table: int = 100, family: int = 4, action: str = "table") -> RoutingRule:
    return RoutingRule(family, priority, table, action)


def add(router: Router, new: RoutingRule) -> None:
    router.stack.rules.add(new)
    router.stack.changed()


def hop(router: Router, dst: bytes = SERVER, src: bytes = b"", mark: int = 0) -> bytes:
    return router.stack.find_route(dst, src, 0, mark).next_hop


def test_rules_by_source_target_and_mark() -> None:
    router = Router(netfilter=False)
    stack = router.stack
    usual = hop(router)
    stack.add_route(IPV4_ANY, 0, OTHER, router.wan, table=100)
    assert hop(router) == usual
    by_source = rule(router, 10)
    by_source.source, by_source.source_len = parse("203.0.113.1"), 32
    add(router, by_source)
    assert hop(router) == usual and hop(router, src=parse("203.0.113.1")) == OTHER
    stack.rules.remove(by_source)
    stack.changed()
    assert hop(router, src=parse("203.0.113.1")) == usual
    by_target = rule(router, 20)
    by_target.target, by_target.target_len = parse("198.51.0.0"), 16
    add(router, by_target)
    assert hop(router) == OTHER and hop(router, parse("8.8.8.8")) == usual
    by_target.inverted = True
    stack.changed()
    assert hop(router) == usual and hop(router, parse("8.8.8.8")) == OTHER
    stack.rules.remove(by_target)
    by_mark = rule(router, 30)
    by_mark.mark, by_mark.mask = 0x100, 0xFF00
    add(router, by_mark)
    assert hop(router, mark=0x1FF) == usual or hop(router, mark=0x1FF) == OTHER
    assert hop(router, mark=0x1FF) == OTHER and hop(router, mark=0x200) == usual


def test_a_table_without_a_fitting_route_and_a_suppressed_one() -> None:
    router = Router(netfilter=False)
    usual = hop(router)
    router.stack.add_route(parse("192.0.2.0"), 24, OTHER, router.wan, table=100)
    every = rule(router, 5)
    add(router, every)
    assert hop(router) == usual and hop(router, parse("192.0.2.9")) == OTHER
    default = router.stack.add_route(IPV4_ANY, 0, OTHER, router.wan, table=100)
    assert hop(router) == OTHER
    every.min_length = 1
    router.stack.changed()
    assert hop(router) == usual
    router.stack.remove_route(default)
    router.stack.add_route(IPV4_ANY, 0, OTHER, router.wan, table=253)
    assert hop(router) == usual


@pytest.mark.parametrize(
    ("kind", "error", "answer"),
    [
        ("blackhole", errors.INVALID_ARGUMENT, b""),
        ("unreachable", errors.HOST_UNREACHABLE, b"\x03\x01"),
        ("prohibit", errors.PERMISSION_DENIED, b"\x03\x0d"),
    ],
)
@pytest.mark.parametrize("by_rule", [False, True])
def test_rejecting_routes_and_rules(kind: str, error: NetError, answer: bytes, by_rule: bool) -> None:
    router = Router(netfilter=False)
    if by_rule:
        add(router, rule(router, 7, action=kind))
    else:
        router.stack.add_route(SERVER, 32, kind=kind)
    with pytest.raises(NetworkError) as caught:
        router.stack.find_route(SERVER)
    if by_rule:
        assert caught.value.error is (errors.NETWORK_UNREACHABLE if kind == "unreachable" else error)
        return
    assert caught.value.error is error
    lan, wan = router.from_lan(udp(CLIENT, 1, SERVER, 2))
    assert wan == [] and [packet[20:22] for packet in lan] == ([answer] if answer else [])


def test_ipv6_rejects_and_no_route() -> None:
    router = Router(netfilter=False)
    router.stack.add_route(SERVER6, 128, kind="prohibit")
    lan, _ = router.from_lan(udp(CLIENT6, 1, SERVER6, 2))
    assert lan[0][40:42] == b"\x01\x01"
    for entry in list(router.stack.routes.entries):
        if not entry.length:
            router.stack.remove_route(entry)
    assert router.from_lan(udp(CLIENT, 1, SERVER, 2))[0][0][20:22] == b"\x03\x00"
    assert router.from_lan(udp(CLIENT6, 1, SERVER6[:-1] + b"\x08", 2))[0][0][40:42] == b"\x01\x00"


def test_throw_goes_on_with_the_next_rule() -> None:
    router = Router(netfilter=False)
    usual = hop(router)
    router.stack.add_route(IPV4_ANY, 0, OTHER, router.wan, table=100)
    router.stack.add_route(SERVER, 32, table=100, kind="throw")
    add(router, rule(router, 5))
    assert hop(router) == usual and hop(router, parse("8.8.8.8")) == OTHER


def test_forwarded_packets_by_interface_source_and_mark() -> None:
    router = Router()
    stack = router.stack
    third = ChannelLink(1500, b"", 1 << 16, 64)
    from tcpip.link.base import CAP_NO_ARP

    third = ChannelLink(1500, b"", CAP_NO_ARP, 64)
    nic = stack.add_nic(third, "vpn")
    nic.add_address(parse("10.9.0.1"), 24)
    stack.add_route(IPV4_ANY, 0, b"", nic, table=100)
    stack.add_route(IPV6_ANY, 0, b"", nic, table=100)
    from_lan = rule(router, 10)
    from_lan.in_nic, from_lan.source, from_lan.source_len = "lan", CLIENT, 32
    add(router, from_lan)
    router.from_lan(udp(CLIENT, 1, SERVER, 2))
    assert len(third.take()) == 1
    assert len(router.from_lan(udp(CLIENT2, 1, SERVER, 2))[1]) == 1 and third.take() == []
    by_mark = rule(router, 11)
    by_mark.mark, by_mark.mask = 5, 0xFFFFFFFF
    add(router, by_mark)
    router.nf.mangle["prerouting"].append(Rule([Source("10.0.0.3")], SetMark(5)))
    assert router.from_lan(udp(CLIENT2, 1, SERVER, 2))[1] == [] and len(third.take()) == 1


def test_marked_sockets_and_marks_set_on_the_way_out() -> None:
    router = Router()
    stack = router.stack
    stack.add_route(IPV4_ANY, 0, b"", router.lan, table=100)
    by_mark = rule(router, 11)
    by_mark.mark, by_mark.mask = 5, 0xFFFFFFFF
    add(router, by_mark)
    own = stack.new_endpoint(2, SOCK_DGRAM)
    assert isinstance(own, UdpEndpoint)
    own.sendmsg(b"x", SockAddr(SERVER, 9))
    assert [len(sent) for sent in router.sent()] == [0, 1]
    own.options.privileged = True
    own.set_option(SOL_SOCKET, SO_MARK, 5)
    own.sendmsg(b"x", SockAddr(SERVER, 9))
    assert [len(sent) for sent in router.sent()] == [1, 0]
    router.nf.mangle["output"].append(Rule([], SetMark(5)))
    client = stack.new_endpoint(2, SOCK_STREAM)
    with pytest.raises(NetworkError):
        client.connect(SockAddr(SERVER, 80))
    lan, wan = router.sent()
    assert (len(lan), len(wan)) == (1, 0) and addresses(lan[0])[1] == SERVER


@pytest.mark.parametrize(("mode", "spoofed", "elsewhere"), [(0, 1, 1), (1, 0, 0), (2, 1, 1)])
def test_reverse_path_filter(mode: int, spoofed: int, elsewhere: int) -> None:
    router = Router(netfilter=False)
    router.wan.rp_filter = mode
    assert len(router.from_wan(udp(SERVER, 1, CLIENT, 2))[0]) == 1
    assert len(router.from_wan(udp(CLIENT2, 1, CLIENT, 2))[0]) == spoofed
    for entry in list(router.stack.routes.entries):
        if not entry.length:
            router.stack.remove_route(entry)
    router.lan.rp_filter = mode
    assert len(router.from_lan(udp(parse("10.0.0.9"), 1, parse("203.0.113.9"), 2))[1]) == 1
    sent = len(router.from_lan(udp(parse("203.0.113.9"), 1, parse("203.0.113.10"), 2))[1])
    assert sent == elsewhere
    unknown = len(router.from_lan(udp(SERVER, 1, parse("203.0.113.10"), 2))[1])
    assert unknown == (mode == 0)
    if mode == 1:
        assert router.stack.stats.tcp_ext["IPReversePathFilter"] == 3
        router.from_lan(udp(IPV4_ANY, 68, IPV4_BROADCAST, 67))
        assert router.stack.stats.tcp_ext["IPReversePathFilter"] == 3


def test_local_routes_take_what_is_not_ours() -> None:
    router = Router()
    stack = router.stack
    stack.add_route(IPV4_ANY, 0, table=100, kind="local")
    by_mark = rule(router, 11)
    by_mark.mark, by_mark.mask = 1, 0xFFFFFFFF
    add(router, by_mark)
    router.nf.mangle["prerouting"].append(Rule([Source("10.0.0.3")], SetMark(1)))
    server = stack.new_endpoint(2, SOCK_DGRAM)
    server.bind(SockAddr(IPV4_ANY, 53))
    assert len(router.from_lan(udp(CLIENT, 1, SERVER, 53))[1]) == 1
    assert router.from_lan(udp(CLIENT2, 1, SERVER, 53, b"mine")) == ([], [])
    assert server.readable_bytes() == 4
    assert router.from_lan(tcp(CLIENT2, 1, SERVER, 80))[0][0][33] == 0x14


def test_proxy_arp() -> None:
    host = Host()
    other = host.stack.add_nic(ChannelLink(mac=b"\x02\0\0\0\0\x02"), "eth1")
    other.add_address(parse("10.1.0.1"), 24)

    def asks(target: str) -> int:
        host.arp(ArpPacket(REQUEST, PEER_MAC, parse("10.0.0.2"), bytes(6), parse(target)), b"\xff" * 6)
        replies = [a for a in host.arps() if a.operation == REPLY]
        assert all(a.sender_ip == parse(target) and a.sender_mac == host.nic.mac for a in replies)
        return len(replies)

    host.nic.proxy_arp = True
    assert asks("10.1.0.9") == 0
    host.stack.forwarding = True
    assert [asks(t) for t in ("10.1.0.9", "10.0.0.9", "10.1.0.1", "192.0.2.1", "224.0.0.5")] == [1, 0, 0, 0, 0]
    host.nic.proxy_arp = False
    assert asks("10.1.0.9") == 0
    host.nic.proxied.add(parse("10.1.0.9"))
    assert [asks(t) for t in ("10.1.0.9", "10.1.0.8")] == [1, 0]


def test_each_table_is_asked_once_whatever_the_number_of_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    router = Router(netfilter=False)
    stack = router.stack
    for table in range(100, 150):
        stack.add_route(parse("198.18.0.0"), 24, OTHER, router.wan, table=table)
    stack.add_route(SERVER, 32, OTHER, router.wan, table=177)
    for priority in range(1, 300):
        add(router, rule(router, priority, 100 + priority % 78))
    asked = []
    one, every = RouteTable.lookup, RouteTable.lookup_all
    monkeypatch.setattr(RouteTable, "lookup", lambda *args: asked.append("one") or one(*args))
    monkeypatch.setattr(RouteTable, "lookup_all", lambda *args: asked.append("all") or every(*args))
    assert hop(router) == OTHER
    assert asked == ["one"] * 4 + ["all"]
    asked.clear()
    assert stack.rules.lookup(stack.routes, parse("198.19.0.1"), b"", "lo", "", 999, 0) is None
    assert asked.count("all") == 1 and len(asked) == 5


def test_gotos_lead_on_one_after_the_other() -> None:
    router = Router(netfilter=False)
    for priority in range(1, 900):
        jump = rule(router, priority, action="goto")
        jump.goto = priority + 1
        router.stack.rules.rules.append(jump)
    last = rule(router, 900, 177)
    router.stack.add_route(SERVER, 32, OTHER, router.wan, table=177)
    add(router, last)
    assert all(router.stack.rules.leads_somewhere(jump) for jump in router.stack.rules.rules if jump.action == "goto")
    assert hop(router) == OTHER
    router.stack.rules.remove(last)
    router.stack.changed()
    assert not router.stack.rules.leads_somewhere(jump)
