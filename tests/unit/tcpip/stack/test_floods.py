"""Peers that want to use the stack up: what they make it keep is bounded, and others are served meanwhile."""

import tracemalloc
from collections.abc import Iterator

import pytest

from tcpip.addr import IPV4_LOOPBACK, SockAddr
from tcpip.buffer import RxPacket
from tcpip.errors import NetworkError
from tcpip.header.tcp import ACK, FIN, RST, SYN
from tcpip.link.classify import ALL_PROTOCOLS, Target
from tcpip.link.classify_u32 import FIRST, TERMINAL, U32, U32Key, U32Rule, U32Table, U32Tables
from tcpip.sockopt import SOCK_DGRAM
from tcpip.stack.ingress import Ingress
from tcpip.stack.nic import AT_ONCE
from tcpip.toil import TOIL_MOST
from tcpip.transport.tcp import state as st

from ..bench import MAC, PEER4, PEER_MAC, Host, ipv4_packet
from ..transport.tcp.peer import PEER_WINDOW, PeerHost
from .test_hostile_frames import busy_host

MEGABYTE = 1 << 20


@pytest.fixture
def memory() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def grown(before: int) -> int:
    return tracemalloc.get_traced_memory()[0] - before


def resident() -> int:
    """Bytes of this process; tracemalloc would make the long flood five times longer."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


@pytest.mark.parametrize("count", [2000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_flood_of_syns_and_then_a_customer(count: int) -> None:
    peer = PeerHost().listening(16)
    before = resident()
    for number in range(count):
        peer.send(SYN, seq=number * 7919, src_port=1024 + number % 30000, options=peer.syn_options())
        peer.link.sent.clear()
    assert resident() - before < 16 * MEGABYTE
    peer.send(SYN, options=peer.syn_options())
    answer = peer.sent()[-1]
    assert answer.flags == SYN | ACK
    peer.seq, peer.ack = peer.seq + 1, answer.seq + 1
    peer.send(ACK)
    peer.send(ACK, b"a customer's words")
    peer.sent()
    assert peer.listener is not None
    connection = peer.listener.accept()
    buffer = bytearray(100)
    assert buffer[: connection.recv_into(memoryview(buffer))] == b"a customer's words"


@pytest.mark.usefixtures("memory")
def test_fragments_that_never_become_packets() -> None:
    host, _ = busy_host()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(3000):
        packet = ipv4_packet(bytes(8000), 17, ident=number & 0xFFFF, offset=8 * (number % 64), more=True)
        host.nic.deliver([RxPacket(MAC + PEER_MAC + b"\x08\0" + packet)])
    assert grown(before) < 8 * MEGABYTE
    host.pass_time(60)
    host.frames()
    assert grown(before) < MEGABYTE


def test_a_storm_of_acks_is_not_answered_one_for_one() -> None:
    """RFC 5961 7: challenges are rationed."""
    peer = PeerHost().established()
    for number in range(10_000):
        peer.send(ACK, seq=peer.seq + 200_000 + number)
    assert len(peer.sent()) < 1000


@pytest.mark.usefixtures("memory")
def test_who_never_reads_holds_no_more_than_the_send_buffer() -> None:
    peer = PeerHost().established()
    peer.send(ACK, window=0)
    peer.sent()
    before = tracemalloc.get_traced_memory()[0]
    taken = 0
    for _ in range(1000):
        try:
            sent = peer.ep.send(bytes(65536))
        except NetworkError:
            break
        if sent < 0:
            break
        taken += sent
    assert 0 < taken < peer.ep.so.sndbuf + 65536 and grown(before) < 2 * peer.ep.so.sndbuf + MEGABYTE


def test_a_zero_window_is_held_open_by_answers_but_probes_back_off() -> None:
    """An hour of a peer that answers every probe and takes nothing: a few dozen segments."""
    peer = PeerHost().established()
    peer.send(ACK, window=0)
    peer.ep.send(b"x" * 1000)
    probes = 0
    for _ in range(3600):
        peer.pass_time(1000)
        for _ in peer.sent():
            probes += 1
            peer.send(ACK, window=0)
    assert 10 < probes < 100
    peer.expect_state(st.ESTABLISHED)


@pytest.mark.parametrize("flags", [RST, RST | ACK, SYN, FIN | ACK])
def test_what_is_sent_blind_changes_nothing(flags: int) -> None:
    """Off the path: the ports are known, the sequence numbers are not. 100 guesses all over the space."""
    peer = PeerHost().established()
    for guess in range(1, 101):
        step = guess * 42_000_000
        peer.send(flags, b"" if flags & (RST | SYN) else b"injected", seq=peer.seq + step, ack=peer.ack + step)
    peer.sent()
    peer.expect_state(st.ESTABLISHED)
    peer.send(ACK, b"right")
    buffer = bytearray(100)
    assert buffer[: peer.ep.recv_into(memoryview(buffer))] == b"right"
    assert peer.ep.take_error() is None


def test_a_reset_within_the_window_is_challenged() -> None:
    """RFC 5961 3.2: only the very next number ends a connection."""
    peer = PeerHost().established()
    peer.send(RST, seq=peer.seq + PEER_WINDOW // 2)
    peer.expect(flags=ACK, ack=peer.seq)
    peer.expect_state(st.ESTABLISHED)


@pytest.mark.parametrize("ack", [1 << 20, 1 << 30])
def test_text_with_an_acknowledgement_of_what_was_never_sent_is_not_taken(ack: int) -> None:
    """RFC 5961 5."""
    peer = PeerHost().established()
    peer.send(ACK, b"injected", ack=peer.ack + ack)
    peer.sent()
    assert peer.ep.recv_into(memoryview(bytearray(10))) < 0


@pytest.mark.parametrize("arriving", [False, True])
def test_filters_that_compare_much_leave_others_their_turn(arriving: bool) -> None:
    host = Host()
    stack, nic = host.stack, host.nic
    assert stack.lo is not None
    shared = U32Tables(stack.toil)
    root = U32Table(FIRST, 1, 1, True)
    for number in range(TOIL_MOST // 4):
        rule = U32Rule(FIRST | number + 1, Target(0, []))
        rule.flags, rule.keys = TERMINAL, [U32Key(0xFFFFFFFF, 1, 0, 0)]
        root.insert(rule)
    place = stack.lo if arriving else nic
    place.ingress = Ingress(True)
    (place.ingress.arriving if arriving else place.ingress.leaving).add(U32(1, ALL_PROTOCOLS, shared, root))
    receiver = stack.new_endpoint(2, SOCK_DGRAM)
    receiver.bind(SockAddr(IPV4_LOOPBACK, 7))
    wishes: list[int] = []
    stack.on_output = lambda: wishes.append(place.ingress.sent if place.ingress is not None else 0)
    for number in range(60):
        sender = stack.new_endpoint(2, SOCK_DGRAM)
        sender.sendmsg(b"%d" % number, SockAddr(IPV4_LOOPBACK if arriving else PEER4, 7))
    turns = 0
    while len(wishes) > turns:
        turns += 1
        stack.flush()
    assert turns > 10 and place.ingress.sent == 60
    assert max(after - before for before, after in zip(wishes, wishes[1:], strict=False)) <= 2 * AT_ONCE
    if arriving:
        buffer = bytearray(10)
        got = [bytes(buffer[: receiver.recv_into(memoryview(buffer))]) for _ in range(60)]
    else:
        got = [bytes(packet[28:]) for packet in host.packets()]
    assert got == [b"%d" % number for number in range(60)]
