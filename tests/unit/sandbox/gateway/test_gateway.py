"""The gateway between the guest's stack and host sockets on the loopback: TCP, UDP, refusals, raw packets, ports."""

from __future__ import annotations

import errno
import select
import socket
import struct
from typing import Iterator

import pytest

from sandbox.gateway import address_plan as plan
from sandbox.gateway import networks
from sandbox.gateway.late_gateway import announces
from tcpip.addr import SockAddr, parse
from tcpip.buffer import TxPacket
from tcpip.errors import NetworkError
from tcpip.sockopt import SHUT_WR, SO_LINGER, SOL_SOCKET
from tests.unit.sandbox.gateway.harness import Bench, HostServer

pytestmark = pytest.mark.interpreted  # a kernel that stands in for the compiled one

HOST = "10.0.2.2"


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench = Bench(*getattr(request, "param", ()))
    yield bench
    bench.close()


def allow(*rules: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("bench", [("user", rules)], indirect=True)


def echo(sock: socket.socket) -> None:
    while data := sock.recv(65536):
        sock.sendall(data)


def test_the_embedded_http_service(bench: Bench) -> None:
    for address in ("10.0.2.1", "fd53:7461:636b::1"):
        connection = bench.connect(address, 80)
        bench.send_all(
            connection, b"GET / HTTP/1.1\r\nHost: x\r\n\r\nPOST /echo HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc"
        )
        answer = bench.receive_all(connection)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"\r\n\r\nabc")
        connection.close()


def test_http_bytes_and_errors(bench: Bench) -> None:
    connection = bench.connect("10.0.2.1", 80)
    bench.send_all(connection, b"GET /bytes/1000000 HTTP/1.0\r\n\r\n")
    head, _, body = bench.receive_all(connection).partition(b"\r\n\r\n")
    assert len(body) == 1_000_000 and body[:256] == bytes(range(256))
    for request, status in (
        (b"GET /none HTTP/1.1\r\nConnection: close\r\n\r\n", b"404"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"x" * 20000, b"431"),
    ):
        connection = bench.connect("10.0.2.1", 80)
        bench.send_all(connection, request)
        assert bench.receive_all(connection).split(b" ")[1] == status


@allow("host.stackbox.internal")
def test_tcp_to_the_host_both_ways_and_half_close(bench: Bench) -> None:
    def serve(sock: socket.socket) -> None:
        data = b""
        while part := sock.recv(65536):
            data += part
        sock.sendall(data[::-1])

    server = HostServer(serve)
    data = bytes(range(256)) * 8192
    connection = bench.connect(HOST, server.port)
    bench.send_all(connection, data)
    connection.shutdown(SHUT_WR)
    assert bench.receive_all(connection) == data[::-1]
    connection.close()
    server.close()
    counters = bench.network.counters
    assert (counters.connections, counters.bytes_out, counters.bytes_in) == (1, len(data), len(data))


@allow("host.stackbox.internal")
def test_an_urgent_byte_stays_urgent_both_ways(bench: Bench) -> None:
    got: list[tuple[bytes, ...]] = []

    def serve(sock: socket.socket) -> None:
        sock.settimeout(10)
        poll = select.poll()
        poll.register(sock, select.POLLPRI)
        assert poll.poll(10_000)
        urgent = sock.recv(1, socket.MSG_OOB)
        text = b""
        while not text.endswith(b"!"):
            text += sock.recv(100)
        got.append((urgent, text))
        sock.sendall(b"before")
        sock.send(b"?", socket.MSG_OOB)
        sock.sendall(b"after")

    server = HostServer(serve)
    try:
        endpoint = bench.connect("10.0.2.2", server.port)
        bench.send_all(endpoint, b"abc")
        assert endpoint.send(b"#", 1) == 1
        bench.send_all(endpoint, b"def!")
        bench.run_until(lambda: bool(endpoint.readiness() & select.POLLPRI))
        assert got == [(b"#", b"abcdef!")]
        byte = memoryview(bytearray(1))
        assert endpoint.recv_into(byte, 1) == 1 and bytes(byte) == b"?"
        text = b""
        while not text.endswith(b"after"):
            text += bench.receive(endpoint)
        assert text == b"beforeafter"
        endpoint.close()
    finally:
        server.close()


@allow("host.stackbox.internal")
def test_a_reader_that_stops_stops_the_writer(bench: Bench) -> None:
    sent = 0

    def serve(sock: socket.socket) -> None:
        nonlocal sent
        sock.settimeout(0.5)
        try:
            while True:
                sent += sock.send(bytes(65536))
        except OSError:
            return

    server = HostServer(serve)
    connection = bench.connect(HOST, server.port)
    bench.run_until(lambda: not server._thread.is_alive() or sent > 0)
    server.listener.shutdown(socket.SHUT_RDWR)
    bench.run_until(lambda: not server._thread.is_alive())
    assert 0 < sent < 32 << 20
    assert len(bench.receive_all(connection)) == sent
    server.listener.close()


@allow("host.stackbox.internal")
def test_a_refused_port_is_refused_and_a_reset_is_a_reset(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(NetworkError) as caught:
        bench.connect(HOST, port)
    assert caught.value.error.name == "CONNECTION_REFUSED"

    def serve(sock: socket.socket) -> None:
        sock.recv(1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    server = HostServer(serve)
    connection = bench.connect(HOST, server.port)
    connection.send(b"x")
    with pytest.raises(NetworkError) as caught:
        bench.receive(connection)
    assert caught.value.error.name == "CONNECTION_RESET"
    server.close()


@allow("host.stackbox.internal")
def test_a_reset_of_the_guest_reaches_the_host(bench: Bench) -> None:
    outcome: list[int] = []

    def serve(sock: socket.socket) -> None:
        try:
            sock.recv(1)
            sock.recv(1)
            outcome.append(0)
        except OSError as error:
            outcome.append(error.errno or 0)

    server = HostServer(serve)
    connection = bench.connect(HOST, server.port)
    bench.send_all(connection, b"x")
    connection.set_option(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    bench.run_until(lambda: bool(outcome))
    assert outcome == [errno.ECONNRESET]
    server.close()


@allow("tcp:host.stackbox.internal")
def test_what_is_not_allowed_is_prohibited_at_the_gateway_too(bench: Bench) -> None:
    with pytest.raises(NetworkError) as caught:
        bench.connect("93.184.216.34", 80)
    assert caught.value.error.name in ("HOST_UNREACHABLE", "PERMISSION_DENIED")
    assert any("93.184.216.34:80" in line for line in bench.kernel.lines)
    flow = bench.udp("10.0.2.2", 9)
    flow.send(b"x")
    with pytest.raises(NetworkError):
        bench.receive(flow)
    assert bench.network.counters.denials == 2


@allow("host.stackbox.internal")
def test_udp_to_the_host_and_back(bench: Bench) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)
        flow = bench.udp(HOST, server.getsockname()[1])
        for size in (0, 1, 1472, 1473, 40000):
            flow.send(b"z" * size)
            bench.run_until(lambda: bool(select_read(server)))
            data, peer = server.recvfrom(65536)
            assert len(data) == size
            server.sendto(data + b"!", peer)
            assert bench.receive(flow) == data + b"!"
        port = server.getsockname()[1]
    flow.send(b"gone")
    with pytest.raises(NetworkError) as caught:
        bench.receive(flow)
    assert caught.value.error.name == "CONNECTION_REFUSED"
    assert port


@allow("host.stackbox.internal")
def test_a_udp_flow_that_begins_in_fragments(bench: Bench) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        flow = bench.udp(HOST, server.getsockname()[1])
        flow.send(b"z" * 40000)
        bench.run_until(lambda: bool(select_read(server)))
        assert len(server.recv(65536)) == 40000
    flow.send(b"gone")
    with pytest.raises(NetworkError):
        bench.receive(flow)


def select_read(sock: socket.socket) -> list[object]:
    import select

    return list(select.select([sock], [], [], 0)[0])


def test_ping_of_the_gateway(bench: Bench) -> None:
    for address, protocol, request, reply in (("10.0.2.1", 1, 8, 0), ("fd53:7461:636b::1", 58, 128, 129)):
        family = socket.AF_INET if protocol == 1 else socket.AF_INET6
        ping = bench.stack.new_endpoint(family, socket.SOCK_DGRAM, protocol)
        ping.connect(SockAddr(parse(address), 0))
        ping.send(bytes((request, 0, 0, 0, 0, 0, 0, 9)) + b"body")
        answer = bench.receive(ping)
        assert answer[0] == reply and answer[8:] == b"body"


@allow("*")
def test_raw_packets_reach_nothing_that_a_socket_could_not(bench: Bench) -> None:
    """Frames straight onto the cable: forged sources, the host's loopback, other protocols, rubbish."""
    nic = bench.network.find_nic("eth0")
    assert nic is not None
    before = len(nic.stack.nics)
    for dst, protocol in (("127.0.0.1", 6), ("0.0.0.0", 6), ("169.254.169.254", 6), ("8.8.8.8", 47), ("10.0.2.2", 6)):
        segment = struct.pack("!HHIIBBHHH", 1000, 80, 1, 0, 0x50, 2, 1000, 0, 0)
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, protocol, 0, plan.GUEST4, parse(dst))
        nic.link.write_packets([TxPacket(plan.GATEWAY_MAC + plan.GUEST_MAC + b"\x08\x00" + header + segment, [], 0)])
    assert bench.network.counters.denials == 5
    forged = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, parse("9.9.9.9"), parse("8.8.8.8")) + bytes(20)
    for frame in (forged, forged[:10], b"\x45" * 30, b"", b"\x60" + bytes(60), b"\x60" * 80):
        for kind in (b"\x08\x00", b"\x86\xdd", b"\x12\x34"):
            nic.link.write_packets([TxPacket(plan.GATEWAY_MAC + plan.GUEST_MAC + kind + frame, [], 0)])
    assert bench.network.counters.flows == bench.network.counters.connections == 0
    assert len(nic.stack.nics) == before


def test_published_ports() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    bench = Bench("user", (), (f"{port}:8080", f"{port}:5353/udp"))
    try:
        listener = bench.stack.new_endpoint(socket.AF_INET, socket.SOCK_STREAM, 0)
        listener.bind(SockAddr(bytes(4), 8080))
        listener.listen(5)
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(b"from the host")
        accepted = []

        def accept() -> bool:
            try:
                accepted.append(listener.accept())
            except NetworkError:
                return False
            return True

        bench.run_until(accept)
        assert bench.receive(accepted[0]) == b"from the host"
        assert accepted[0].getpeername().addr == plan.GATEWAY4
        bench.send_all(accepted[0], b"back")
        client.setblocking(False)
        bench.run_until(lambda: bool(select_read(client)))
        assert client.recv(10) == b"back"
        accepted[0].close()
        bench.run_until(lambda: bool(select_read(client)))
        assert client.recv(10) == b""
        client.close()
        guest = bench.stack.new_endpoint(socket.AF_INET, socket.SOCK_DGRAM, 0)
        guest.bind(SockAddr(bytes(4), 5353))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.sendto(b"datagram", ("127.0.0.1", port))
            assert bench.receive(guest) == b"datagram"
    finally:
        bench.close()


def test_an_address_in_use_is_an_error_at_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(networks.NetworkError, match="in use"):
        Bench("user", (), (f"{taken.getsockname()[1]}:80",))


@pytest.mark.parametrize("rule", ["x", "1:2:3:4", "0:1", "1:70000", "80", "1:2/sctp"])
def test_bad_publish_rules(rule: str) -> None:
    with pytest.raises(networks.NetworkError, match="--publish"):
        Bench("user", (), (rule,))


def test_bad_rules_and_kinds() -> None:
    with pytest.raises(networks.NetworkError, match="--allow"):
        Bench("user", ("a b",))
    with pytest.raises(networks.NetworkError, match="no outside"):
        Bench("internal", ("*",))
    with pytest.raises(networks.NetworkError, match="unknown network"):
        Bench("bridge")


@allow("host.stackbox.internal")
def test_the_host_by_its_ipv6_address(bench: Bench) -> None:
    server = HostServer(echo)  # listens on 127.0.0.1 only: the second target
    connection = bench.connect("fd53:7461:636b::2", server.port)
    bench.send_all(connection, b"six")
    assert bench.receive(connection) == b"six"
    connection.close()
    server.close()


def test_a_gateway_is_made_for_the_first_packet_that_is_for_it(bench: Bench) -> None:
    late = bench.network.gateway
    assert late is not None
    bench.run_until(lambda: bench.stack.nics[2].tx_packets > 1)  # it has announced itself
    assert late._gateway is None
    bench.connect("10.0.2.1", 80).close()
    assert late.gateway().stack is not bench.stack and late._gateway is not None


def test_what_an_interface_announces_is_for_nobody() -> None:
    ether = bytes(12)
    arp = struct.pack(">HHBBH6s", 1, 0x0800, 6, 4, 1, b"\2\0\0\0\0\1")
    own, other = bytes(plan.GUEST4), bytes(plan.GATEWAY4)
    assert announces(ether + b"\x08\x06" + arp + own + bytes(6) + own)
    assert not announces(ether + b"\x08\x06" + arp + own + bytes(6) + other)
    assert announces(ether + b"\x08\0" + bytes(16) + bytes((224, 0, 0, 22)))
    assert announces(ether + b"\x86\xdd" + bytes(24) + parse("ff02::16"))
    assert not announces(ether + b"\x86\xdd" + bytes(24) + parse("ff02::1:ff00:1")) and not announces(b"")
