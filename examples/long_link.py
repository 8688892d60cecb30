"""What the examples about congestion control share: one transfer over a long lossy link, in virtual time."""

import asyncio
from random import Random

from tcpip.adapters import aio, virtual_time
from tcpip.addr import parse
from tcpip.clock import NS_PER_S, ManualClock
from tcpip.link.impairment import ImpairmentLink, apply_spec
from tcpip.link.pipe import pipe
from tcpip.stack.stack import Stack

Sample = tuple[float, int, int]
"""Seconds since the connection was made, congestion window in bytes, bytes that have arrived."""


class Transfer:
    """`size` bytes with one congestion control; `samples` is the time series."""

    def __init__(self, algorithm: str, link: str, size: int, seed: int = 1) -> None:
        self.algorithm, self.link, self.size, self.seed = algorithm, link, size, seed
        self.samples: list[Sample] = []
        self.seconds = 0.0
        self.retransmitted = 0
        self._arrived = 0

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 18):
            self._arrived += len(data)
        writer.close()

    async def _watch(self, stack: Stack, writer: asyncio.StreamWriter, began: int) -> None:
        connection = writer.get_extra_info("endpoint")
        while True:
            now = (stack.clock.now_ns() - began) / NS_PER_S
            self.samples.append((now, connection.snd.cc.cwnd, self._arrived))
            await asyncio.sleep(0.02)

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
            watcher = asyncio.ensure_future(self._watch(here, writer, began))
            writer.write(bytes(self.size))
            writer.write_eof()
            await reader.read()
            watcher.cancel()
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
