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
    bench.filter.received([RxPacket(tcp(PEER, OURS, 2000, 80, SYN))])
    assert bench.leaves(tcp(OURS, PEER, 80, 2000, SYN | ACK))
    assert not bench.leaves(tcp(OURS, PEER, 80, 2001, ACK))
    bench.filter.received([RxPacket(tcp(PEER, OURS, 2001, 80, ACK))])  # no connection of the peer's opening
    assert not bench.leaves(tcp(OURS, PEER, 80, 2001, ACK))
    bench.filter.received([RxPacket(udp(PEER, OURS, 3000, 53))])
    assert bench.leaves(udp(OURS, PEER, 53, 3000))
    bench.filter.received([RxPacket(frame(PEER, OURS, 1, b"\x08\0" + bytes(6)))])
    assert bench.leaves(frame(OURS, PEER, 1, b"\0\0" + bytes(6)))
    assert not bench.leaves(frame(OURS, PEER, 1, b"\x08\0" + bytes(6)))


def test_fragments_and_rubbish() -> None:
    bench = Bench("udp:10.9.0.1:53")
    assert bench.leaves(frame(OURS, PEER, 17, bytes(40), 5))
    assert not bench.leaves(frame(OURS, parse("10.9.0.3"), 17, bytes(40), 5))
    assert not bench.leaves(bytes(12) + b"\x08\0" + bytes(40))
    assert not bench.leaves(bytes(12) + b"\x99\x99" + bytes(40))
    assert bench.leaves(bytes(12) + b"\x08\x06" + bytes(40))


def frame6(dst: str, protocol: int, payload: bytes, src: str = "fd00::2") -> bytes:
    header = struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, 255, parse(src), parse(dst))
    return bytes(12) + b"\x86\xdd" + header + payload


ROUTER_ALERT = b"\x3a\0\x05\x02\0\0\x01\0"
SOLICIT, ADVERTISE, REPORT = b"\x87" + bytes(23), b"\x88" + bytes(23), b"\x8f" + bytes(7)


def test_what_a_machine_says_to_its_neighbours_leaves_without_a_rule() -> None:
    bench = Bench("9.9.9.9")
    assert bench.leaves(frame6("ff02::16", 0, ROUTER_ALERT + REPORT))
    assert bench.leaves(frame6("ff02::1:ff00:1", 58, SOLICIT))
    assert bench.leaves(frame6("fe80::1", 58, ADVERTISE))
    assert bench.leaves(frame(OURS, parse("224.0.0.22"), 2, bytes(8)))
    assert bench.counters.denials == 0
    bench.filter.received([RxPacket(frame6("fd00::2", 58, SOLICIT, "fd00::1"))])
    assert bench.leaves(frame6("fd00::1", 58, ADVERTISE))


def test_what_only_looks_like_it_does_not() -> None:
    bench = Bench("[2001:db8::7]:443")
    for dst in ("2001:db8::1", "ff0e::16", "fd00::1"):
        assert not bench.leaves(frame6(dst, 58, SOLICIT + b"stolen"))
        assert not bench.leaves(frame6(dst, 0, ROUTER_ALERT + REPORT))
    assert not bench.leaves(frame6("ff02::16", 0, ROUTER_ALERT + b"\x80" + bytes(7)))
    assert not bench.leaves(frame6("ff02::16", 0, b"\x11" + ROUTER_ALERT[1:] + REPORT))
    assert not bench.leaves(frame6("ff02::16", 0, b"\x3a"))
    assert not bench.leaves(frame(OURS, PEER, 2, b"stolen"))
    assert bench.leaves(frame6("2001:db8::7", 58, SOLICIT))  # whom more may be sent to
