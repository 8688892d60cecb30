"""netem on a manual clock: when packets go, which do not, and what is left of them."""

from __future__ import annotations

import pytest

from tcpip.link.qdisc_netem import Chance, Netem, NetemSettings

from .test_qdisc import Bench, number_of, packet

ALWAYS = 0xFFFFFFFF
HALF = 0x7FFFFFFF
MS = 1_000_000


def bench(**settings: object) -> tuple[Bench, Netem]:
    chosen = NetemSettings()
    for name, value in settings.items():
        setattr(chosen, name, value)
    netem = Netem(chosen)
    return Bench(netem), netem


def send(to: Bench, count: int, size: int = 1000) -> None:
    for number in range(count):
        to.link.write_packets([packet(1, size, number)])


def test_delay() -> None:
    b, netem = bench(latency=20 * MS)
    send(b, 3)
    assert (netem.packets, netem.bytes, b.run(19)) == (3, 3000, [])
    assert [(at, number_of(pkt)) for at, pkt in b.run(2)] == [(20.0, 0), (20.0, 1), (20.0, 2)]
    assert (netem.packets, netem.bytes, netem.sent) == (0, 0, 3)


def test_jitter_lets_packets_overtake_within_its_bounds() -> None:
    b, _ = bench(latency=20 * MS, jitter=10 * MS)
    send(b, 50)
    sent = b.run(40)
    assert len(sent) == 50 and all(10 <= at <= 30 for at, _ in sent)
    assert [number_of(pkt) for _, pkt in sent] != list(range(50))


def test_distribution() -> None:
    b, _ = bench(latency=20 * MS, jitter=10 * MS, delays=[8192, -8192])
    send(b, 50)
    assert {at for at, _ in b.run(40)} == {10.0, 30.0}


@pytest.mark.parametrize("share, least, most", [(ALWAYS, 0, 0), (HALF, 60, 140), (0, 200, 200)])
def test_loss(share: int, least: int, most: int) -> None:
    b, netem = bench(loss=Chance(share))
    send(b, 200)
    sent = len(b.run(1))
    assert least <= sent <= most and netem.dropped == 200 - sent


def test_correlated_loss_comes_in_bursts() -> None:
    def changes(correlation: int) -> int:
        b, _ = bench(loss=Chance(HALF, correlation))
        send(b, 400)
        there = {number_of(pkt) for _, pkt in b.run(1)}
        return sum((n in there) != (n + 1 in there) for n in range(399))

    assert changes(int(0.9 * ALWAYS)) < changes(0) / 2


def test_duplicates_come_twice_and_are_not_lost_with_the_first() -> None:
    b, netem = bench(duplicate=Chance(ALWAYS))
    send(b, 3)
    assert [number_of(pkt) for _, pkt in b.run(1)] == [0, 0, 1, 1, 2, 2]
    both, netem = bench(duplicate=Chance(ALWAYS), loss=Chance(ALWAYS))
    send(both, 3)
    assert len(both.run(1)) == 3 and netem.dropped == 0


def test_corruption_is_one_bit() -> None:
    b, _ = bench(corrupt=Chance(ALWAYS))
    send(b, 1)
    (_, got), plain = b.run(1)[0], packet(1, 1000, 0).join()
    assert sum((x ^ y).bit_count() for x, y in zip(got.join(), plain, strict=True)) == 1


def test_rate_and_limit() -> None:
    b, netem = bench(rate=1_000_000, limit=3)  # a packet of 1000 bytes takes a millisecond
    send(b, 5)
    assert [at for at, _ in b.run(10)] == [1.0, 2.0, 3.0]
    assert netem.dropped == 2


def test_every_gapth_goes_ahead() -> None:
    b, netem = bench(latency=10 * MS, gap=3, reorder=Chance(ALWAYS))
    send(b, 6)
    assert [(at, number_of(pkt)) for at, pkt in b.run(20)] == [
        (0.0, 2),
        (0.0, 5),
        (10.0, 0),
        (10.0, 1),
        (10.0, 3),
        (10.0, 4),
    ]
    assert netem.requeues == 2
