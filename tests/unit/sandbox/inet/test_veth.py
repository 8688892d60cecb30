"""Pairs of interfaces and bridges of a guest: bounds, and what the egress guard makes of them."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace
from typing import Any, Callable

import pytest

from sandbox.errors import SyscallError
from sandbox.gateway.network import Network, Totals
from sandbox.sockets.inet.bridge import BridgeLink, enslave
from sandbox.sockets.inet.link_state import carries, turn
from sandbox.sockets.inet.own_links import move, put, remove
from sandbox.sockets.inet.queued_link import AT_ONCE, BACKLOG, BACKLOG_BYTES
from sandbox.sockets.inet.veth import VethLink
from tcpip.addr import SockAddr, parse
from tcpip.buffer import TxPacket
from tcpip.clock import ManualClock
from tcpip.sockopt import IPPROTO_TCP
from tcpip.stack.stack import Stack

BROADCAST = b"\xff" * 6 + b"\x02\0\0\0\0\x09" + b"\x12\x34"


class Fixture:
    """A network with a pair, and what the event loop is to run."""

    def __init__(self) -> None:
        self.soon: deque[Callable[[], None]] = deque()
        self.network = Network(Stack(ManualClock(0)), "none")
        self.totals = Totals()
        self.one, self.two = (VethLink(bytes((2, 0, 0, 0, 0, n)), self.soon.append, self.totals) for n in (1, 2))
        self.one.peer, self.two.peer = self.two, self.one
        self.a, self.b = put(self.network, self.one, "a"), put(self.network, self.two, "b")
        for nic in (self.a, self.b):
            turn(nic, True)
        self.network.stack.flush()
        self.drain()

    def drain(self) -> None:
        while self.soon:
            self.soon.popleft()()

    def drain_some(self, most: int) -> None:
        """Of what asks for itself again and again."""
        while self.soon and most:
            most -= 1
            self.soon.popleft()()


def packet(size: int = 0) -> TxPacket:
    return TxPacket(BROADCAST, [memoryview(bytes(size))] if size else [], size)


def test_what_waits_is_bounded_by_packets_and_bytes() -> None:
    made = Fixture()
    assert made.one.write_packets([packet() for _ in range(BACKLOG + 5)]) == BACKLOG
    assert len(made.soon) == 1
    made.drain()
    assert made.totals.veth_bytes == 0
    assert made.b.rx_packets >= BACKLOG
    big = [packet(60000) for _ in range(BACKLOG)]
    assert made.one.write_packets(big) == BACKLOG_BYTES // (60000 + len(BROADCAST))


def test_a_storm_comes_out_a_few_packets_at_a_time() -> None:
    made = Fixture()
    ends = [VethLink(bytes((2, 0, 0, 0, 1, n)), made.soon.append, made.totals) for n in range(8)]
    for n, end in enumerate(ends):
        end.peer = ends[n ^ 1]
        turn(put(made.network, end, f"s{n}"), True)
    bridge = put(made.network, BridgeLink(b"\x02\0\0\0\0\x07"), "br0")
    turn(bridge, True)
    for end in ends:
        assert end.nic is not None
        enslave(end.nic, bridge)
    made.drain_some(200)
    ends[0].write_packets([packet() for _ in range(500)])
    for _ in range(200):
        before = bridge.rx_packets
        assert len(made.soon) == 1
        made.soon.popleft()()
        assert bridge.rx_packets - before <= AT_ONCE


def test_a_loop_of_bridges_goes_round_once_in_a_turn() -> None:
    made = Fixture()
    bridge = put(made.network, BridgeLink(b"\x02\0\0\0\0\x07"), "br0")
    turn(bridge, True)
    enslave(made.a, bridge)
    enslave(made.b, bridge)
    made.one.write_packets([packet()])
    for _ in range(50):
        before = made.b.rx_packets + made.a.rx_packets
        for _ in range(len(made.soon)):
            made.soon.popleft()()
        made.network.stack.flush()
        assert made.b.rx_packets + made.a.rx_packets - before <= 2 * BACKLOG
    assert made.totals.veth_bytes <= 2 * BACKLOG * len(BROADCAST)


def test_an_end_that_moves_and_one_that_goes() -> None:
    made = Fixture()
    other = Network(Stack(ManualClock(0)), "none")
    moved = move(made.b, other)
    assert moved.stack is other.stack
    assert not carries(made.a)
    turn(moved, True)
    assert carries(made.a)
    remove(moved)
    assert made.network.find_nic("a") is None
    assert other.find_nic("b") is None


@pytest.mark.interpreted  # a stand-in is no compiled class
def test_the_guard_lets_go_what_leaves_by_an_interface_of_the_guest() -> None:
    made = Fixture()
    refusing: Any = SimpleNamespace(own=(), on_verdict=None, permits=lambda *rest: False, refused=lambda *rest: None)
    made.network.guard = refusing
    task: Any = SimpleNamespace(group=SimpleNamespace(ids=SimpleNamespace(top=lambda: 1)), comm=b"x")
    made.a.add_address(parse("10.5.0.1"), 24)
    made.network.check(task, IPPROTO_TCP, SockAddr(parse("10.5.0.2"), 80))
    with pytest.raises(SyscallError):
        made.network.check(task, IPPROTO_TCP, SockAddr(parse("10.6.0.2"), 80))
