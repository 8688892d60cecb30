"""Packetization-layer path MTU discovery (RFC 4821): a link that swallows what is too large, without a word."""

from __future__ import annotations

from random import Random

import pytest

from tcpip.link.impairment import Impairment, apply_spec
from tcpip.transport.tcp.endpoint import TcpEndpoint
from tests.unit.tcpip.netsim.simulation import Application, Simulation


def transfer(probing: int, max_size: int, size: int = 2_000_000, loss: float = 0.0, seed: int = 1) -> Simulation:
    settings = Impairment()
    settings.delay_ns = 10_000_000
    apply_spec(f"max_size={max_size}", settings)
    settings.loss = loss
    sim = Simulation(seed, settings)
    sim.a.stack.tcp.config.mtu_probing = probing
    client, server = sim.connect()
    data = Random(seed).randbytes(size)
    sim.applications = [Application(client, Random(seed), data), Application(server, Random(seed), b"")]
    sim.run(900)
    return sim


def client_of(sim: Simulation) -> TcpEndpoint:
    endpoint = sim.applications[0].endpoint
    assert isinstance(endpoint, TcpEndpoint)
    return endpoint


def arrived(sim: Simulation) -> bool:
    data = Random(1).randbytes(len(sim.applications[0].to_send))
    return sim.applications[1].received == data


def test_without_probing_nothing_arrives_at_all() -> None:
    sim = transfer(0, 1300)
    assert not sim.applications[1].received
    assert client_of(sim).snd.prober is None


@pytest.mark.parametrize("hole", [1300, 700, 300])
def test_a_black_hole_is_found_after_time_outs(hole: int) -> None:
    sim = transfer(1, hole)
    assert arrived(sim)
    snd = client_of(sim).snd
    assert snd.prober is not None and snd.prober.low <= hole
    if hole > 1076:
        assert hole - snd.prober.low < 16  # probed up to the threshold
    stats = sim.a.stack.stats.tcp_ext
    assert stats["TCPMTUPSuccess"] + stats["TCPMTUPFail"] > 0 or hole < 1000


def test_a_path_without_holes_is_never_probed_in_mode_1() -> None:
    sim = transfer(1, 0)
    assert arrived(sim) and client_of(sim).snd.prober is None
    assert sim.a.stack.stats.tcp_ext["TCPMTUPSuccess"] == 0


@pytest.mark.parametrize(("hole", "least"), [(0, 1490), (1300, 1290), (1200, 1190)])
def test_mode_2_begins_low_and_grows_without_loss_of_speed(hole: int, least: int) -> None:
    sim = transfer(2, hole)
    assert arrived(sim)
    snd = client_of(sim).snd
    assert snd.prober is not None and least <= snd.prober.low <= (hole or 1500)
    stats = sim.a.stack.stats
    assert stats.tcp_ext["TCPMTUPSuccess"] >= 1
    assert stats.tcp_ext["TCPTimeouts"] == 0  # a probe that is lost is no congestion
    assert stats.tcp_ext["TCPSackRecovery"] == 0
    assert stats.tcp["RetransSegs"] <= 2 * stats.tcp_ext["TCPMTUPFail"]
    if hole:
        assert stats.tcp_ext["TCPMTUPFail"] >= 1


@pytest.mark.parametrize("seed", range(4))
def test_loss_does_not_confuse_it(seed: int) -> None:
    sim = transfer(2, 1300, 400_000, 0.02, seed)
    assert sim.applications[1].received == Random(seed).randbytes(400_000)
    snd = client_of(sim).snd
    assert snd.prober is not None and snd.prober.low <= 1300


def test_the_search_begins_again_after_a_while() -> None:
    sim = transfer(2, 1300)
    ep = client_of(sim)
    prober = ep.snd.prober
    assert prober is not None
    high = prober.high
    prober.since -= ep.config.probe_interval_ns
    prober.snd.cc.cwnd, prober.size = 100_000, 0
    prober.snd.ca_state = 0
    prober.try_probe(sim.clock.now_ns())
    assert prober.high > high and prober.since == sim.clock.now_ns()
