"""What is dropped on arrival, and how slow start ended, by the names of /proc/net/netstat."""

from __future__ import annotations

from tcpip.clock import NS_PER_MS
from tcpip.sockopt import IP_MINTTL, SOL_IP
from tcpip.transport.tcp.congestion.cubic import Cubic
from tests.unit.tcpip.transport.tcp.peer import PeerHost

MSS = 1460


def counted(peer: PeerHost, name: str) -> int:
    return peer.stack.stats.tcp_ext[name]


def test_text_beyond_a_closed_window() -> None:
    peer = PeerHost().established()
    peer.ep.rcv.adv = peer.ep.rcv.nxt
    peer.send(payload=b"x" * 100)
    assert counted(peer, "TCPZeroWindowDrop") == 1
    assert counted(peer, "TCPRcvQDrop") == 0


def test_text_beyond_a_full_buffer() -> None:
    peer = PeerHost().established()
    peer.send(payload=b"x" * MSS)
    peer.ep.so.rcvbuf = MSS // 2
    peer.send(payload=b"x" * MSS, seq=peer.ep.rcv.nxt - 1)
    assert counted(peer, "TCPRcvQDrop") == 1
    peer.send(payload=b"x" * MSS, seq=peer.ep.rcv.nxt + MSS)
    assert counted(peer, "TCPOFODrop") == 1


def test_what_comes_from_too_far_away() -> None:
    peer = PeerHost().established()
    peer.ep.set_option(SOL_IP, IP_MINTTL, 255)
    peer.send(payload=b"x")
    assert counted(peer, "TCPMinTTLDrop") == 1
    assert not peer.ep.rcv.queue.size


def test_hystart_tells_how_slow_start_ended() -> None:
    peer = PeerHost().established()
    snd = peer.ep.snd
    assert isinstance(snd.cc, Cubic)
    snd.cc.cwnd = 20 * snd.cc.mss
    now = peer.clock.now_ns()
    snd.round_trip(10 * NS_PER_MS, now)
    snd.una = snd.nxt + 1  # the next round
    snd.nxt = snd.una + 1000
    for count in range(1, 10):
        snd.round_trip(40 * NS_PER_MS, now + count * 100 * NS_PER_MS)
    assert counted(peer, "TCPHystartDelayDetect") == 1
    assert counted(peer, "TCPHystartDelayCwnd") == 20
    assert not counted(peer, "TCPHystartTrainDetect")
