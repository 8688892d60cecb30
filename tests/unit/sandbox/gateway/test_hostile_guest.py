"""Whatever frames a guest writes: the gateway lives on, reaches no host that no rule covers, and keeps its bounds.

The rules are looked at once more here, with the standard library's ipaddress, independently of the gateway's parsers.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
from typing import Iterator

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from sandbox.gateway import address_plan as plan
from sandbox.gateway import dns_message as dns
from sandbox.gateway import host_socket, ping_egress, tcp_egress, udp_egress
from sandbox.gateway.counters import Counters
from sandbox.gateway.dns_service import DnsService
from sandbox.gateway.egress_guard import EgressGuard
from sandbox.gateway.pins import NamePins
from sandbox.gateway.policy import Policy
from tcpip.addr import parse, text
from tcpip.buffer import TxPacket
from tcpip.checksum import checksum, finish, partial_sum
from tcpip.clock import ManualClock
from tcpip.stack.stack import Stack
from tests.unit.sandbox.gateway.harness import Bench

pytestmark = pytest.mark.interpreted  # a module is patched

RULES = ("tcp:198.51.100.7:80", "udp:198.51.100.0/28:53-60", "icmp:198.51.100.9", "[2001:db8:1::/48]:443", "*:9999")
FOUR = (
    "10.0.2.1 10.0.2.2 10.0.2.15 10.0.2.77 10.0.2.255 10.0.2.0 198.51.100.7 198.51.100.9 198.51.100.200 192.0.2.1 127.0.0.1 "
    "127.255.0.3 0.0.0.0 0.1.2.3 169.254.169.254 224.0.0.1 239.1.2.3 240.0.0.1 255.255.255.255"
).split()
SIX = (
    "fd53:7461:636b::1 fd53:7461:636b::2 fd53:7461:636b::15 fd53:7461:636b::77 2001:db8:1::5 2001:db8:2::5 ::1 :: "
    "::ffff:127.0.0.1 ::ffff:198.51.100.7 ::127.0.0.1 fe80::1 ff02::1 ff0e::1 64:ff9b::7f00:1 fd00:ec2::254"
).split()
PORTS = (0, 53, 57, 80, 443, 9999, 65535)


class Recorder:
    """Host sockets that lead nowhere; `reached` is where they were to go."""

    def __init__(self) -> None:
        self.reached: set[tuple[str, str, int]] = set()
        self.outcome = 0
        self.open: set[FakeSocket] = set()

    def make(self, kind: str) -> FakeSocket:
        return FakeSocket(self, kind)


class FakeSocket:
    def __init__(self, recorder: Recorder, kind: str) -> None:
        self._recorder = recorder
        self._kind = kind
        self._end, self._other = socket.socketpair()
        self._end.setblocking(False)
        recorder.open.add(self)

    def connect_ex(self, where: tuple[str, int]) -> int:
        self._recorder.reached.add((self._kind, *where))
        return self._recorder.outcome

    def fileno(self) -> int:
        return self._end.fileno()

    def send(self, data: bytes) -> int:
        return len(data)

    def sendall(self, data: bytes) -> None:
        return

    def recv(self, size: int, flags: int = 0) -> bytes:
        raise BlockingIOError(errno.EAGAIN, "")

    def getsockopt(self, level: int, name: int) -> int:
        return 0

    def setsockopt(self, level: int, name: int, value: int) -> None:
        return

    def shutdown(self, how: int) -> None:
        return

    def close(self) -> None:
        self._end.close()
        self._other.close()
        self._recorder.open.discard(self)


def may_be_reached(rules: tuple[str, ...], kind: str, where: str, port: int) -> bool:
    """By RULES, read by hand."""
    address = ipaddress.ip_address(where)
    if not rules:
        return False
    if kind == "tcp" and (where, port) == ("198.51.100.7", 80):
        return True
    if kind == "udp" and address in ipaddress.ip_network("198.51.100.0/28") and 53 <= port <= 60:
        return True
    if kind == "icmp" and where == "198.51.100.9":
        return True
    if kind != "icmp" and address in ipaddress.ip_network("2001:db8:1::/48") and port == 443:
        return True
    mapped = address.version == 6 and address.ipv4_mapped is not None
    own = address in ipaddress.ip_network("10.0.2.0/24") or address in ipaddress.ip_network("fd53:7461:636b::/64")
    nowhere = address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local
    reserved = address.version == 4 and (address.packed[0] == 0 or address.packed[0] >= 240)
    return kind != "icmp" and port == 9999 and not (mapped or own or nowhere or reserved)


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, rules: tuple[str, ...]) -> None:
        self.rules = rules
        self.recorder = Recorder()
        for name, kind in (("open_stream", "tcp"), ("open_datagram", "udp"), ("open_ping", "icmp")):
            monkeypatch.setattr(host_socket, name, lambda family, kind=kind: self.recorder.make(kind))
        self.bench = Bench("user", rules)
        self.link = self.bench.network.stack.find_nic("eth0").link  # type: ignore[union-attr]

    def write(self, frames: list[bytes]) -> None:
        self.link.write_packets([TxPacket(frame, [], 0) for frame in frames])
        for _ in range(3):  # none of them sleeps
            self.bench.reactor.call_at(self.bench.kernel.clock.now_ns(), lambda: None)
            self.bench.reactor._turn()

    def check(self) -> None:
        wrong = [where for where in self.recorder.reached if not may_be_reached(self.rules, *where)]
        assert not wrong, wrong
        self.recorder.reached.clear()
        bound = tcp_egress.MAX_CONNECTIONS + tcp_egress.MAX_CONNECTING + udp_egress.MAX_FLOWS + ping_egress.MAX_FLOWS
        assert len(self.recorder.open) <= bound

    def still_serves(self) -> None:
        connection = self.bench.connect("10.0.2.1", 80)
        self.bench.send_all(connection, b"GET / HTTP/1.0\r\n\r\n")
        assert self.bench.receive_all(connection).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.fixture(params=[(), RULES])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(monkeypatch, request.param)
    yield made
    made.bench.close()


# --- frames ---

# Where a rule leads, so that what stands near it is tried too.
NEAR = [
    ("198.51.100.7", 80),
    ("198.51.100.3", 53),
    ("198.51.100.9", 0),
    ("2001:db8:1::5", 443),
    ("192.0.2.1", 9999),
    ("10.0.2.2", 9999),
]

word = st.integers(0, 65535)
rubbish = st.binary(max_size=80)


def lying(true: int) -> st.SearchStrategy[int]:
    """A length, mostly the true one."""
    return st.one_of(st.just(true), st.just(true), st.just(true), st.just(max(true - 1, 0)), st.just(true + 8), word)


@st.composite
def tcp_segment(draw: st.DrawFn, sum_of: int, port: st.SearchStrategy[int]) -> bytes:
    options = draw(
        st.sampled_from([b"", b"\2\4\5\xb4", b"\2\0\0\0", b"\3\xff\0\0", b"\1\1\1\5", b"\5\x0a" + bytes(10), b"\0" * 4])
    )
    options += bytes(-len(options) % 4)
    offset = draw(st.sampled_from([5 + len(options) // 4] * 4 + [0, 4, 15]))
    flags = draw(st.sampled_from([0x02] * 4 + [0x10, 0x12, 0x04, 0x03, 0x06, 0x29, 0, 0xFF]))
    head = draw(any_port).to_bytes(2, "big") + draw(port).to_bytes(2, "big") + draw(st.binary(min_size=8, max_size=8))
    segment = head + bytes((offset << 4, flags)) + draw(word).to_bytes(2, "big") + bytes(4) + options + draw(rubbish)
    return with_checksum(segment, 16, sum_of + 6)


@st.composite
def udp_datagram(draw: st.DrawFn, sum_of: int, port: st.SearchStrategy[int]) -> bytes:
    data = draw(st.one_of(rubbish, query()))
    length = draw(lying(len(data) + 8))
    head = draw(any_port).to_bytes(2, "big") + draw(port).to_bytes(2, "big") + length.to_bytes(2, "big") + bytes(2)
    return head + data if draw(st.booleans()) else with_checksum(head + data, 6, sum_of + 17)


@st.composite
def icmp_message(draw: st.DrawFn, sum_of: int, six: bool) -> bytes:
    kinds = (
        [128, 129, 1, 2, 3, 4, 133, 134, 135, 136, 137, 130, 131, 143] if six else [8, 0, 3, 4, 5, 11, 12, 13, 17, 9]
    )
    quoted = draw(st.one_of(rubbish, st.deferred(lambda: ip_packet(six))))
    target = parse(draw(st.sampled_from(SIX)))
    body = draw(st.binary(min_size=4, max_size=4)) + draw(
        st.sampled_from([quoted, target + b"\1\1" + bytes(6), target + b"\1\0"])
    )
    message = bytes((draw(st.sampled_from(kinds)), draw(st.integers(0, 16)), 0, 0)) + body
    return with_checksum(message, 2, sum_of + 58 if six else None)


def with_checksum(data: bytes, at: int, pseudo: int | None) -> bytes:
    value = checksum(data) if pseudo is None else finish(pseudo + len(data) + partial_sum(data))
    return data[:at] + value.to_bytes(2, "big") + data[at + 2 :]


any_port = st.one_of(st.sampled_from(PORTS), st.sampled_from(PORTS), word)


@st.composite
def ip_packet(draw: st.DrawFn, six: bool) -> bytes:
    names = SIX if six else FOUR
    guest = text(plan.GUEST6 if six else plan.GUEST4)
    near = [(host, number) for host, number in NEAR if (":" in host) == six]
    host, number = draw(st.sampled_from([*near * 3, *((name, -1) for name in names)]))
    src, dst = parse(draw(st.sampled_from([guest] * 12 + names))), parse(host)
    port = st.just(number) if number >= 0 and draw(st.booleans()) else any_port
    sum_of = partial_sum(src) + partial_sum(dst)
    kind = draw(st.sampled_from(["tcp", "udp", "udp", "udp", "icmp", "other"]))
    if kind == "tcp":
        protocol, body = 6, draw(tcp_segment(sum_of, port))
    elif kind == "udp":
        protocol, body = 17, draw(udp_datagram(sum_of, port))
    elif kind == "icmp":
        protocol, body = (58 if six else 1), draw(icmp_message(sum_of, six))
    else:
        protocol, body = draw(st.integers(0, 255)), draw(rubbish)
    body = body[: draw(st.sampled_from([len(body)] * 6 + [0, 3, 8, 19]))]
    return draw(ipv6_header(src, dst, protocol, body) if six else ipv4_header(src, dst, protocol, body))


@st.composite
def ipv4_header(draw: st.DrawFn, src: bytes, dst: bytes, protocol: int, body: bytes) -> bytes:
    options = draw(
        st.sampled_from(
            [b""] * 5 + [b"\x44\0\0\0", b"\x07\x03\x04\0", b"\x83\x07\x04" + bytes(5), b"\x94\1\1\1", b"\1" * 40]
        )
    )
    words = draw(st.sampled_from([5 + len(options) // 4] * 5 + [0, 4, 15]))
    fragment = draw(st.sampled_from([0, 0x4000] * 4 + [0x2000, 1, 0x2001, 0x1FFF, 0x3FFF]))
    fields = bytes((draw(st.sampled_from([4, 4, 4, 4, 6])) << 4 | words, 0)) + draw(
        lying(20 + len(options) + len(body))
    ).to_bytes(2, "big")
    fields += (
        draw(st.integers(0, 3)).to_bytes(2, "big")
        + fragment.to_bytes(2, "big")
        + bytes((draw(st.sampled_from([64, 1, 0])), protocol))
    )
    header = fields + bytes(2) + src + dst + options
    return header[:10] + checksum(header).to_bytes(2, "big") + header[12:] + body


@st.composite
def ipv6_header(draw: st.DrawFn, src: bytes, dst: bytes, protocol: int, body: bytes) -> bytes:
    for kind in draw(st.lists(st.sampled_from([0, 43, 44, 60, 51]), max_size=3)):
        if kind == 44:
            field = draw(st.sampled_from([0, 1, 8, 9, 0xFFF8, 0xFFF9]))
            body = bytes((protocol, 0)) + field.to_bytes(2, "big") + draw(st.integers(0, 3)).to_bytes(4, "big") + body
        else:
            inner = draw(
                st.sampled_from(
                    [b"\1\4\0\0\0\0", b"\xc2\4\0\1\0\0", b"\5\2\0\0\1\0", b"\1\xff\0\0\0\0", b"\0\1\0\0\0\0"]
                )
            )
            body = bytes((protocol, draw(st.sampled_from([0, 0, 0, 1, 255])))) + inner + body
        protocol = kind
    return (
        (6 << 28).to_bytes(4, "big")
        + draw(lying(len(body))).to_bytes(2, "big")
        + bytes((protocol, draw(st.sampled_from([64, 255, 1, 0]))))
        + src
        + dst
        + body
    )


@st.composite
def query(draw: st.DrawFn) -> bytes:
    """DNS, with names that loop, run off the end or are too long."""
    label = st.sampled_from(
        [
            b"\7example\3com\0",
            b"\x04host\x08stackbox\x08internal\0",
            b"\xc0\x0c",
            b"\xc0\xff",
            b"\xff",
            b"\x40a",
            b"\x3f" + b"a" * 63,
            b"\0",
            b"\1.\0",
            b"\xc0",
        ]
    )
    names = b"".join(draw(st.lists(label, min_size=1, max_size=6)))
    counts = b"".join(draw(st.sampled_from([1, 1, 0, 2, 65535])).to_bytes(2, "big") for _ in range(4))
    kind = draw(st.sampled_from([1, 28, 5, 12, 41, 252, 255, 16])).to_bytes(2, "big")
    return (
        draw(st.binary(min_size=2, max_size=2))
        + draw(st.sampled_from([b"\1\0", b"\0\0", b"\x81\x80", b"\x28\0"]))
        + counts
        + names
        + kind
        + b"\0\1"
        + draw(st.sampled_from([b"", b"\0\0\x29\0\0", b"\0\0\x29\xff\xff\0\0\0\0\xff\xff"]))
    )


@st.composite
def frame(draw: st.DrawFn) -> bytes:
    mac = draw(st.sampled_from([plan.GATEWAY_MAC] * 5 + [b"\xff" * 6, b"\x33\x33\0\0\0\1", bytes(6)]))
    head = mac + plan.GUEST_MAC
    which = draw(st.sampled_from(["four"] * 4 + ["six"] * 4 + ["arp", "rubbish", "tagged"]))
    if which in ("four", "six"):
        whole = head + (b"\x86\xdd" if which == "six" else b"\x08\0") + draw(ip_packet(which == "six"))
        return whole[: draw(st.sampled_from([len(whole)] * 8 + [0, 11, 13, 14, 20, 34, 54]))]
    if which == "arp":
        return (
            head
            + b"\x08\x06"
            + draw(st.sampled_from([b"\0\1\x08\0\6\4\0\1", b"\0\1\x08\0\6\4\0\2", b"\0\1\x08\0\0\0\0\1"]))
            + draw(st.binary(max_size=24))
        )
    return head + (b"\x81\0\0\1\x08\0" if which == "tagged" else b"") + draw(rubbish)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(
    frames=st.lists(frame(), max_size=12),
    outcome=st.sampled_from(
        [0, 0, errno.EINPROGRESS, errno.ECONNREFUSED, errno.ENETUNREACH, errno.EACCES, errno.EINVAL]
    ),
)
def test_any_frames(world: World, frames: list[bytes], outcome: int) -> None:
    world.recorder.outcome = outcome
    world.write(frames)
    world.check()


@pytest.mark.parametrize("where", ["198.51.100.7", "10.0.2.2", "127.0.0.1"])
def test_a_mapped_address_is_on_no_wire(world: World, where: str) -> None:
    src, dst = plan.GUEST6, parse(f"::ffff:{where}")
    for port in (53, 9999):
        datagram = (4000).to_bytes(2, "big") + port.to_bytes(2, "big") + b"\0\x09\0\0x"
        packet = with_checksum(datagram, 6, partial_sum(src) + partial_sum(dst) + 17)
        head = (6 << 28).to_bytes(4, "big") + b"\0\x09\x11\x40" + src + dst
        world.write([plan.GATEWAY_MAC + plan.GUEST_MAC + b"\x86\xdd" + head + packet])
    assert not world.recorder.reached


def test_the_frames_that_are_tried_lead_somewhere(world: World) -> None:
    """Else the test above would show nothing."""

    @settings(max_examples=150, suppress_health_check=list(HealthCheck), database=None)
    @given(frames=st.lists(frame(), min_size=8, max_size=12))
    def blow(frames: list[bytes]) -> None:
        world.write(frames)

    for number in range(5 if world.rules else 1):
        seed(number)(blow)()
        if world.recorder.reached:
            break
    assert bool(world.recorder.reached) == bool(world.rules)
    world.check()


def test_it_serves_after_a_storm(world: World) -> None:
    storm = settings(max_examples=60, suppress_health_check=list(HealthCheck), database=None)

    @storm
    @given(frames=st.lists(frame(), min_size=5, max_size=30))
    def blow(frames: list[bytes]) -> None:
        world.write(frames)

    blow()
    world.check()
    world.still_serves()


def test_a_host_without_sockets_left_is_told_of_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(family: int) -> FakeSocket:
        raise OSError(errno.EMFILE, "Too many open files")

    for name in ("open_stream", "open_datagram", "open_ping"):
        monkeypatch.setattr(host_socket, name, none_left)
    for number in range(50):
        endpoint = world.bench.udp("198.51.100.1", 53)
        endpoint.send(b"x" * number)
        world.write([])
    assert [line for line in world.bench.kernel.lines if "no UDP socket" in line] == (
        ["gateway: no UDP socket: [Errno 24] Too many open files"] if world.rules else []
    )
    world.still_serves()


# --- answers of the host's name server, which somebody else may have written ---

record_data = st.one_of(
    st.sampled_from([parse(name) for name in FOUR + SIX]),
    st.binary(max_size=20),
    st.just(b"\xc0\x0c"),
    st.just(b"\1a\xc0\x0c"),
)


@st.composite
def answers(draw: st.DrawFn, kind: int) -> bytes:
    """A response to `name.test`, whose records are what an attacker likes."""
    records = b""
    count = draw(st.integers(0, 6))
    for _ in range(count):
        owner = draw(st.sampled_from([b"\xc0\x0c"] * 4 + [b"\1a\0", b"\0", b"\xff", b"\xc0\x1b"]))
        data = draw(record_data)
        ttl = draw(st.sampled_from([0, 60, 0x7FFFFFFF, 0xFFFFFFFF]))
        records += (
            owner + draw(st.sampled_from([kind, kind, 5, 1, 28])).to_bytes(2, "big") + b"\0\1" + ttl.to_bytes(4, "big")
        )
        records += draw(lying(len(data))).to_bytes(2, "big") + data
    flags = draw(st.sampled_from([b"\x81\x80", b"\x85\x80", b"\x81\x83"]))
    head = b"\0\7" + flags + b"\0\1" + draw(lying(count)).to_bytes(2, "big") + bytes(4)
    whole = head + b"\4name\4test\0" + kind.to_bytes(2, "big") + b"\0\1" + records
    return whole[: draw(st.sampled_from([len(whole)] * 5 + [12, 27, 30, 40]))]


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(data=st.data(), kind=st.sampled_from([1, 28, 16, 5, 65]), limit=st.sampled_from([512, 1232, 65535]))
def test_no_answer_leads_to_the_host(data: st.DataObject, kind: int, limit: int) -> None:
    guard, counters = EgressGuard(Policy.parse(["name.test"]), NamePins(ManualClock(0)), Counters(), print), Counters()
    stack = Stack(ManualClock(0))
    assert stack.lo is not None
    for own in plan.OWN:
        stack.lo.add_address(own, 8 * len(own))
    service = DnsService(stack, guard, counters, {}, None, lambda: True)
    question = dns.parse_query(dns.make_query(9, "name.test", kind))
    answer = service._answer(question, data.draw(answers(kind)), limit)
    assert answer[:2] == b"\0\x09" and len(answer) <= limit
    for address in set(map(parse, FOUR + SIX)) - plan.OWN:
        if not may_be_reached(("*",), "tcp", text(address), 9999):
            assert not guard.permits(6, address, 9999), text(address)
