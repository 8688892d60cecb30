"""LISTEN: the handshake's passive side, queues and floods."""

from __future__ import annotations

import pytest

from tcpip import errors
from tcpip.errors import NetworkError
from tcpip.header.tcp import ACK, FIN, RST, SYN
from tcpip.header.tcp_options import TcpOptions
from tcpip.transport.tcp import options as opt
from tcpip.transport.tcp import state as st
from tcpip.waiter import EVENT_IN
from tests.unit.tcpip.transport.tcp.peer import PEER_PORT, PeerHost


def handshake(peer: PeerHost, port: int) -> None:
    peer.send(SYN, seq=1, src_port=port, options=peer.syn_options())
    reply = peer.expect(flags=SYN | ACK)
    peer.send(ACK, seq=2, ack=reply.seq + 1, src_port=port)


def test_handshake_makes_it_readable(peer: PeerHost) -> None:
    peer.listening()
    assert peer.listener is not None
    assert peer.listener.readiness() == 0
    handshake(peer, PEER_PORT)
    assert peer.listener.readiness() == EVENT_IN
    child = peer.listener.accept()
    assert child.state == st.ESTABLISHED
    assert child.getpeername().port == PEER_PORT
    with pytest.raises(NetworkError) as caught:
        peer.listener.accept()
    assert caught.value.error is errors.WOULD_BLOCK


def test_syn_ack_offers_only_what_the_peer_offered() -> None:
    peer = PeerHost(sack=False).listening()
    options = TcpOptions()
    options.mss = 1000
    peer.send(SYN, options=options)
    reply = peer.expect(flags=SYN | ACK)
    assert reply.options.mss == 1460
    assert not reply.options.sack_permitted
    assert not reply.options.timestamp
    assert reply.options.window_scale == -1


def test_syn_ack_grants_what_the_peer_offered() -> None:
    peer = PeerHost(timestamps=True, scale=3).listening()
    peer.send(SYN, options=peer.syn_options())
    reply = peer.expect(flags=SYN | ACK)
    assert reply.options.sack_permitted
    assert reply.options.ts_ecr == peer.ts
    assert reply.options.window_scale == 7


def test_ack_without_syn_is_reset(peer: PeerHost) -> None:
    peer.listening().send(ACK, seq=5, ack=99)
    peer.expect(flags=RST, seq=99)


def test_reset_and_fin_are_ignored(peer: PeerHost) -> None:
    peer.listening()
    peer.send(RST)
    peer.send(FIN)
    peer.send(SYN | FIN)
    peer.expect_nothing()


def test_syn_ack_is_repeated_with_back_off_then_given_up(peer: PeerHost) -> None:
    peer.listening().send(SYN, options=peer.syn_options())
    first = peer.expect(flags=SYN | ACK)
    for wait in (1000, 2000, 4000, 8000, 16000):
        peer.pass_time(wait - 1)
        peer.expect_nothing()
        peer.pass_time(1)
        peer.expect(flags=SYN | ACK, seq=first.seq)
    peer.pass_time(200_000)
    peer.expect_nothing()
    assert not peer.stack.tcp.demux.connected


def test_repeated_syn_is_answered_again(peer: PeerHost) -> None:
    peer.listening()
    peer.send(SYN, options=peer.syn_options())
    first = peer.expect(flags=SYN | ACK)
    peer.send(SYN, options=peer.syn_options())
    peer.expect(flags=SYN | ACK, seq=first.seq)


def test_reset_ends_the_embryo(peer: PeerHost) -> None:
    peer.listening().send(SYN, options=peer.syn_options())
    peer.expect(flags=SYN | ACK)
    peer.send(RST, seq=peer.seq + 1)
    assert not peer.stack.tcp.demux.connected
    peer.expect_nothing()


def test_bad_ack_in_syn_received_is_reset(peer: PeerHost) -> None:
    peer.listening().send(SYN, options=peer.syn_options())
    reply = peer.expect(flags=SYN | ACK)
    peer.send(ACK, seq=peer.seq + 1, ack=reply.seq + 9)
    peer.expect(flags=RST, seq=reply.seq + 9)


def test_text_with_the_last_ack_is_kept(peer: PeerHost) -> None:
    peer.listening().send(SYN, options=peer.syn_options())
    reply = peer.expect(flags=SYN | ACK)
    peer.send(ACK, b"early", seq=peer.seq + 1, ack=reply.seq + 1)
    assert peer.listener is not None
    child = peer.listener.accept()
    buffer = bytearray(10)
    assert child.recv_into(memoryview(buffer)) == 5


def test_full_accept_queue_drops_the_last_ack(peer: PeerHost) -> None:
    peer.listening(backlog=1)
    assert peer.listener is not None
    handshake(peer, 1)
    peer.send(SYN, seq=1, src_port=9, options=peer.syn_options())
    late = peer.expect(flags=SYN | ACK)
    handshake(peer, 2)
    peer.send(SYN, seq=1, src_port=3, options=peer.syn_options())
    peer.expect_nothing()
    peer.send(ACK, seq=2, ack=late.seq + 1, src_port=9)
    peer.expect_nothing()
    assert peer.listener.listener is not None
    assert len(peer.listener.listener.ready) == 2
    peer.listener.accept()
    peer.send(ACK, seq=2, ack=late.seq + 1, src_port=9)
    assert len(peer.listener.listener.ready) == 2


def test_flood_is_answered_with_cookies_and_bounded_memory() -> None:
    peer = PeerHost(timestamps=True, scale=2).listening(backlog=16)
    for port in range(1, 400):
        peer.send(SYN, seq=port, src_port=port, options=peer.syn_options())
    assert peer.listener is not None
    assert peer.listener.listener is not None
    assert len(peer.listener.listener.requests) == 17  # one more than the backlog, as Linux
    replies = peer.sent()
    assert len(replies) == 399
    last = replies[-1]
    peer.ts_echo = last.options.ts_val
    peer.send(ACK, seq=400, ack=last.seq + 1, src_port=399)
    child = peer.listener.accept()
    assert child.state == st.ESTABLISHED
    assert (child.sack_ok, child.timestamps, child.snd.wscale) == (True, True, 2)
    assert child.snd.peer_mss == 1460
    peer.ts_echo = 0
    peer.sent()
    peer.send(ACK, seq=400, ack=12345, src_port=500)
    peer.expect(flags=RST, seq=12345)


def test_a_cookie_that_comes_back_while_nobody_accepts_is_dropped_not_reset() -> None:
    peer = PeerHost().listening(backlog=0)
    for port in range(1, 12):
        peer.send(SYN, seq=7, src_port=port, options=peer.syn_options())
    first, *_, last = peer.sent()
    peer.send(ACK, seq=8, ack=first.seq + 1, src_port=1)
    peer.sent()
    peer.send(ACK, b"text", seq=8, ack=last.seq + 1, src_port=11)
    assert not peer.sent()
    assert peer.listener is not None
    peer.listener.accept()
    peer.send(ACK, b"text", seq=8, ack=last.seq + 1, src_port=11)
    child = peer.listener.accept()
    assert child.state == st.ESTABLISHED


def test_cookie_expires() -> None:
    peer = PeerHost().listening(backlog=8)
    for port in range(1, 10):
        peer.send(SYN, seq=7, src_port=port, options=peer.syn_options())
    last = peer.sent()[-1]
    peer.pass_time(200_000)
    peer.sent()
    peer.send(ACK, seq=8, ack=last.seq + 1, src_port=9)
    peer.expect(flags=RST)


def test_defer_accept_waits_for_text(peer: PeerHost) -> None:
    peer.listening()
    assert peer.listener is not None
    peer.listener.set_option(6, opt.TCP_DEFER_ACCEPT, 3)
    assert peer.listener.get_option(6, opt.TCP_DEFER_ACCEPT) == 3
    handshake(peer, 5)
    assert peer.listener.readiness() == 0
    peer.send(ACK, b"x", seq=2, ack=peer_ack(peer), src_port=5)
    assert peer.listener.readiness() == EVENT_IN


def test_defer_accept_counts_repetitions(peer: PeerHost) -> None:
    """Not time: an ACK without text is no end before the SYN-ACK's timer has run as often as was asked for, and the last
    time the SYN-ACK is repeated (net/ipv4/inet_connection_sock.c: syn_ack_recalc)."""
    peer.listening()
    assert peer.listener is not None
    peer.listener.set_option(6, opt.TCP_DEFER_ACCEPT, 2)
    assert peer.listener.get_option(6, opt.TCP_DEFER_ACCEPT) == 3
    handshake(peer, 5)
    ack = peer_ack(peer)
    peer.pass_time(1_500)
    peer.expect_nothing()
    peer.send(ACK, seq=2, ack=ack, src_port=5)
    assert peer.listener.readiness() == 0
    peer.pass_time(1_600)
    peer.expect(flags=SYN | ACK)
    peer.send(ACK, seq=2, ack=ack, src_port=5)
    assert peer.listener.readiness() == EVENT_IN
    assert peer.stack.stats.tcp_ext.values["TCPDeferAcceptDrop"] == 2


def peer_ack(peer: PeerHost) -> int:
    assert peer.listener is not None
    assert peer.listener.listener is not None
    (request,) = peer.listener.listener.requests.values()
    return request.iss + 1


def test_close_resets_what_was_not_accepted(peer: PeerHost) -> None:
    peer.listening()
    handshake(peer, 5)
    assert peer.listener is not None
    peer.listener.close()
    peer.expect(flags=RST | ACK)
    assert not peer.stack.tcp.demux.connected
    assert not peer.stack.ports._held


def test_connected_children_hold_the_port(peer: PeerHost) -> None:
    peer.established()
    other = peer.new_endpoint()
    from tcpip.addr import SockAddr
    from tests.unit.tcpip.transport.tcp.peer import HOST

    with pytest.raises(NetworkError) as caught:
        other.bind(SockAddr(HOST, 80))
    assert caught.value.error is errors.ADDRESS_IN_USE
