"""What a guest sends to 127.0.0.11 port 53, and only that, reaches the host; no socket of the guest's stands before it."""

from __future__ import annotations

import socket
from typing import Iterator

import pytest

from sandbox.gateway import embedded_resolver, host_socket, networks
from tcpip.addr import AF_INET, SockAddr, parse
from tcpip.errors import NetworkError
from tcpip.sockopt import SOCK_DGRAM, SOCK_STREAM
from tcpip.transport.endpoint import AGAIN
from tests.unit.sandbox.gateway.harness import Bench, HostServer

pytestmark = pytest.mark.interpreted  # functions of compiled modules cannot be replaced
WHERE = "127.0.0.11"


class Host:
    """In place of Docker's sockets: ports of the test's own on the host's loopback."""

    def __init__(self) -> None:
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.settimeout(10)
        self.tcp = HostServer(lambda sock: sock.sendall(sock.recv(100).upper()))
        self.asked: list[tuple[bytes, int]] = []

    def targets(self, address: bytes, port: int) -> list[tuple[int, str, int]]:
        """Instead of host_socket's."""
        self.asked.append((address, port))
        stream = len(self.asked) > 1
        return [(socket.AF_INET, "127.0.0.1", self.tcp.port if stream else self.udp.getsockname()[1])]

    def close(self) -> None:
        """Everything."""
        self.udp.close()
        self.tcp.close()


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    host = Host()
    monkeypatch.setattr(host_socket, "targets", host.targets)
    yield host
    host.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench("none")
    stack = networks.new_stack(bench.kernel)  # type: ignore[arg-type]
    lo = bench.stack.lo
    assert lo is not None
    kernel, network = bench.kernel, bench.network
    resolver = embedded_resolver.EmbeddedResolver(stack, lo, kernel.reactor, network.counters, kernel.log.warning)
    networks.drive(kernel.reactor, stack)
    network.on_close(resolver.close)
    yield bench
    bench.close()


def test_questions_by_udp_and_tcp(bench: Bench, host: Host) -> None:
    own = bench.stack.new_endpoint(AF_INET, SOCK_DGRAM, 0)
    own.bind(SockAddr(bytes(4), 53))  # a name server inside
    asker = bench.udp(WHERE, 53)
    asker.send(b"who")
    bench.run_until(lambda: bool(host.asked))
    data, peer = host.udp.recvfrom(100)
    host.udp.sendto(data + b" knows", peer)
    assert bench.receive(asker) == b"who knows"
    assert own.recv_into(memoryview(bytearray(10))) == AGAIN
    stream = bench.connect(WHERE, 53)
    bench.send_all(stream, b"long")
    assert bench.receive_all(stream) == b"LONG"
    assert host.asked == [(embedded_resolver.ADDRESS, 53)] * 2


def test_nothing_else_leaves(bench: Bench, host: Host) -> None:
    for address, port in ((WHERE, 54), ("127.0.0.1", 53), ("127.0.0.12", 53)):
        with pytest.raises(NetworkError):
            bench.connect(address, port)
    listener = bench.stack.new_endpoint(AF_INET, SOCK_STREAM, 0)
    listener.bind(SockAddr(parse(WHERE), 54))
    listener.listen(1)
    bench.connect(WHERE, 54)
    assert host.asked == []


def test_nobody_is_there(bench: Bench, host: Host) -> None:
    host.udp.close()
    host.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    host.udp.bind(("127.0.0.1", 0))
    port = host.udp.getsockname()[1]
    host.udp.close()
    host.targets = lambda address, where: [(socket.AF_INET, "127.0.0.1", port)]  # type: ignore[method-assign]
    host_socket.targets = host.targets  # the fixture puts it back
    asker = bench.udp(WHERE, 53)
    asker.send(b"who")
    with pytest.raises(NetworkError, match="refused"):
        bench.receive(asker)
