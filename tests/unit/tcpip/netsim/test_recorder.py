"""The recorder: bounded, true to what TCP_INFO shows, and without influence on what it watches."""

from __future__ import annotations

from random import Random

import pytest

from tcpip import errors
from tcpip.errors import NetworkError
from tcpip.sockopt import SOCK_STREAM, SOL_TCP
from tcpip.transport.tcp.options import TCP_CONGESTION
from tcpip.transport.tcp.recorder import Recorder, start_recording, stop_recording
from tests.unit.tcpip.netsim.simulation import Application, Simulation
from tests.unit.tcpip.netsim.test_lossy_link import impairment


def transfer(
    seed: int, recorded: bool, capacity: int = 4096, congestion: bytes = b"cubic"
) -> tuple[Simulation, Recorder | None]:
    sim = Simulation(seed, impairment(seed))
    client, server = sim.connect()
    recorder = start_recording(client, capacity) if recorded else None
    client.set_option(SOL_TCP, TCP_CONGESTION, congestion)
    random = Random(seed)
    here, there = Application(client, random, random.randbytes(150_000)), Application(server, random, b"")
    sim.applications = [here, there]
    sim.run(1200)
    assert here.done() and there.done()
    sim.applications = []
    sim.run(1300)  # the last acknowledgements
    return sim, recorder


@pytest.mark.parametrize("congestion", [b"reno", b"cubic", b"bbr"])
@pytest.mark.parametrize("seed", range(3))
def test_it_changes_nothing_and_sees_all(seed: int, congestion: bytes) -> None:
    plain, _ = transfer(seed, False, congestion=congestion)
    watched, recorder = transfer(seed, True, congestion=congestion)
    assert recorder is not None
    assert watched.a.stack.clock.now_ns() == plain.a.stack.clock.now_ns()
    assert watched.a.stack.stats.tcp.values == plain.a.stack.stats.tcp.values
    points = recorder.points
    assert points[0].acked == 0 and points[-1].acked >= 150_000
    assert [p.at for p in points] == sorted(p.at for p in points)
    assert all(p.cwnd > 0 and p.flight >= 0 and p.rate >= 0 for p in points)
    assert points[-1].rate > 0 and points[-1].srtt > 0


def test_it_is_bounded_and_covers_the_whole_time() -> None:
    _, whole = transfer(1, True)
    _, few = transfer(1, True, 16)
    assert whole is not None and few is not None
    assert len(whole.points) > 16 >= len(few.points) > 4
    assert few.points[0].at == whole.points[0].at
    assert few.points[-1].at > whole.points[0].at + (whole.points[-1].at - whole.points[0].at) // 2


def test_calls() -> None:
    sim = Simulation(1, impairment(1))
    idle = sim.a.stack.new_endpoint(2, SOCK_STREAM)
    with pytest.raises(NetworkError) as caught:
        start_recording(idle)
    assert caught.value.error is errors.NOT_CONNECTED
    client, _ = sim.connect()
    with pytest.raises(NetworkError) as caught:
        start_recording(client, 1)
    assert caught.value.error is errors.INVALID_ARGUMENT
    recorder = start_recording(client)
    assert client.snd.recorder is recorder
    stop_recording(client)
    assert client.snd.recorder is None and len(recorder.points) == 1
