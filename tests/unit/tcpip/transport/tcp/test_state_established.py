"""ESTABLISHED: text both ways, windows, acknowledgements, attacks."""

from __future__ import annotations

import pytest

from tcpip import errors
from tcpip import sockopt as so
from tcpip.clock import NS_PER_MS
from tcpip.errors import NetworkError
from tcpip.header.tcp import ACK, FIN, PSH, RST, SYN
from tcpip.transport.endpoint import AGAIN
from tcpip.transport.tcp import options as opt
from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.config import DELACK_MIN_NS
from tcpip.transport.tcp.receive_space import NO_LIMIT
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT, EVENT_RDHUP, EVENT_URGENT
from tests.unit.tcpip.transport.tcp.peer import PeerHost

FULL = b"f" * 1460


# Receiving.


def test_text_is_read_and_acknowledged(peer: PeerHost) -> None:
    peer.established().send(ACK | PSH, b"hello")
    peer.expect(flags=ACK, ack=peer.seq + 5)
    assert peer.ep.readiness() == EVENT_IN | EVENT_OUT
    assert peer.read() == b"hello"
    assert peer.ep.recv_into(memoryview(bytearray(1))) == AGAIN


def test_out_of_order_text_waits_and_is_sacked(peer: PeerHost) -> None:
    peer.established().send(ACK, b"world", seq=peer.seq + 5)
    seen = peer.expect(flags=ACK, ack=peer.seq)
    assert seen.options.sack == [(peer.seq + 5, peer.seq + 10)]
    assert peer.ep.readiness() == EVENT_OUT
    peer.send(ACK, b"hello")
    seen = peer.expect(flags=ACK, ack=peer.seq + 10)
    assert seen.options.sack == []
    assert peer.read() == b"helloworld"


def test_duplicate_text_is_told_with_a_dsack(peer: PeerHost) -> None:
    peer.established().send(ACK, b"hello")
    peer.expect()
    peer.send(ACK, b"hello")
    seen = peer.expect(flags=ACK, ack=peer.seq + 5)
    assert seen.options.sack == [(peer.seq, peer.seq + 5)]
    assert peer.read() == b"hello"


def test_overlap_is_trimmed(peer: PeerHost) -> None:
    peer.established().send(ACK, b"abcd")
    peer.send(ACK, b"cdef", seq=peer.seq + 2)
    assert peer.read() == b"abcdef"


def test_text_that_begins_in_the_window_is_taken_as_a_whole(peer: PeerHost) -> None:
    peer.established()
    window = peer.ep.rcv.window()
    peer.send(ACK, b"x" * 100, seq=peer.seq + window - 40)
    seen = peer.expect(flags=ACK, ack=peer.seq)
    assert seen.options.sack == [(peer.seq + window - 40, peer.seq + window + 60)]
    peer.send(ACK, b"y" * 10, seq=peer.seq + seen.window + 1)
    assert peer.sent()[0].options.sack == [(peer.seq + window - 40, peer.seq + window + 60)]


def test_text_beyond_a_closed_window_is_dropped(peer: PeerHost) -> None:
    peer.established()
    peer.ep.so.rcvbuf_locked = True
    for number in range(2 * peer.ep.so.rcvbuf // 1460):  # a peer that does not heed the window
        peer.send(ACK, FULL, seq=peer.seq + number * 1460)
    limit = peer.ep.rcv.space_of.window_in(peer.ep.so.rcvbuf)
    assert limit - 2 * 1460 < peer.ep.rcv.queue.size <= limit
    assert peer.sent()[-1].window == 0


def test_a_reader_lets_the_second_full_segment_be_acknowledged_at_once(peer: PeerHost) -> None:
    peer.established()
    peer.ep.rcv.ato = DELACK_MIN_NS  # as after some text
    peer.ep.rcv.quick_acks = 0
    peer.ep.rcv.space_of.limit = NO_LIMIT  # a window that grows is told of
    peer.send(ACK, FULL)
    assert peer.read() == FULL
    peer.send(ACK, FULL, seq=peer.seq + 1460)
    assert peer.read() == FULL
    assert peer.sent()[-1].ack == peer.seq + 2920
    peer.send(ACK, FULL, seq=peer.seq + 2920)
    peer.expect_nothing()
    peer.pass_time(41)
    peer.expect(flags=ACK, ack=peer.seq + 4380)


def test_answer_carries_the_acknowledgement(peer: PeerHost) -> None:
    peer.established()
    peer.ep.rcv.ato = DELACK_MIN_NS  # as after some text
    peer.ep.rcv.quick_acks = 0
    peer.send(ACK, b"question")
    peer.expect_nothing()
    assert peer.ep.send(b"answer") == 6
    peer.expect(flags=ACK, ack=peer.seq + 8, payload=b"answer")
    peer.pass_time(100)
    assert all(seen.payload for seen in peer.sent())  # no delayed ACK of its own


def test_window_closes_and_opens_again(peer: PeerHost) -> None:
    peer.established()
    peer.ep.so.rcvbuf_locked = True
    sent = 0
    while peer.ep.rcv.window() >= 2 * 1460:
        peer.send(ACK, FULL, seq=peer.seq + sent)
        sent += 1460
    peer.pass_time(50)
    last = peer.sent()[-1]
    assert last.window < 3 * 1460
    rest = peer.ep.rcv.window()
    peer.send(ACK, b"r" * rest, seq=peer.seq + sent)
    peer.pass_time(50)
    assert peer.sent()[-1].window == 0
    peer.send(ACK, b"p", seq=peer.seq + sent + rest)
    assert peer.expect(flags=ACK, ack=peer.seq + sent + rest).window == 0
    assert peer.read(1000)
    peer.expect_nothing()  # silly window avoidance
    assert peer.read(40_000)
    assert peer.expect(flags=ACK).window > 20_000


@pytest.mark.parametrize("shrinks", [False, True])
def test_window_is_taken_back_only_where_that_is_set(shrinks: bool) -> None:
    peer = PeerHost(scale=3)
    peer.stack.tcp.config.shrink_window = shrinks
    peer.established()
    before = peer.ep.rcv.window()
    peer.ep.set_option(so.SOL_SOCKET, so.SO_RCVBUF, 20_000)
    peer.send(ACK, FULL)
    peer.pass_time(50)
    edge = peer.sent()[-1].window << peer.ep.rcv.wscale
    assert before > 40_000
    assert (edge <= 26_000 - len(FULL)) == shrinks and (edge >= before - len(FULL)) == (not shrinks)


# Attacks (RFC 5961).


def test_reset_must_hit_exactly(peer: PeerHost) -> None:
    peer.established().send(RST, seq=peer.seq + 1)
    peer.expect(flags=ACK, ack=peer.seq)
    peer.expect_state(st.ESTABLISHED)
    peer.send(RST)
    peer.expect_nothing()
    peer.expect_state(st.CLOSED)
    assert peer.ep.readiness() == EVENT_IN | EVENT_OUT | EVENT_ERR | EVENT_HUP | EVENT_RDHUP
    with pytest.raises(NetworkError) as caught:
        peer.ep.recv_into(memoryview(bytearray(1)))
    assert caught.value.error is errors.CONNECTION_RESET
    assert peer.ep.recv_into(memoryview(bytearray(1))) == 0
    with pytest.raises(NetworkError) as caught:
        peer.ep.send(b"x")
    assert caught.value.error is errors.BROKEN_PIPE


def test_reset_outside_the_window_is_dropped(peer: PeerHost) -> None:
    peer.established().send(RST, seq=peer.seq + 100_000)
    peer.expect_nothing()
    peer.expect_state(st.ESTABLISHED)


def test_syn_gets_a_challenge(peer: PeerHost) -> None:
    peer.established().send(SYN, seq=peer.seq + 7)
    peer.expect(flags=ACK, seq=peer.ack, ack=peer.seq)
    peer.expect_state(st.ESTABLISHED)


def test_challenges_are_limited(peer: PeerHost) -> None:
    peer.established()
    for _ in range(50):
        peer.send(SYN, seq=peer.seq + 7)
    assert len(peer.sent()) == 1
    peer.pass_time(600)
    peer.send(SYN, seq=peer.seq + 7)
    peer.expect(flags=ACK)


def test_ack_of_what_was_never_sent(peer: PeerHost) -> None:
    peer.established().send(ACK, b"evil", ack=peer.ack + 1)
    peer.expect(flags=ACK, seq=peer.ack, ack=peer.seq)
    assert peer.ep.recv_into(memoryview(bytearray(9))) == AGAIN


def test_ancient_ack(peer: PeerHost) -> None:
    peer.established().send(ACK, b"evil", ack=peer.ack - 70_000)
    peer.expect(flags=ACK, ack=peer.seq)
    assert peer.ep.recv_into(memoryview(bytearray(9))) == AGAIN


def test_old_timestamp_is_refused() -> None:
    peer = PeerHost(timestamps=True).established()
    peer.ts += 50
    peer.send(ACK, b"new")
    peer.expect(ack=peer.seq + 3)
    peer.ts -= 49
    peer.send(ACK, b"old", seq=peer.seq + 3)
    peer.expect(flags=ACK, ack=peer.seq + 3)
    assert peer.read() == b"new"
    assert peer.stack.stats.tcp_ext["PAWSEstab"] == 1


def test_segment_without_ack_is_dropped(peer: PeerHost) -> None:
    peer.established().send(0, b"text")
    peer.expect_nothing()


# Sending.


def test_nagle_holds_the_second_small_write(peer: PeerHost) -> None:
    peer.established().ep.send(b"one")
    peer.expect(payload=b"one")
    peer.ep.send(b"two")
    peer.ep.send(b"three")
    peer.expect_nothing()
    peer.send(ACK, ack=peer.ack + 3)
    peer.expect(payload=b"twothree")


def test_nodelay_does_not(peer: PeerHost) -> None:
    peer.established().ep.set_option(6, opt.TCP_NODELAY, 1)
    peer.ep.send(b"one")
    peer.ep.send(b"two")
    assert [seen.payload for seen in peer.sent()] == [b"one", b"two"]


def test_cork_holds_until_pulled_or_late(peer: PeerHost) -> None:
    peer.established().ep.set_option(6, opt.TCP_CORK, 1)
    peer.ep.send(b"one")
    peer.expect_nothing()
    peer.ep.set_option(6, opt.TCP_CORK, 0)
    peer.expect(payload=b"one")
    peer.send(ACK, ack=peer.ack + 3)
    peer.ep.set_option(6, opt.TCP_CORK, 1)
    peer.ep.send(b"two")
    peer.expect_nothing()
    peer.pass_time(1000)
    assert peer.sent()[0].payload == b"two"


def test_more_is_held_like_a_cork(peer: PeerHost) -> None:
    peer.established().ep.send(b"head", 0x8000)
    peer.expect_nothing()
    peer.ep.send(b"body")
    peer.expect(payload=b"headbody")


def test_window_of_the_peer_is_respected(peer: PeerHost) -> None:
    peer.established().send(ACK, window=3000)
    peer.ep.send(b"z" * 10_000)
    seen = peer.sent()
    assert sum(len(s.payload) for s in seen) == 3000  # to its end: more than a segment fits (tcp_mss_split_point)
    peer.send(ACK, ack=peer.ack + 3000, window=0)
    peer.expect_nothing()


def test_zero_window_is_probed_with_back_off(peer: PeerHost) -> None:
    peer.established().send(ACK, window=0)
    peer.ep.send(b"waiting")
    peer.expect_nothing()
    times = []
    for _ in range(200):
        peer.pass_time(100)
        seen = peer.sent()
        if seen:
            PeerHost.check(seen[0], flags=ACK, seq=peer.ack - 1, payload=b"")
            times.append(peer.clock.now_ns())
            peer.send(ACK, window=0)
    gaps = [b - a for a, b in zip(times, times[1:], strict=False)]
    assert len(times) >= 4
    assert all(late >= 1.7 * early for early, late in zip(gaps, gaps[1:], strict=False))
    peer.send(ACK, window=1000)
    peer.expect(payload=b"waiting")


def test_probes_without_an_answer_end_it(peer: PeerHost) -> None:
    peer.established().send(ACK, window=0)
    peer.ep.set_option(6, opt.TCP_USER_TIMEOUT, 5000)
    peer.ep.send(b"waiting")
    peer.pass_time(60_000)
    assert peer.ep.take_error() is errors.TIMED_OUT


def test_full_send_buffer_blocks_then_becomes_writable(peer: PeerHost) -> None:
    peer.established().ep.so.sndbuf_locked = True
    peer.ep.so.sndbuf = 20_000
    assert 0 < peer.ep.send(b"s" * 100_000) < 20_000 + peer.ep.snd.gso_max  # a packet that is begun is filled
    assert peer.ep.send(b"s") == AGAIN
    assert peer.ep.readiness() == 0
    woken: list[int] = []
    peer.ep.queue.add(EVENT_OUT, woken.append)
    while sent := peer.sent():
        assert not woken
        peer.send(ACK, ack=max(s.seq + len(s.payload) for s in sent))
    assert woken
    assert peer.ep.readiness() == EVENT_OUT


def test_small_peer_mss() -> None:
    peer = PeerHost(mss=500).established()
    peer.ep.send(b"m" * 1200)
    assert [len(s.payload) for s in peer.sent()] == [500, 500, 200]


def test_urgent_byte(peer: PeerHost) -> None:
    peer.established().send(ACK | 0x20, b"ab!cd", urgent=3)
    assert peer.ep.readiness() & 2
    buffer = bytearray(1)
    assert peer.ep.recv_into(memoryview(buffer), 1) == 1
    assert buffer == b"!"
    assert peer.read() == b"ab"
    assert peer.ep.at_mark()
    assert peer.read() == b"cd"
    peer.ep.send(b"xyz", 1)
    seen = peer.sent()[-1]
    assert (seen.flags & 0x20, seen.header.urgent, seen.payload) == (0x20, 3, b"xyz")


def test_urgent_byte_inline(peer: PeerHost) -> None:
    peer.established().ep.set_option(1, 10, 1)
    peer.send(ACK | 0x20, b"ab!cd", urgent=3)
    assert peer.read() == b"ab"
    assert peer.ep.at_mark()
    assert peer.read() == b"!cd"


def test_urgent_byte_is_taken_from_a_segment_out_of_order(peer: PeerHost) -> None:
    peer.established().send(ACK | 0x20, b"!late", seq=peer.seq + 3, urgent=1)
    assert peer.ep.readiness() & 2 and peer.ep.readable_bytes() == 0
    buffer = bytearray(1)
    assert peer.ep.recv_into(memoryview(buffer), 1) == 1 and buffer == b"!"
    peer.send(ACK, b"abc")
    assert peer.read() == b"abc" and peer.ep.at_mark()
    assert peer.read() == b"late" and not peer.ep.at_mark()


def test_urgent_pointer_ahead_of_its_byte(peer: PeerHost) -> None:
    woken: list[int] = []
    peer.established().ep.queue.add(EVENT_URGENT, woken.append)
    peer.send(ACK | 0x20, b"abc", urgent=6)
    assert woken and not peer.ep.readiness() & 2
    assert peer.ep.recv_into(memoryview(bytearray(1)), 1) == AGAIN
    assert peer.ep.readable_bytes() == 3
    peer.send(ACK | 0x20, b"de!", seq=peer.seq + 3, urgent=3)
    assert peer.ep.readiness() & 2 and peer.ep.readable_bytes() == 5
    assert peer.read() == b"abcde"
    peer.send(ACK | 0x20, b"", seq=peer.seq + 3, urgent=1)  # again, and old: neither is news
    assert len(woken) == 1
    assert peer.ep.readiness() & 1 == 0  # only the marked byte is there


# Leaving.


def test_fin_makes_it_readable(peer: PeerHost) -> None:
    peer.close_wait()
    assert peer.ep.readiness() == EVENT_IN | EVENT_OUT | EVENT_RDHUP
    assert peer.read() == b""


def test_fin_out_of_order_waits(peer: PeerHost) -> None:
    peer.established().send(ACK | FIN, b"b", seq=peer.seq + 1)
    peer.expect(ack=peer.seq)
    peer.expect_state(st.ESTABLISHED)
    peer.send(ACK, b"a")
    peer.expect(flags=ACK, ack=peer.seq + 3)
    peer.expect_state(st.CLOSE_WAIT)
    assert peer.read() == b"ab"


def test_close_with_unread_text_resets(peer: PeerHost) -> None:
    peer.established().send(ACK, b"unread")
    peer.expect()
    peer.ep.close()
    peer.expect(flags=RST | ACK)
    assert not peer.stack.tcp.demux.connected


def test_linger_zero_resets(peer: PeerHost) -> None:
    peer.established().ep.set_option(1, 13, b"\x01\0\0\0\0\0\0\0")
    peer.ep.close()
    peer.expect(flags=RST | ACK)
    assert not peer.stack.tcp.demux.connected


def test_the_receiver_measures_by_the_first_segment_that_echoes() -> None:
    peer = PeerHost(timestamps=True).established()
    for wait in (20, 30):  # the second one was sent later, and says nothing about the path
        peer.pass_time(wait)
        peer.send(ACK, bytes(1000))
        peer.seq += 1000
        peer.sent()
        assert peer.ep.rcv.rtt == 20 * NS_PER_MS
    peer.read()
    peer.ts_echo += 40
    peer.pass_time(30)
    peer.send(ACK, bytes(1000))
    peer.sent()
    assert peer.ep.rcv.rtt == 20 * NS_PER_MS + (40 - 20) * NS_PER_MS // 8
