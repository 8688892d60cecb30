"""Blocking sockets over a loopback-only stack on its private thread."""

import errno
import http.client
import threading
from collections.abc import Iterator
from random import Random

import pytest

from tcpip.adapters.sockets import SOCK_DGRAM, StackSocket, ThreadedStack
from tcpip.clock import MonotonicClock
from tcpip.stack.stack import Stack


@pytest.fixture
def host() -> Iterator[ThreadedStack]:
    with ThreadedStack(Stack(MonotonicClock(), Random(1))) as host:
        yield host


def serve(host: ThreadedStack, body: object) -> int:
    """One connection is accepted on a thread and given to `body`; the port."""
    listener = host.create_server(("127.0.0.1", 0))

    def run() -> None:
        with listener:
            connection, _ = listener.accept()
            with connection:
                body(connection)  # type: ignore[operator]

    threading.Thread(target=run, daemon=True).start()
    return int(listener.getsockname()[1])


def test_stream_both_ways(host: ThreadedStack) -> None:
    def upper(connection: StackSocket) -> None:
        data = b""
        while chunk := connection.recv(65536):
            data += chunk
        connection.sendall(data.upper())

    with host.create_connection(("127.0.0.1", serve(host, upper)), timeout=20) as sock:
        sock.sendall(b"abc" * 200_000)
        sock.shutdown(1)
        with sock.makefile("rb") as stream:
            assert stream.read() == b"ABC" * 200_000
        with pytest.raises(OSError):
            host.socket().getpeername()


def test_timeouts_and_non_blocking(host: ThreadedStack) -> None:
    gate = threading.Event()
    with host.create_connection(("127.0.0.1", serve(host, lambda _: gate.wait(20))), timeout=20) as sock:
        sock.settimeout(0.02)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(1)
        gate.set()
        sock.settimeout(20)
        assert sock.recv(1) == b""
    with pytest.raises(OSError):
        sock.recv(1)


def test_refusals(host: ThreadedStack) -> None:
    with pytest.raises(ConnectionRefusedError):
        host.create_connection(("127.0.0.1", 1), timeout=20)
    with host.socket() as sock:
        assert sock.connect_ex(("192.0.2.1", 1)) == errno.ENETUNREACH
        with pytest.raises(OSError, match="not an IPv4"):
            sock.connect(("example.org", 1))
        number = sock.fileno()
        assert number > 2 and sock.fileno() == number


def test_datagrams(host: ThreadedStack) -> None:
    with host.socket(2, SOCK_DGRAM) as one, host.socket(2, SOCK_DGRAM) as two:
        one.bind(("127.0.0.1", 0))
        assert two.sendto(b"hello", one.getsockname()) == 5
        one.settimeout(20)
        data, address = one.recvfrom(100)
        assert data == b"hello" and address == ("127.0.0.1", two.getsockname()[1])


def test_http_client_takes_it(host: ThreadedStack) -> None:
    def answer(connection: StackSocket) -> None:
        with connection.makefile("rb") as stream:
            while stream.readline() != b"\r\n":
                pass
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

    client = http.client.HTTPConnection("127.0.0.1", serve(host, answer))
    client.sock = host.create_connection(("127.0.0.1", client.port), timeout=20)  # type: ignore[assignment]
    client.request("GET", "/")
    assert client.getresponse().read() == b"hello"
    client.close()
