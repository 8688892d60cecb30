"""The name service: embedded names, refusals, and forwarding to a name server on the host's loopback."""

from __future__ import annotations

import socket
import struct
import threading
from typing import Iterator

import pytest

from sandbox.gateway import address_plan as plan
from sandbox.gateway import dns_message as dns
from sandbox.gateway.dns_service import DnsService
from sandbox.gateway.egress_guard import EgressGuard
from sandbox.gateway.pins import NamePins
from sandbox.gateway.resolver import Resolver, read_nameservers
from tcpip.addr import parse, v4_mapped
from tcpip.clock import NS_PER_S, ManualClock
from tcpip.stack.stack import Stack
from tests.unit.sandbox.gateway.harness import Bench

pytestmark = pytest.mark.interpreted  # a kernel that stands in for the compiled one

GATEWAY = "10.0.2.1"


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench = Bench(*getattr(request, "param", ()))
    yield bench
    bench.close()


def ask(bench: Bench, name: str, qtype: int = dns.TYPE_A, server: str = GATEWAY) -> dns.Response:
    endpoint = bench.udp(server, 53)
    endpoint.send(dns.make_query(77, name, qtype))
    return dns.parse_response(bench.receive(endpoint), 77, name, qtype)


def addresses(response: dns.Response) -> list[bytes]:
    return [record.data for record in response.records if record.type != dns.TYPE_CNAME]


def test_embedded_names_are_answered(bench: Bench) -> None:
    assert addresses(ask(bench, "stackbox.internal")) == [parse("10.0.2.1")]
    assert addresses(ask(bench, "host.stackbox.internal", dns.TYPE_AAAA)) == [parse("fd53:7461:636b::2")]
    assert addresses(ask(bench, "box", server="fd53:7461:636b::1")) == [parse("10.0.2.15")]
    assert ask(bench, "other.stackbox.internal").rcode == dns.NXDOMAIN


def test_a_name_that_no_rule_allows_does_not_exist(bench: Bench) -> None:
    assert ask(bench, "example.org").rcode == dns.NXDOMAIN
    assert any("example.org" in line and "--allow example.org" in line for line in bench.kernel.lines)
    assert bench.network.counters.denials == 1


def test_addresses_are_looked_up_backwards_without_a_word(bench: Bench) -> None:
    endpoint = bench.udp(GATEWAY, 53)
    for name, found in ((dns.reverse_name(parse("10.0.2.1")), True), (dns.reverse_name(parse("8.8.8.8")), False)):
        endpoint.send(dns.make_query(7, name, dns.TYPE_PTR))
        answer = bench.receive(endpoint)
        assert (dns.write_name("stackbox.internal") in answer) is found
        assert dns.parse_response(answer, 7, name, dns.TYPE_PTR).rcode == (dns.NOERROR if found else dns.NXDOMAIN)
    assert dns.reverse_name(parse("fd53::1")).startswith("1.0.0.0.") and not bench.kernel.lines


@pytest.mark.parametrize("bench", [("internal",)], indirect=True)
def test_an_internal_network_has_no_host(bench: Bench) -> None:
    assert ask(bench, "host.stackbox.internal").rcode == dns.NXDOMAIN
    assert ask(bench, "example.org").rcode == dns.NXDOMAIN
    assert addresses(ask(bench, "stackbox.internal")) == [parse("10.0.2.1")]


def _same_port() -> tuple[socket.socket, socket.socket]:
    """A datagram and a listening socket on one port of the loopback; what is free for one may be taken for the other."""
    for _ in range(100):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        try:
            return udp, socket.create_server(("127.0.0.1", udp.getsockname()[1]))
        except OSError:
            udp.close()
    raise OSError("no port is free for both")


class NameServer:
    """Answers A queries with `records`; over UDP only with TC set when `truncate`."""

    def __init__(self, records: list[dns.Record], truncate: bool = False, rcode: int = 0) -> None:
        self.asked: list[str] = []
        self.records, self.truncate, self.rcode = records, truncate, rcode
        self.udp, self.tcp = _same_port()
        self.port: int = self.udp.getsockname()[1]
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self._run_udp, self._run_tcp)]
        for thread in self.threads:
            thread.start()

    def _answer(self, query: bytes) -> bytes:
        question = dns.parse_query(query)
        self.asked.append(question.name)
        return dns.make_answer(question, self.rcode, self.records, 65535)

    def _run_udp(self) -> None:
        while True:
            query, peer = self.udp.recvfrom(4096)
            if not query:
                return
            answer = self._answer(query)
            if self.truncate:
                answer = answer[:2] + (int.from_bytes(answer[2:4], "big") | dns.TC).to_bytes(2, "big") + answer[4:45]
            self.udp.sendto(b"\0\0" + answer[2:], peer)  # a forged one first: another number
            self.udp.sendto(answer, peer)

    def _run_tcp(self) -> None:
        while True:
            try:
                sock, _ = self.tcp.accept()
            except OSError:
                return
            with sock:
                query = sock.recv(4096)
                answer = self._answer(query[2:])
                wire = len(answer).to_bytes(2, "big") + answer
                sock.sendall(wire[:5])
                sock.sendall(wire[5:])

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", ("127.0.0.1", self.port))
        self.tcp.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(5)
        self.udp.close()
        self.tcp.close()


class Forwarding:
    """A service on a stack of its own, over a resolver that asks `server`."""

    def __init__(self, bench: Bench, server: NameServer) -> None:
        self.bench = bench
        guard = bench.network.guard
        assert guard is not None
        self.guard: EgressGuard = guard
        self.resolver = Resolver(bench.reactor, ("127.0.0.1",), bench.kernel.random, server.port)
        stack = Stack(bench.kernel.clock)
        lo = stack.nics[1]
        lo.add_address(plan.GATEWAY4, 32)
        lo.add_address(plan.GATEWAY6, 128)
        self.service = DnsService(stack, guard, bench.network.counters, {}, self.resolver, lambda: False)

    def ask(self, name: str, qtype: int = dns.TYPE_A) -> dns.Response:
        answers: list[bytes] = []
        self.service.query(dns.make_query(5, name, qtype), answers.append, "pid 7 (curl)", False)
        self.bench.run_until(lambda: bool(answers))
        return dns.parse_response(answers[0], 5, name, qtype)


@pytest.mark.parametrize("bench", [("user", ("*.example.org:443",))], indirect=True)
@pytest.mark.parametrize("truncate", [False, True])
def test_allowed_names_are_forwarded_and_pinned(bench: Bench, truncate: bool) -> None:
    server = NameServer(
        [
            dns.Record("www.example.org", dns.TYPE_CNAME, 60, b"", "cdn.example.net"),
            dns.Record("cdn.example.net", dns.TYPE_A, 60, parse("93.184.216.34")),
            dns.Record("cdn.example.net", dns.TYPE_A, 60, parse("127.0.0.1")),
            dns.Record("cdn.example.net", dns.TYPE_A, 60, parse("169.254.169.254")),
            dns.Record("cdn.example.net", dns.TYPE_A, 60, parse("10.0.2.2")),
            dns.Record("unrelated.org", dns.TYPE_A, 60, parse("8.8.8.8")),
        ],
        truncate,
    )
    forwarding = Forwarding(bench, server)
    try:
        assert addresses(forwarding.ask("www.example.org")) == [parse("93.184.216.34")]
        assert forwarding.guard.permits(6, parse("93.184.216.34"), 443)
        assert not forwarding.guard.permits(6, parse("93.184.216.34"), 80)
        assert not forwarding.guard.permits(6, parse("8.8.8.8"), 443)
        assert not forwarding.guard.permits(6, parse("10.0.2.2"), 443)
        assert forwarding.ask("www.example.org", dns.TYPE_AAAA).records == []
        assert forwarding.ask("cdn.example.net").rcode == dns.NXDOMAIN
        assert set(server.asked) == {"www.example.org"}
    finally:
        forwarding.resolver.close()
        server.close()


@pytest.mark.parametrize("bench", [("user", ("*",))], indirect=True)
def test_a_failing_server_becomes_servfail(bench: Bench) -> None:
    server = NameServer([], rcode=dns.SERVFAIL)
    forwarding = Forwarding(bench, server)
    try:
        assert forwarding.ask("example.org").rcode == dns.SERVFAIL
        assert len(server.asked) == 2
    finally:
        forwarding.resolver.close()
        server.close()


def test_servers_are_read_from_resolv_conf() -> None:
    text = "# x\nsearch a b\nnameserver 9.9.9.9\nnameserver fe80::1%eth0\nnameserver bad\nnameserver ::1\nnameserver\n"
    assert read_nameservers(text) == ("9.9.9.9", "::1")
    assert read_nameservers("") == ("127.0.0.1",)


def query(labels: tuple[bytes, ...], qtype: int = dns.TYPE_A, opt: bytes = b"") -> bytes:
    """A query whose labels may be anything."""
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return dns.HEADER.pack(9, dns.RD, 1, 0, 0, 1 if opt else 0) + name + struct.pack("!HH", qtype, 1) + opt


HOSTILE_NAMES = (
    (b"example.org",),
    (b"example", b"org\0"),
    (b"example\0", b"org"),
    (b"a\nlevel=info", b"example", b"org"),
    (b"\x1b[2J", b"example", b"org"),
    (b"exa\xc3\xa9mple", b"org"),
    (b"evil", b"example", b"org.attacker"),
    (b"www.example", b"org"),
    (b"*", b"example", b"org"),
    (b"notexample", b"org"),
    (b"example", b"org", b"attacker", b"net"),
    (),
)


@pytest.mark.parametrize("bench", [("user", ("example.org", "*.example.org"))], indirect=True)
@pytest.mark.parametrize("labels", HOSTILE_NAMES)
def test_names_that_only_look_allowed_are_not_asked_for(bench: Bench, labels: tuple[bytes, ...]) -> None:
    server = NameServer([dns.Record("example.org", dns.TYPE_A, 60, parse("9.9.9.9"))])
    forwarding = Forwarding(bench, server)
    try:
        answers: list[bytes] = []
        for qtype in (dns.TYPE_A, 16, 65):
            forwarding.service.query(query(labels, qtype), answers.append, "pid 7 (curl)", False)
        assert [answer[3] & 15 for answer in answers] == [dns.NXDOMAIN] * 3  # at once
        assert not server.asked and all(line.isprintable() for line in bench.kernel.lines)
    finally:
        forwarding.resolver.close()
        server.close()


@pytest.mark.parametrize("bench", [("user", ("Example.ORG:443",))], indirect=True)
def test_case_does_not_matter_and_a_pin_expires(bench: Bench) -> None:
    address = parse("93.184.216.34")
    server = NameServer([dns.Record("example.org", dns.TYPE_A, 1 << 30, address)])
    forwarding = Forwarding(bench, server)
    clock = ManualClock(bench.kernel.clock.now_ns())
    forwarding.guard.pins = NamePins(clock)
    try:
        answers: list[bytes] = []
        forwarding.service.query(query((b"eXaMpLe", b"ORG")), answers.append, "pid 7 (curl)", False)
        bench.run_until(lambda: bool(answers))
        assert b"\x07eXaMpLe\x03ORG\0" in answers[0] and server.asked == ["example.org"]
        assert forwarding.guard.permits(6, address, 443) and not forwarding.guard.permits(6, address, 80)
        assert forwarding.guard.permits(6, v4_mapped(address), 443) is False  # the gateway never sees such a packet
        clock.advance(25 * 3600 * NS_PER_S)
        assert not forwarding.guard.permits(6, address, 443)  # whatever TTL the server gave
    finally:
        forwarding.resolver.close()
        server.close()


@pytest.mark.parametrize("bench", [("user", ("*",))], indirect=True)
def test_an_answer_leads_to_no_place_that_is_ours(bench: Bench) -> None:
    hosts = "::1 :: ::ffff:127.0.0.1 fe80::1 ff02::1 fd53:7461:636b::2".split()
    server = NameServer([dns.Record("example.org", dns.TYPE_AAAA, 60, parse(host)) for host in hosts])
    forwarding = Forwarding(bench, server)
    forwarding.service._ipv6 = lambda: True
    try:
        assert forwarding.ask("example.org", dns.TYPE_AAAA).records == []
        assert not any(forwarding.guard.permits(6, parse(host), 80) for host in hosts)
    finally:
        forwarding.resolver.close()
        server.close()


@pytest.mark.parametrize("bench", [("user", ("example.org",))], indirect=True)
def test_edns_sizes_and_rubbish_behind_the_question(bench: Bench) -> None:
    many = [dns.Record("example.org", dns.TYPE_A, 60, bytes((9, 9, 9, last))) for last in range(120)]
    server = NameServer(many)
    forwarding = Forwarding(bench, server)
    try:
        for size, limit in ((0, 512), (512, 512), (1232, 1232), (65535, 1232)):
            opt = b"\0" + struct.pack("!HHIH", dns.TYPE_OPT, size, 0xFFFFFFFF, 4) + b"\xff\xff\0\0"
            answers: list[bytes] = []
            forwarding.service.query(query((b"example", b"org"), opt=opt), answers.append, "", False)
            bench.run_until(lambda: bool(answers))  # noqa: B023
            assert 400 < len(answers[0]) <= limit and answers[0][2] & 2  # TC
        for message in (b"", bytes(11), query((b"x",))[:-1], query((b"example", b"org"))[:20], b"\xff" * 600):
            forwarding.service.query(message, answers.append, "", False)
        assert len(answers) == 1
    finally:
        forwarding.resolver.close()
        server.close()


@pytest.mark.parametrize("bench", [("user", ())], indirect=True)
def test_over_tcp_the_same_policy_and_bounds(bench: Bench) -> None:
    connection = bench.connect(GATEWAY, 53)
    wire = b"".join(
        len(m).to_bytes(2, "big") + m for m in (query((b"example", b"org")), query((b"stackbox", b"internal")))
    )
    for at in range(0, len(wire), 7):
        bench.send_all(connection, wire[at : at + 7])
    got = b""
    while got.count(b"\x08internal") < 1 or len(got) < 40:
        got += bench.receive(connection)
    size = int.from_bytes(got[:2], "big")
    assert got[5] & 15 == dns.NXDOMAIN and got[2 + size + 5] & 15 == dns.NOERROR
    assert sum("example.org" in line for line in bench.kernel.lines) == 1
    bench.send_all(connection, b"\xff\xff" + bytes(100))
    assert bench.receive_all(connection) == b""  # too long a message ends it
