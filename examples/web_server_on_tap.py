"""A web server on an address of its own, from a tap of this host: curl http://10.9.0.2/

python examples/web_server_on_tap.py    # root; makes tap0, whose host end is 10.9.0.1; ends with Ctrl-C
"""

import asyncio

from tcpip.adapters import aio
from tcpip.addr import parse
from tcpip.clock import MonotonicClock
from tcpip.link.tap import TapLink
from tcpip.stack.stack import Stack


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    path = (await reader.readline()).split()[1].decode()
    while await reader.readline() not in (b"\r\n", b""):
        pass
    body = f"you asked for {path}, from {writer.get_extra_info('peername')[0]}\n".encode()
    writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    writer.close()


async def main() -> None:
    stack, link = Stack(MonotonicClock()), TapLink("tap0")
    link.host_up("10.9.0.1", "255.255.255.0")
    stack.add_nic(link, "eth0").add_address(parse("10.9.0.2"), 24)
    async with aio.Runner(stack):
        await aio.start_server(stack, serve, "10.9.0.2", 80)
        print("serving on http://10.9.0.2/", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
