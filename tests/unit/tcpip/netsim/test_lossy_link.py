"""Bytes arrive whole and in order whatever the link does; seeds make each run repeatable."""

from __future__ import annotations

from random import Random

import pytest

from tcpip.clock import NS_PER_MS
from tcpip.link.impairment import Impairment
from tcpip.transport.tcp import state as st
from tests.unit.tcpip.netsim.simulation import Application, Simulation


def impairment(seed: int) -> Impairment:
    """A bad link, a different one for each seed."""
    random = Random(seed)
    settings = Impairment()
    settings.delay_ns = random.choice((0, 1, 20, 100)) * NS_PER_MS
    settings.jitter_ns = random.choice((0, 0, 5)) * NS_PER_MS
    settings.loss = random.choice((0.0, 0.01, 0.05, 0.15))
    settings.duplicate = random.choice((0.0, 0.02, 0.1))
    settings.reorder = random.choice((0.0, 0.05, 0.2))
    settings.corrupt = random.choice((0.0, 0.02))
    settings.rate = random.choice((0, 10_000_000, 100_000_000))
    if random.random() < 0.3:
        settings.burst_enter, settings.burst_leave = 0.01, 0.3
    return settings


def transfer(seed: int, size: int, mtu: int = 1500, sack: bool = True, timestamps: bool = True) -> Simulation:
    """Both sides send `size` random bytes to each other and close."""
    sim = Simulation(seed, impairment(seed), mtu)
    for host in (sim.a, sim.b):
        host.stack.tcp.config.sack = sack
        host.stack.tcp.config.timestamps = timestamps
    client, server = sim.connect()
    random = Random(seed)
    up, down = random.randbytes(size), random.randbytes(size // 2)
    here, there = Application(client, random, up), Application(server, random, down)
    sim.applications = [here, there]
    sim.run(1200)
    assert (here.error, there.error) == (None, None)
    assert there.received == up
    assert here.received == down
    assert here.done() and there.done()
    return sim


@pytest.mark.parametrize("seed", range(24))
def test_everything_arrives(seed: int) -> None:
    transfer(seed, 150_000)


@pytest.mark.parametrize("seed", range(100, 108))
def test_without_sack(seed: int) -> None:
    transfer(seed, 80_000, sack=False)


@pytest.mark.parametrize("seed", range(200, 206))
def test_without_timestamps(seed: int) -> None:
    transfer(seed, 80_000, timestamps=False)


@pytest.mark.parametrize("seed", range(300, 304))
def test_small_segments(seed: int) -> None:
    transfer(seed, 30_000, mtu=296)


@pytest.mark.parametrize("seed", range(400, 404))
def test_plain_old_tcp(seed: int) -> None:
    transfer(seed, 40_000, sack=False, timestamps=False)


@pytest.mark.parametrize("seed", (1, 5))
def test_nothing_is_left_behind(seed: int) -> None:
    sim = transfer(seed, 20_000)
    for application in sim.applications:
        application.endpoint.close()
    sim.applications = []
    sim.run(2000)
    for host in (sim.a, sim.b):
        tcp = host.stack.tcp
        assert not tcp.demux.connected
        assert not tcp.demux.bound
        assert len(tcp.time_wait) == 0
        assert tcp.orphans == 0
        assert tcp.stack.stats.tcp["CurrEstab"] == 0
        assert host.stack.next_deadline() is None
        assert not host.stack.ports._held


def test_slow_reader_closes_the_window() -> None:
    settings = Impairment()
    settings.delay_ns = 5 * NS_PER_MS
    settings.loss = 0.02
    sim = Simulation(7, settings)
    client, server = sim.connect()
    data = Random(7).randbytes(1_000_000)
    writer, reader = Application(client, Random(1), data), Application(server, Random(2), b"", max_read=5000)
    sim.applications = [writer, reader]
    reader.reading = False
    sim.run(30)
    assert not writer.finished_sending
    assert client.state == st.CLOSE_WAIT  # type: ignore[attr-defined]  # the reader has nothing to say
    reader.reading = True
    sim.run(600)
    assert reader.received == data


def test_a_link_that_only_reorders_is_not_taken_for_a_lossy_one() -> None:
    settings = Impairment()
    settings.delay_ns, settings.jitter_ns, settings.reorder = 8 * NS_PER_MS, 6 * NS_PER_MS, 0.2
    sim = Simulation(1, settings)
    client, server = sim.connect()
    data = bytes(4_000_000)
    here, there = Application(client, Random(1), data), Application(server, Random(2), b"")
    sim.applications = [here, there]
    begun = sim.clock.now_ns()
    sim.run(60)
    assert there.received == data
    assert sim.a.stack.stats.tcp["RetransSegs"] < len(data) // 1448 // 10
    assert sim.clock.now_ns() - begun < 2_500 * NS_PER_MS
