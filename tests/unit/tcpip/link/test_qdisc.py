"""Queueing disciplines on a manual clock: order, rates and who is dropped."""

from __future__ import annotations

import struct

import pytest

from tcpip.addr import parse
from tcpip.buffer import GSO_TCPV4, TxPacket
from tcpip.clock import NS_PER_MS, NS_PER_S, ManualClock
from tcpip.link.channel import ChannelLink
from tcpip.link.qdisc import Fifo, Qdisc, QdiscLink, flow_key
from tcpip.link.qdisc_fair import FairQueue
from tcpip.link.qdisc_tbf import TokenBucket, qdisc_from
from tcpip.timers import NEVER, TimerQueue

from .test_links import tcp_super_segment


def packet(port: int, size: int = 1000, number: int = 0) -> TxPacket:
    """A UDP frame of `size` bytes from one source port; `number` is in its last bytes."""
    ip = struct.pack("!BBHHHBBH", 0x45, 0, size - 14, 0, 0, 64, 17, 0) + parse("10.0.0.1") + parse("10.0.0.2")
    header = bytes(12) + b"\x08\0" + ip + struct.pack("!HHHH", port, 9, size - 34, 0)
    body = bytes(size - len(header) - 4) + number.to_bytes(4, "big")
    pkt = TxPacket(header, [body], len(body))
    pkt.network, pkt.transport = 14, 34
    return pkt


def port_of(pkt: TxPacket) -> int:
    return int.from_bytes(pkt.header[34:36], "big")


def number_of(pkt: TxPacket) -> int:
    return int.from_bytes(pkt.join()[-4:], "big")


class Bench:
    """A discipline in front of a channel; `run` lets time pass and says when what was sent: (ms, packet)."""

    def __init__(self, qdisc: Qdisc) -> None:
        self.clock = ManualClock(NS_PER_S)
        self.timers = TimerQueue()
        self.inner = ChannelLink()
        self.link = QdiscLink(self.inner, qdisc, self.clock, self.timers)

    def run(self, ms: int) -> list[tuple[float, TxPacket]]:
        end = self.clock.now_ns() + ms * NS_PER_MS
        sent = self._taken()
        while (at := self.timers.next_deadline()) is not None and at <= end:
            self.clock.advance(max(at - self.clock.now_ns(), 0))
            self.timers.run(self.clock.now_ns())
            sent += self._taken()
        self.clock.advance(end - self.clock.now_ns())
        return sent

    def _taken(self) -> list[tuple[float, TxPacket]]:
        out = [((self.clock.now_ns() - NS_PER_S) / NS_PER_MS, pkt) for pkt in self.inner.sent]
        self.inner.sent.clear()
        return out


@pytest.mark.parametrize(("limit", "in_bytes"), [(3, False), (3999, True)])
def test_a_full_fifo_drops_the_last(limit: int, in_bytes: bool) -> None:
    fifo = Fifo(limit, in_bytes)
    for number in range(5):
        fifo.enqueue(packet(1, number=number), 0)
    assert (fifo.packets, fifo.bytes, fifo.dropped) == (3, 3000, 2)
    out = [fifo.dequeue(0) for _ in range(4)]
    assert [number_of(p) for p in out if p is not None] == [0, 1, 2] and out[3] is None
    assert fifo.next_at(0) == NEVER


def test_a_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    bench = Bench(TokenBucket(rate=8_000_000, burst=3000, limit=100_000))
    bench.link.write_packets([packet(1, number=n) for n in range(8)])
    sent = bench.run(20)
    assert [round(at, 3) for at, _ in sent] == [0, 0, 0, 1, 2, 3, 4, 5]
    assert [number_of(p) for _, p in sent] == list(range(8))


def test_tokens_gather_up_to_the_burst_and_no_more() -> None:
    bench = Bench(TokenBucket(rate=8_000_000, burst=3000, limit=100_000))
    bench.run(10_000)
    bench.link.write_packets([packet(1) for _ in range(5)])
    assert [round(at, 3) - 10_000 for at, _ in bench.run(20)] == [0, 0, 0, 1, 2]


def test_the_mean_rate_is_exact_over_long_runs() -> None:
    bench = Bench(TokenBucket(rate=10_000_000, burst=1514, limit=1 << 30))
    bench.link.write_packets([packet(1, 777) for _ in range(2000)])
    sent = bench.run(5000)
    assert len(sent) == 2000
    assert sent[-1][0] == pytest.approx((2000 * 777 - 1514) * 8 / 10_000, rel=0.001)


def test_what_waits_too_long_is_dropped() -> None:
    tbf = TokenBucket(rate=8_000_000, burst=1000, limit=5000)
    bench = Bench(tbf)
    bench.link.write_packets([packet(1) for _ in range(20)])
    assert len(bench.run(100)) == 6 and tbf.total_dropped() == 14


def test_a_packet_above_the_burst_is_dropped_a_super_segment_cut() -> None:
    tbf = TokenBucket(rate=8_000_000, burst=1500, limit=100_000)
    bench = Bench(tbf)
    bench.link.write_packets([packet(1, 1501)])
    assert tbf.dropped == 1 and tbf.next_at(0) == NEVER
    pkt = tcp_super_segment(False, bytes(3000), 1400)
    assert pkt.gso_type == GSO_TCPV4
    bench.link.write_packets([pkt])
    assert [p.payload_len for _, p in bench.run(100)] == [1400, 1400, 200]


def test_flows_take_turns() -> None:
    queue = FairQueue(quantum=1000)
    for number in range(4):
        queue.enqueue(packet(1, number=number), 0)
    for number in range(2):
        queue.enqueue(packet(2, number=number), 0)
    order = []
    while (pkt := queue.dequeue(0)) is not None:
        order.append((port_of(pkt), number_of(pkt)))
    assert order == [(1, 0), (2, 0), (1, 1), (2, 1), (1, 2), (1, 3)]
    assert queue.packets == queue.bytes == 0


def test_shares_are_of_bytes_not_of_packets() -> None:
    queue = FairQueue(limit=100_000, quantum=1500)
    for _ in range(4000):
        queue.enqueue(packet(1, 1500), 0)
        queue.enqueue(packet(2, 100), 0)
    taken = {1: 0, 2: 0}
    for _ in range(2000):
        pkt = queue.dequeue(0)
        assert pkt is not None
        taken[port_of(pkt)] += len(pkt)
    assert taken[1] == pytest.approx(taken[2], rel=0.05)


def test_a_new_flow_does_not_wait_behind_a_queue() -> None:
    bench = Bench(TokenBucket(8_000_000, 1514, child=FairQueue()))
    bench.link.write_packets([packet(1) for _ in range(100)])
    bench.run(10)
    bench.link.write_packets([packet(2)])
    after = bench.run(10)
    assert 2 in [port_of(p) for _, p in after[:3]]


def test_the_largest_flow_pays_when_it_is_full() -> None:
    queue = FairQueue(limit=10)
    queue.enqueue(packet(2, 200), 0)
    for number in range(30):
        queue.enqueue(packet(1, number=number), 0)
    assert queue.packets == 6 and queue.dropped == 25  # half of what the flow has, each time
    rest = []
    while (pkt := queue.dequeue(0)) is not None:
        rest.append((port_of(pkt), number_of(pkt)))
    assert (2, 0) in rest and (1, 29) in rest and (1, 0) not in rest


def test_fragments_of_one_datagram_are_one_flow() -> None:
    first, later = packet(1), packet(2)
    first.header = first.header[:20] + b"\x20\0" + first.header[22:]
    later.header = later.header[:20] + b"\0\x80" + later.header[22:]
    assert flow_key(first) == flow_key(later) != flow_key(packet(1))
    assert flow_key(TxPacket(bytes(14), [], 0)) == b""


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("fifo", Fifo),
        ("fifo,limit=5", Fifo),
        ("fq,limit=50", FairQueue),
        ("tbf,rate=10mbit", TokenBucket),
        ("tbf,rate=1gbit,burst=64kb,latency=5ms,fq", TokenBucket),
    ],
)
def test_names_of_disciplines(spec: str, kind: type[Qdisc]) -> None:
    assert type(qdisc_from(spec, ChannelLink())) is kind


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "red",
        "tbf",
        "tbf,rate=0mbit",
        "tbf,rate=x",
        "fifo,limit=x",
        "fq,rate=1mbit",
        "tbf,rate=1mbit,burst=1furlong",
    ],
)
def test_what_is_no_discipline(spec: str) -> None:
    with pytest.raises(ValueError, match="not a|needs a rate"):
        qdisc_from(spec, ChannelLink())
