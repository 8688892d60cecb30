"""Reno congestion control.

Implements: RFC 5681 3.1, 3.2 with byte counting (RFC 3465).
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
        return flight // 2

    def on_reduced(self, now: int) -> None:
        self._acked = 0
