"""How fast windows open, in round trips."""

from __future__ import annotations

from random import Random

from tcpip.clock import NS_PER_MS
from tcpip.link.impairment import Impairment
from tcpip.transport.tcp.endpoint import TcpEndpoint
from tests.unit.tcpip.netsim.simulation import Application, Simulation

ROUND_TRIP_S = 0.3


def test_the_receive_buffer_keeps_ahead_of_slow_start() -> None:
    settings = Impairment()
    settings.delay_ns, settings.rate = 150 * NS_PER_MS, 100_000_000
    sim = Simulation(1, settings)
    client, server = sim.connect()
    assert isinstance(client, TcpEndpoint)
    client.so.sndbuf, client.so.sndbuf_locked = 8 << 20, True
    writer, reader = Application(client, Random(1), bytes(6_000_000)), Application(server, Random(1), b"", 1 << 18)
    sim.applications = [writer, reader]
    sim.run(7.2 * ROUND_TRIP_S)
    assert len(reader.received) > 1448 * 10 * (1 + 2 + 4 + 8 + 16 + 32 + 64) * 0.95  # the window was never the limit
