"""CUBIC congestion control.

Window arithmetic is in segments and seconds, as the RFC's formulas are.
Implements: RFC 9438 4.1-4.9; slow start by RFC 9406.
"""

from __future__ import annotations

from typing import Final

from tcpip.transport.tcp.congestion.base import CongestionControl
from tcpip.transport.tcp.congestion.hystart import CSS_GROWTH_DIVISOR, HyStart

C: Final = 0.4
BETA: Final = 0.7
ALPHA: Final = 3 * (1 - BETA) / (1 + BETA)


class Cubic(CongestionControl):
    """cwnd(t) = C (t - K)^3 + W_max since the last reduction, never slower than Reno."""

    name = "cubic"

    def __init__(self, mss: int) -> None:
        super().__init__(mss)
        self._w_max = 0.0
        self._k = 0.0
        self._epoch = -1
        self._w_est = 0.0
        self._fraction = 0.0
        self._hystart = HyStart()

    def on_ack(self, acked: int, rtt: int, una: int, nxt: int, now: int) -> None:
        if self.cwnd < self.ssthresh:
            acked = self._slow_start(acked, rtt, una, nxt)
            if acked <= 0:
                return
        self._avoid_congestion(acked / self.mss, rtt, now)

    def _slow_start(self, acked: int, rtt: int, una: int, nxt: int) -> int:
        """Grow exponentially; the bytes that are left for congestion avoidance."""
        if self._hystart.on_ack(rtt, una, nxt):
            self.ssthresh = self.cwnd
            return acked
        grow = acked // CSS_GROWTH_DIVISOR if self._hystart.css else acked
        room = self.ssthresh - self.cwnd
        self.cwnd += min(grow, room)
        return grow - room

    def _avoid_congestion(self, segments: float, rtt: int, now: int) -> None:
        cwnd = self.cwnd / self.mss
        if self._epoch < 0:
            self._start_epoch(cwnd, now)
        t = (now - self._epoch + rtt) / 1e9
        target = C * (t - self._k) ** 3 + self._w_max
        target = min(max(target, cwnd), 1.5 * cwnd)  # 4.2
        alpha = ALPHA if self._w_est < self._w_max else 1.0  # 4.3
        self._w_est += alpha * segments / cwnd
        grown = cwnd + (target - cwnd) / cwnd * segments + self._fraction
        grown = max(grown, self._w_est)
        self.cwnd = max(int(grown * self.mss), self.cwnd)
        self._fraction = max(grown - self.cwnd / self.mss, 0.0)

    def _start_epoch(self, cwnd: float, now: int) -> None:
        self._epoch = now
        self._w_est = cwnd
        self._fraction = 0.0
        if cwnd < self._w_max:
            self._k = float(((self._w_max - cwnd) / C) ** (1 / 3))
        else:
            self._k = 0.0
            self._w_max = cwnd

    def reduced(self, flight: int) -> int:
        cwnd = self.cwnd / self.mss
        if cwnd < self._w_max:  # fast convergence, 4.7
            self._w_max = cwnd * (1 + BETA) / 2
        else:
            self._w_max = cwnd
        return int(self.cwnd * BETA)

    def on_reduced(self, now: int) -> None:
        self._epoch = -1

    def undo(self) -> None:
        self._w_max = max(self._w_max, self.prior_cwnd / self.mss)
        self._epoch = -1
        super().undo()
