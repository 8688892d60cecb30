"""`tcpip ping`: echo requests from our stack, printed as ping(8) prints them."""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
from typing import Any

from tcpip import errors
from tcpip.adapters.aio_transport import wait_for
from tcpip.adapters.oserror import os_error
from tcpip.addr import AF_INET, AF_INET6, SockAddr, text
from tcpip.cli.host import HostSession, UsageError, add_host_options, destination
from tcpip.clock import NS_PER_MS
from tcpip.errors import NetworkError
from tcpip.sockopt import IPPROTO_ICMP, IPPROTO_ICMPV6, SOCK_DGRAM
from tcpip.transport.endpoint import Endpoint
from tcpip.waiter import EVENT_IN

_STAMP = struct.Struct("=q")
MAX_SIZE = 65507


def add_parser(verbs: Any) -> None:
    """`ping [-c COUNT] [-i SECONDS] [-s SIZE] [--json] HOST`."""
    parser = verbs.add_parser("ping", help="send ICMP echo requests", description=__doc__)
    add_host_options(parser)
    parser.add_argument("-c", dest="count", type=int, default=4)
    parser.add_argument("-i", dest="interval", type=float, default=1.0)
    parser.add_argument("-s", dest="size", type=int, default=56)
    parser.add_argument("-W", dest="wait", type=float, default=2.0, help="seconds to wait for the last reply")
    parser.add_argument("--json", action="store_true", help="one object at the end")
    parser.add_argument("host", help="address literal")
    parser.set_defaults(run=lambda options: asyncio.run(_main(options)))


async def _main(options: argparse.Namespace) -> int:
    if options.count < 1 or options.interval < 0 or not 0 <= options.size <= MAX_SIZE:
        raise UsageError(f"-c must be above 0, -i not below 0, and -s 0..{MAX_SIZE}")
    session = HostSession(options)
    try:
        await session.ready()
        return await _ping(session, destination(session.stack, options.host), options)
    finally:
        session.close()


class _Tally:
    """Sent, received, and round-trip times in ns. `say` prints, unless the report is to be JSON."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.sent = 0
        self.times: list[int] = []

    def say(self, line: str) -> None:
        if not self.as_json:
            print(line, flush=True)

    def report(self, host: str) -> None:
        if self.as_json:
            ms = [round(t / NS_PER_MS, 3) for t in self.times]
            print(json.dumps({"host": host, "sent": self.sent, "received": len(ms), "rtt_ms": ms}))
            return
        lost = 100 * (self.sent - len(self.times)) // max(self.sent, 1)
        print(f"--- {host} ping statistics ---")
        print(f"{self.sent} packets transmitted, {len(self.times)} received, {lost}% packet loss")
        if self.times:
            ms = [t / NS_PER_MS for t in self.times]
            print(f"rtt min/avg/max = {min(ms):.3f}/{sum(ms) / len(ms):.3f}/{max(ms):.3f} ms")


async def _ping(session: HostSession, address: SockAddr, options: argparse.Namespace) -> int:
    loop = asyncio.get_running_loop()
    stack = session.stack
    four = address.family == AF_INET
    endpoint = stack.new_endpoint(AF_INET if four else AF_INET6, SOCK_DGRAM, IPPROTO_ICMP if four else IPPROTO_ICMPV6)
    tally = _Tally(options.json)
    tally.say(f"PING {text(address.addr)} {options.size} bytes of data")
    reader = asyncio.ensure_future(_receive(loop, stack.clock.now_ns, endpoint, tally, options.count))
    try:
        for number in range(1, options.count + 1):
            stamp = _STAMP.pack(stack.clock.now_ns())
            body = (
                (stamp + bytes(max(options.size - 8, 0)))[: options.size] if options.size >= 8 else bytes(options.size)
            )
            header = bytes((8 if four else 128, 0, 0, 0, 0, 0)) + number.to_bytes(2, "big")
            tally.sent += 1
            try:
                endpoint.sendmsg(header + body, address)
            except NetworkError as error:
                tally.say(f"icmp_seq={number} {os_error(error).strerror}")
            if number < options.count:
                await asyncio.wait({reader}, timeout=options.interval)
        await asyncio.wait({reader}, timeout=options.wait)
    finally:
        reader.cancel()
        endpoint.close()
        tally.report(text(address.addr))
    return 0 if tally.times else 1


async def _receive(loop: asyncio.AbstractEventLoop, now: Any, endpoint: Endpoint, tally: _Tally, count: int) -> None:
    buffer = bytearray(65536)
    view = memoryview(buffer)
    while len(tally.times) < count:
        await wait_for(loop, endpoint, EVENT_IN)
        try:
            got = endpoint.recvmsg(view)
        except NetworkError as error:
            if error.error is not errors.WOULD_BLOCK:
                tally.say(str(os_error(error).strerror))
            continue
        sequence = int.from_bytes(buffer[6:8], "big")
        elapsed = now() - _STAMP.unpack_from(buffer, 8)[0] if got.length >= 16 else 0
        tally.times.append(elapsed)
        source = text(got.address.addr) if got.address is not None else "?"
        tally.say(f"{got.length} bytes from {source}: icmp_seq={sequence} time={elapsed / NS_PER_MS:.3f} ms")
