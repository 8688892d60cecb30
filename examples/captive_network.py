"""A captive network, in virtual time: whatever address a guest asks for, the gateway's portal answers, until they log in.

python examples/captive_network.py

Before the log-in the gateway's inner NIC is promiscuous: it takes packets to every address as its own. After it the
gateway is an ordinary router, and the same address is the real server far away.
"""

import asyncio
from random import Random

from tcpip.adapters import aio, virtual_time
from tcpip.addr import IPV4_ANY, parse
from tcpip.clock import NS_PER_S, ManualClock
from tcpip.link.base import LinkEndpoint
from tcpip.link.impairment import ImpairmentLink, apply_spec
from tcpip.link.pipe import pipe
from tcpip.stack.stack import Stack

FAR = "203.0.113.80"


class Gateway:
    """Two NICs and a portal."""

    def __init__(self, clock: ManualClock, inner: LinkEndpoint, outer: LinkEndpoint) -> None:
        self.stack = Stack(clock, Random(2), ipv6=False)
        self.inside = self.stack.add_nic(inner, "inside")
        self.inside.add_address(parse("192.168.1.1"), 24)
        self.inside.promiscuous = True
        long_way = ImpairmentLink(outer, clock, self.stack.timers, seed=1)
        apply_spec("delay=100ms", long_way.outbound)
        self.stack.add_nic(long_way, "outside").add_address(parse("203.0.113.1"), 24)

    def open_gate(self) -> None:
        self.inside.promiscuous = False
        self.stack.forwarding = True

    async def portal(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        words = (await reader.readline()).split()
        asked = writer.get_extra_info("sockname")[0]
        if words[:2] == [b"POST", b"/login"]:
            writer.write(b"HTTP/1.0 204 No Content\r\n\r\n")
            asyncio.get_running_loop().call_later(1, self.open_gate)
        else:
            writer.write(f"HTTP/1.0 302 Found\r\nLocation: http://192.168.1.1/login?from={asked}\r\n\r\n".encode())
        writer.close()


async def far_server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.write(b"HTTP/1.0 200 OK\r\n\r\nthe real one\n")
    writer.close()


async def ask(stack: Stack, method: str, host: str, path: str) -> None:
    reader, writer = await aio.open_connection(stack, host, 80)
    writer.write(f"{method} {path} HTTP/1.0\r\n\r\n".encode())
    answer = (await reader.read()).decode().split("\r\n")
    writer.close()
    seconds = stack.clock.now_ns() / NS_PER_S
    print(f"{seconds:6.3f} s  {method} http://{host}{path}: {' '.join(filter(None, answer)).strip()}")


async def main(clock: ManualClock) -> None:
    (a, b), (c, d) = pipe(), pipe()
    guest, gateway, far = Stack(clock, Random(1), ipv6=False), Gateway(clock, b, c), Stack(clock, Random(3), ipv6=False)
    guest.add_nic(a).add_address(parse("192.168.1.2"), 24)
    guest.add_route(IPV4_ANY, 0, parse("192.168.1.1"))
    far.add_nic(d).add_address(parse(FAR), 24)
    far.add_route(parse("192.168.1.0"), 24, parse("203.0.113.1"))
    async with aio.Runner(guest), aio.Runner(gateway.stack), aio.Runner(far):
        await aio.start_server(gateway.stack, gateway.portal, "0.0.0.0", 80)
        await aio.start_server(far, far_server, FAR, 80)
        await ask(guest, "GET", FAR, "/news")
        await ask(guest, "POST", "192.168.1.1", "/login")
        await asyncio.sleep(2)
        await ask(guest, "GET", FAR, "/news")


if __name__ == "__main__":
    clock = ManualClock()
    virtual_time.run(clock, main(clock))
