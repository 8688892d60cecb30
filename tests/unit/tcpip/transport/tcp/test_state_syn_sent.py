"""SYN_SENT: the active side, failures, simultaneous open."""

from __future__ import annotations

import pytest

from tcpip import errors
from tcpip.addr import SockAddr
from tcpip.errors import NetworkError
from tcpip.header.tcp import ACK, FIN, RST, SYN
from tcpip.transport.endpoint import AGAIN
from tcpip.transport.tcp import state as st
from tcpip.waiter import EVENT_ERR, EVENT_HUP, EVENT_IN, EVENT_OUT, EVENT_RDHUP
from tests.unit.tcpip.transport.tcp.peer import PEER, PEER_PORT, PeerHost

TARGET = SockAddr(PEER, PEER_PORT)


def connect_error(peer: PeerHost) -> errors.NetError:
    with pytest.raises(NetworkError) as caught:
        peer.ep.connect(TARGET)
    return caught.value.error


def test_syn_has_all_options(peer: PeerHost) -> None:
    syn = peer.connecting().expect(flags=SYN, ack=0)
    assert (syn.options.mss, syn.options.window_scale) == (1460, 7)
    assert syn.options.sack_permitted
    assert syn.options.timestamp
    assert peer.ep.readiness() == 0
    assert connect_error(peer) is errors.ALREADY_IN_PROGRESS
    assert peer.ep.send(b"x") == AGAIN


def test_syn_ack_establishes(peer: PeerHost) -> None:
    syn = peer.connecting().expect(flags=SYN)
    peer.send(SYN | ACK, seq=9000, ack=syn.seq + 1, options=peer.syn_options())
    peer.expect(flags=ACK, seq=syn.seq + 1, ack=9001)
    peer.expect_state(st.ESTABLISHED)
    assert peer.ep.readiness() == EVENT_OUT
    peer.ep.connect(TARGET)
    assert connect_error(peer) is errors.ALREADY_CONNECTED


def test_a_stack_whose_peers_are_near_asks_again_sooner(peer: PeerHost) -> None:
    peer.stack.tcp.config.syn_rto_ns = 50_000_000
    peer.stack.tcp.config.syn_linear_timeouts = 0
    peer.connecting().expect(flags=SYN)
    peer.pass_time(40)
    assert not peer.sent()
    peer.pass_time(20)
    peer.expect(flags=SYN)
    peer.pass_time(80)
    assert not peer.sent()
    peer.pass_time(20)
    peer.expect(flags=SYN)


def test_text_on_the_syn_ack_is_not_taken(peer: PeerHost) -> None:
    syn = peer.connecting().expect(flags=SYN)
    peer.send(SYN | ACK | FIN, b"hi", seq=9000, ack=syn.seq + 1, options=peer.syn_options())
    peer.expect(flags=ACK, ack=9001)
    peer.expect_state(st.ESTABLISHED)


@pytest.mark.parametrize("off", (0, 2, 5000))
def test_bad_ack_is_reset(peer: PeerHost, off: int) -> None:
    syn = peer.connecting().expect(flags=SYN)
    peer.send(SYN | ACK, seq=9000, ack=syn.seq + off)
    peer.expect(flags=RST, seq=syn.seq + off)
    peer.expect_state(st.SYN_SENT)


def test_reset_with_good_ack_refuses(peer: PeerHost) -> None:
    syn = peer.connecting().expect(flags=SYN)
    peer.send(RST | ACK, seq=0, ack=syn.seq + 1)
    peer.expect_state(st.CLOSED)
    assert peer.ep.readiness() == EVENT_IN | EVENT_OUT | EVENT_ERR | EVENT_HUP | EVENT_RDHUP
    assert connect_error(peer) is errors.CONNECTION_REFUSED
    assert peer.ep.take_error() is None
    assert connect_error(peer) is errors.CONNECT_STARTED


@pytest.mark.parametrize("flags", (RST, ACK, FIN, 0))
def test_what_says_nothing_is_dropped(peer: PeerHost, flags: int) -> None:
    syn = peer.connecting().expect(flags=SYN)
    peer.send(flags, seq=9000, ack=syn.seq + 1)
    peer.expect_nothing()
    peer.expect_state(st.SYN_SENT)


def test_syn_is_repeated_then_times_out(peer: PeerHost) -> None:
    syn = peer.connecting().expect(flags=SYN)
    for wait in (1, 1, 1, 1, 1, 2, 4, 8, 16, 32):  # tcp_syn_linear_timeouts
        peer.pass_time(wait * 1000)
        peer.expect(flags=SYN, seq=syn.seq)
    peer.pass_time(64_000)
    peer.expect_nothing()
    assert connect_error(peer) is errors.TIMED_OUT


def test_simultaneous_open(peer: PeerHost) -> None:
    peer.syn_received()
    peer.expect_state(st.SYN_RECEIVED)
    peer.send(SYN | ACK, seq=peer.seq - 1, options=peer.syn_options())
    peer.expect_state(st.ESTABLISHED)


def test_simultaneous_open_completed_by_an_ack(peer: PeerHost) -> None:
    peer.syn_received().send(ACK)
    peer.expect_state(st.ESTABLISHED)


def test_reset_in_syn_received_refuses(peer: PeerHost) -> None:
    peer.syn_received().send(RST)
    assert connect_error(peer) is errors.CONNECTION_REFUSED


def test_close_forgets(peer: PeerHost) -> None:
    peer.connecting().expect(flags=SYN)
    peer.ep.close()
    peer.expect_nothing()
    assert not peer.stack.tcp.demux.connected
    assert not peer.stack.ports._held


def test_close_in_syn_received_sends_a_fin_later(peer: PeerHost) -> None:
    peer.syn_received().ep.close()
    peer.expect_nothing()
    peer.send(ACK)
    peer.expect(flags=FIN | ACK)
    peer.expect_state(st.FIN_WAIT_1)


def test_syn_only_connection_without_options() -> None:
    peer = PeerHost(sack=False)
    syn = peer.connecting().expect(flags=SYN)
    peer.send(SYN | ACK, seq=1, ack=syn.seq + 1)
    peer.expect(flags=ACK)
    assert peer.ep.snd.peer_mss == 536
    assert not peer.ep.timestamps
    assert peer.ep.rcv.wscale == 0
