"""iperf3's wire: states, length-prefixed JSON, and how a UDP flow says hello.

Source: the protocol as iperf 3.x speaks it.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from tcpip.adapters.aio_transport import wait_for
from tcpip.transport.endpoint import AGAIN, Endpoint
from tcpip.waiter import EVENT_IN, EVENT_OUT

COOKIE_LEN: Final = 37
TEST_START: Final = 1
TEST_RUNNING: Final = 2
TEST_END: Final = 4
PARAM_EXCHANGE: Final = 9
CREATE_STREAMS: Final = 10
EXCHANGE_RESULTS: Final = 13
DISPLAY_RESULTS: Final = 14
ACCESS_DENIED: Final = 255
IPERF_DONE: Final = 16
MAX_JSON: Final = 1 << 20
MAX_STREAMS: Final = 128
MAX_BLOCK: Final = 1 << 20
UDP_HELLO: Final = (0x36373839).to_bytes(4, "little")
UDP_REPLY: Final = (0x39383736).to_bytes(4, "little")
OLD_UDP_HELLO: Final = (123456789).to_bytes(4, "little")
OLD_UDP_REPLY: Final = (987654321).to_bytes(4, "little")
"""iperf3 writes these in its host's order; before 3.10 it had other ones."""
TCP_BLOCK: Final = 128 * 1024
UDP_BLOCK: Final = 1448
MAX_DATAGRAM: Final = 65507
UDP_RATE: Final = 1 << 20
"""Bits a second, where nobody says."""


class ProtocolViolation(Exception):
    """The peer does not speak iperf3 as we know it."""


class Wire:
    """Reading and writing an endpoint in asyncio tasks, without streams in between."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.loop = asyncio.get_running_loop()

    async def read_exactly(self, count: int) -> bytes:
        """`count` bytes, or IncompleteReadError."""
        data = bytearray(count)
        view = memoryview(data)
        have = 0
        while have < count:
            got = self.endpoint.recv_into(view[have:])
            if got == 0:
                raise asyncio.IncompleteReadError(bytes(data[:have]), count)
            if got == AGAIN:
                await wait_for(self.loop, self.endpoint, EVENT_IN)
            else:
                have += got
        return bytes(data)

    async def write(self, data: bytes) -> None:
        """All of `data`."""
        view = memoryview(data)
        while view:
            sent = self.endpoint.send(view)
            if sent == AGAIN:
                await wait_for(self.loop, self.endpoint, EVENT_OUT)
            else:
                view = view[sent:]

    async def write_state(self, state: int) -> None:
        await self.write(bytes((state,)))

    async def read_state(self) -> int:
        return (await self.read_exactly(1))[0]

    async def write_json(self, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        await self.write(len(body).to_bytes(4, "big") + body)

    async def read_json(self) -> dict[str, Any]:
        size = int.from_bytes(await self.read_exactly(4), "big")
        if size > MAX_JSON:
            raise ProtocolViolation(f"a message of {size} bytes")
        try:
            value = json.loads(await self.read_exactly(size))
        except ValueError as error:
            raise ProtocolViolation(str(error)) from None
        if not isinstance(value, dict):
            raise ProtocolViolation("not a JSON object")
        return value
