"""Rules: what they match, what they do, what they count, and who is told."""

from __future__ import annotations

import pytest

from tcpip import errors
from tcpip.addr import IPV4_LOOPBACK, SockAddr
from tcpip.errors import NetworkError
from tcpip.filter.match import (
    Destination,
    DestinationPort,
    IcmpType,
    InInterface,
    Limit,
    Mark,
    Match,
    Not,
    OutInterface,
    Owner,
    Protocol,
    Source,
    SourcePort,
    State,
    TcpFlags,
    Translated,
)
from tcpip.filter.packet import DST, ESTABLISHED, INVALID, NEW, RELATED, UNTRACKED, FilteredPacket
from tcpip.filter.table import ACCEPT, DROP, Jump, Rule, Target
from tcpip.filter.target import (
    Accept,
    Ask,
    Dnat,
    Drop,
    Log,
    Masquerade,
    NoTrack,
    Reject,
    RestoreMark,
    Return,
    SaveMark,
    SetMark,
)
from tcpip.header.tcp import ACK, RST, SYN
from tcpip.sockopt import SO_MARK, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET
from tcpip.transport.udp import UdpEndpoint

from .router import CLIENT, CLIENT2, CLIENT6, LAN4, SERVER, SERVER6, Router, addresses, checks, echo, ports, tcp, udp


@pytest.mark.parametrize(
    ("match", "hit", "miss"),
    [
        (InInterface("la+"), udp(CLIENT, 1, SERVER, 2), None),
        (InInterface("wan"), None, udp(CLIENT, 1, SERVER, 2)),
        (OutInterface("wan"), udp(CLIENT, 1, SERVER, 2), udp(CLIENT, 1, CLIENT2, 2)),
        (Source("10.0.0.2"), udp(CLIENT, 1, SERVER, 2), udp(CLIENT2, 1, SERVER, 2)),
        (Not(Source("10.0.0.2")), udp(CLIENT2, 1, SERVER, 2), udp(CLIENT, 1, SERVER, 2)),
        (Destination("2001:db8::/32"), udp(CLIENT6, 1, SERVER6, 2), udp(CLIENT, 1, SERVER, 2)),
        (Protocol(6), tcp(CLIENT, 1, SERVER, 2), udp(CLIENT, 1, SERVER, 2)),
        (SourcePort(1, 5), udp(CLIENT, 5, SERVER, 9), udp(CLIENT, 6, SERVER, 2)),
        (DestinationPort(80), tcp(CLIENT6, 1, SERVER6, 80), tcp(CLIENT, 80, SERVER, 81)),
        (IcmpType(8), echo(CLIENT, SERVER, 1), tcp(CLIENT, 80, SERVER, 81)),
        (IcmpType(128, protocol=58), echo(CLIENT6, SERVER6, 1), echo(CLIENT, SERVER, 1)),
        (TcpFlags(SYN | ACK, SYN), tcp(CLIENT, 1, SERVER, 2), tcp(CLIENT, 1, SERVER, 3, ACK)),
        (State(NEW), udp(CLIENT, 1, SERVER, 2), tcp(CLIENT, 1, SERVER, 2, RST)),
        (State(INVALID), tcp(CLIENT, 1, SERVER, 2, 0), tcp(CLIENT, 1, SERVER, 2)),
    ],
)
def test_matches(match: Match, hit: bytes | None, miss: bytes | None) -> None:
    router = Router()
    rule = Rule([match])
    router.nf.filter["forward"].append(rule)
    if miss is not None:
        router.from_lan(miss)
        assert (rule.packets, rule.bytes) == (0, 0)
    if hit is not None:
        router.from_lan(hit)
        assert (rule.packets, rule.bytes) == (1, len(hit))


def test_policy_chains_and_return() -> None:
    router = Router()
    forward = router.nf.filter["forward"]
    forward.policy = DROP
    web = router.nf.filter.new_chain("web")
    web.append(Rule([Source("10.0.0.3")], Return()), Rule([DestinationPort(80)], Accept()))
    forward.append(Rule([Protocol(6)], Jump(web)))
    assert len(router.from_lan(tcp(CLIENT, 1, SERVER, 80))[1]) == 1
    for packet in (tcp(CLIENT2, 1, SERVER, 80), tcp(CLIENT, 1, SERVER, 81), udp(CLIENT, 1, SERVER, 80)):
        assert router.from_lan(packet) == ([], [])
    assert (web.rules[0].packets, web.rules[1].packets, forward.packets) == (1, 1, 3)
    assert router.stack.stats.drops["filtered"] == 3
    with pytest.raises(NetworkError):
        router.nf.filter.new_chain("web")
    loop = router.nf.filter.new_chain("loop")
    loop.append(Rule([], Jump(loop)))
    forward.insert(0, Rule([], Jump(loop)))
    assert router.from_lan(tcp(CLIENT, 9, SERVER, 80)) == ([], [])


@pytest.mark.parametrize(
    ("table", "chain", "target"),
    [("filter", "input", Dnat("10.0.0.9")), ("nat", "postrouting", Dnat("10.0.0.9")), ("raw", "output", SetMark(1))],
)
def test_targets_stand_where_they_belong(table: str, chain: str, target: Target) -> None:
    tables = {"filter": Router().nf.filter, "nat": Router().nf.nat, "raw": Router().nf.raw}
    with pytest.raises(NetworkError) as caught:
        tables[table][chain].append(Rule([], target))
    assert caught.value.error is errors.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("packet", "target", "kind"),
    [
        (udp(CLIENT, 1, SERVER, 2), Reject(), b"\x03\x03"),
        (udp(CLIENT, 1, SERVER, 2), Reject(13), b"\x03\x0d"),
        (udp(CLIENT6, 1, SERVER6, 2), Reject(), b"\x01\x04"),
        (udp(CLIENT6, 1, SERVER6, 2), Reject(1), b"\x01\x01"),
    ],
)
def test_reject(packet: bytes, target: Reject, kind: bytes) -> None:
    router = Router()
    router.nf.filter["forward"].append(Rule([], target))
    lan, wan = router.from_lan(packet)
    at = 20 if len(addresses(packet)[0]) == 4 else 40
    assert wan == [] and lan[0][at : at + 2] == kind and checks(lan[0])
    assert addresses(lan[0])[1] == addresses(packet)[0] and len(router.nf.conntrack) == 0


@pytest.mark.parametrize(("src", "dst"), [(CLIENT, SERVER), (CLIENT6, SERVER6)])
def test_reject_with_reset_through_translation(src: bytes, dst: bytes) -> None:
    router = Router()
    behind = "10.0.0.80" if len(src) == 4 else "fd00::80"
    router.nf.nat["prerouting"].append(Rule([], Dnat(behind, ports=(8080, 8080))))
    router.nf.filter["forward"].append(Rule([], Reject(tcp_reset=True)))
    lan, wan = router.from_lan(tcp(src, 999, dst, 80, seq=7))
    assert wan == [] and checks(lan[0]) and addresses(lan[0]) == (dst, src) and ports(lan[0]) == (80, 999)
    at = 20 if len(src) == 4 else 40
    assert lan[0][at + 13] == RST | ACK and lan[0][at + 8 : at + 12] == (8).to_bytes(4, "big")
    assert router.from_lan(tcp(src, 999, dst, 80, RST)) == ([], [])


def test_own_packets_are_refused_and_rejected() -> None:
    router = Router()
    rule = Rule([Owner(1000)], Drop())
    router.nf.filter["output"].append(rule, Rule([DestinationPort(7)], Reject()))
    sender = router.stack.new_endpoint(2, SOCK_DGRAM)
    assert isinstance(sender, UdpEndpoint)
    sender.sendmsg(b"x", SockAddr(SERVER, 9))
    with pytest.raises(NetworkError) as caught:
        sender.sendmsg(b"x", SockAddr(SERVER, 7))
    assert caught.value.error is errors.NOT_PERMITTED
    sender.options.owner = 1000
    with pytest.raises(NetworkError):
        sender.sendmsg(b"x", SockAddr(SERVER, 9))
    assert rule.packets == 1 and len(router.sent()[1]) == 1
    client = router.stack.new_endpoint(2, SOCK_STREAM)
    with pytest.raises(NetworkError):
        client.connect(SockAddr(SERVER, 7))
    router.stack.flush()
    assert client.take_error() is errors.CONNECTION_REFUSED


def test_rate_limit_by_the_clock() -> None:
    router = Router()
    router.nf.filter["forward"].append(Rule([Limit(router.clock, 10, burst=3)], Accept()), Rule([], Drop()))
    passed = [len(router.from_lan(udp(CLIENT, i + 1, SERVER, 2))[1]) for i in range(5)]
    assert passed == [1, 1, 1, 0, 0]
    router.pass_time(0.1)
    assert [len(router.from_lan(udp(CLIENT, i + 9, SERVER, 2))[1]) for i in range(2)] == [1, 0]


def test_log_ask_and_states() -> None:
    router = Router()
    seen: list[tuple[str, str, int]] = []
    router.nf.trace = lambda prefix, hook, pkt: seen.append((prefix, hook, pkt.state))
    router.nf.filter["forward"].append(Rule([], Log("fwd ")))

    def decide(pkt: FilteredPacket) -> int:
        return DROP if pkt.flow is not None and pkt.flow[4] == 13 else ACCEPT

    router.nf.filter["forward"].append(Rule([], Ask(decide)))
    router.through(udp(CLIENT, 1, SERVER, 2))
    router.through(udp(CLIENT, 1, SERVER, 2))
    router.back(udp(SERVER, 2, CLIENT, 1))
    router.through(udp(CLIENT, 1, SERVER, 2))
    assert router.from_lan(udp(CLIENT, 1, SERVER, 13)) == ([], [])
    assert [state for _, _, state in seen] == [NEW, NEW, ESTABLISHED, ESTABLISHED, NEW]
    assert {(prefix, hook) for prefix, hook, _ in seen} == {("fwd ", "forward")}


def test_a_stateful_host_firewall() -> None:
    router = Router()
    rules = router.nf.filter["input"]
    rules.policy = DROP
    rules.append(Rule([State(ESTABLISHED | RELATED)], Accept()), Rule([IcmpType(8)], Accept()))
    own = router.stack.new_endpoint(2, SOCK_DGRAM)
    own.sendmsg(b"q", SockAddr(CLIENT, 53))
    port = ports(router.sent()[0][0])[0]
    router.from_lan(udp(CLIENT, 53, LAN4, port, b"answer"))
    assert own.readable_bytes() == 6
    router.from_lan(udp(CLIENT2, 53, LAN4, port, b"forged"))
    assert own.readable_bytes() == 6
    assert len(router.from_lan(echo(CLIENT, LAN4, 5))[0]) == 1
    assert router.from_lan(tcp(CLIENT, 5, LAN4, 22)) == ([], [])


def test_untracked_is_not_translated() -> None:
    router = Router()
    router.nf.raw["prerouting"].append(Rule([SourcePort(5)], NoTrack()))
    router.nf.nat["postrouting"].append(Rule([], Masquerade()))
    untracked = Rule([State(UNTRACKED)])
    translated = Rule([Translated(DST)])
    router.nf.filter["forward"].append(untracked, translated)
    assert addresses(router.through(udp(CLIENT, 5, SERVER, 2)))[0] == CLIENT
    assert addresses(router.through(udp(CLIENT, 6, SERVER, 2)))[0] != CLIENT
    assert (untracked.packets, translated.packets, len(router.nf.conntrack)) == (1, 0, 1)


def test_marks_of_packets_connections_and_sockets() -> None:
    router = Router()
    mangle = router.nf.mangle
    mangle["prerouting"].append(
        Rule([], RestoreMark()), Rule([Mark(0), SourcePort(5)], SetMark(0x10, 0xF0)), Rule([], SaveMark())
    )
    marked = Rule([Mark(0x10, 0xF0)])
    router.nf.filter["forward"].append(marked)
    router.through(udp(CLIENT, 5, SERVER, 2))
    router.back(udp(SERVER, 2, CLIENT, 5))
    router.through(udp(CLIENT, 6, SERVER, 2))
    assert marked.packets == 2
    of_socket = Rule([Mark(77)])
    router.nf.filter["output"].append(of_socket)
    own = router.stack.new_endpoint(2, SOCK_DGRAM)
    assert isinstance(own, UdpEndpoint)
    own.options.privileged = True
    own.set_option(SOL_SOCKET, SO_MARK, 77)
    own.sendmsg(b"q", SockAddr(CLIENT, 53))
    assert of_socket.packets == 1


def test_the_loopback_is_tracked_once() -> None:
    router = Router()
    new = Rule([State(NEW)])
    router.nf.filter["input"].append(new)
    router.nf.nat["output"].append(Rule([DestinationPort(80)], Dnat("127.0.0.1", ports=(8080, 8080))))
    listener = router.stack.new_endpoint(2, SOCK_STREAM)
    listener.bind(SockAddr(IPV4_LOOPBACK, 8080))
    listener.listen(1)
    client = router.stack.new_endpoint(2, SOCK_STREAM)
    with pytest.raises(NetworkError) as caught:
        client.connect(SockAddr(IPV4_LOOPBACK, 80))
    assert caught.value.error is errors.CONNECT_STARTED
    router.stack.flush()
    server = listener.accept()
    client.send(b"hello")
    router.stack.flush()
    assert server.readable_bytes() == 5 and client.getpeername().port == 80
    assert server.getsockname().port == 8080 and new.packets == 1 and len(router.nf.conntrack) == 1
