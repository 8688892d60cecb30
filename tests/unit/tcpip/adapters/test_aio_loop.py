"""The event loop whose network is a stack: what of asyncio's contract CPython's own tests (tests/asyncio_suite) show at length."""

import asyncio
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tcpip.adapters.aio import StackEventLoop
from tcpip.adapters.sockets import ThreadedStack
from tcpip.adapters.stack_socket import StackSocket
from tcpip.adapters.tls import wrap_socket
from tcpip.addr import parse
from tcpip.clock import MonotonicClock
from tcpip.link.pipe import pipe
from tcpip.stack.stack import Stack

HOSTS = {"both": ["2001:db8::9", "127.0.0.1"], "here": ["127.0.0.1"]}
Body = Callable[[StackEventLoop], Awaitable[None]]


def run(body: Body) -> None:
    """On a loop over a stack with nothing but its loopback and a network without neighbours."""

    def loop_factory() -> StackEventLoop:
        stack = Stack(MonotonicClock())
        stack.add_nic(pipe()[0]).add_address(parse("2001:db8::1"), 64)
        return StackEventLoop(stack, HOSTS)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, StackEventLoop)
        await asyncio.wait_for(body(loop), 30)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data.upper())
        await writer.drain()
    writer.close()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> bytes:
    writer.write(data)
    await writer.drain()
    answer = await reader.readexactly(len(data))
    writer.close()
    await writer.wait_closed()
    return answer


def test_streams_by_name_and_what_they_tell_of_themselves() -> None:
    async def body(loop: StackEventLoop) -> None:
        async with await asyncio.start_server(echo, ["127.0.0.1", "::1"], 80) as server:
            assert {sock.getsockname()[:2] for sock in server.sockets} == {("127.0.0.1", 80), ("::1", 80)}
            reader, writer = await asyncio.open_connection("here", 80, local_addr=("127.0.0.5", 0))
            assert writer.get_extra_info("peername") == ("127.0.0.1", 80)
            assert writer.get_extra_info("sockname")[0] == "127.0.0.5"
            assert writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
            assert await ask(reader, writer, b"abc" * 200_000) == b"ABC" * 200_000
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("here", 80)
        with pytest.raises(socket.gaierror):
            await asyncio.open_connection("elsewhere", 80)

    run(body)


def test_happy_eyeballs_do_not_wait_for_an_address_that_is_silent() -> None:
    async def body(loop: StackEventLoop) -> None:
        async with await asyncio.start_server(echo, "127.0.0.1", 80):
            before = loop.time()
            _, writer = await asyncio.open_connection("both", 80, happy_eyeballs_delay=0.05)
            assert writer.get_extra_info("peername") == ("127.0.0.1", 80) and loop.time() - before < 2
            writer.close()

    run(body)


def test_names_both_ways() -> None:
    async def body(loop: StackEventLoop) -> None:
        found = await loop.getaddrinfo("localhost", "http", type=socket.SOCK_STREAM)
        assert [info[4][:2] for info in found] == [("::1", 80), ("127.0.0.1", 80)]
        assert [info[4][0] for info in await loop.getaddrinfo("BOTH.", 1, type=socket.SOCK_DGRAM)] == HOSTS["both"]
        assert await loop.getnameinfo(("2001:db8::9", 80, 0, 0)) == ("both", "http")
        assert await loop.getnameinfo(("192.0.2.1", 1), socket.NI_NUMERICSERV) == ("192.0.2.1", "1")
        with pytest.raises(socket.gaierror):
            await loop.getnameinfo(("192.0.2.1", 1), socket.NI_NAMEREQD)

    run(body)


def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of a server "here", and of who trusts it."""
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = Path(folder, "key"), Path(folder, "certificate")
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=here".split()
        name = ["-addext", "subjectAltName=DNS:here", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run([*command, *name], check=True, capture_output=True)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(certificate, key)
        return server, ssl.create_default_context(cafile=str(certificate))


def test_tls_from_the_start_and_later() -> None:
    ours, theirs = contexts()

    async def upgrades(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readline() == b"STARTTLS\n"
        writer.write(b"go\n")
        await writer.start_tls(ours)
        await echo(reader, writer)

    async def body(loop: StackEventLoop) -> None:
        async with (
            await asyncio.start_server(echo, "here", 443, ssl=ours),
            await asyncio.start_server(upgrades, "here", 25),
        ):
            reader, writer = await asyncio.open_connection("here", 443, ssl=theirs)
            assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
            assert await ask(reader, writer, b"abc" * 100_000) == b"ABC" * 100_000
            reader, writer = await asyncio.open_connection("here", 25)
            writer.write(b"STARTTLS\n")
            assert await reader.readline() == b"go\n"
            await writer.start_tls(theirs, server_hostname="here")
            assert await ask(reader, writer, b"abc") == b"ABC"
            with pytest.raises(ssl.SSLCertVerificationError):
                await asyncio.open_connection("here", 443, ssl=ssl.create_default_context())

    run(body)


def test_sockets_without_transports() -> None:
    async def body(loop: StackEventLoop) -> None:
        listener, client = loop.new_socket(), loop.new_socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        accepting = loop.create_task(loop.sock_accept(listener))  # type: ignore[arg-type]
        await loop.sock_connect(client, listener.getsockname())  # type: ignore[arg-type]
        server, peer = await accepting
        assert peer == client.getsockname()
        with tempfile.TemporaryFile() as file:
            file.write(b"x" * 3_000_000)
            file.seek(0)
            sending = loop.create_task(loop.sock_sendfile(client, file))  # type: ignore[arg-type]
            got = 0
            while got < 3_000_000:
                got += len(await loop.sock_recv(server, 1 << 20))
            assert await sending == got == 3_000_000
        waiting = loop.create_task(loop.sock_recv(client, 10))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await loop.sock_sendall(server, b"late")
        assert await waiting == b"late"
        for sock in (listener, client, server):
            sock.close()
            assert sock.fileno() == -1

    run(body)


def test_sendfile_through_a_transport() -> None:
    async def body(loop: StackEventLoop) -> None:
        async with await asyncio.start_server(echo, "here", 80):
            reader, writer = await asyncio.open_connection("here", 80)
            with tempfile.TemporaryFile() as file:
                file.write(b"abcdef" * 50_000)
                with pytest.raises(asyncio.SendfileNotAvailableError):
                    await loop.sendfile(writer.transport, file, fallback=False)
                assert await loop.sendfile(writer.transport, file, 3, 100_000) == 100_000
            assert (await reader.readexactly(100_000)).startswith(b"DEFABC")
            writer.close()

    run(body)


def test_datagrams_and_their_modifiers() -> None:
    async def body(loop: StackEventLoop) -> None:
        arrived: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()

        class Sink(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                arrived.put_nowait((data, addr))

        one, _ = await loop.create_datagram_endpoint(Sink, ("127.0.0.1", 0), reuse_port=True)
        two, _ = await loop.create_datagram_endpoint(Sink, one.get_extra_info("sockname"), reuse_port=True)
        sender, _ = await loop.create_datagram_endpoint(Sink, remote_addr=one.get_extra_info("sockname"))
        sender.sendto(b"hello")
        assert await arrived.get() == (b"hello", sender.get_extra_info("sockname"))
        with pytest.raises(OSError, match="in use"):
            await loop.create_datagram_endpoint(Sink, one.get_extra_info("sockname"))
        with pytest.raises(ValueError, match="can not be used"):
            await loop.create_datagram_endpoint(Sink, sock=loop.new_socket(kind=socket.SOCK_DGRAM), reuse_port=True)
        for transport in (one, two, sender):
            transport.close()

    run(body)


def test_descriptors_of_the_system_work_beside() -> None:
    async def body(loop: StackEventLoop) -> None:
        process = await asyncio.create_subprocess_exec("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        async with await asyncio.start_server(echo, "here", 80):
            reader, writer = await asyncio.open_connection("here", 80)
            said, answer = await asyncio.gather(process.communicate(b"piped"), ask(reader, writer, b"sent"))
        assert (said[0], answer) == (b"piped", b"SENT")

    run(body)


def test_loops_and_threads_share_a_stack() -> None:
    ours, theirs = contexts()
    with ThreadedStack(Stack(MonotonicClock())) as host:
        answers: list[bytes] = []

        def client(port: int) -> None:
            sock = host.create_connection(("127.0.0.1", port), timeout=20)
            with wrap_socket(sock, theirs, server_hostname="here") as tls, tls.makefile("rwb") as stream:
                stream.write(b"from a thread\n")
                stream.flush()
                answers.append(stream.readline())

        async def main() -> None:
            async with await asyncio.start_server(echo, "127.0.0.1", 0, ssl=ours) as server:
                thread = threading.Thread(target=client, args=(server.sockets[0].getsockname()[1],))
                thread.start()
                await asyncio.to_thread(thread.join, 20)

        with asyncio.Runner(loop_factory=lambda: StackEventLoop(host)) as runner:
            runner.run(main())
        assert answers == [b"FROM A THREAD\n"]


def test_a_socket_of_a_stack_that_this_thread_runs_never_blocks() -> None:
    async def body(loop: StackEventLoop) -> None:
        with loop.new_socket() as sock:
            assert isinstance(sock, StackSocket) and not sock.getblocking()
            with pytest.raises(ValueError, match="nothing may block"):
                sock.settimeout(1)

    run(body)


def test_serve_forever_ends_with_the_server() -> None:
    async def body(loop: StackEventLoop) -> None:
        server = await loop.create_server(asyncio.Protocol, "here", 80, start_serving=False)
        assert not server.is_serving()
        serving = loop.create_task(server.serve_forever())
        await asyncio.sleep(0)
        assert server.is_serving()
        with pytest.raises(RuntimeError, match="already being awaited"):
            await server.serve_forever()
        server.close()
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert server.sockets == () and not server.is_serving()
        with pytest.raises(RuntimeError, match="is closed"):
            await server.serve_forever()

    run(body)
