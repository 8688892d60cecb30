"""BBR: its model on made-up samples, and its pace and share of a real link in virtual time."""

from __future__ import annotations

from random import Random

import pytest

from tcpip.clock import NS_PER_MS, NS_PER_S
from tcpip.link.impairment import Impairment
from tcpip.transport.tcp.congestion.bbr import CYCLE, DRAIN, LEAST_SEGMENTS, PROBE_BW, PROBE_RTT, STARTUP, Bbr
from tcpip.transport.tcp.rate import RateSample, RateSampler
from tcpip.transport.tcp.sack import SentSegment
from tests.unit.tcpip.netsim.simulation import Application, Simulation

MSS = 1000
RTT = 100 * NS_PER_MS


class Path:
    """One sample a round trip of 100 ms, at `rate` bytes/s."""

    def __init__(self) -> None:
        self.bbr = Bbr(MSS)
        self.now = NS_PER_S
        self.delivered = 0

    def round(self, rate: int, in_flight: int = 0, lost: int = 0, recovering: bool = False) -> None:
        sample = RateSample()
        sample.prior_delivered = self.delivered
        sample.acked = rate // 10
        self.delivered += sample.acked
        sample.delivered = self.delivered
        sample.rate, sample.rtt, sample.lost = rate, RTT, lost
        sample.in_flight = in_flight
        self.now += RTT + 1
        self.bbr.on_sample(sample, recovering, self.now)


def test_startup_ends_when_the_rate_no_longer_grows() -> None:
    path = Path()
    for rate in (100_000, 200_000, 400_000):
        path.round(rate, 60_000)
        assert path.bbr.mode == STARTUP
    for _ in range(3):
        path.round(400_000, 60_000)
    assert path.bbr.mode == DRAIN and path.bbr.pacing_rate < 400_000
    path.round(400_000, 40_000)
    assert path.bbr.mode == PROBE_BW


def steady() -> Path:
    path = Path()
    for _ in range(6):
        path.round(400_000, 40_000)
    assert path.bbr.mode == PROBE_BW
    return path


def test_the_cycle_probes_and_drains() -> None:
    path = steady()
    gains = []
    for _ in range(16):
        gains.append(path.bbr.pacing_gain)
        path.round(400_000, 50_000 if path.bbr.pacing_gain > 1000 else 40_000)
    assert set(gains) == set(CYCLE) and gains.count(1250) == 2
    assert path.bbr.cwnd == 2 * 40_000 + 6 * MSS


def test_the_largest_rate_is_forgotten_after_ten_rounds() -> None:
    path = steady()
    path.round(800_000, 40_000)
    for _ in range(9):
        path.round(400_000, 40_000)
        assert path.bbr.bandwidth() == 800_000
    for _ in range(2):
        path.round(400_000, 40_000)
    assert path.bbr.bandwidth() == 400_000


def test_an_old_round_trip_is_measured_again_with_a_small_window() -> None:
    path = steady()
    path.bbr.min_rtt = RTT - 1  # nothing is as short as it was
    while path.bbr.mode != PROBE_RTT:
        path.round(400_000, 40_000)
        assert path.now < 20 * NS_PER_S
    assert path.bbr.cwnd == LEAST_SEGMENTS * MSS
    for _ in range(5):
        path.round(400_000, LEAST_SEGMENTS * MSS)
    assert path.bbr.mode == PROBE_BW and path.bbr.cwnd > 40_000


def test_a_loss_conserves_for_a_round_and_then_restores() -> None:
    path = steady()
    before = path.bbr.cwnd
    path.bbr.on_congestion(40_000, path.now)
    path.round(400_000, 30_000, 2 * MSS, True)
    assert path.bbr.cwnd < before
    path.round(400_000, 30_000)
    assert path.bbr.cwnd >= before - MSS


def test_the_sampler_measures_the_slower_of_sending_and_acknowledging() -> None:
    sampler = RateSampler()
    records = []
    for i in range(10):
        record = SentSegment(i * MSS, (i + 1) * MSS, NS_PER_S + i * NS_PER_MS, False)
        record.rate = sampler.sending(i * MSS, record.sent)
        records.append(record)
    rates = []
    for i, record in enumerate(records):
        sample = sampler.acked([record], MSS, 0, NS_PER_S + 50 * NS_PER_MS + i * 5 * NS_PER_MS)
        rates.append(sample.rate)
    assert rates[-1] == 10 * MSS * NS_PER_S // (95 * NS_PER_MS)
    assert sampler.acked([], 0, 0, 2 * NS_PER_S).rate == 0


@pytest.mark.parametrize(("algorithm", "least"), [("bbr", 0.75), ("reno", 0.0)])
def test_a_random_loss_is_no_congestion(algorithm: str, least: float) -> None:
    settings = Impairment()
    settings.delay_ns, settings.rate, settings.loss, settings.queue_limit = 20 * NS_PER_MS, 20_000_000, 0.01, 200
    back = Impairment()
    back.delay_ns = 20 * NS_PER_MS
    sim = Simulation(3, settings, back=back)
    sim.a.stack.tcp.config.congestion = algorithm
    client, server = sim.connect()
    data = Random(1).randbytes(5_000_000)
    here, there = Application(client, Random(1), data), Application(server, Random(2), b"")
    sim.applications = [here, there]
    begun = sim.clock.now_ns()
    sim.run(120)
    share = len(data) * 8 * NS_PER_S / (sim.clock.now_ns() - begun) / settings.rate
    assert there.received == data
    assert share > least if least else share < 0.4
