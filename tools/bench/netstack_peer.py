"""The host's kernel as peer of a stack that is measured: plain sockets. `python -m tools.bench.netstack_peer ROLE HOST`
prints one number."""

from __future__ import annotations

import selectors
import socket
import sys
import time
from collections.abc import Callable
from typing import Final

PORT: Final = 7
SECONDS: Final = 2.0
BLOCK: Final = 1 << 20
ECHOED: Final = 1024
AT_ONCE: Final = 32
PINGS: Final = 4000
DATAGRAM: Final = bytes(64)


def connect(host: str) -> socket.socket:
    return socket.create_connection((host, PORT), 20)


def receive(host: str) -> float:
    """Gbit/s that come in."""
    buffer = bytearray(BLOCK)
    with connect(host) as sock:
        total = sock.recv_into(buffer)
        began = now = time.perf_counter()
        while now - began < SECONDS:
            total += sock.recv_into(buffer)
            now = time.perf_counter()
        return total * 8 / (now - began) / 1e9


def send(host: str) -> float:
    """Gbit/s that the other side has taken: it says when it has seen the end."""
    block = bytes(BLOCK)
    with connect(host) as sock:
        total = 0
        began = time.perf_counter()
        while time.perf_counter() - began < SECONDS:
            total += sock.send(block)
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1) == b""
        return total * 8 / (time.perf_counter() - began) / 1e9


def ping_pong(host: str) -> float:
    """Half a round trip of one byte, µs."""
    with connect(host) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began = 0.0
        for count in range(PINGS + 200):
            if count == 200:
                began = time.perf_counter()
            sock.sendall(b"x")
            assert sock.recv(1)
        return (time.perf_counter() - began) / PINGS / 2 * 1e6


def connections(host: str) -> float:
    """Connections a second: connect, 1 KB there and back, close; some at once."""
    selector = selectors.DefaultSelector()
    data = bytes(ECHOED)
    done = 0

    def begin() -> None:
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex((host, PORT))
        selector.register(sock, selectors.EVENT_WRITE, 0)

    for _ in range(AT_ONCE):
        begin()
    began = time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        for key, mask in selector.select():
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            if mask & selectors.EVENT_WRITE:
                sock.send(data)
                selector.modify(sock, selectors.EVENT_READ, 0)
                continue
            got = key.data + len(sock.recv(ECHOED))
            if got < ECHOED:
                selector.modify(sock, selectors.EVENT_READ, got)
                continue
            selector.unregister(sock)
            sock.close()
            done += 1
            begin()
    return done / (time.perf_counter() - began)


def datagrams_in(host: str) -> float:
    """Datagrams a second that arrive here, once the other side has been told where to send."""
    buffer = bytearray(2048)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.connect((host, PORT))
        sock.settimeout(20)
        sock.send(DATAGRAM)
        sock.recv_into(buffer)
        count, began = 0, time.perf_counter()
        while (now := time.perf_counter()) - began < SECONDS:
            sock.recv_into(buffer)
            count += 1
        return count / (now - began)


def datagrams_out(host: str) -> float:
    """Sends them for a while; the other side counts."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((host, PORT))
        count, began = 0, time.perf_counter()
        while (now := time.perf_counter()) - began < SECONDS:
            for _ in range(32):
                sock.send(DATAGRAM)
            count += 32
        return count / (now - began)


def echo_server(host: str) -> None:
    """The kernel's own side of `ping_pong` and `connections`, for the native column."""
    selector = selectors.DefaultSelector()
    listener = socket.create_server((host, PORT), backlog=1024)
    selector.register(listener, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                sock, _ = listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(sock, selectors.EVENT_READ)
                continue
            sock = key.fileobj  # type: ignore[assignment]
            try:
                data = sock.recv(65536)
            except ConnectionResetError:
                data = b""
            if data:
                sock.send(data)
            else:
                selector.unregister(sock)
                sock.close()


ROLES: Final[dict[str, Callable[[str], float]]] = {
    "receive": receive,
    "send": send,
    "ping_pong": ping_pong,
    "connections": connections,
    "datagrams_in": datagrams_in,
    "datagrams_out": datagrams_out,
}


if __name__ == "__main__":
    if sys.argv[1] == "echo_server":
        echo_server(sys.argv[2])
    print(ROLES[sys.argv[1]](sys.argv[2]), flush=True)
