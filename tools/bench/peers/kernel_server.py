"""The host's side of a flow that goes through a gateway: `python -m tools.bench.peers.kernel_server ROLE HOST`, plain sockets.
Prints "ready" and serves until it is killed; `count` prints datagrams a second when no more come."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from collections.abc import Callable
from typing import Final

from tools.bench.netstack_peer import BLOCK, DATAGRAM, PORT, echo_server

SILENCE_S: Final = 0.5
BURST: Final = 32


def _connections(host: str, serve: Callable[[socket.socket], None]) -> None:
    listener = socket.create_server((host, PORT), backlog=64)
    print("ready", flush=True)
    while True:
        sock, _ = listener.accept()
        with sock, contextlib.suppress(ConnectionError):
            serve(sock)


def _read_all(sock: socket.socket) -> None:
    buffer = bytearray(BLOCK)
    while sock.recv_into(buffer):
        pass


def _write_on(sock: socket.socket) -> None:
    block = bytes(BLOCK)
    while True:
        sock.send(block)


def _datagram_socket(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((host, PORT))
    print("ready", flush=True)
    return sock


def count(host: str) -> None:
    """Those that arrive, from the first to the last."""
    sock = _datagram_socket(host)
    buffer = bytearray(2048)
    sock.recv_into(buffer)
    sock.settimeout(SILENCE_S)
    began = last = time.perf_counter()
    number = 0
    with contextlib.suppress(TimeoutError):
        while True:
            sock.recv_into(buffer)
            last = time.perf_counter()
            number += 1
    print(number / (last - began) if number else 0.0, flush=True)


def flood(host: str) -> None:
    """As many as go, to whom has sent one."""
    sock = _datagram_socket(host)
    _, address = sock.recvfrom(2048)
    sock.connect(address)
    while True:
        with contextlib.suppress(ConnectionError):
            for _ in range(BURST):
                sock.send(DATAGRAM)


ROLES: Final[dict[str, Callable[[str], None]]] = {
    "sink": lambda host: _connections(host, _read_all),
    "source": lambda host: _connections(host, _write_on),
    "echo": echo_server,
    "count": count,
    "flood": flood,
}


if __name__ == "__main__":
    ROLES[sys.argv[1]](sys.argv[2])
