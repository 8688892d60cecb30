"""What the examples about congestion control share: one transfer over a long lossy link, in virtual time."""

import asyncio
from random import Random

from tcpip.adapters import aio, virtual_time
from tcpip.addr import parse
from tcpip.clock import NS_PER_MS, NS_PER_S, ManualClock
from tcpip.link.impairment import ImpairmentLink, apply_spec
from tcpip.link.pipe import pipe
from tcpip.stack.stack import Stack
from tcpip.transport.tcp.recorder import Point, start_recording

POINTS, INTERVAL = 8192, 20 * NS_PER_MS


class Transfer:
    """`size` bytes with one congestion control; `points` is the time series, from time 0 on."""

    def __init__(self, algorithm: str, link: str, size: int, seed: int = 1) -> None:
        self.algorithm, self.link, self.size, self.seed = algorithm, link, size, seed
        self.points: list[Point] = []
        self.seconds = 0.0
        self.retransmitted = 0

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1 << 18):
            pass
        writer.close()

    async def _main(self, clock: ManualClock) -> None:
        here, there = Stack(clock, Random(self.seed), ipv6=False), Stack(clock, Random(self.seed + 1), ipv6=False)
        left, right = pipe()
        bad = ImpairmentLink(left, clock, here.timers, self.seed)
        apply_spec(self.link, bad.outbound)
        here.add_nic(bad).add_address(parse("10.0.0.1"), 24)
        there.add_nic(right).add_address(parse("10.0.0.2"), 24)
        here.tcp.config.congestion = self.algorithm
        async with aio.Runner(here), aio.Runner(there):
            await aio.start_server(there, self._receive, "10.0.0.2", 9)
            reader, writer = await aio.open_connection(here, "10.0.0.2", 9)
            began = clock.now_ns()
            recorder = start_recording(writer.get_extra_info("endpoint"), POINTS, INTERVAL)
            writer.write(bytes(self.size))
            writer.write_eof()
            await reader.read()
            self.points = recorder.points
            for point in self.points:
                point.at -= began
            writer.close()
            self.seconds = (clock.now_ns() - began) / NS_PER_S
            self.retransmitted = here.stats.tcp["RetransSegs"]

    def run(self) -> "Transfer":
        clock = ManualClock()
        virtual_time.run(clock, self._main(clock))
        return self

    def __str__(self) -> str:
        rate = self.size * 8 / self.seconds / 1e6
        return (
            f"{self.algorithm:10} {self.seconds:7.2f} s  {rate:6.2f} Mbit/s  {self.retransmitted} segments sent again"
        )
