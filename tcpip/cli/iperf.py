"""`tcpip iperf`: iperf3's protocol over TCP, as client and as server, with a real iperf3 on the other side.

Source: the protocol as iperf 3.x speaks it: a control connection of state bytes and length-prefixed JSON, data
connections that begin with the client's cookie. Deviates: TCP only; no authentication; no --bidir.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
from typing import Any, Final

from tcpip import errors
from tcpip.adapters.aio import address_of
from tcpip.adapters.aio_transport import connect_endpoint, wait_for
from tcpip.addr import AF_INET, AF_INET6, IPV6_ANY, SockAddr
from tcpip.cli.host import CommandError, HostSession, add_host_options
from tcpip.clock import NS_PER_S
from tcpip.errors import NetworkError
from tcpip.sockopt import SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET
from tcpip.stack.stack import Stack
from tcpip.transport.endpoint import AGAIN, Endpoint
from tcpip.waiter import EVENT_IN, EVENT_OUT

COOKIE_LEN: Final = 37
TEST_START: Final = 1
TEST_RUNNING: Final = 2
TEST_END: Final = 4
PARAM_EXCHANGE: Final = 9
CREATE_STREAMS: Final = 10
SERVER_TERMINATE: Final = 11
CLIENT_TERMINATE: Final = 12
EXCHANGE_RESULTS: Final = 13
DISPLAY_RESULTS: Final = 14
ACCESS_DENIED: Final = 255
IPERF_DONE: Final = 16
MAX_JSON: Final = 1 << 20
MAX_STREAMS: Final = 128
MAX_BLOCK: Final = 1 << 20
ACCEPT_TIMEOUT: Final = 10.0


def add_parser(verbs: Any) -> None:
    """`iperf -s` or `iperf -c HOST [-R] [-t SECONDS] [-P STREAMS]`."""
    parser = verbs.add_parser("iperf", help="measure throughput with a real iperf3", description=__doc__)
    add_host_options(parser)
    role = parser.add_mutually_exclusive_group(required=True)
    role.add_argument("-s", dest="server", action="store_true")
    role.add_argument("-c", dest="client", metavar="HOST")
    parser.add_argument("-p", dest="port", type=int, default=5201)
    parser.add_argument("-t", dest="time", type=int, default=10)
    parser.add_argument("-P", dest="parallel", type=int, default=1)
    parser.add_argument("-R", dest="reverse", action="store_true", help="the server sends")
    parser.add_argument("-l", dest="length", type=int, default=128 * 1024, help="bytes per write")
    parser.add_argument("--json", action="store_true", help="of a client: one object at the end")
    parser.set_defaults(run=lambda options: asyncio.run(_main(options)))


async def _main(options: argparse.Namespace) -> int:
    if not 1 <= options.parallel <= MAX_STREAMS or not 1 <= options.length <= MAX_BLOCK:
        raise CommandError("-P must be 1..128 and -l 1..1048576")
    session = HostSession(options)
    try:
        await session.ready()
        if options.server:
            await serve(session.stack, options.port)
            await asyncio.Event().wait()
        await run_client(session.stack, options)
    except (ProtocolViolation, asyncio.IncompleteReadError) as error:
        raise CommandError(f"iperf3 peer: {error}") from None
    finally:
        session.close()
    return 0


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


class DataStream:
    """One data connection and what went through it."""

    def __init__(self, endpoint: Endpoint, sending: bool, block: int) -> None:
        self.endpoint = endpoint
        self.sending = sending
        self.bytes = 0
        self._block = bytes(block)
        self._buffer = memoryview(bytearray(max(block, 512 * 1024)))

    async def run(self) -> None:
        """Send or receive until cancelled or the peer goes away; yields to the loop when nothing can be done."""
        loop = asyncio.get_running_loop()
        endpoint = self.endpoint
        try:
            while True:
                if self.sending:
                    count = endpoint.send(self._block)
                else:
                    count = endpoint.recv_into(self._buffer)
                if count > 0:
                    self.bytes += count
                elif count == AGAIN:
                    await wait_for(loop, endpoint, EVENT_OUT if self.sending else EVENT_IN)
                else:
                    return
        except NetworkError:
            return


def results(streams: list[DataStream], seconds: float, sending: bool) -> dict[str, Any]:
    """The JSON that both sides exchange at the end."""
    rows = [
        {
            "id": 1 if index == 0 else index + 2,
            "bytes": stream.bytes,
            "retransmits": 0 if sending else -1,
            "jitter": 0,
            "errors": 0,
            "omitted_errors": 0,
            "packets": 0,
            "omitted_packets": 0,
            "start_time": 0,
            "end_time": seconds,
        }
        for index, stream in enumerate(streams)
    ]
    usage = {"cpu_util_total": 0.0, "cpu_util_user": 0.0, "cpu_util_system": 0.0}
    return usage | {"sender_has_retransmits": 1 if sending else 0, "streams": rows}


class IperfServer:
    """One listening endpoint; tests run one after the other, others are refused meanwhile."""

    def __init__(self, stack: Stack, port: int) -> None:
        self.stack = stack
        self.listener = stack.new_endpoint(AF_INET6 if stack.ipv6_enabled else AF_INET, SOCK_STREAM)
        self.listener.set_option(SOL_SOCKET, SO_REUSEADDR, 1)
        self.listener.bind(SockAddr(IPV6_ANY if stack.ipv6_enabled else bytes(4), port))
        self.listener.listen(MAX_STREAMS)

    async def _accept(self) -> Endpoint:
        while True:
            try:
                return self.listener.accept()
            except NetworkError as error:
                if error.error is not errors.WOULD_BLOCK:
                    raise
            await wait_for(asyncio.get_running_loop(), self.listener, EVENT_IN)

    async def run(self) -> None:
        """For ever."""
        while True:
            control = await self._accept()
            try:
                await self._test(control)
            except (TimeoutError, NetworkError, asyncio.IncompleteReadError, ProtocolViolation) as error:
                print(f"iperf: test ended: {error}", flush=True)
            finally:
                control.close()

    async def _test(self, control: Endpoint) -> None:
        wire = Wire(control)
        cookie = await asyncio.wait_for(wire.read_exactly(COOKIE_LEN), ACCEPT_TIMEOUT)
        await wire.write_state(PARAM_EXCHANGE)
        wanted = await asyncio.wait_for(wire.read_json(), ACCEPT_TIMEOUT)
        count = int(wanted.get("parallel", 1))
        block = int(wanted.get("len", 128 * 1024))
        if (
            "udp" in wanted
            or wanted.get("bidirectional")
            or not (1 <= count <= MAX_STREAMS and 1 <= block <= MAX_BLOCK)
        ):
            await wire.write_state(ACCESS_DENIED)
            raise ProtocolViolation("asks for something that is not served")
        sending = bool(wanted.get("reverse"))
        await wire.write_state(CREATE_STREAMS)
        streams: list[DataStream] = []
        try:
            while len(streams) < count:
                endpoint = await asyncio.wait_for(self._accept(), ACCEPT_TIMEOUT)
                if await asyncio.wait_for(Wire(endpoint).read_exactly(COOKIE_LEN), ACCEPT_TIMEOUT) != cookie:
                    await Wire(endpoint).write_state(ACCESS_DENIED)
                    endpoint.close()
                    continue
                streams.append(DataStream(endpoint, sending, block))
            await self._measure(wire, streams, sending)
        finally:
            for stream in streams:
                stream.endpoint.close()

    async def _measure(self, wire: Wire, streams: list[DataStream], sending: bool) -> None:
        await wire.write_state(TEST_START)
        await wire.write_state(TEST_RUNNING)
        began = self.stack.clock.now_ns()
        tasks = [asyncio.ensure_future(stream.run()) for stream in streams]
        try:
            state = await wire.read_state()
        finally:
            for task in tasks:
                task.cancel()
        seconds = (self.stack.clock.now_ns() - began) / NS_PER_S
        if state != TEST_END:
            raise ProtocolViolation(f"state {state} while the test runs")
        for stream in streams:
            stream.endpoint.close()
        await wire.write_state(EXCHANGE_RESULTS)
        await wire.read_json()
        await wire.write_json(results(streams, seconds, sending))
        await wire.write_state(DISPLAY_RESULTS)
        report(streams, seconds, "sent" if sending else "received")
        await wire.read_state()


def report(streams: list[DataStream], seconds: float, verb: str) -> None:
    """One line."""
    total = sum(stream.bytes for stream in streams)
    print(
        f"iperf: {verb} {total} bytes in {seconds:.2f} s, {total * 8 / max(seconds, 1e-9) / 1e9:.2f} Gbit/s", flush=True
    )


_TASKS: Final[set[asyncio.Task[None]]] = set()


async def serve(stack: Stack, port: int) -> None:
    """Start an iperf3 server on all addresses, as a task of the running loop."""
    task = asyncio.get_running_loop().create_task(IperfServer(stack, port).run())
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)


async def _connect(stack: Stack, address: SockAddr) -> Endpoint:
    endpoint = stack.new_endpoint(address.family, SOCK_STREAM)
    await connect_endpoint(asyncio.get_running_loop(), endpoint, address)
    return endpoint


async def run_client(stack: Stack, options: argparse.Namespace) -> float:
    """One test against an iperf3 server; the receiver's Gbit/s."""
    address = address_of(stack, options.client, options.port)
    wire = Wire(await _connect(stack, address))
    cookie = secrets.token_hex(18).encode() + b"\0"
    await wire.write(cookie)
    streams: list[DataStream] = []
    tasks: list[asyncio.Future[None]] = []
    sending = not options.reverse
    began = stack.clock.now_ns()
    seconds = 0.0
    rate = 0.0
    try:
        while True:
            state = await wire.read_state()
            if state == PARAM_EXCHANGE:
                await wire.write_json(parameters(options))
            elif state == CREATE_STREAMS:
                for _ in range(options.parallel):
                    endpoint = await _connect(stack, address)
                    await Wire(endpoint).write(cookie)
                    streams.append(DataStream(endpoint, sending, options.length))
            elif state == TEST_RUNNING:
                began = stack.clock.now_ns()
                tasks = [asyncio.ensure_future(stream.run()) for stream in streams]
                await asyncio.sleep(options.time)
                for task in tasks:
                    task.cancel()
                seconds = (stack.clock.now_ns() - began) / NS_PER_S
                await wire.write_state(TEST_END)
            elif state == EXCHANGE_RESULTS:
                await wire.write_json(results(streams, seconds, sending))
                theirs = await wire.read_json()
                received = theirs["streams"] if sending else [{"bytes": s.bytes} for s in streams]
                rate = sum(int(row["bytes"]) for row in received) * 8 / max(seconds, 1e-9) / 1e9
            elif state == DISPLAY_RESULTS:
                if options.json:
                    total = sum(stream.bytes for stream in streams)
                    print(json.dumps({"bytes": total, "seconds": seconds, "receiver_bits_per_second": rate * 1e9}))
                else:
                    report(streams, seconds, "sent" if sending else "received")
                    print(f"iperf: receiver {rate:.2f} Gbit/s", flush=True)
                await wire.write_state(IPERF_DONE)
                return rate
            elif state != TEST_START:
                raise ProtocolViolation(f"state {state}")
    finally:
        for task in tasks:
            task.cancel()
        for stream in streams:
            stream.endpoint.close()
        wire.endpoint.close()


def parameters(options: argparse.Namespace) -> dict[str, Any]:
    """What the client asks for."""
    wanted: dict[str, Any] = {
        "tcp": True,
        "omit": 0,
        "time": options.time,
        "num": 0,
        "blockcount": 0,
        "parallel": options.parallel,
        "len": options.length,
        "pacing_timer": 1000,
        "client_version": "3.12",
    }
    if options.reverse:
        wanted["reverse"] = True
    return wanted
