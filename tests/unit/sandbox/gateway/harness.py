"""A network with a real reactor and real host sockets on the loopback, and no guest: its endpoints are used directly."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import Callable

from sandbox.boot.options import NetworkOptions
from sandbox.gateway import networks
from sandbox.kernel.log import KernelLog
from sandbox.kernel.settings import Settings
from sandbox.reactor import Reactor
from tcpip.addr import SockAddr, parse
from tcpip.clock import MonotonicClock
from tcpip.errors import NetworkError
from tcpip.transport.endpoint import AGAIN, Endpoint

LIMIT_S = 10.0


class FakeKernel:
    """What `networks.build` needs of a kernel."""

    def __init__(self) -> None:
        self.clock = MonotonicClock()
        self.reactor = Reactor(self.clock)
        self.lines: list[str] = []
        self.log = KernelLog(lambda level, line: self.lines.append(line))
        self.hostname = b"box"
        self.random = os.urandom
        self.net: object = None
        self.settings = Settings()


class Bench:
    """`run_until` turns the reactor until something holds."""

    def __init__(self, kind: str = "user", allow: tuple[str, ...] = (), publish: tuple[str, ...] = ()) -> None:
        self.kernel = FakeKernel()
        options = NetworkOptions(kind)
        options.allow, options.publish = allow, publish
        self.network = networks.build(self.kernel, options)  # type: ignore[arg-type]
        self.stack = self.network.stack
        self.reactor = self.kernel.reactor

    def run_until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < end, "it never happened"
            self.reactor.call_at(
                self.kernel.clock.now_ns() + 1_000_000, lambda: None
            )  # do not sleep past what happened
            self.reactor._turn()

    def close(self) -> None:
        self.network.close()
        self.reactor.close()

    # --- as a guest's program ---

    def udp(self, address: str, port: int) -> Endpoint:
        endpoint = self.stack.new_endpoint(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM, 0)
        endpoint.connect(SockAddr(parse(address), port))
        return endpoint

    def receive(self, endpoint: Endpoint, size: int = 65536) -> bytes:
        got: list[bytes] = []
        buffer = memoryview(bytearray(size))

        def attempt() -> bool:
            count = endpoint.recv_into(buffer)
            if count != AGAIN:
                got.append(bytes(buffer[:count]))
            return bool(got)

        self.run_until(attempt)
        return got[0]

    def receive_all(self, endpoint: Endpoint) -> bytes:
        """Until the end of the stream."""
        parts = []
        while data := self.receive(endpoint):
            parts.append(data)
        return b"".join(parts)

    def connect(self, address: str, port: int) -> Endpoint:
        """A TCP connection; NetworkError as the guest would see it."""
        endpoint = self.stack.new_endpoint(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 0)
        outcome: list[NetworkError | None] = []

        def attempt() -> bool:
            try:
                endpoint.connect(SockAddr(parse(address), port))
            except NetworkError as error:
                if error.error.name in ("CONNECT_STARTED", "ALREADY_IN_PROGRESS"):
                    return False
                outcome.append(None if error.error.name == "ALREADY_CONNECTED" else error)
                return True
            outcome.append(None)
            return True

        self.run_until(attempt)
        if outcome[0] is not None:
            raise outcome[0]
        return endpoint

    def send_all(self, endpoint: Endpoint, data: bytes) -> None:
        left = memoryview(data)

        def attempt() -> bool:
            nonlocal left
            while left:
                taken = endpoint.send(left)
                if taken == AGAIN:
                    return False
                left = left[taken:]
            return True

        self.run_until(attempt)


class HostServer:
    """A TCP server on the host's loopback whose connections are handled by `serve(sock)` in a thread each."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self._serve = serve
        self._serving: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with sock:
                self._serving = sock
                self._serve(sock)
                self._serving = None

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        if self._serving is not None:
            self._serving.shutdown(socket.SHUT_RDWR)
        self._thread.join(LIMIT_S)
