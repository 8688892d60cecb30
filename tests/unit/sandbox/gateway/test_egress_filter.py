"""`--allow` on a network that is not ours: what leaves a link, and what may be answered."""

from __future__ import annotations

import struct

from sandbox.gateway.counters import Counters
from sandbox.gateway.egress_filter import EgressFilter
from sandbox.gateway.egress_guard import EgressGuard
from sandbox.gateway.pins import NamePins
from sandbox.gateway.policy import Policy
from tcpip.addr import parse
from tcpip.buffer import RxPacket, TxPacket
from tcpip.clock import ManualClock
from tcpip.link.base import LinkEndpoint

OURS, PEER = parse("10.9.0.2"), parse("10.9.0.1")
SYN, ACK = 2, 16


class Wire(LinkEndpoint):
    def __init__(self) -> None:
        super().__init__(1500, b"\2\0\0\0\0\2", 0)
        self.sent: list[bytes] = []

    def write_packets(self, batch: list[TxPacket]) -> int:
        self.sent += [packet.join() for packet in batch]
        return len(batch)


class Bench:
    def __init__(self, *rules: str) -> None:
        clock = ManualClock()
        self.counters = Counters()
        self.wire = Wire()
        guard = EgressGuard(Policy.parse(rules), NamePins(clock), self.counters, lambda line: None, own_network=False)
        self.filter = EgressFilter(self.wire, guard)

    def leaves(self, frame: bytes) -> bool:
        before = len(self.wire.sent)
        assert self.filter.write_packets([TxPacket(frame[:34], [frame[34:]], len(frame) - 34)]) == 1
        return len(self.wire.sent) > before


def frame(src: bytes, dst: bytes, protocol: int, payload: bytes, fragment: int = 0) -> bytes:
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, fragment, 64, protocol, 0, src, dst)
    return bytes(12) + b"\x08\0" + header + payload


def tcp(src: bytes, dst: bytes, sport: int, dport: int, flags: int) -> bytes:
    return frame(src, dst, 6, struct.pack("!HHIIBBHHH", sport, dport, 1, 1, 0x50, flags, 9, 0, 0))


def udp(src: bytes, dst: bytes, sport: int, dport: int) -> bytes:
    return frame(src, dst, 17, struct.pack("!HHHH", sport, dport, 8, 0))


def test_only_what_a_rule_covers_leaves() -> None:
    bench = Bench("tcp:10.9.0.1:80", "10.0.2.1:53")
    assert bench.leaves(tcp(OURS, PEER, 1000, 80, SYN))
    assert bench.leaves(tcp(OURS, PEER, 1000, 80, ACK))
    assert not bench.leaves(tcp(OURS, PEER, 1000, 81, SYN))
    assert not bench.leaves(tcp(OURS, PEER, 1000, 81, ACK))
    assert not bench.leaves(udp(OURS, PEER, 1000, 80))
    assert not bench.leaves(frame(OURS, PEER, 47, bytes(40)))
    assert not bench.leaves(frame(OURS, PEER, 1, b"\x08\0" + bytes(6)))
    assert bench.leaves(udp(OURS, parse("10.0.2.1"), 1000, 53))  # no addresses have a meaning of their own here
    assert bench.counters.denials == 5


def test_answers_to_what_came_in_leave() -> None:
    bench = Bench("9.9.9.9")
    assert not bench.leaves(tcp(OURS, PEER, 80, 2000, SYN | ACK))
    bench.filter.deliver([RxPacket(tcp(PEER, OURS, 2000, 80, SYN))])
    assert bench.leaves(tcp(OURS, PEER, 80, 2000, SYN | ACK))
    assert not bench.leaves(tcp(OURS, PEER, 80, 2001, ACK))
    bench.filter.deliver([RxPacket(tcp(PEER, OURS, 2001, 80, ACK))])  # no connection of the peer's opening
    assert not bench.leaves(tcp(OURS, PEER, 80, 2001, ACK))
    bench.filter.deliver([RxPacket(udp(PEER, OURS, 3000, 53))])
    assert bench.leaves(udp(OURS, PEER, 53, 3000))
    bench.filter.deliver([RxPacket(frame(PEER, OURS, 1, b"\x08\0" + bytes(6)))])
    assert bench.leaves(frame(OURS, PEER, 1, b"\0\0" + bytes(6)))
    assert not bench.leaves(frame(OURS, PEER, 1, b"\x08\0" + bytes(6)))


def test_fragments_and_rubbish() -> None:
    bench = Bench("udp:10.9.0.1:53")
    assert bench.leaves(frame(OURS, PEER, 17, bytes(40), 5))
    assert not bench.leaves(frame(OURS, parse("10.9.0.3"), 17, bytes(40), 5))
    assert not bench.leaves(bytes(12) + b"\x08\0" + bytes(40))
    assert not bench.leaves(bytes(12) + b"\x99\x99" + bytes(40))
    assert bench.leaves(bytes(12) + b"\x08\x06" + bytes(40))
