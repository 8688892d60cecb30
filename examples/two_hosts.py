"""Two hosts in one process on a link that loses packets, in virtual time: the same result in each run.

python examples/two_hosts.py
"""

import asyncio
from random import Random

from tcpip.adapters import aio, virtual_time
from tcpip.addr import parse
from tcpip.clock import NS_PER_S, ManualClock
from tcpip.link.impairment import ImpairmentLink, apply_spec
from tcpip.link.pipe import pipe
from tcpip.stack.stack import Stack


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read())
    writer.close()


async def main(clock: ManualClock) -> None:
    here, there = Stack(clock, Random(1)), Stack(clock, Random(2))
    left, right = pipe()
    link = ImpairmentLink(left, clock, here.timers, seed=3)
    apply_spec("loss=5%,delay=50ms", link.outbound)
    here.add_nic(link).add_address(parse("10.0.0.1"), 24)
    there.add_nic(right).add_address(parse("10.0.0.2"), 24)
    async with aio.Runner(here), aio.Runner(there):
        await aio.start_server(there, echo, "10.0.0.2", 7)
        reader, writer = await aio.open_connection(here, "10.0.0.2", 7)
        writer.write(bytes(100_000))
        writer.write_eof()
        size = len(await reader.read())
        writer.close()
        again = here.stats.tcp["RetransSegs"]
        print(f"{size} bytes there and back in {clock.now_ns() / NS_PER_S:.3f} s, {again} segments sent again")


if __name__ == "__main__":
    clock = ManualClock()
    virtual_time.run(clock, main(clock))
