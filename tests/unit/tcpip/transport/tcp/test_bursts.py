"""What acknowledgements let go, one at a time and in batches."""

from __future__ import annotations

from tcpip.header.tcp import ACK
from tests.unit.tcpip.transport.tcp.peer import PeerHost

MSS = 1460
WINDOW = 30
ROUND_TRIP_MS = 20


def with_a_window_under_way() -> PeerHost:
    """Congestion avoidance with `WINDOW` segments, a round trip of `ROUND_TRIP_MS`, and more text to send."""
    peer = PeerHost().established(ROUND_TRIP_MS)
    snd = peer.ep.snd
    snd.cc.cwnd = snd.cc.ssthresh = WINDOW * MSS
    assert peer.ep.send(bytes(3 * WINDOW * MSS)) > 2 * WINDOW * MSS
    assert len(peer.sent()) == WINDOW
    peer.pass_time(ROUND_TRIP_MS)
    return peer


def test_a_batch_of_acknowledgements_lets_an_initial_window_go_at_once_and_the_rest_at_the_pace() -> None:
    peer = with_a_window_under_way()
    peer.held = []
    for count in range(2, WINDOW + 1, 2):
        peer.send(ACK, ack=peer.ack + count * MSS)
    peer.release()
    assert len(peer.sent()) == 10
    peer.pass_time(2)
    assert not peer.sent()
    peer.pass_time(13)
    assert len(peer.sent()) >= WINDOW - 10


def test_so_does_one_that_stands_for_a_window() -> None:
    peer = with_a_window_under_way()
    peer.send(ACK, ack=peer.ack + WINDOW * MSS)
    assert len(peer.sent()) == 10
    peer.pass_time(15)
    assert len(peer.sent()) >= WINDOW - 10


def test_in_slow_start_one_lets_all_go() -> None:
    peer = with_a_window_under_way()
    peer.ep.snd.cc.ssthresh = 1 << 30
    peer.send(ACK, ack=peer.ack + WINDOW * MSS)
    assert len(peer.sent()) >= WINDOW
