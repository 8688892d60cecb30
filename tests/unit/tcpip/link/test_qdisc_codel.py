"""CoDel, bands and stochastic fairness on a manual clock."""

from __future__ import annotations

import pytest

from tcpip.buffer import TxPacket
from tcpip.checksum import valid
from tcpip.clock import NS_PER_MS
from tcpip.link.qdisc import Nothing, Qdisc
from tcpip.link.qdisc_codel import Codel, CodelSettings, mark
from tcpip.link.qdisc_netem import Netem, NetemSettings
from tcpip.link.qdisc_prio import PRIORITY_MAP, Prio
from tcpip.link.qdisc_sfq import Sfq, SfqSettings
from tcpip.link.qdisc_tbf import TokenBucket
from tcpip.timers import NEVER

from .test_qdisc import Bench, number_of, packet, port_of


def with_tos(pkt: TxPacket, tos: int) -> TxPacket:
    header = bytearray(pkt.header)
    header[15] = tos
    pkt.header = bytes(header)
    return pkt


def slow(qdisc: Qdisc, count: int, tos: int = 0, ms: int = 10) -> list[TxPacket]:
    """What comes out when `count` packets wait and one goes every `ms`."""
    for number in range(count):
        qdisc.enqueue(with_tos(packet(1, number=number), tos), 0)
    out, now = [], 0
    while (pkt := qdisc.dequeue(now)) is not None:
        out.append(pkt)
        now += ms * NS_PER_MS
    return out


def test_codel_leaves_short_queues_alone_and_thins_out_long_ones() -> None:
    short, long = Codel(), Codel()
    assert len(slow(short, 5)) == 5 and short.dropped == 0
    out = slow(long, 200)
    assert long.dropped == 200 - len(out) > 5
    numbers = [number_of(pkt) for pkt in out]
    assert numbers[:11] == list(range(11)), "an interval of patience"
    early, late = (sum(1 for n in range(a, a + 60) if n not in numbers) for a in (12, 130))
    assert early < late, "the longer it lasts, the more are dropped"


@pytest.mark.parametrize("tos, marked", [(2, True), (1, True), (0, False)])
def test_who_listens_is_told_instead(tos: int, marked: bool) -> None:
    codel = Codel(settings=CodelSettings(ecn=True))
    out = slow(codel, 100, tos)
    assert (codel.marked > 0, codel.dropped > 0) == (marked, not marked)
    assert sum(1 for pkt in out if pkt.header[15] & 3 == 3) == codel.marked


def test_marks_for_whatever_is_late() -> None:
    codel = Codel(settings=CodelSettings())
    codel.settings.marks_after = 15 * NS_PER_MS
    out = slow(codel, 5, 2)
    assert [pkt.header[15] for pkt in out] == [2, 2, 3, 3, 3] and codel.marked_late == 3


def test_a_mark_keeps_the_checksum() -> None:
    pkt = with_tos(packet(1), 2)
    header = bytearray(pkt.header)
    header[24:26] = b"\0\0"
    from tcpip.checksum import checksum

    header[24:26] = checksum(bytes(header[14:34])).to_bytes(2, "big")
    pkt.header = bytes(header)
    assert mark(pkt) and valid(bytes(pkt.header[14:34])) and pkt.header[15] == 3
    six = TxPacket(bytes(14) + b"\x60\x20" + bytes(38), [], 0)
    six.network = 14
    assert mark(six) and six.header[14:16] == b"\x60\x30"
    assert not mark(with_tos(packet(1), 0))


def test_bands_go_in_order_and_what_is_inside_counts() -> None:
    prio = Prio(3, PRIORITY_MAP, 2)
    for number, tos in enumerate((0, 8, 16, 16, 16)):
        prio.enqueue(with_tos(packet(1, number=number), tos), 0)
    assert (prio.packets, prio.total_dropped()) == (4, 1)
    prio.graft(3, Nothing())
    assert (prio.packets, prio.bytes) == (3, 3000)
    prio.enqueue(with_tos(packet(1), 8), 0)
    out = [prio.dequeue(0) for _ in range(4)]
    assert [number_of(pkt) for pkt in out if pkt is not None] == [2, 3, 0] and prio.total_dropped() == 2
    assert prio.next_at(0) == NEVER


def test_flows_take_turns_and_the_longest_loses() -> None:
    s = SfqSettings(1000)
    s.limit, s.flows, s.divisor = 6, 100, 65536
    sfq = Sfq(s)
    for number in range(6):
        sfq.enqueue(packet(1, number=number), 0)
    for number in range(2):
        sfq.enqueue(packet(2, number=number), 0)
    assert (sfq.packets, sfq.dropped) == (6, 2)
    out = [sfq.dequeue(0) for _ in range(6)]
    assert [port_of(pkt) for pkt in out if pkt is not None] == [1, 2, 1, 2, 1, 1]
    assert (sfq.packets, sfq.bytes) == (0, 0)


@pytest.mark.parametrize("depth, head, left", [(2, False, [0, 1]), (2, True, [3, 4])])
def test_no_flow_is_deeper_than_it_may(depth: int, head: bool, left: list[int]) -> None:
    s = SfqSettings()
    s.depth, s.head_drop = depth, head
    sfq = Sfq(s)
    for number in range(5):
        sfq.enqueue(packet(1, number=number), 0)
    out = [sfq.dequeue(0) for _ in range(3)]
    assert [number_of(pkt) for pkt in out if pkt is not None] == left and sfq.dropped == 3


def test_a_bucket_over_what_is_far_away() -> None:
    s = NetemSettings()
    s.latency = 20 * NS_PER_MS
    inner = Netem(s)
    inner.graft(1, Prio(3, PRIORITY_MAP, 10))
    bench = Bench(TokenBucket(8_000_000, 1000, child=inner))
    bench.link.write_packets([packet(1, number=n) for n in range(3)])
    assert [(at, number_of(pkt)) for at, pkt in bench.run(40)] == [(20, 0), (21, 1), (22, 2)]
    qdisc = bench.link.qdisc
    assert (qdisc.packets, qdisc.bytes, qdisc.sent, qdisc.sent_bytes) == (0, 0, 3, 3000)
    assert (inner.packets, inner.sent) == (0, 3)
