"""FIN_WAIT_1, FIN_WAIT_2, CLOSING, CLOSE_WAIT, LAST_ACK, TIME_WAIT."""

from __future__ import annotations

import pytest

from tcpip import errors
from tcpip.addr import SockAddr
from tcpip.errors import NetworkError
from tcpip.header.tcp import ACK, FIN, RST, SYN
from tcpip.transport.endpoint import AGAIN
from tcpip.transport.tcp import state as st
from tcpip.waiter import EVENT_HUP, EVENT_IN, EVENT_OUT, EVENT_RDHUP
from tests.unit.tcpip.transport.tcp.peer import HOST, HOST_PORT, PeerHost

EVERYTHING = EVENT_IN | EVENT_OUT | EVENT_HUP | EVENT_RDHUP

# FIN_WAIT_1


def test_half_close_still_receives(peer: PeerHost) -> None:
    peer.fin_wait_2().send(ACK, b"late text")
    assert peer.read() == b"late text"
    assert peer.ep.readiness() == EVENT_OUT
    with pytest.raises(NetworkError) as caught:
        peer.ep.send(b"x")
    assert caught.value.error is errors.BROKEN_PIPE


def test_fin_waits_for_text(peer: PeerHost) -> None:
    peer.established().send(ACK, window=1460)
    peer.ep.send(b"d" * 2000)
    peer.ep.shutdown(1)
    assert len(peer.expect(flags=ACK).payload) == 1460
    peer.send(ACK, ack=peer.ack + 1460)
    assert len(peer.expect(flags=FIN | ACK).payload) == 540


def test_fin_is_retransmitted(peer: PeerHost) -> None:
    peer.fin_wait_1().pass_time(400)
    assert peer.sent()[0].flags & FIN


def test_simultaneous_close(peer: PeerHost) -> None:
    peer.closing().send(ACK)
    assert len(peer.stack.tcp.time_wait) == 1
    peer.expect_state(st.CLOSED)
    assert peer.ep.readiness() == EVERYTHING


def test_fin_that_acknowledges_ours(peer: PeerHost) -> None:
    peer.fin_wait_1()
    peer.ack += 1
    peer.send(FIN | ACK)
    peer.expect(flags=ACK, ack=peer.seq + 1)
    assert len(peer.stack.tcp.time_wait) == 1


def test_text_after_close_resets(peer: PeerHost) -> None:
    peer.established().ep.close()
    peer.expect(flags=FIN | ACK)
    peer.ack += 1
    peer.send(ACK)
    peer.send(ACK, b"nobody reads this")
    peer.expect(flags=RST, seq=peer.ack)
    assert not peer.stack.tcp.demux.connected


# FIN_WAIT_2


def test_orphan_does_not_wait_for_ever(peer: PeerHost) -> None:
    peer.established().ep.close()
    peer.expect(flags=FIN | ACK)
    peer.ack += 1
    peer.send(ACK)
    peer.expect_state(st.FIN_WAIT_2)
    peer.pass_time(59_000)
    peer.expect_state(st.FIN_WAIT_2)
    peer.pass_time(2_000)
    peer.expect_state(st.CLOSED)
    assert not peer.stack.tcp.demux.connected
    assert not peer.stack.ports._held


def test_half_closed_user_may_wait_for_ever(peer: PeerHost) -> None:
    peer.fin_wait_2().pass_time(600_000)
    peer.expect_state(st.FIN_WAIT_2)


# CLOSE_WAIT and LAST_ACK


def test_close_wait_still_sends(peer: PeerHost) -> None:
    peer.close_wait().ep.send(b"more")
    peer.expect(flags=ACK, payload=b"more", ack=peer.seq)


def test_reset_in_close_wait_is_a_broken_pipe(peer: PeerHost) -> None:
    peer.close_wait().send(RST)
    assert peer.ep.take_error() is errors.BROKEN_PIPE


def test_last_ack_ends(peer: PeerHost) -> None:
    peer.last_ack()
    peer.ack += 1
    peer.send(ACK)
    peer.expect_state(st.CLOSED)
    assert not peer.stack.tcp.demux.connected
    assert len(peer.stack.tcp.time_wait) == 0
    assert not peer.stack.ports._held


# TIME_WAIT


def test_fin_again_is_acknowledged_and_restarts_the_wait(peer: PeerHost) -> None:
    peer.time_wait().pass_time(50_000)
    peer.send(FIN | ACK, seq=peer.seq - 1)
    peer.expect(flags=ACK, ack=peer.seq)
    peer.pass_time(50_000)
    assert len(peer.stack.tcp.time_wait) == 1
    peer.pass_time(11_000)
    assert len(peer.stack.tcp.time_wait) == 0


def test_time_wait_holds_the_port_until_it_ends(peer: PeerHost) -> None:
    peer.time_wait().ep.close()
    other = peer.new_endpoint()
    with pytest.raises(NetworkError) as caught:
        other.bind(SockAddr(HOST, HOST_PORT))
    assert caught.value.error is errors.ADDRESS_IN_USE
    peer.pass_time(61_000)
    other.bind(SockAddr(HOST, HOST_PORT))


def test_new_syn_ends_time_wait(peer: PeerHost) -> None:
    peer.time_wait().send(SYN, seq=peer.seq + 10)
    assert len(peer.stack.tcp.time_wait) == 0
    peer.expect(flags=RST | ACK)  # nobody listens any more


def test_old_syn_is_acknowledged(peer: PeerHost) -> None:
    peer.time_wait().send(SYN, seq=peer.seq - 10)
    peer.expect(flags=ACK, ack=peer.seq)


def test_reset_ends_time_wait(peer: PeerHost) -> None:
    peer.time_wait().send(RST)
    assert len(peer.stack.tcp.time_wait) == 0


def test_reading_goes_on_after_the_end(peer: PeerHost) -> None:
    peer.fin_wait_2().send(ACK | FIN, b"tail")
    assert peer.ep.readiness() & EVENT_IN
    assert peer.read() == b"tail"
    assert peer.read() == b""
    assert peer.ep.recv_into(memoryview(bytearray(1))) != AGAIN


def test_time_wait_repeats_the_window_that_the_last_ack_has_told(peer: PeerHost) -> None:
    peer.established()
    for _ in range(2):
        peer.send(ACK, b"d" * 1460)
        peer.seq += 1460
    peer.pass_time(50)
    peer.sent()
    peer.ep.shutdown(1)
    peer.sent()
    peer.ack += 1
    assert peer.read() == b"d" * 2920
    peer.sent()
    peer.send(FIN | ACK)
    told = peer.expect(flags=ACK, ack=peer.seq + 1)
    peer.send(FIN | ACK)
    assert peer.expect(flags=ACK, ack=peer.seq + 1).window == told.window
