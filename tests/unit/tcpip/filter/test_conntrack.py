"""Tracking: states, time-outs, windows, and a table that nobody can grow."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpip.filter.conntrack import Conntrack
from tcpip.filter.match import State
from tcpip.filter.packet import INVALID
from tcpip.filter.table import Rule
from tcpip.filter.target import Drop
from tcpip.header.tcp import ACK, FIN, PSH, RST, SYN

from ..bench import icmpv4_message
from .router import CLIENT, SERVER, WAN4, Router, echo, handshake, ip, tcp, udp


def states(router: Router) -> list[int]:
    return [conn.tcp.state for conn in router.nf.conntrack.connections() if conn.tcp is not None]


def lives(conns: Conntrack, router: Router, seconds: float) -> None:
    """The only connection goes away then, and not before."""
    assert len(conns) == 1
    router.pass_time(seconds - 0.01)
    assert len(conns) == 1
    router.pass_time(0.02)
    assert len(conns) == 0 and not conns.table


def test_timeouts() -> None:
    router = Router()
    conns = router.nf.conntrack
    router.through(udp(CLIENT, 1, SERVER, 2))
    lives(conns, router, 30)
    router.through(udp(CLIENT, 1, SERVER, 2))
    router.back(udp(SERVER, 2, CLIENT, 1))
    router.pass_time(3)
    router.through(udp(CLIENT, 1, SERVER, 2))
    lives(conns, router, 120)
    router.through(echo(CLIENT, SERVER, 1))
    lives(conns, router, 30)
    router.through(ip(b"12345678", 47, CLIENT, SERVER))
    lives(conns, router, 600)
    router.through(tcp(CLIENT, 1, SERVER, 2))
    lives(conns, router, 120)
    handshake(router, CLIENT, 1, SERVER, 2)
    lives(conns, router, 432000)


def test_a_connection_from_syn_to_time_wait() -> None:
    router = Router()
    handshake(router, CLIENT, 1, SERVER, 2)
    assert states(router) == [3]
    router.through(tcp(CLIENT, 1, SERVER, 2, ACK | PSH, 1001, 5001, b"x" * 10))
    router.pass_time(299)
    assert len(router.nf.conntrack) == 1
    router.back(tcp(SERVER, 2, CLIENT, 1, ACK, 5001, 1011))
    router.pass_time(1000)
    router.through(tcp(CLIENT, 1, SERVER, 2, FIN | ACK, 1011, 5001))
    assert states(router) == [4]
    router.back(tcp(SERVER, 2, CLIENT, 1, ACK, 5001, 1012))
    assert states(router) == [5]
    router.back(tcp(SERVER, 2, CLIENT, 1, FIN | ACK, 5001, 1012))
    assert states(router) == [6]
    router.through(tcp(CLIENT, 1, SERVER, 2, ACK, 1012, 5002))
    assert states(router) == [7]
    router.through(tcp(CLIENT, 1, SERVER, 2, SYN, 90000))
    assert states(router) == [1] and len(router.nf.conntrack) == 1
    lives(router.nf.conntrack, router, 120)


def test_resets() -> None:
    router = Router()
    router.through(tcp(CLIENT, 1, SERVER, 2))
    router.back(tcp(SERVER, 2, CLIENT, 1, RST | ACK, 0, 1001))
    assert len(router.nf.conntrack) == 0
    handshake(router, CLIENT, 1, SERVER, 2)
    router.nf.filter["forward"].append(Rule([State(INVALID)], Drop()))
    assert router.from_wan(tcp(SERVER, 2, CLIENT, 1, RST, 5001 + 1_000_000)) == ([], [])
    assert states(router) == [3]
    router.back(tcp(SERVER, 2, CLIENT, 1, RST, 5001))
    assert states(router) == [8]
    lives(router.nf.conntrack, router, 10)


@pytest.mark.parametrize(
    ("seq", "ack", "valid"),
    [
        (1001, 5001, True),
        (1001 + 64001, 5001, False),  # beyond what the server allows
        (1001, 5002, False),  # acknowledges what was never sent
        (1001 - 70000, 5001, False),
        (1001 - 100, 5001, True),  # sent again
    ],
)
def test_windows(seq: int, ack: int, valid: bool) -> None:
    router = Router()
    router.nf.filter["forward"].append(Rule([State(INVALID)], Drop()))
    handshake(router, CLIENT, 1, SERVER, 2)
    seq &= 0xFFFFFFFF
    assert len(router.from_lan(tcp(CLIENT, 1, SERVER, 2, ACK, seq, ack, b"x" * 50))[1]) == valid
    router.nf.conntrack.settings.liberal = True
    assert len(router.from_lan(tcp(CLIENT, 1, SERVER, 2, ACK, seq, ack, b"x" * 50))[1]) == 1


def test_window_scale_is_heeded() -> None:
    router = Router()
    router.nf.filter["forward"].append(Rule([State(INVALID)], Drop()))
    scale = b"\x01\x03\x03\x07"
    router.through(tcp(CLIENT, 1, SERVER, 2, SYN, options=scale))
    router.back(tcp(SERVER, 2, CLIENT, 1, SYN | ACK, 5000, 1001, options=scale))
    router.through(tcp(CLIENT, 1, SERVER, 2, ACK, 1001, 5001, window=1000))
    router.back(tcp(SERVER, 2, CLIENT, 1, ACK, 5001, 1001, b"x", window=1000))
    router.through(tcp(CLIENT, 1, SERVER, 2, ACK, 1001 + 120_000, 5002, b"x", window=1000))
    assert router.from_lan(tcp(CLIENT, 1, SERVER, 2, ACK, 1001 + 130_000, 5002, b"x")) == ([], [])


@pytest.mark.any_packets
def test_damaged_and_odd_segments_are_invalid() -> None:
    router = Router()
    bad = Rule([State(INVALID)])
    router.nf.filter["forward"].append(bad)
    damaged = bytearray(tcp(CLIENT, 1, SERVER, 2, data=b"abc"))
    damaged[-1] ^= 1
    odd = [
        bytes(damaged),
        tcp(CLIENT, 1, SERVER, 2, SYN | FIN),
        tcp(CLIENT, 1, SERVER, 2, 0),
        tcp(CLIENT, 1, SERVER, 2, SYN | ACK),
        tcp(CLIENT, 1, SERVER, 2, RST),
        echo(CLIENT, SERVER, 1, reply=True),
        ip(icmpv4_message(3, 3, 0, udp(SERVER, 1, CLIENT, 2)), 1, CLIENT, SERVER),
        ip(b"\0\x01", 17, CLIENT, SERVER),
        ip(icmpv4_message(3, 3, 0, b"E"), 1, CLIENT, SERVER),
    ]
    for packet in odd:
        router.from_lan(packet)
    assert bad.packets == len(odd) and len(router.nf.conntrack) == 0


def test_picked_up_in_the_middle_or_not() -> None:
    router = Router()
    router.through(tcp(CLIENT, 1, SERVER, 2, ACK, 777, 888, b"text"))
    assert states(router) == [3]
    router.nf.conntrack.flush()
    router.nf.conntrack.settings.loose = False
    router.through(tcp(CLIENT, 1, SERVER, 2, ACK, 777, 888, b"text"))
    assert states(router) == []


def test_what_is_dropped_is_not_entered() -> None:
    router = Router()
    router.nf.filter["forward"].append(Rule([], Drop()))
    for port in range(1, 500):
        router.from_lan(udp(CLIENT, port, SERVER, 2))
    assert len(router.nf.conntrack) == 0 and router.stack.next_deadline() is None


def test_a_full_table_drops_the_oldest_unassured() -> None:
    router = Router()
    conns = router.nf.conntrack
    conns.max_connections = 50
    for port in range(1, 11):
        handshake(router, CLIENT, port, SERVER, 2)
    assert all(conn.assured for conn in conns.connections())
    for port in range(100, 400):
        router.through(tcp(CLIENT, port, SERVER, 2))
    assert len(conns) == 50 and conns.evicted == 260 and len(conns.table) == 100
    assert sum(conn.assured for conn in conns.connections()) == 10
    conns.max_connections = 10
    for conn in conns.connections():
        if not conn.assured:
            conns.remove(conn)
    assert router.from_lan(tcp(CLIENT, 999, SERVER, 2)) == ([], [])
    assert (conns.dropped, router.stack.stats.drops["connection-table-full"]) == (1, 1)
    router.through(tcp(CLIENT, 5, SERVER, 2, ACK, 1001, 5001))


@settings(max_examples=150)
@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=120), st.sampled_from((1, 6, 17, 58, 0, 44))), max_size=12))
@pytest.mark.any_packets
def test_hostile_packets(packets: list[tuple[bool, bytes, int]]) -> None:
    """Nothing is raised, the table holds what it says, and all of it goes away."""
    router = Router()
    from tcpip.filter.target import Masquerade

    router.nf.nat["postrouting"].append(Rule([], Masquerade()))
    conns = router.nf.conntrack
    conns.max_connections = 4
    for six, body, protocol in packets:
        src, dst = (CLIENT, SERVER) if not six else (b"\xfd" + bytes(14) + b"\x02", b"\x20\x01" + bytes(13) + b"\x07")
        router.from_lan(ip(body, protocol, src, dst))
        router.from_wan(ip(body, protocol, dst, WAN4 if not six else src))
        assert len(conns) <= 4 and len(conns.table) <= 8
    router.pass_time(432001)
    assert len(conns) == 0 and not conns.table and router.stack.next_deadline() is None
