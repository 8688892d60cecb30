"""The standard library's own clients and servers while its sockets are those of a stack."""

import asyncio
import http.client
import http.server
import io
import os
import select
import socket
import socketserver
import ssl
import subprocess
import threading
import urllib.request
import xmlrpc.client
import xmlrpc.server
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tcpip.adapters.aio import StackEventLoop
from tcpip.adapters.monkey import patched
from tcpip.adapters.sockets import StackSocket, ThreadedStack
from tcpip.clock import MonotonicClock
from tcpip.stack.stack import Stack

HOSTS = {"server.test": ["127.0.0.1"]}
SYSTEM = socket.socket


@pytest.fixture
def stack() -> Iterator[Stack]:
    stack = Stack(MonotonicClock(), Random(1))
    with ThreadedStack(stack) as host, patched(host, HOSTS):
        yield stack


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    words = "req -x509 -newkey rsa:2048 -nodes -keyout key -out certificate -days 2 -subj /CN=server.test".split()
    subprocess.run(
        ["openssl", *words, "-addext", "subjectAltName=DNS:server.test"], cwd=folder, check=True, capture_output=True
    )
    return folder


def background(server: socketserver.BaseServer) -> None:
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[::-1])

    def log_message(self, *words: Any) -> None:
        pass


def test_http_and_what_went_through_the_stack(stack: Stack) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        background(server)
        assert isinstance(server.socket, StackSocket)
        client = http.client.HTTPConnection("server.test", server.server_port, timeout=20)
        for text in (b"abc", b"x" * 100_000):
            client.request("POST", "/", text)
            assert client.getresponse().read() == text[::-1]
        url = f"http://server.test:{server.server_port}/"
        assert urllib.request.build_opener().open(url, b"once", 20).read() == b"ecno"
        assert stack.stats.tcp["PassiveOpens"] == 2
        client.close()
        server.shutdown()


def test_https(stack: Stack, certificate: Path) -> None:
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(certificate / "certificate", certificate / "key")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = ours.wrap_socket(server.socket, server_side=True)
        background(server)
        theirs = ssl.create_default_context(cafile=str(certificate / "certificate"))
        client = http.client.HTTPSConnection("server.test", server.server_port, timeout=20, context=theirs)
        client.request("POST", "/", b"x" * 300_000)
        assert client.getresponse().read() == b"x" * 300_000
        peer: Any = client.sock
        assert peer.getpeercert()["subject"] == ((("commonName", "server.test"),),)
        client.close()
        server.shutdown()


def test_tls_that_does_not_block(stack: Stack, certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "certificate", certificate / "key")
    anyone = ssl.create_default_context(cafile=str(certificate / "certificate"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        plain = socket.create_connection(listener.getsockname(), 20)
        accepted, _ = listener.accept()
    for sock in (plain, accepted):
        sock.setblocking(False)
    one = anyone.wrap_socket(plain, server_hostname="server.test", do_handshake_on_connect=False)
    two = context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
    waiting = [one, two]
    while waiting:
        for sock in tuple(waiting):
            try:
                sock.do_handshake()
                waiting.remove(sock)
            except ssl.SSLWantReadError:
                pass
        if waiting:
            select.select(waiting, [], [], 20)
    text, sent, got = bytes(range(256)) * 40_000, 0, bytearray()
    while len(got) < len(text):
        try:
            while sent < len(text):
                sent += one.send(text[sent : sent + 65536])
        except ssl.SSLWantWriteError:
            pass
        try:
            while part := two.recv(65536):
                got += part
        except ssl.SSLWantReadError:
            select.select([two], [], [], 0.01)
        if sent == len(text) and len(got) < len(text):  # the last records may still wait for room
            try:
                one._flush()  # type: ignore[attr-defined]
            except ssl.SSLWantWriteError:
                pass
    assert got == text and two.pending() == 0 and two.version() == "TLSv1.3"
    with pytest.raises(ValueError, match="flags"):
        two.recv(1, socket.MSG_PEEK)
    one.close()
    two.close()


def test_datagrams_and_calls(stack: Stack) -> None:
    class Upper(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request[1].sendto(self.request[0].upper(), self.client_address)

    with socketserver.UDPServer(("127.0.0.1", 0), Upper) as server, socket.socket(type=socket.SOCK_DGRAM) as client:
        background(server)
        client.settimeout(20)
        client.sendto(b"text", server.server_address)
        assert client.recv(10) == b"TEXT"
        server.shutdown()
    with xmlrpc.server.SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False) as calls:
        calls.register_function(lambda base, exponent: base**exponent, "pow")
        background(calls)
        with xmlrpc.client.ServerProxy(f"http://server.test:{calls.server_address[1]}") as proxy:
            assert proxy.pow(2, 20) == 1 << 20
        calls.shutdown()


def echo_once(loop_factory: Any) -> tuple[bytes, bool]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read())[::-1])
        writer.close()

    async def main() -> tuple[bytes, bool]:
        sock: Any = socket.create_server(("127.0.0.1", 0))
        sock.setblocking(False)
        server = await asyncio.start_server(serve, sock=sock)
        reader, writer = await asyncio.open_connection("server.test", sock.getsockname()[1])
        writer.write(b"abc" * 200_000)
        writer.write_eof()
        got = await reader.read()
        writer.close()
        server.close()
        return got, isinstance(sock, StackSocket)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(main())


def test_the_standard_loop(stack: Stack) -> None:
    assert echo_once(asyncio.SelectorEventLoop) == (b"cba" * 200_000, True)


def test_a_loop_of_ours() -> None:
    loop = StackEventLoop(Stack(MonotonicClock(), Random(1)), HOSTS)
    with patched(loop.host, HOSTS):
        assert echo_once(lambda: loop) == (b"cba" * 200_000, True)


def test_what_the_class_is(stack: Stack) -> None:
    with socket.socket() as sock:
        assert isinstance(sock, StackSocket) and isinstance(sock, socket.socket) and sock.family == socket.AF_INET
        assert not isinstance(3, socket.socket)
    assert socket.socket | int  # as annotations have it
    one, two = socket.socketpair()
    with one, two, socket.socket(socket.AF_UNIX) as other:
        assert {type(one), type(other)} == {SYSTEM} and isinstance(one, socket.socket)
        with socket.socket(fileno=os.dup(one.fileno())) as again:
            assert type(again) is SYSTEM

    class Derived(socket.socket):
        pass

    with Derived() as derived:
        assert type(derived) is Derived and isinstance(derived, StackSocket) and isinstance(derived, socket.socket)
        assert not isinstance(one, Derived)
    with pytest.raises(OSError, match="Derived has IPv4 and IPv6 sockets of a stack only"):
        Derived(socket.AF_UNIX)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname(), 20) as sock,
        listener.accept()[0] as accepted,
        sock.dup() as again,
    ):
        assert {type(sock), type(accepted), type(again)} == {socket.socket}


def test_names(stack: Stack) -> None:
    assert socket.gethostbyname("SERVER.test") == "127.0.0.1" == socket.gethostbyname("localhost")
    assert socket.gethostbyname_ex("server.test") == ("server.test", [], ["127.0.0.1"])
    assert socket.gethostbyaddr("127.0.0.1") == ("server.test", [], ["127.0.0.1"])
    assert socket.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICSERV) == ("server.test", "80")
    with pytest.raises(socket.herror):
        socket.gethostbyaddr("127.0.0.9")
    for ask in (socket.gethostbyname, lambda name: socket.create_connection((name, 1))):
        with pytest.raises(socket.gaierror):
            ask("nowhere.test")


def test_sendfile(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    with socket.create_server(("127.0.0.1", 0)) as listener, (tmp_path / "file").open("rb") as file:
        one = socket.create_connection(listener.getsockname(), 20)
        two, _ = listener.accept()
        assert os.sendfile(one.fileno(), file.fileno(), 2, 3) == 3
        assert os.sendfile(one.fileno(), file.fileno(), None, 4) == 4 and os.lseek(file.fileno(), 0, 1) == 4
        one.shutdown(socket.SHUT_WR)
        with two, two.makefile("rb") as stream:
            assert stream.read() == b"2340123"
        one.close()
    with (tmp_path / "file").open("rb") as source, (tmp_path / "copy").open("wb") as target:
        assert os.sendfile(target.fileno(), source.fileno(), 0, 10) == 10


def test_files_around_a_socket(stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname(), 20)
        two, _ = listener.accept()
        stream = io.BufferedReader(socket.SocketIO(two, "rb"))
        one.sendall(b"line\n")
        assert stream.readline() == b"line\n"
        stream.close()
        one.close()
        two.close()
        assert two.fileno() == -1


def test_afterwards_all_is_as_before() -> None:
    before = [socket.socket, socket.getaddrinfo, socket.gethostbyname, ssl.SSLContext.wrap_socket, os.sendfile]
    with ThreadedStack(Stack(MonotonicClock(), Random(1))) as host, pytest.raises(ZeroDivisionError), patched(host):
        assert socket.socket is not SYSTEM
        raise ZeroDivisionError
    assert before == [socket.socket, socket.getaddrinfo, socket.gethostbyname, ssl.SSLContext.wrap_socket, os.sendfile]
