"""Applications: streams that are read as they were written, streams that are broken off, and datagrams."""

from __future__ import annotations

import asyncio
from random import Random
from struct import pack
from typing import Any

from tcpip.adapters import aio
from tcpip.addr import text
from tcpip.sockopt import SO_LINGER, SOL_SOCKET
from tools.netsim.network import Network, Node
from tools.netsim.witness import Violation

FIRST_PORT = 1000
MAX_TEXT = 150_000


class Way:
    """One direction of a stream: what is written, and how much of it has been read."""

    def __init__(self, random: Random) -> None:
        self.random = Random(random.getrandbits(64))
        self.text = self.random.randbytes(self.random.choice((1, 1000, random.randint(1, MAX_TEXT))))
        self.pauses = self.random.random() < 0.2
        self.slow_reader = self.random.random() < 0.2
        self.read = 0

    async def write(self, writer: asyncio.StreamWriter) -> None:
        """All of it in pieces, then the end."""
        at = 0
        while at < len(self.text):
            piece = self.text[at : at + self.random.choice((1, 100, 1460, 20000, 65536))]
            writer.write(piece)
            await writer.drain()
            at += len(piece)
            if self.pauses and self.random.random() < 0.05:
                await asyncio.sleep(self.random.uniform(0, 3))
        writer.write_eof()

    async def take(self, reader: asyncio.StreamReader) -> None:
        """To the end; Violation at the first byte that is not the one that was written there."""
        while True:
            data = await reader.read(self.random.choice((10, 1000, 65536)))
            if not data:
                break
            if data != self.text[self.read : self.read + len(data)]:
                raise Violation(f"other bytes than written at {self.read}")
            self.read += len(data)
            if self.slow_reader and self.random.random() < 0.2:
                await asyncio.sleep(self.random.uniform(0, 0.5))

    def check(self) -> None:
        """The end came when all had come."""
        if self.read != len(self.text):
            raise Violation(f"the stream ended at {self.read} of {len(self.text)}")


class StreamFlow:
    """A connection between two hosts. `broken`: one of its ends breaks it off at some time."""

    def __init__(self, random: Random, network: Network, number: int) -> None:
        self.client, self.server = random.sample(network.hosts, 2)
        self.six = not network.small and random.random() < 0.5
        self.port = FIRST_PORT + number
        self.starts = random.choice((0.0, random.uniform(0, 30)))
        self.broken = random.random() < 0.15
        self.breaks_after = random.uniform(0, 40)
        self.server_breaks = random.random() < 0.5
        self.up, self.down = Way(random), Way(random)
        self.backlog = random.choice((1, 5, 100))
        self.attempts = 0
        self.stage = "not begun"

    def __str__(self) -> str:
        ends = f"{self.client.name} -> {self.server.name}:{self.port}{' IPv6' if self.six else ''}"
        counts = f"{self.up.read}/{len(self.up.text)} up, {self.down.read}/{len(self.down.text)} down"
        return f"{ends} {counts}, {self.attempts} attempts: {'broken off, ' if self.broken else ''}{self.stage}"

    async def run(self) -> None:
        """Both ends, until both have closed."""
        host = text(self.server.address(self.server.lans[0], self.six))
        accepted: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        server = await aio.start_server(
            self.server.stack, lambda *ends: accepted.put_nowait(ends), host, self.port, backlog=self.backlog
        )
        await asyncio.sleep(self.starts)
        ends = [asyncio.ensure_future(self._serve(accepted)), asyncio.ensure_future(self._connect(host))]
        await asyncio.gather(*ends)
        server.close()
        self.stage = "done"
        if not self.broken:
            self.up.check()
            self.down.check()

    async def _connect(self, host: str) -> None:
        self.stage = "connecting"
        while True:
            self.attempts += 1
            try:
                reader, writer = await aio.open_connection(self.client.stack, host, self.port)
                break
            except OSError:
                await asyncio.sleep(1)
        self.stage = "open"
        await self._talk(reader, writer, self.up, self.down, self.broken and not self.server_breaks)

    async def _serve(self, accepted: asyncio.Queue[Any]) -> None:
        try:
            reader, writer = await asyncio.wait_for(accepted.get(), 1000 if self.broken else None)
        except TimeoutError:
            return  # the client was gone before anything of it arrived
        await self._talk(reader, writer, self.down, self.up, self.broken and self.server_breaks)

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, out: Way, back: Way, breaks: bool
    ) -> None:
        """Write and read at once, then close. An end of a broken stream may fail, or hear nothing any more."""
        both = asyncio.gather(out.write(writer), back.take(reader))
        limit = self.breaks_after if breaks else 800.0 if self.broken else None
        try:
            await asyncio.wait_for(both, limit)
        except (OSError, TimeoutError):
            if not self.broken:
                raise
            writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, pack("ii", 1, 0))
            writer.transport.abort()
        writer.close()


class DatagramFlow:
    """Datagrams of all sizes, fragmented where they must be: none arrives that was not sent."""

    def __init__(self, random: Random, network: Network, number: int) -> None:
        self.client, self.server = random.sample(network.hosts, 2)
        self.six = not network.small and random.random() < 0.5
        self.port = FIRST_PORT + number
        self.random = Random(random.getrandbits(64))
        self.sent: list[bytes] = []
        self.arrived = 0

    def __str__(self) -> str:
        return f"{self.client.name} -> {self.server.name}:{self.port} datagrams: {self.arrived} of {len(self.sent)}"

    @staticmethod
    def may_be(data: bytes, sent: bytes) -> bool:
        """It is what was sent, or fragments were damaged in a way that the checksum cannot see."""
        sums = {int.from_bytes(text + bytes(len(text) % 2), "big") % 65535 for text in (data, sent)}
        return data == sent or (len(data) == len(sent) > 1400 and len(sums) == 1)

    async def _source(self, host: str) -> asyncio.DatagramTransport:
        """Connected as soon as there is a way: interfaces may be down."""
        while True:
            try:
                remote = (host, self.port)
                made, _ = await aio.create_datagram_endpoint(
                    self.client.stack, asyncio.DatagramProtocol, remote_addr=remote
                )
                return made
            except OSError:
                await asyncio.sleep(1)

    async def run(self) -> None:
        """Send for a minute; what arrives is looked at as it comes."""
        host = text(self.server.address(self.server.lans[0], self.six))
        flow = self

        class Sink(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                number = int.from_bytes(data[:4], "big")
                if number >= len(flow.sent) or not flow.may_be(data, flow.sent[number]):
                    raise Violation(f"a datagram of {len(data)} bytes that was never sent")
                flow.arrived += 1

        sink, _ = await aio.create_datagram_endpoint(self.server.stack, Sink, (host, self.port))
        source = await self._source(host)
        for number in range(self.random.randint(1, 60)):
            size = self.random.choice((0, 100, 1400, 3000, 9000))
            self.sent.append(number.to_bytes(4, "big") + self.random.randbytes(size))
            source.sendto(self.sent[-1])
            await asyncio.sleep(self.random.choice((0, 0.001, 1)))
        await asyncio.sleep(5)
        source.close()
        sink.close()


def tune(random: Random, node: Node) -> None:
    """One host's settings, as sysctl(8) would make them."""
    config = node.stack.tcp.config
    config.synack_retries = config.orphan_retries = 15  # several faults in a row outlast Linux's defaults
    config.sack = random.random() < 0.8
    config.timestamps = random.random() < 0.8
    config.window_scaling = random.random() < 0.8
    config.congestion = random.choice(("cubic", "reno", "bbr"))
    config.ecn = random.choice((0, 1, 2))
    config.syncookies = random.choice((0, 1))  # not 2: a cookie is lost with the first segment that brings it back
    config.recovery = random.choice((1, 1, 1, 0))
    config.slow_start_after_idle = random.random() < 0.8
    config.early_retrans = random.choice((3, 3, 0))
    if random.random() < 0.3:
        config.rmem = (4096, random.choice((4096, 20000)), random.choice((20000, 100_000)))
    if random.random() < 0.3:
        config.wmem = (4096, 5000, random.choice((10_000, 100_000)))
