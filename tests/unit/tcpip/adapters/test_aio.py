"""The asyncio adapter between two stacks on a pipe: streams, half-close, flow control, errors, servers, datagrams, TLS-free."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from tcpip.adapters import aio
from tcpip.adapters.aio_transport import EndpointTransport
from tcpip.addr import parse
from tcpip.clock import MonotonicClock
from tcpip.link.pipe import pipe
from tcpip.stack.stack import Stack

A, B = "10.0.0.1", "10.0.0.2"
Body = Callable[[Stack, Stack], Awaitable[None]]


def with_stacks(body: Body) -> None:
    """Run `body` with two connected stacks on a fresh loop."""

    async def main() -> None:
        clock = MonotonicClock()
        left, right = pipe()
        one, two = Stack(clock, Random(1)), Stack(clock, Random(2))
        one.add_nic(left).add_address(parse(A), 24)
        two.add_nic(right).add_address(parse(B), 24)
        async with aio.Runner(one), aio.Runner(two):
            await asyncio.wait_for(body(one, two), 30)

    asyncio.run(main())


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


def test_streams_with_half_close() -> None:
    async def body(one: Stack, two: Stack) -> None:
        server = await aio.start_server(two, echo, B, 7)
        reader, writer = await aio.open_connection(one, B, 7)
        assert writer.get_extra_info("peername") == (B, 7)
        assert writer.get_extra_info("sockname")[0] == A
        data = bytes(range(256)) * 8000
        writer.write(data)
        writer.write_eof()
        assert await reader.read() == data
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    with_stacks(body)


def test_dual_stack_listener_and_many_connections() -> None:
    async def body(one: Stack, two: Stack) -> None:
        await aio.start_server(two, echo, "::", 7)

        async def client(number: int) -> bytes:
            reader, writer = await aio.open_connection(one, B, 7)
            writer.write(b"%d" % number)
            writer.write_eof()
            answer = await reader.read()
            writer.close()
            return answer

        answers = await asyncio.gather(*[client(n) for n in range(50)])
        assert answers == [b"%d" % n for n in range(50)]

    with_stacks(body)


def test_refusal_and_unreachable_are_os_errors() -> None:
    async def body(one: Stack, two: Stack) -> None:
        with pytest.raises(ConnectionRefusedError):
            await aio.open_connection(one, B, 81)
        with pytest.raises(OSError, match="unreachable"):
            await aio.open_connection(one, "192.0.2.1", 81)
        with pytest.raises(socket.gaierror, match="not an IPv4"):
            await aio.open_connection(one, "example.org", 80)
        await aio.start_server(two, echo, B, 7)
        with pytest.raises(OSError, match="in use"):
            await aio.start_server(two, echo, B, 7)

    with_stacks(body)


def test_writer_is_paused_while_the_peer_does_not_read() -> None:
    async def body(one: Stack, two: Stack) -> None:
        gate = asyncio.Event()
        total = 0

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal total
            await gate.wait()
            while data := await reader.read(1 << 20):
                total += len(data)
            writer.close()

        await aio.start_server(two, slow, B, 9)
        reader, writer = await aio.open_connection(one, B, 9)
        sent = 0
        while True:
            writer.write(bytes(1 << 20))
            sent += 1 << 20
            for _ in range(200):
                await asyncio.sleep(0)
            if writer.transport.get_write_buffer_size():
                break
            assert sent < 100 << 20
        gate.set()
        await writer.drain()
        writer.write_eof()
        assert await reader.read() == b""
        assert total == sent
        writer.close()

    with_stacks(body)


def test_abort_without_lingering_resets_the_peer() -> None:
    async def body(one: Stack, two: Stack) -> None:
        outcome: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        class Watcher(asyncio.Protocol):
            def data_received(self, data: bytes) -> None:
                arrived.set_result(None)

            def connection_lost(self, exc: Exception | None) -> None:
                outcome.set_result(exc)

        await aio.create_server(two, Watcher, B, 7)
        _, writer = await aio.open_connection(one, B, 7)
        writer.write(b"x")
        await arrived
        transport = writer.transport
        assert isinstance(transport, EndpointTransport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        assert isinstance(await outcome, ConnectionResetError)

    with_stacks(body)


def test_reading_can_be_paused() -> None:
    async def body(one: Stack, two: Stack) -> None:
        got = bytearray()
        made: asyncio.Future[asyncio.Transport] = asyncio.get_running_loop().create_future()

        class Sink(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                assert isinstance(transport, asyncio.Transport)
                transport.pause_reading()
                made.set_result(transport)

            def data_received(self, data: bytes) -> None:
                got.extend(data)

        await aio.create_server(two, Sink, B, 7)
        _, writer = await aio.open_connection(one, B, 7)
        writer.write(b"hello")
        transport = await made
        for _ in range(20):
            await asyncio.sleep(0)
        assert not transport.is_reading() and not got
        transport.resume_reading()
        while not got:
            await asyncio.sleep(0)
        assert bytes(got) == b"hello"
        writer.close()

    with_stacks(body)


def test_datagrams() -> None:
    async def body(one: Stack, two: Stack) -> None:
        received: asyncio.Queue[tuple[bytes, object]] = asyncio.Queue()
        failures: asyncio.Queue[Exception] = asyncio.Queue()

        class Echo(asyncio.DatagramProtocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport

            def datagram_received(self, data: bytes, addr: object) -> None:
                self.transport.sendto(data.upper(), addr)  # type: ignore[attr-defined]

        class Client(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: object) -> None:
                received.put_nowait((data, addr))

            def error_received(self, exc: Exception) -> None:
                failures.put_nowait(exc)

        await aio.create_datagram_endpoint(two, Echo, (B, 7))
        transport, _ = await aio.create_datagram_endpoint(one, Client, remote_addr=(B, 7))
        transport.sendto(b"abc")
        assert await received.get() == (b"ABC", (B, 7))
        closed, _ = await aio.create_datagram_endpoint(one, Client, remote_addr=(B, 8))
        closed.sendto(b"abc")
        assert isinstance(await failures.get(), ConnectionRefusedError)
        transport.close()
        transport.close()

    with_stacks(body)
