"""A port scanner that needs no root: it brings its own TCP, and scans a host at the other end of a link in memory.

python examples/port_scanner.py [FIRST-LAST]

Filtered ports, which answer nothing, cost their three seconds in virtual time only.
"""

import asyncio
import sys
from random import Random

from tcpip.adapters import aio, virtual_time
from tcpip.addr import parse
from tcpip.buffer import RxPacket, TxPacket
from tcpip.clock import ManualClock
from tcpip.link.base import LinkEndpoint, WrapperLink
from tcpip.link.pipe import pipe
from tcpip.stack.stack import Stack

TARGET, OPEN, FILTERED = "10.0.0.2", (22, 80, 443, 8080), range(100, 120)
AT_ONCE, TIMEOUT = 256, 3.0


class Firewall(WrapperLink):
    """In front of the target: what goes to a filtered port disappears."""

    def __init__(self, inner: LinkEndpoint) -> None:
        super().__init__(inner, inner.capabilities)

    def received(self, packets: list[RxPacket]) -> None:
        kept = [p for p in packets if int.from_bytes(p.frame()[36:38], "big") not in FILTERED]
        if self.dispatcher is not None:
            self.dispatcher.deliver(kept)

    def write_packets(self, batch: list[TxPacket]) -> int:
        return self.inner.write_packets(batch)


async def state_of(stack: Stack, port: int, turn: asyncio.Semaphore) -> str:
    async with turn:
        try:
            _, writer = await asyncio.wait_for(aio.open_connection(stack, TARGET, port), TIMEOUT)
        except ConnectionRefusedError:
            return "closed"
        except TimeoutError:
            return "filtered"
        writer.close()
        return "open"


async def main(clock: ManualClock, ports: range) -> None:
    scanner, target = Stack(clock, Random(1), ipv6=False), Stack(clock, Random(2), ipv6=False)
    left, right = pipe()
    scanner.add_nic(left).add_address(parse("10.0.0.1"), 24)
    target.add_nic(Firewall(right)).add_address(parse(TARGET), 24)
    async with aio.Runner(scanner), aio.Runner(target):
        for port in OPEN:
            await aio.start_server(target, lambda reader, writer: writer.close(), TARGET, port)
        turn = asyncio.Semaphore(AT_ONCE)
        states = await asyncio.gather(*(state_of(scanner, port, turn) for port in ports))
    for port, state in zip(ports, states, strict=True):
        if state != "closed":
            print(f"{port}/tcp {state}")
    print(f"{states.count('closed')} ports are closed")


if __name__ == "__main__":
    first, _, last = (sys.argv[1] if len(sys.argv) > 1 else "1-1024").partition("-")
    clock = ManualClock()
    virtual_time.run(clock, main(clock, range(int(first), int(last or first) + 1)))
