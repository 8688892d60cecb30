"""What the receiver says of a batch of segments, and when it speaks at all: as much as if they had come one by one."""

from __future__ import annotations

from tcpip.clock import NS_PER_MS
from tcpip.header.tcp import ACK, PSH
from tcpip.transport.tcp.receive_space import NO_LIMIT
from tests.unit.tcpip.transport.tcp.peer import PeerHost

FULL = bytes(1460)


def block(peer: PeerHost, first: int, end: int) -> tuple[int, int]:
    """In segments from where the script is."""
    return peer.seq + first * len(FULL), peer.seq + end * len(FULL)


def send_numbered(peer: PeerHost, *numbers: int) -> None:
    for number in numbers:
        peer.send(ACK, FULL, seq=peer.seq + number * len(FULL))


def past_quick_acks(peer: PeerHost) -> None:
    """The connection is old: one ACK for two segments, and the window has grown as far as it may."""
    peer.ep.rcv.space_of.limit = NO_LIMIT
    for _ in range(40):
        peer.send(ACK, FULL)
        peer.seq += len(FULL)
        peer.sent()
    peer.read()
    peer.sent()
    assert peer.ep.rcv.quick_acks == 0


def test_each_duplicate_of_a_batch_is_told_of() -> None:
    peer = PeerHost().established()
    send_numbered(peer, 0, 1, 2, 3)
    peer.sent()
    peer.held = []
    send_numbered(peer, 0, 2)
    peer.release()
    told = [seen.options.sack[0] for seen in peer.sent()]
    assert told == [block(peer, 0, 1), block(peer, 2, 3)]


def test_each_hole_of_a_batch_is_told_of() -> None:
    peer = PeerHost(timestamps=True).established()
    peer.held = []
    send_numbered(peer, 1, 3, 5, 7, 9, 11)
    peer.release()
    told = {sack for seen in peer.sent() for sack in seen.options.sack}
    assert told == {block(peer, number, number + 1) for number in (1, 3, 5, 7, 9, 11)}


def test_text_behind_one_hole_is_told_of_once() -> None:
    peer = PeerHost(timestamps=True).established()
    peer.held = []
    send_numbered(peer, 1, 2, 3, 4, 5, 6)
    peer.release()
    assert peer.expect().options.sack == [block(peer, 1, 7)]


def test_a_lone_full_segment_is_acknowledged_late_though_all_is_read() -> None:
    peer = PeerHost().established()
    past_quick_acks(peer)
    peer.send(ACK, FULL)
    peer.read()
    peer.expect_nothing()
    peer.pass_time(40)
    peer.expect(flags=ACK, ack=peer.seq + len(FULL))


def test_a_pushed_segment_is_acknowledged_when_all_is_read() -> None:
    peer = PeerHost().established()
    past_quick_acks(peer)
    peer.send(ACK | PSH, FULL)
    peer.expect_nothing()
    peer.read()
    peer.expect(flags=ACK, ack=peer.seq + len(FULL))


def test_a_small_segment_is_acknowledged_when_all_is_read() -> None:
    peer = PeerHost().established()
    past_quick_acks(peer)
    peer.send(ACK, b"x" * 100)
    peer.expect_nothing()
    peer.read()
    peer.expect(flags=ACK, ack=peer.seq + 100)


def test_who_sends_again_what_is_here_is_answered_quickly() -> None:
    peer = PeerHost().established()
    past_quick_acks(peer)
    peer.send(ACK, FULL, seq=peer.seq - len(FULL))
    assert peer.expect().options.sack == [block(peer, -1, 0)]
    peer.send(ACK, FULL)
    peer.expect(flags=ACK, ack=peer.seq + len(FULL))


def test_two_of_a_size_are_taken_for_full_ones() -> None:
    peer = PeerHost().established()
    past_quick_acks(peer)
    assert peer.ep.rcv.mss_est == 1460
    for _ in range(2):
        peer.send(ACK, bytes(1000))
        peer.seq += 1000
    assert peer.ep.rcv.mss_est == 1000
    peer.send(ACK, bytes(700))
    assert peer.ep.rcv.mss_est == 1000


def test_a_sack_block_gives_a_round_trip() -> None:
    peer = PeerHost().established(20)
    snd = peer.ep.snd
    peer.ep.send(bytes(3 * 1460))
    assert len(peer.sent()) == 3
    samples = snd.rtt.samples
    peer.pass_time(10)
    options = peer.syn_options()
    options.mss, options.sack_permitted = -1, False
    options.sack = [(peer.ack + 1460, peer.ack + 2 * 1460)]
    peer.send(ACK, options=options)
    assert snd.rtt.samples == samples + 1
    assert snd.rtt.latest == 10 * NS_PER_MS
    assert snd.rtt.min_rtt == 20 * NS_PER_MS  # it may have overtaken what is missing
