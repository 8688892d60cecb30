"""ICMP errors: hard, soft, forged, and a path that became narrower."""

from __future__ import annotations

import pytest

from tcpip import errors
from tcpip.checksum import checksum
from tcpip.header.ipv4 import Ipv4Header
from tcpip.header.tcp import SYN
from tcpip.transport.tcp import state as st
from tests.unit.tcpip.transport.tcp.peer import HOST, PEER, PEER_PORT, PeerHost

ROUTER = b"\x0a\x00\x00\xfe"


def icmp_error(peer: PeerHost, code: int, seq: int, mtu: int = 0) -> None:
    """A router's destination unreachable about the segment with `seq`."""
    quoted_ip = bytearray(20)
    Ipv4Header(src=HOST, dst=PEER, protocol=6, total_len=60).emit(quoted_ip, 0)
    quoted = (
        peer.ep.local_port.to_bytes(2, "big") + PEER_PORT.to_bytes(2, "big") + (seq & 0xFFFFFFFF).to_bytes(4, "big")
    )
    body = bytearray(bytes((3, code, 0, 0, 0, 0)) + mtu.to_bytes(2, "big") + quoted_ip + quoted + bytes(12))
    body[2:4] = checksum(body).to_bytes(2, "big")
    head = bytearray(20)
    Ipv4Header(src=ROUTER, dst=HOST, protocol=1, total_len=20 + len(body)).emit(head, 0)
    head[10:12] = b"\0\0"
    head[10:12] = checksum(head).to_bytes(2, "big")
    peer.link.inject(bytes(head) + bytes(body))


@pytest.mark.parametrize(
    ("code", "error"),
    ((0, errors.NETWORK_UNREACHABLE), (1, errors.HOST_UNREACHABLE), (3, errors.CONNECTION_REFUSED)),
)
def test_connect_fails_at_once(peer: PeerHost, code: int, error: errors.NetError) -> None:
    syn = peer.connecting().expect(flags=SYN)
    icmp_error(peer, code, syn.seq)
    peer.expect_state(st.CLOSED)
    assert peer.ep.take_error() is error


def test_forged_sequence_number_is_ignored(peer: PeerHost) -> None:
    syn = peer.connecting().expect(flags=SYN)
    icmp_error(peer, 3, syn.seq + 1000)
    peer.expect_state(st.SYN_SENT)


def test_established_survives_and_tells_why_it_timed_out(peer: PeerHost) -> None:
    peer.established().ep.send(b"lost")
    seen = peer.expect()
    icmp_error(peer, 1, seen.seq)
    peer.expect_state(st.ESTABLISHED)
    assert peer.ep.error is None
    peer.pass_time(2_000_000)
    assert peer.ep.take_error() is errors.HOST_UNREACHABLE


def test_narrower_path_is_taken_at_once(peer: PeerHost) -> None:
    peer.established().ep.send(b"w" * 4000)
    seen = peer.sent()
    assert len(seen[0].payload) == 1460
    cwnd = peer.ep.snd.cc.cwnd // peer.ep.snd.mss
    icmp_error(peer, 4, seen[0].seq, mtu=600)
    again = peer.sent()
    assert again
    assert again[0].seq == seen[0].seq
    assert all(len(s.payload) <= 560 for s in again)
    assert peer.ep.snd.cc.cwnd // peer.ep.snd.mss >= cwnd - 1
