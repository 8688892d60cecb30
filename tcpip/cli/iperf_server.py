"""iperf3's server: TCP and UDP, either or both directions."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Final

from tcpip import errors
from tcpip.adapters.aio_transport import wait_for
from tcpip.addr import AF_INET, AF_INET6, IPV4_ANY, IPV6_ANY, SockAddr
from tcpip.cli import iperf_wire as wire
from tcpip.cli.iperf_streams import Stream, TcpStream, UdpStream, progress, report, results
from tcpip.cli.iperf_wire import ProtocolViolation, Wire
from tcpip.clock import NS_PER_S
from tcpip.errors import NetworkError
from tcpip.sockopt import SO_REUSEADDR, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET
from tcpip.stack.stack import Stack
from tcpip.transport.endpoint import Endpoint
from tcpip.waiter import EVENT_IN

TIMEOUT: Final = 10.0


class Wanted:
    """What a client asks for. ProtocolViolation for what is not served."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self.udp = bool(parameters.get("udp"))
        default = wire.UDP_BLOCK if self.udp else wire.TCP_BLOCK
        try:
            self.count = int(parameters.get("parallel", 1))
            self.block = int(parameters.get("len", default))
            self.rate = float(parameters.get("bandwidth", 0))
        except (TypeError, ValueError) as error:
            raise ProtocolViolation(str(error)) from None
        self.both = bool(parameters.get("bidirectional"))
        self.reverse = bool(parameters.get("reverse"))
        self.wide = bool(parameters.get("udp_counters_64bit"))
        most = wire.MAX_DATAGRAM if self.udp else wire.MAX_BLOCK
        streams = self.count * (2 if self.both else 1)
        if not (self.count >= 1 and streams <= wire.MAX_STREAMS and 1 <= self.block <= most and self.rate >= 0):
            raise ProtocolViolation("asks for something that is not served")

    def directions(self) -> list[bool]:
        """Of each stream, in the order in which they come: does the server send?"""
        return [False] * self.count + [True] * self.count if self.both else [self.reverse] * self.count


class IperfServer:
    """One listening endpoint; tests run one after the other, others are refused meanwhile."""

    def __init__(self, stack: Stack, port: int) -> None:
        self.stack = stack
        self.port = port
        self.listener = self._bound(SOCK_STREAM)
        self.listener.listen(wire.MAX_STREAMS)

    def _bound(self, kind: int) -> Endpoint:
        six = self.stack.ipv6_enabled
        endpoint = self.stack.new_endpoint(AF_INET6 if six else AF_INET, kind)
        endpoint.set_option(SOL_SOCKET, SO_REUSEADDR, 1)
        endpoint.bind(SockAddr(IPV6_ANY if six else IPV4_ANY, self.port))
        return endpoint

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
        talk = Wire(control)
        cookie = await asyncio.wait_for(talk.read_exactly(wire.COOKIE_LEN), TIMEOUT)
        await talk.write_state(wire.PARAM_EXCHANGE)
        parameters = await asyncio.wait_for(talk.read_json(), TIMEOUT)
        try:
            wanted = Wanted(parameters)
        except ProtocolViolation:
            await talk.write_state(wire.ACCESS_DENIED)
            raise
        streams: list[Stream] = []
        try:
            if wanted.udp:
                await self._datagram_streams(talk, wanted, streams)
            else:
                await self._tcp_streams(talk, wanted, streams, cookie)
            await self._measure(talk, streams)
        finally:
            for stream in streams:
                stream.endpoint.close()

    async def _tcp_streams(self, talk: Wire, wanted: Wanted, streams: list[Stream], cookie: bytes) -> None:
        await talk.write_state(wire.CREATE_STREAMS)
        for sending in wanted.directions():
            endpoint = await self._connection(cookie)
            streams.append(TcpStream(endpoint, sending, wanted.block))

    async def _connection(self, cookie: bytes) -> Endpoint:
        """The next one that has the test's cookie."""
        while True:
            endpoint = await asyncio.wait_for(self._accept(), TIMEOUT)
            try:
                if await asyncio.wait_for(Wire(endpoint).read_exactly(wire.COOKIE_LEN), TIMEOUT) == cookie:
                    return endpoint
                await Wire(endpoint).write_state(wire.ACCESS_DENIED)
            except BaseException:
                endpoint.close()
                raise
            endpoint.close()

    async def _datagram_streams(self, talk: Wire, wanted: Wanted, streams: list[Stream]) -> None:
        """Each client's flow begins with a hello; whoever takes it is connected, and the next one listens."""
        listening = self._bound(SOCK_DGRAM)
        try:
            await talk.write_state(wire.CREATE_STREAMS)
            for sending in wanted.directions():
                reply = await asyncio.wait_for(self._hello(listening), TIMEOUT)
                clock = self.stack.clock
                streams.append(UdpStream(listening, sending, wanted.block, clock, wanted.rate, wanted.wide))
                endpoint, listening = listening, self._bound(SOCK_DGRAM)
                endpoint.send(reply)
        finally:
            listening.close()

    async def _hello(self, endpoint: Endpoint) -> bytes:
        """Connects `endpoint` to who says hello; what is to be answered."""
        buffer = memoryview(bytearray(65536))
        while True:
            await wait_for(asyncio.get_running_loop(), endpoint, EVENT_IN)
            try:
                got = endpoint.recvmsg(buffer)
            except NetworkError:
                continue
            said = bytes(buffer[: got.length])
            if got.address is not None and said in (wire.UDP_HELLO, wire.OLD_UDP_HELLO):
                endpoint.connect(got.address)
                return wire.UDP_REPLY if said == wire.UDP_HELLO else wire.OLD_UDP_REPLY

    async def _measure(self, talk: Wire, streams: list[Stream]) -> None:
        await talk.write_state(wire.TEST_START)
        await talk.write_state(wire.TEST_RUNNING)
        began = self.stack.clock.now_ns()
        tasks = [asyncio.ensure_future(stream.run()) for stream in streams]
        if sys.stdout.isatty():
            tasks.append(asyncio.ensure_future(progress(streams)))
        try:
            state = await talk.read_state()
        finally:
            for task in tasks:
                task.cancel()
        seconds = (self.stack.clock.now_ns() - began) / NS_PER_S
        if state != wire.TEST_END:
            raise ProtocolViolation(f"state {state} while the test runs")
        found = results(streams, seconds)
        for stream in streams:
            stream.endpoint.close()
        await talk.write_state(wire.EXCHANGE_RESULTS)
        await talk.read_json()
        await talk.write_json(found)
        await talk.write_state(wire.DISPLAY_RESULTS)
        report(streams, seconds)
        await talk.read_state()


_TASKS: Final[set[asyncio.Task[None]]] = set()


async def serve(stack: Stack, port: int) -> None:
    """Start an iperf3 server on all addresses, as a task of the running loop."""
    task = asyncio.get_running_loop().create_task(IperfServer(stack, port).run())
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)
