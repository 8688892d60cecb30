"""TCP_INFO: fields lie where struct tcp_info has them."""

from __future__ import annotations

import struct

from tcpip.header.tcp import ACK
from tcpip.header.tcp_options import TcpOptions
from tcpip.transport.tcp import options as opt
from tcpip.transport.tcp import state as st
from tests.unit.tcpip.transport.tcp.peer import PEER_WINDOW, PeerHost


def u32(info: bytes, at: int) -> int:
    number: int = struct.unpack_from("=I", info, at)[0]
    return number


def u64(info: bytes, at: int) -> int:
    number: int = struct.unpack_from("=Q", info, at)[0]
    return number


def test_fields(peer: PeerHost) -> None:
    peer.established().ep.send(b"i" * 3000)
    peer.send(ACK, b"hello", ack=peer.ack + 1460)
    info = peer.ep.get_option(6, opt.TCP_INFO)
    assert isinstance(info, bytes)
    assert len(info) == 248
    assert info[0] == st.ESTABLISHED
    assert info[5] == 2  # SACK only
    assert u32(info, 16) == 1460  # snd_mss
    assert u32(info, 24) == 2  # unacked
    assert u32(info, 60) == 1500  # pmtu
    assert u32(info, 76) == 0x7FFFFFFF  # snd_ssthresh
    assert u32(info, 80) >= 10  # snd_cwnd
    assert u32(info, 84) == 1460  # advmss
    assert u64(info, 112) == (1 << 64) - 1  # max_pacing_rate
    assert u64(info, 120) == 1460  # bytes_acked
    assert u64(info, 128) == 5  # bytes_received
    assert u64(info, 200) == 3000  # bytes_sent: one partial segment may be out (Minshall)
    assert u32(info, 228) == PEER_WINDOW  # snd_wnd


def test_listener_shows_its_queue(peer: PeerHost) -> None:
    peer.listening(backlog=9)
    assert peer.listener is not None
    info = peer.listener.get_option(6, opt.TCP_INFO)
    assert isinstance(info, bytes)
    assert (info[0], u32(info, 24), u32(info, 28)) == (st.LISTEN, 0, 9)


def test_what_came_out_of_order_and_twice(peer: PeerHost) -> None:
    """tcpi_rcv_ooopack counts segments, tcpi_dsack_dups what DSACKs tell in segments (net/ipv4/tcp_input.c: tcp_dsack_seen)."""
    peer.established().ep.send(b"i" * 2920)
    peer.sent()
    for ahead in (10, 20):
        peer.send(ACK, b"later", seq=peer.seq + ahead)
    options = TcpOptions()
    options.sack = [(peer.ack, peer.ack + 2920)]
    peer.send(ACK, ack=peer.ack + 2920, options=options)
    info = peer.ep.get_option(6, opt.TCP_INFO)
    assert isinstance(info, bytes)
    assert (u32(info, 216), u32(info, 224)) == (2, 2)


def info_of(peer: PeerHost) -> bytes:
    info = peer.ep.get_option(6, opt.TCP_INFO)
    assert isinstance(info, bytes)
    return info


def test_times_busy_and_limited(peer: PeerHost) -> None:
    """tcpi_busy_time, tcpi_rwnd_limited, tcpi_sndbuf_limited: microseconds (net/ipv4/tcp.c: tcp_get_info_chrono_stats)."""
    peer.established()
    peer.pass_time(100)
    assert [u64(info_of(peer), at) for at in (168, 176, 184)] == [0, 0, 0]
    peer.ep.send(b"x" * 1460)
    peer.pass_time(20)
    assert [u64(info_of(peer), at) for at in (168, 176, 184)] == [20_000, 0, 0]
    peer.send(ACK, ack=peer.ack + 1460, window=1000)
    peer.ep.send(b"x" * 1460)  # more than the peer wants
    peer.pass_time(30)
    assert [u64(info_of(peer), at) for at in (168, 176, 184)] == [50_000, 30_000, 0]


def test_the_rate_of_delivery(peer: PeerHost) -> None:
    """tcpi_delivery_rate, bytes a second, with the bit that says whether the application could have sent more."""
    peer.established()
    assert (u64(info_of(peer), 160), info_of(peer)[7] & 1) == (0, 1)
    peer.ep.send(b"x" * 14_600)
    peer.pass_time(100)
    peer.send(ACK, ack=peer.ack + 14_600)
    assert u64(info_of(peer), 160) == 146_000


def test_totals_of_time_outs(peer: PeerHost) -> None:
    """tcpi_total_rto, tcpi_total_rto_recoveries, tcpi_total_rto_time in milliseconds (Linux has them since 6.7)."""
    peer.established().ep.send(b"x")
    peer.pass_time(900)
    info = info_of(peer)
    assert struct.unpack_from("=HH", info, 240) == (2, 1)
    peer.send(ACK, ack=peer.ack + 1)
    before = u32(info_of(peer), 244)
    assert 300 <= before <= 900
    peer.pass_time(1000)
    assert u32(info_of(peer), 244) == before
