"""Reno congestion control.

Implements: RFC 5681 3.1, 3.2 with byte counting (RFC 3465).
Deviates: a loss halves cwnd, not what is in flight, as net/ipv4/tcp_cong.c:tcp_reno_ssthresh has it.
"""

from __future__ import annotations

from tcpip.transport.tcp.congestion.base import CongestionControl


class Reno(CongestionControl):
    """Additive increase of one segment a round trip, halving on loss."""

    name = "reno"

    def __init__(self, mss: int) -> None:
        super().__init__(mss)
        self._acked = 0

    def on_ack(self, acked: int, rtt: int, una: int, nxt: int, now: int) -> None:
        if self.cwnd < self.ssthresh:
            grow = min(acked, self.ssthresh - self.cwnd)
            self.cwnd += grow
            acked -= grow
        self._acked += acked
        while self._acked >= self.cwnd:
            self._acked -= self.cwnd
            self.cwnd += self.mss

    def reduced(self, flight: int) -> int:
        return self.cwnd // self.mss // 2 * self.mss

    def on_reduced(self, now: int) -> None:
        self._acked = 0
