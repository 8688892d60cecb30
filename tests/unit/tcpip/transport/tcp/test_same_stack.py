"""Text between two ends of one stack goes without packets, and nothing but the packets is missing."""

from __future__ import annotations

import io
from random import Random

import pytest

from tcpip import errors
from tcpip.addr import AF_INET, IPV4_LOOPBACK, SockAddr
from tcpip.clock import ManualClock
from tcpip.errors import NetworkError
from tcpip.link.pcapng import PcapngWriter
from tcpip.link.sniffer import start_capture, stop_capture
from tcpip.sockopt import (
    IPPROTO_TCP,
    MSG_MORE,
    MSG_OOB,
    SHUT_RD,
    SHUT_WR,
    SO_RCVBUF,
    SO_SNDBUF,
    SOCK_STREAM,
    SOL_SOCKET,
)
from tcpip.stack.stack import Stack
from tcpip.transport.endpoint import AGAIN
from tcpip.transport.tcp.endpoint import TcpEndpoint
from tcpip.transport.tcp.options import TCP_CORK, TCP_NODELAY
from tcpip.waiter import EVENT_IN, EVENT_OUT


class Pair:
    """A connection over the loopback of one stack, and what the loopback really carried."""

    def __init__(self, shortcut: bool = True) -> None:
        self.clock = ManualClock(1_000_000_000)
        self.stack = Stack(self.clock, Random(3))
        self.stack.tcp.config.local_shortcut = shortcut
        listener = self.endpoint()
        listener.bind(SockAddr(IPV4_LOOPBACK, 80))
        listener.listen(1)
        self.client = self.endpoint()
        with pytest.raises(NetworkError) as caught:
            self.client.connect(SockAddr(IPV4_LOOPBACK, 80))
        assert caught.value.error is errors.CONNECT_STARTED
        self.stack.flush()
        self.server = listener.accept()
        self.run(300)

    def endpoint(self) -> TcpEndpoint:
        endpoint = self.stack.new_endpoint(AF_INET, SOCK_STREAM)
        assert isinstance(endpoint, TcpEndpoint)
        return endpoint

    def run(self, ms: int = 0) -> None:
        self.stack.flush()
        for _ in range(ms):
            self.clock.advance(1_000_000)
            self.stack.run_timers()


def take(endpoint: TcpEndpoint, most: int = 1 << 22) -> bytes:
    buffer = memoryview(bytearray(most))
    got = b""
    while len(got) < most:
        n = endpoint.recv_into(buffer[: most - len(got)])
        if n <= 0:
            break
        got += bytes(buffer[:n])
    return got


def test_text_is_there_at_once_and_acknowledged() -> None:
    pair = Pair()
    assert pair.client.send(b"hello") == 5
    assert pair.client.unsent_bytes() == 0 and pair.server.readable_bytes() == 5
    assert take(pair.server) == b"hello"
    assert pair.server.send(b"yes") == 3 and take(pair.client) == b"yes"
    before = pair.stack.next_deadline()
    pair.run(1000)
    assert pair.stack.next_deadline() == before  # nothing is left to acknowledge or to send again


def test_waiters_are_told_at_the_flush_not_before() -> None:
    pair = Pair()
    told: list[int] = []
    pair.server.queue.add(EVENT_IN, told.append)
    asked: list[bool] = []
    pair.stack.on_output = lambda: asked.append(True)
    pair.client.send(b"x")
    assert asked and not told
    pair.stack.flush()
    assert told == [EVENT_IN]


def test_a_full_window_holds_the_writer_until_the_reader_reads() -> None:
    pair = Pair()
    told: list[int] = []
    pair.client.queue.add(EVENT_OUT, told.append)
    sent = b""
    while True:
        piece = bytes([len(sent) >> 12 & 255]) * 50_000
        taken = pair.client.send(piece)
        if taken == AGAIN:
            break
        sent += piece[:taken]
    assert pair.server.readable_bytes() < len(sent) == pair.server.readable_bytes() + pair.client.unsent_bytes()
    pair.run()
    told.clear()
    got = b""
    while len(got) < len(sent):
        piece = take(pair.server, 30_000)
        assert piece
        got += piece
        pair.run()
    assert got == sent and told


def test_a_flush_is_asked_for_whenever_somebody_waits() -> None:
    """Nothing may be left to a flush that nobody has asked for: there may be no other for hours."""
    pair = Pair()
    wanted: list[bool] = []
    pair.stack.on_output = lambda: wanted.append(True)
    assert pair.server.send(b"to the client, which does not wait yet") > 0
    while pair.client.send(bytes(60_000)) != AGAIN:
        pass
    if wanted:
        pair.stack.flush()
    told: list[int] = []
    pair.client.queue.add(EVENT_OUT, told.append)
    wanted.clear()
    while take(pair.server, 500_000):
        if wanted:
            wanted.clear()
            pair.stack.flush()
    assert told
    wanted.clear()
    pair.server.send(b"x")
    pair.client.shutdown(SHUT_RD)
    assert wanted


def test_what_needs_a_packet_gets_one() -> None:
    pair = Pair()
    pair.client.send(b"first")
    pair.client.set_option(IPPROTO_TCP, TCP_CORK, 1)
    pair.client.send(b"second")
    pair.run()
    assert take(pair.server) == b"first"
    pair.client.set_option(IPPROTO_TCP, TCP_CORK, 0)
    pair.run()
    assert take(pair.server) == b"second"
    pair.client.send(b"more ", MSG_MORE)
    pair.client.send(b"to come")
    pair.run(300)
    assert take(pair.server) == b"more to come"
    pair.client.send(b"!", MSG_OOB)
    pair.run()
    one = memoryview(bytearray(1))
    assert pair.server.recv_into(one, MSG_OOB) == 1 and bytes(one) == b"!"
    pair.client.send(b"after")
    pair.client.shutdown(SHUT_WR)
    pair.run(300)
    assert take(pair.server) == b"after" and pair.server.recv_into(one) == 0
    assert pair.server.send(b"still open") == 10
    pair.run(300)
    assert take(pair.client) == b"still open"


def test_a_capture_sees_every_segment() -> None:
    pair = Pair()
    assert pair.stack.lo is not None
    file = io.BytesIO()
    sniffer = start_capture(pair.stack.lo, PcapngWriter(file))
    pair.client.send(b"look at this")
    assert pair.server.readable_bytes() == 0
    pair.run()
    assert take(pair.server) == b"look at this" and b"look at this" in file.getvalue()
    pair.run(300)
    stop_capture(pair.stack.lo, sniffer)
    pair.client.send(b"unseen")
    assert take(pair.server) == b"unseen" and b"unseen" not in file.getvalue()


def test_the_other_end_is_another_connection_after_a_disconnect() -> None:
    pair = Pair()
    pair.client.send(b"a")
    pair.server.connect(None)  # as connect(2) with AF_UNSPEC: a reset goes out
    with pytest.raises(NetworkError):
        pair.run()
        pair.client.send(b"b")
        pair.run()
        pair.client.send(b"c")
    assert pair.server.readable_bytes() == 0


def test_closed_with_unread_text_resets() -> None:
    pair = Pair()
    pair.client.send(b"nobody reads this")
    pair.server.close()
    pair.run()
    with pytest.raises(NetworkError):
        pair.client.send(b"x")


def disturb(endpoint: TcpEndpoint, chance: Random) -> None:
    """An option that changes what may be sent, when, and how much."""
    level, name, values = chance.choice(
        (
            (SOL_SOCKET, SO_RCVBUF, (1000, 5000, 100_000)),
            (SOL_SOCKET, SO_SNDBUF, (1000, 50_000, 300_000)),
            (IPPROTO_TCP, TCP_CORK, (0, 1)),
            (IPPROTO_TCP, TCP_NODELAY, (0, 1)),
        )
    )
    endpoint.set_option(level, name, chance.choice(values))


@pytest.mark.parametrize("seed", range(12))
def test_both_ways_move_the_same(seed: int) -> None:
    """Random traffic through the shortcut and through packets: the same text, nothing lost, nothing left over."""
    results = []
    for shortcut in (True, False):
        chance = Random(seed)
        pair = Pair(shortcut)
        ends = [pair.client, pair.server]
        sent, got = [b"", b""], [b"", b""]
        for _ in range(400):
            side = chance.randrange(2)
            size = chance.choice((1, 17, 600, 5000, 70_000, 300_000))
            action = chance.random()
            if action < 0.5:
                piece = chance.randbytes(size)
                flags = MSG_MORE if chance.random() < 0.1 else 0
                taken = max(ends[side].send(piece, flags), 0)
                sent[side] += piece[:taken]
            elif action < 0.85:
                got[1 - side] += take(ends[side], size)
            else:
                disturb(ends[side], chance)
            if chance.random() < 0.5:
                pair.run(chance.choice((0, 0, 1, 50)))
        for side in (0, 1):
            ends[side].set_option(SOL_SOCKET, SO_RCVBUF, 1 << 17)
            ends[side].set_option(IPPROTO_TCP, TCP_CORK, 0)
            ends[side].shutdown(SHUT_WR)
        for _ in range(400):
            pair.run(10)
            for side in (0, 1):
                got[1 - side] += take(ends[side])
        assert got == sent
        assert [end.unsent_bytes() for end in ends] == [0, 0]
        one = memoryview(bytearray(1))
        assert [end.recv_into(one) for end in ends] == [0, 0]
        results.append([end.state for end in ends])
    assert results[0] == results[1]
