"""Packetization-layer path MTU discovery: a connection finds by itself how large its segments may be.

Where routers do not tell (a black hole), a segment that is larger than the others is sent now and then; when it arrives,
the others grow, when it alone is lost, that was nobody's congestion. `TcpConfig.mtu_probing` 2 starts every connection at
`base_mss`; 1 falls back to that when `retries1` time-outs suggest a black hole.
Implements: RFC 4821 5, 7; RFC 8899 in what it shares with it. As net/ipv4/tcp_output.c: tcp_mtu_probe, tcp_mtup_init,
tcp_timer.c: tcp_mtu_probing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tcpip.header.tcp import ACK
from tcpip.transport.tcp.emit import emit_segment
from tcpip.transport.tcp.sack import SentSegment

if TYPE_CHECKING:
    from tcpip.transport.tcp.sender import Sender

OFF: Final = 0
AFTER_BLACK_HOLE: Final = 1
ALWAYS: Final = 2
MIN_WINDOW_SEGMENTS: Final = 11
"""A smaller congestion window is not probed with."""
TCP_HEADER: Final = 20

NOTHING: Final = 0
SENT: Final = 1
WAIT: Final = 2
"""What `try_probe` did: nothing to do, a probe has left, or the window has to drain first."""


class MtuProber:
    """`low` is an IP packet's size that arrives, `high` one that may; `size` that of the probe under way, 0 for none,
    with text [start, end)."""

    __slots__ = ("snd", "low", "high", "size", "start", "end", "since")

    def __init__(self, snd: Sender, now: int) -> None:
        config = snd.ep.config
        self.snd = snd
        self.low = self.mtu_of(max(config.base_mss, config.min_snd_mss))
        self.high = self._most()
        self.size = 0
        self.start = self.end = -1
        self.since = now

    def _headers(self) -> int:
        route = self.snd.ep.route
        return (route.ip_header_len if route is not None else 20) + TCP_HEADER

    def _most(self) -> int:
        return self.snd.peer_mss + self._headers()

    def mtu_of(self, mss: int) -> int:
        """The IP packet with so much text."""
        return mss + self.snd.ep.option_len + self._headers()

    def mss_of(self, mtu: int) -> int:
        """The text in such an IP packet."""
        return min(mtu - self._headers(), self.snd.peer_mss) - self.snd.ep.option_len

    def limit(self, mss: int, mtu: int) -> int:
        """What is sent when `mss` would fit the path as it is known, `mtu`."""
        self.high = min(self.high, mtu)
        return min(mss, self.mss_of(self.low))

    def black_hole(self) -> None:
        """Time-outs go on: half as much (tcp_mtu_probing)."""
        config = self.snd.ep.config
        mss = min(self.mss_of(self.low) >> 1, config.base_mss)
        self.low = self.mtu_of(max(mss, config.mtu_probe_floor, config.min_snd_mss))
        self.size = 0

    def try_probe(self, now: int) -> int:
        """Send a larger segment if there is a reason, enough text, and room for it in both windows."""
        snd = self.snd
        if self.size or snd.ca_state or snd.cc.cwnd < MIN_WINDOW_SEGMENTS * snd.mss or snd.board.sacked:
            return NOTHING
        if snd.ep.rcv.has_sack_info or snd.ep.ecn.tell:
            return NOTHING
        size = self.mss_of((self.high + self.low) >> 1)
        needed = size + (snd.rack.reordering + 1) * snd.mss
        if size > self.mss_of(self.high) or self.high - self.low < snd.ep.config.probe_threshold:
            self._begin_again(now)
            return NOTHING
        if snd.unsent() < needed or snd.wnd < needed or self._has_boundary(snd.nxt + size):
            return NOTHING
        if snd.nxt + needed > snd.window_end():
            return WAIT
        if snd.in_flight() + 2 * snd.mss > snd.cc.cwnd:
            return WAIT if snd.in_flight() else NOTHING
        self._send(size, now)
        return SENT

    def _has_boundary(self, end: int) -> bool:
        """The text is not all one: a record or urgent data ends in it."""
        snd = self.snd
        return snd.urgent_end > snd.nxt or any(snd.nxt < record < end for record in snd.records)

    def _send(self, size: int, now: int) -> None:
        snd = self.snd
        record = SentSegment(snd.nxt, snd.nxt + size, now, False)
        if snd.measured:
            record.rate = snd.rate.sending(snd.in_flight(), now)
        self.start, self.end = snd.nxt, snd.nxt + size
        self.size = self.mtu_of(size)
        snd.nxt = self.end
        snd.board.segs.append(record)
        snd.last_send = now
        snd.bytes_sent += size
        usual, snd.mss = snd.mss, size  # one packet, however large the others are
        try:
            emit_segment(snd.ep, self.start, size, ACK, now, True)
        finally:
            snd.mss = usual

    def _begin_again(self, now: int) -> None:
        """The path may have changed after ten minutes (tcp_mtu_check_reprobe)."""
        if now - self.since >= self.snd.ep.config.probe_interval_ns:
            self.high, self.low, self.size, self.since = self._most(), self.mtu_of(self.snd.mss), 0, now
            self.snd.sync_mss()

    # What became of it.

    def acknowledged(self, una: int) -> None:
        """It has arrived: all segments may be as large, and fewer of them under way (tcp_mtup_probe_success); the probe has
        taken the place of two."""
        if self.size and una >= self.end:
            snd = self.snd
            window = max((snd.cc.cwnd // snd.mss - 1) * self.mtu_of(snd.mss) // self.size, 1)
            self.low, self.size = self.size, 0
            snd.ep.stats_ext.inc("TCPMTUPSuccess")
            snd.sync_mss()
            snd.cc.cwnd = window * snd.mss

    def lost_alone(self) -> bool:
        """Only the probe was lost: no such size, and no congestion (tcp_fastretrans_alert)."""
        snd = self.snd
        if not self.size or snd.una != self.start:
            return False
        self.high, self.size = self.size - 1, 0
        snd.ep.stats_ext.inc("TCPMTUPFail")
        return True

    def timed_out(self) -> None:
        """Nothing can be said of a probe that is sent again with the rest."""
        self.size = 0
