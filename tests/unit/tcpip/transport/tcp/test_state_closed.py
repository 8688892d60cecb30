"""CLOSED: nobody is there."""

from __future__ import annotations

import pytest

from tcpip import errors
from tcpip.errors import NetworkError
from tcpip.header.tcp import ACK, FIN, RST, SYN
from tcpip.waiter import EVENT_HUP, EVENT_OUT
from tests.unit.tcpip.transport.tcp.peer import PeerHost


def test_syn_is_reset(peer: PeerHost) -> None:
    peer.send(SYN, seq=100)
    peer.expect(flags=RST | ACK, seq=0, ack=101)


def test_text_and_fin_count_in_the_reset(peer: PeerHost) -> None:
    peer.send(SYN | FIN, b"abc", seq=100)
    peer.expect(flags=RST | ACK, seq=0, ack=105)


def test_ack_is_reset_with_its_number(peer: PeerHost) -> None:
    peer.send(ACK, seq=100, ack=777)
    peer.expect(flags=RST, seq=777)


def test_reset_is_never_answered(peer: PeerHost) -> None:
    peer.send(RST, seq=1)
    peer.send(RST | ACK, seq=1, ack=1)
    peer.expect_nothing()


def test_bad_checksum_is_dropped_and_counted(peer: PeerHost) -> None:
    peer.send(SYN, corrupt=True)
    peer.expect_nothing()
    assert peer.stack.stats.tcp["InCsumErrors"] == 1


@pytest.mark.parametrize("length", range(20))
def test_truncated_header_is_dropped(peer: PeerHost, length: int) -> None:
    peer.raw(bytes(length))
    peer.expect_nothing()
    assert peer.stack.stats.tcp["InErrs"] == 1


def test_fresh_endpoint_is_writable_and_hung_up(peer: PeerHost) -> None:
    assert peer.new_endpoint().readiness() == EVENT_OUT | EVENT_HUP


def test_calls_on_a_fresh_endpoint(peer: PeerHost) -> None:
    endpoint = peer.new_endpoint()
    for call, error in (
        (lambda: endpoint.recv_into(memoryview(bytearray(1))), errors.NOT_CONNECTED),
        (lambda: endpoint.send(b"x"), errors.BROKEN_PIPE),
        (lambda: endpoint.shutdown(2), errors.NOT_CONNECTED),
        (lambda: endpoint.accept(), errors.INVALID_ARGUMENT),
        (lambda: endpoint.getpeername(), errors.NOT_CONNECTED),
    ):
        with pytest.raises(NetworkError) as caught:
            call()
        assert caught.value.error is error
