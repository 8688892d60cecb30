"""Losses on the way out: timeouts, fast retransmit, tail probes, and taking a mistake back."""

from __future__ import annotations

import pytest

from tcpip import errors
from tcpip.header.tcp import ACK, FIN, RST, SYN
from tcpip.header.tcp_options import TcpOptions
from tcpip.transport.tcp import options as opt
from tcpip.transport.tcp import state as st
from tcpip.transport.tcp.config import TcpConfig
from tcpip.transport.tcp.rack import Rack
from tcpip.transport.tcp.rtt import RttEstimator
from tcpip.transport.tcp.sender import CA_LOSS, CA_OPEN, CA_RECOVERY
from tests.unit.tcpip.transport.tcp.peer import PEER, PeerHost, Seen

MSS = 1460


def sack(*blocks: tuple[int, int]) -> TcpOptions:
    options = TcpOptions()
    options.sack = list(blocks)
    return options


def flight(peer: PeerHost, segments: int) -> list[Seen]:
    """An established connection with so many full segments outstanding; 20 ms round trip."""
    peer.established().ep.snd.rtt = RttEstimator()
    peer.ep.snd.rtt.sample(20_000_000, peer.clock.now_ns())
    assert peer.ep.send(bytes(range(segments)) * MSS) == segments * MSS
    sent = peer.sent()
    assert len(sent) == segments
    peer.pass_time(20)
    return sent


def test_timeout_doubles(peer: PeerHost) -> None:
    peer.established().ep.set_option(6, opt.TCP_NODELAY, 1)
    peer.ep.send(b"lost")
    first = peer.expect(payload=b"lost")
    peer.ep.snd.tlp_end = 0  # no tail probe
    times = []
    for _ in range(1000):
        peer.pass_time(10)
        for seen in peer.sent():
            PeerHost.check(seen, flags=ACK, seq=first.seq, payload=b"lost")
            times.append(peer.clock.now_ns())
    gaps = [b - a for a, b in zip(times, times[1:], strict=False)]
    assert len(gaps) >= 4
    assert all(1.8 * a < b < 2.2 * a for a, b in zip(gaps[1:], gaps[2:], strict=False))
    assert peer.ep.snd.ca_state == CA_LOSS
    assert peer.ep.snd.cc.cwnd == MSS
    peer.send(ACK, ack=peer.ack + 4)
    assert peer.ep.snd.ca_state == CA_OPEN
    assert peer.stack.next_deadline() is None or peer.ep.timers.xmit.deadline is None


def test_gives_up_after_the_user_timeout(peer: PeerHost) -> None:
    peer.established().ep.set_option(6, opt.TCP_USER_TIMEOUT, 3000)
    peer.ep.send(b"lost")
    peer.pass_time(20_000)
    peer.expect_state(st.CLOSED)
    assert peer.ep.take_error() is errors.TIMED_OUT


def test_gives_up_after_fifteen_retries(peer: PeerHost) -> None:
    peer.established().ep.send(b"lost")
    peer.pass_time(900_000)
    peer.expect_state(st.ESTABLISHED)
    peer.pass_time(400_000)
    assert peer.ep.take_error() is errors.TIMED_OUT


def test_three_sacked_segments_trigger_a_fast_retransmit(peer: PeerHost) -> None:
    sent = flight(peer, 6)
    lost = sent[0]
    for index in (1, 2, 3):
        peer.send(ACK, ack=lost.seq, options=sack((sent[1].seq, sent[index].seq + MSS)))
    again = peer.sent()
    assert [s.seq for s in again if s.seq == lost.seq] == [lost.seq]
    assert peer.ep.snd.ca_state == CA_RECOVERY
    assert peer.ep.snd.cc.ssthresh < 10 * MSS
    peer.pass_time(20)
    peer.send(ACK, ack=sent[-1].seq + MSS)
    assert peer.ep.snd.ca_state == CA_OPEN
    peer.expect_nothing()


def test_only_the_holes_are_sent_again(peer: PeerHost) -> None:
    sent = flight(peer, 8)
    holes = sack((sent[5].seq, sent[8 - 1].seq + MSS), (sent[1].seq, sent[4].seq))
    peer.send(ACK, ack=sent[0].seq, options=holes)
    again = peer.sent()
    for _ in range(4):
        peer.send(ACK, ack=sent[0].seq, options=holes)
        again += peer.sent()
    assert sorted({s.seq for s in again}) == [sent[0].seq, sent[4].seq]


def test_duplicate_acks_without_sack() -> None:
    peer = PeerHost(sack=False)
    sent = flight(peer, 6)
    for _ in range(2):
        peer.send(ACK, ack=sent[0].seq)
    assert all(s.seq > sent[-1].seq for s in peer.sent())
    peer.send(ACK, ack=sent[0].seq)
    assert sent[0].seq in [s.seq for s in peer.sent()]
    assert peer.ep.snd.ca_state == CA_RECOVERY
    peer.send(ACK, ack=sent[2].seq)  # a partial ACK: the next hole
    assert sent[2].seq in [s.seq for s in peer.sent()]
    peer.send(ACK, ack=sent[-1].seq + MSS)
    assert peer.ep.snd.ca_state == CA_RECOVERY  # until something newer is acknowledged
    peer.ep.send(b"x")
    peer.stack.flush()
    peer.send(ACK, ack=sent[-1].seq + MSS + 1)
    assert peer.ep.snd.ca_state == CA_OPEN


def test_lost_tail_is_probed_before_the_timeout(peer: PeerHost) -> None:
    sent = flight(peer, 4)
    before = peer.clock.now_ns()
    while not (again := peer.sent()):
        peer.pass_time(1)
    assert again[0].seq == sent[-1].seq
    assert peer.clock.now_ns() - before < 60_000_000
    assert peer.ep.snd.ca_state == CA_OPEN
    assert peer.stack.stats.tcp_ext["TCPLossProbes"] == 1


def test_reneged_sacks_are_forgotten(peer: PeerHost) -> None:
    sent = flight(peer, 4)
    peer.send(ACK, ack=sent[1].seq, options=sack((sent[2].seq, sent[3].seq + MSS)))
    peer.send(ACK, ack=sent[2].seq)  # what was sacked is at the head now, and still not acknowledged
    peer.sent()
    peer.pass_time(2000)
    assert sent[2].seq in [s.seq for s in peer.sent()]
    assert peer.ep.snd.board.sacked == 0
    peer.send(ACK, ack=sent[3].seq + MSS)
    assert not peer.ep.snd.board.segs


def test_spurious_timeout_is_undone() -> None:
    peer = PeerHost(timestamps=True)
    peer.established().ep.snd.rtt.sample(20_000_000, peer.clock.now_ns())
    peer.ep.snd.tlp_end = 0
    peer.ep.send(b"d" * 3 * 1448)
    original = peer.sent()
    cwnd = peer.ep.snd.cc.cwnd
    peer.pass_time(300)
    assert peer.sent()[0].seq == original[0].seq
    assert peer.ep.snd.cc.cwnd < cwnd
    peer.ts_echo = original[0].options.ts_val
    peer.send(ACK, ack=original[0].seq + 1448)
    assert peer.ep.snd.cc.cwnd >= cwnd
    assert peer.stack.stats.tcp_ext["TCPLossUndo"] == 1
    assert peer.ep.snd.board.lost == 0


def test_hostile_sacks_cannot_split_below_segments(peer: PeerHost) -> None:
    sent = flight(peer, 8)
    for at in range(sent[0].seq + 1, sent[-1].seq, 7):
        peer.send(ACK, ack=sent[0].seq, options=sack((at, at + 3)))
    assert len(peer.ep.snd.board.segs) <= 20
    assert peer.ep.snd.board.sacked == 0


@pytest.mark.parametrize("block", ((0, 10), (5, 5), (10, 5), (1 << 31, (1 << 31) + 9), (0xFFFFFFF0, 16)))
def test_nonsense_sacks_are_ignored(peer: PeerHost, block: tuple[int, int]) -> None:
    sent = flight(peer, 4)
    peer.send(ACK, ack=sent[0].seq, options=sack(block))
    assert peer.ep.snd.board.sacked == 0


def test_keepalive_probes_then_resets(peer: PeerHost) -> None:
    peer.established()
    for name, value in ((opt.TCP_KEEPIDLE, 10), (opt.TCP_KEEPINTVL, 5), (opt.TCP_KEEPCNT, 3)):
        peer.ep.set_option(6, name, value)
    peer.ep.set_option(1, 9, 1)
    peer.pass_time(9_900)
    peer.expect_nothing()
    for _ in range(3):
        peer.pass_time(5_000)
        peer.expect(flags=ACK, seq=peer.ack - 1, payload=b"")
    peer.pass_time(5_000)
    peer.expect(flags=RST | ACK)
    assert peer.ep.take_error() is errors.TIMED_OUT


def test_keepalive_answered_goes_on(peer: PeerHost) -> None:
    peer.established().ep.set_option(1, 9, 1)
    for _ in range(5):
        peer.pass_time(7200_000)
        assert len(peer.sent()) == 1
        peer.send(ACK)
    peer.expect_state(st.ESTABLISHED)


def test_a_recovery_is_undone_when_a_dsack_says_that_nothing_was_lost(peer: PeerHost) -> None:
    sent = flight(peer, 8)
    cwnd = peer.ep.snd.cc.cwnd
    end = sent[-1].seq + len(sent[-1].payload)
    peer.send(ACK, ack=sent[0].seq, options=sack((sent[1].seq, end)))
    assert [s.seq for s in peer.sent()][:1] == [sent[0].seq]
    peer.send(ACK, ack=end)  # the original was only late
    assert peer.ep.snd.cc.cwnd < cwnd
    peer.send(ACK, ack=end, options=sack((sent[0].seq, sent[1].seq)))  # and its copy came, too
    assert peer.ep.snd.cc.cwnd >= cwnd
    assert peer.stack.stats.tcp_ext["TCPDSACKUndo"] == 1


def test_a_dsack_for_what_was_not_sent_again_undoes_nothing(peer: PeerHost) -> None:
    sent = flight(peer, 8)
    end = sent[-1].seq + len(sent[-1].payload)
    peer.send(ACK, ack=sent[0].seq, options=sack((sent[2].seq, end)))
    assert len([s for s in peer.sent() if s.seq in (sent[0].seq, sent[1].seq)]) == 2
    peer.send(ACK, ack=end)
    cwnd = peer.ep.snd.cc.cwnd
    for _ in range(5):
        peer.send(ACK, ack=end, options=sack((sent[0].seq - 1448, sent[0].seq)))  # before the recovery began
    peer.send(ACK, ack=end, options=sack((sent[0].seq, sent[1].seq)))  # one of two
    assert peer.ep.snd.cc.cwnd <= cwnd
    assert peer.stack.stats.tcp_ext["TCPDSACKUndo"] == 0


def test_the_reordering_window_doubles_with_each_recovery_that_was_for_nothing() -> None:
    rack = Rack(3)
    srtt, min_rtt = 20_000_000, 1_000_000
    for expected in (2, 4, 8):
        rack.on_spurious(1000 * expected, 2000 * expected)
        rack.on_spurious(1000 * expected + 1, 2000 * expected)  # in the same round trip
        assert rack.multiplier == expected
    assert rack.reo_wnd(True, 0, 1448, min_rtt, srtt, TcpConfig()) == 2 * min_rtt
    for round_trip in range(10, 100):
        rack.on_spurious(100_000 * round_trip, 100_000 * round_trip + 1)
    assert rack.reo_wnd(True, 0, 1448, min_rtt, srtt, TcpConfig()) == srtt  # never more than a round trip
    for _ in range(16):
        rack.on_recovery_end()
    assert rack.multiplier == 1


def test_what_a_dead_interface_refused_is_sent_again(peer: PeerHost) -> None:
    peer.close_wait()
    peer.nic.set_up(False)
    peer.ep.close()
    peer.expect_nothing()
    peer.nic.set_up(True)
    peer.pass_time(1000)
    assert peer.sent()[0].flags & FIN


def test_a_timeout_cuts_to_the_path_as_it_is_now(peer: PeerHost) -> None:
    peer.established().ep.send(b"d" * 1460)
    assert len(peer.expect(seq=peer.ack).payload) == 1460
    peer.stack.path_mtus.learn(PEER, 1300)  # another connection to the peer has heard of it
    peer.pass_time(2000)
    assert max(len(seen.payload) for seen in peer.sent()) == 1260


def test_what_is_sent_again_counts_as_that_only() -> None:
    peer = PeerHost().connecting()
    counters = peer.stack.stats.tcp
    peer.sent()
    peer.pass_time(1100)
    peer.expect(flags=SYN)
    assert (counters["OutSegs"], counters["RetransSegs"]) == (1, 1)
    peer = PeerHost().established()
    counters = peer.stack.stats.tcp
    before = counters["OutSegs"]
    peer.ep.send(b"text")
    peer.sent()
    peer.pass_time(1100)
    assert [seen.payload for seen in peer.sent()] == [b"text"] * counters["RetransSegs"]
    assert counters["RetransSegs"] > 0
    assert counters["OutSegs"] == before + 1
