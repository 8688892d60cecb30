"""`tcpip iperf`: iperf3's protocol, as client and as server, with a real iperf3 on the other side.

Source: the protocol as iperf 3.x speaks it: a control connection of state bytes and length-prefixed JSON; data
connections that begin with the client's cookie, or flows of datagrams that begin with a hello. Deviates: no SCTP, no
authentication.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import secrets
import sys
from typing import Any, Final

from tcpip.adapters.aio_transport import connect_endpoint, wait_for
from tcpip.addr import SockAddr
from tcpip.cli import iperf_wire as wire
from tcpip.cli.host import CommandError, HostSession, UsageError, add_host_options, destination, port, until_stopped
from tcpip.cli.iperf_server import serve
from tcpip.cli.iperf_streams import Stream, TcpStream, UdpStream, progress, report, results
from tcpip.cli.iperf_wire import ProtocolViolation, Wire
from tcpip.clock import NS_PER_S
from tcpip.errors import NetworkError
from tcpip.sockopt import SOCK_DGRAM, SOCK_STREAM
from tcpip.stack.stack import Stack
from tcpip.transport.endpoint import Endpoint
from tcpip.waiter import EVENT_IN

HELLOS: Final = 5
HELLO_TIMEOUT: Final = 2.0
_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def add_parser(verbs: Any) -> None:
    """`iperf -s` or `iperf -c HOST [-u [-b RATE]] [-R | --bidir] [-t SECONDS] [-P STREAMS]`."""
    parser = verbs.add_parser("iperf", help="measure throughput with a real iperf3", description=__doc__)
    add_host_options(parser)
    role = parser.add_mutually_exclusive_group(required=True)
    role.add_argument("-s", dest="server", action="store_true")
    role.add_argument("-c", dest="client", metavar="HOST")
    parser.add_argument("-p", dest="port", type=port, default=5201)
    parser.add_argument("-t", dest="time", type=int, default=10)
    parser.add_argument("-P", dest="parallel", type=int, default=1)
    direction = parser.add_mutually_exclusive_group()
    direction.add_argument("-R", dest="reverse", action="store_true", help="the server sends")
    direction.add_argument("--bidir", action="store_true", help="both send")
    parser.add_argument("-u", dest="udp", action="store_true", help="datagrams")
    parser.add_argument(
        "-b", dest="rate", default="", help="bits a second of each UDP stream (1M), K, M or G; 0: no limit"
    )
    parser.add_argument("-l", dest="length", type=int, default=0, help="bytes per write (128 KiB, datagrams 1448)")
    parser.add_argument("--json", action="store_true", help="of a client: one object at the end")
    parser.set_defaults(run=lambda options: asyncio.run(_main(options)))


async def _main(options: argparse.Namespace) -> int:
    options.length = options.length or (wire.UDP_BLOCK if options.udp else wire.TCP_BLOCK)
    most = wire.MAX_DATAGRAM if options.udp else wire.MAX_BLOCK
    streams = options.parallel * (2 if options.bidir else 1)
    if not (options.parallel >= 1 and streams <= wire.MAX_STREAMS and 1 <= options.length <= most):
        raise UsageError(f"-P and --bidir make 1..{wire.MAX_STREAMS} streams, -l is 1..{most}")
    if options.rate and not options.udp:
        raise UsageError("-b is for -u")
    options.rate = bits(options.rate) if options.rate else wire.UDP_RATE
    session = HostSession(options)
    try:
        await session.ready()
        if options.server:
            await serve(session.stack, options.port)
            await until_stopped(None)
        else:
            await run_client(session.stack, options)
    except (ProtocolViolation, asyncio.IncompleteReadError) as error:
        raise CommandError(f"iperf3 peer: {error}") from None
    finally:
        session.close()
    return 0


def bits(value: str) -> int:
    """`100M` as bits a second. UsageError."""
    match = re.fullmatch(r"(\d+)([kmg]?)", value.lower())
    if match is None:
        raise UsageError(f"not a rate: {value!r}")
    return int(match[1]) * _UNITS[match[2]]


async def _connect(stack: Stack, address: SockAddr, kind: int = SOCK_STREAM) -> Endpoint:
    endpoint = stack.new_endpoint(address.family, kind)
    await connect_endpoint(asyncio.get_running_loop(), endpoint, address)
    return endpoint


async def _hello(endpoint: Endpoint) -> None:
    """Until the server answers. ProtocolViolation."""
    buffer = memoryview(bytearray(64))
    for _ in range(HELLOS):
        endpoint.send(wire.UDP_HELLO)
        try:
            await asyncio.wait_for(wait_for(asyncio.get_running_loop(), endpoint, EVENT_IN), HELLO_TIMEOUT)
            if endpoint.recv_into(buffer) == 4 and bytes(buffer[:4]) in (wire.UDP_REPLY, wire.OLD_UDP_REPLY):
                return
        except (TimeoutError, NetworkError):
            continue
    raise ProtocolViolation("no answer to datagrams")


class Client:
    """One test, driven by the states that the server sends."""

    def __init__(self, stack: Stack, options: argparse.Namespace, address: SockAddr, control: Wire) -> None:
        self.stack, self.options, self.address, self.control = stack, options, address, control
        self.cookie = secrets.token_hex(18).encode() + b"\0"
        self.streams: list[Stream] = []
        self.tasks: list[asyncio.Future[None]] = []
        self.seconds = 0.0
        self.received = 0

    async def run(self) -> float:
        """The receivers' Gbit/s."""
        await self.control.write(self.cookie)
        steps = {
            wire.PARAM_EXCHANGE: self._parameters,
            wire.CREATE_STREAMS: self._create,
            wire.TEST_RUNNING: self._measure,
            wire.EXCHANGE_RESULTS: self._exchange,
        }
        try:
            while (state := await self.control.read_state()) != wire.DISPLAY_RESULTS:
                if state in steps:
                    await steps[state]()
                elif state != wire.TEST_START:
                    raise ProtocolViolation("access denied" if state == wire.ACCESS_DENIED else f"state {state}")
            rate = self.received * 8 / max(self.seconds, 1e-9) / 1e9
            self._display(rate)
            await self.control.write_state(wire.IPERF_DONE)
            return rate
        finally:
            for task in self.tasks:
                task.cancel()
            for stream in self.streams:
                stream.endpoint.close()
            self.control.endpoint.close()

    async def _parameters(self) -> None:
        await self.control.write_json(parameters(self.options))

    async def _create(self) -> None:
        options = self.options
        directions = [True, False] if options.bidir else [not options.reverse]
        for sending in (direction for direction in directions for _ in range(options.parallel)):
            endpoint = await _connect(self.stack, self.address, SOCK_DGRAM if options.udp else SOCK_STREAM)
            if options.udp:
                clock = self.stack.clock
                self.streams.append(UdpStream(endpoint, sending, options.length, clock, options.rate))
                await _hello(endpoint)
            else:
                self.streams.append(TcpStream(endpoint, sending, options.length))
                await Wire(endpoint).write(self.cookie)

    async def _measure(self) -> None:
        began = self.stack.clock.now_ns()
        self.tasks = [asyncio.ensure_future(stream.run()) for stream in self.streams]
        if sys.stdout.isatty() and not self.options.json:
            self.tasks.append(asyncio.ensure_future(progress(self.streams)))
        await asyncio.sleep(self.options.time)
        for task in self.tasks:
            task.cancel()
        self.seconds = (self.stack.clock.now_ns() - began) / NS_PER_S
        await self.control.write_state(wire.TEST_END)

    async def _exchange(self) -> None:
        await self.control.write_json(results(self.streams, self.seconds))
        theirs = (await self.control.read_json()).get("streams", [])
        try:
            taken = [int(row["bytes"]) for row in theirs]
        except (TypeError, KeyError, ValueError) as error:
            raise ProtocolViolation(f"results: {error}") from None
        if len(taken) != len(self.streams):
            raise ProtocolViolation(f"results of {len(taken)} streams, not {len(self.streams)}")
        self.received = sum(
            other if mine.sending else mine.bytes for mine, other in zip(self.streams, taken, strict=True)
        )

    def _display(self, rate: float) -> None:
        if self.options.json:
            total = sum(stream.bytes for stream in self.streams)
            lost = sum(stream.lost for stream in self.streams)
            found = {"bytes": total, "seconds": self.seconds, "receiver_bits_per_second": rate * 1e9}
            print(json.dumps(found | ({"lost": lost} if self.options.udp else {})))
            return
        report(self.streams, self.seconds)
        print(f"iperf: receiver {rate:.2f} Gbit/s", flush=True)


async def run_client(stack: Stack, options: argparse.Namespace) -> float:
    """One test against an iperf3 server; the receiver's Gbit/s."""
    address = destination(stack, options.client, options.port)
    return await Client(stack, options, address, Wire(await _connect(stack, address))).run()


def parameters(options: argparse.Namespace) -> dict[str, Any]:
    """What the client asks for."""
    wanted: dict[str, Any] = {
        "udp" if options.udp else "tcp": True,
        "omit": 0,
        "time": options.time,
        "num": 0,
        "blockcount": 0,
        "parallel": options.parallel,
        "len": options.length,
        "pacing_timer": 1000,
        "client_version": "3.12",
    }
    if options.udp:
        wanted["bandwidth"] = options.rate
    if options.reverse:
        wanted["reverse"] = True
    if options.bidir:
        wanted["bidirectional"] = True
    return wanted
