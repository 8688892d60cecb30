"""One end of a connection: `python -m tools.linux_peer.end kernel|stack serve|connect send|receive SECONDS BYTES MTU`.

`stack` is our stack on the tap `tap0`, else it is the namespace's own kernel. Who sends stops after so many seconds or bytes,
whichever comes first (0 seconds: only bytes), and says the bytes and the seconds until the other has confirmed them. Every byte follows from
its place; who receives compares them all.
"""

from __future__ import annotations

import random
import select
import socket
import sys
import time
from typing import Any, Final

from tcpip.addr import AF_INET, IPV4_ANY, SockAddr, parse
from tcpip.clock import NS_PER_S, MonotonicClock
from tcpip.errors import NetworkError
from tcpip.link.tap import TapLink
from tcpip.sockopt import SOCK_STREAM
from tcpip.stack.stack import Stack
from tcpip.transport.endpoint import AGAIN
from tcpip.transport.tcp.endpoint import TcpEndpoint
from tcpip.transport.tcp.state import CLOSED, TIME_WAIT

FAR: Final = "10.9.2.2"
ROUTER: Final = "10.9.2.1"
PORT: Final = 7777
PATIENCE_S: Final = 600.0
PATTERN: Final = random.Random(1).randbytes(1_000_003)
_TWICE: Final = memoryview(PATTERN + PATTERN)
PIECE: Final = 64 * 1024


def expected(place: int, size: int) -> memoryview:
    """`size` bytes from `place` on; at most a pattern's length."""
    start = place % len(PATTERN)
    return _TWICE[start : start + size]


def send(sock: Any, seconds: float, size: int) -> str:
    began = time.monotonic()
    place = 0
    while place < size and (not seconds or time.monotonic() - began < seconds):
        place += sock.send(bytes(expected(place, min(PIECE, size - place))))
    sock.shutdown(socket.SHUT_WR)
    answer = b""
    while len(answer) < 8 and (more := sock.recv(8)):
        answer += more
    got = int.from_bytes(answer, "big")
    if got != place:
        raise SystemExit(f"{place} bytes sent, {got} came")
    return f"{place} {time.monotonic() - began:.6f}"


def receive(sock: Any) -> str:
    buffer = bytearray(PIECE * 4)
    view = memoryview(buffer)
    place = 0
    while count := sock.recv_into(view):
        if view[:count] != expected(place, count):
            raise SystemExit(f"other bytes than were sent, between {place} and {place + count}")
        place += count
    sock.sendall(place.to_bytes(8, "big"))
    return f"{place} 0"


class OurSocket:
    """A connection of our stack as the `socket` module has it; who waits drives the stack meanwhile."""

    def __init__(self, stack: Stack, link: TapLink, endpoint: TcpEndpoint) -> None:
        self._stack, self._link, self._endpoint = stack, link, endpoint

    def turn(self) -> None:
        """What is due, then what comes next."""
        stack = self._stack
        stack.run_timers()
        stack.flush()
        deadline = stack.next_deadline()
        wait = None if deadline is None else max(0, deadline - stack.clock.now_ns()) / NS_PER_S
        if select.select([self._link], [], [], wait)[0]:
            self._link.receive()

    def accept(self) -> OurSocket:
        while True:
            try:
                endpoint = self._endpoint.accept()
                assert isinstance(endpoint, TcpEndpoint)
                return OurSocket(self._stack, self._link, endpoint)
            except NetworkError:
                self.turn()

    def setsockopt(self, level: int, name: int, value: bytes) -> None:
        self._endpoint.set_option(level, name, value)

    def send(self, data: bytes) -> int:
        while (count := self._endpoint.send(data)) == AGAIN:
            self.turn()
        return count

    def sendall(self, data: bytes) -> None:
        assert self.send(data) == len(data)  # a few bytes

    def recv_into(self, view: memoryview) -> int:
        while (count := self._endpoint.recv_into(view)) == AGAIN:
            self.turn()
        return count

    def recv(self, size: int) -> bytes:
        buffer = bytearray(size)
        return bytes(buffer[: self.recv_into(memoryview(buffer))])

    def shutdown(self, how: int) -> None:
        self._endpoint.shutdown(how)

    def finish(self) -> None:
        """Drive the connection until it is gone, or waits for the peer's last doubts only."""
        self._endpoint.close()
        while self._endpoint.state not in (CLOSED, TIME_WAIT):
            self.turn()


def our_server(mtu: int) -> OurSocket:
    """Our stack as the far end, with a listening socket."""
    stack = Stack(MonotonicClock())
    link = TapLink("tap0", mtu=mtu)
    link.host_up(ROUTER, "255.255.255.0")
    nic = stack.add_nic(link, "eth0")
    nic.add_address(parse(FAR), 24)
    stack.add_route(parse("0.0.0.0"), 0, parse(ROUTER), nic)
    endpoint = stack.new_endpoint(AF_INET, SOCK_STREAM)
    assert isinstance(endpoint, TcpEndpoint)
    endpoint.bind(SockAddr(IPV4_ANY, PORT))
    endpoint.listen(1)
    return OurSocket(stack, link, endpoint)


def serve(kind: str, mtu: int) -> Any:
    """The connection."""
    if kind == "stack":
        ours = our_server(mtu)
        print("ready", flush=True)
        return ours.accept()
    server = socket.create_server(("0.0.0.0", PORT))
    print("ready", flush=True)
    return server.accept()[0]


def main(kind: str, role: str, way: str, seconds: str, size: str, mtu: str) -> None:
    sock: Any = serve(kind, int(mtu)) if role == "serve" else socket.create_connection((FAR, PORT), PATIENCE_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")  # machines have others
    print(send(sock, float(seconds), int(size)) if way == "send" else receive(sock), flush=True)
    if kind == "stack":
        sock.finish()


main(*sys.argv[1:])
