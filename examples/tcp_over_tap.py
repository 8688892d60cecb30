"""TCP of our own over a tap, in asyncio: the host's server at PORT gets a greeting, its answer is printed.

python examples/tcp_over_tap.py PORT    # root; makes tap0, whose host end is 10.9.0.1
"""

import asyncio
import sys

from tcpip.adapters import aio
from tcpip.addr import parse
from tcpip.clock import MonotonicClock
from tcpip.link.tap import TapLink
from tcpip.stack.stack import Stack


async def main(port: int) -> None:
    stack, link = Stack(MonotonicClock()), TapLink("tap0")
    link.host_up("10.9.0.1", "255.255.255.0")
    stack.add_nic(link, "eth0").add_address(parse("10.9.0.2"), 24)
    async with aio.Runner(stack):
        reader, writer = await aio.open_connection(stack, "10.9.0.1", port)
        writer.write(b"ten lines of asyncio")
        writer.write_eof()
        print((await reader.read()).decode())


asyncio.run(main(int(sys.argv[1])))
