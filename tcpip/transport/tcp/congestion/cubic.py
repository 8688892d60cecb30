"""CUBIC congestion control, with Linux's whole numbers.

The window is counted in segments, time in ms where it is in jiffies there, the cubic function in units of 2**-10 s.
Implements: RFC 9438 4.1-4.9, as net/ipv4/tcp_cubic.c has it: a time-out forgets the largest window, too.
"""

from __future__ import annotations

from typing import ClassVar, Final

from tcpip.clock import NS_PER_MS
from tcpip.native import mypyc_attr
from tcpip.transport.tcp.congestion.base import CongestionControl
from tcpip.transport.tcp.congestion.hystart import HyStart

BETA: Final = 717
BETA_SCALE: Final = 1024
FRIENDLY_SCALE: Final = 15
"""Eight times the segments acknowledged, in windows, for which Reno would have grown by one: beta_scale."""
RATE: Final = 410
"""C in 2**-10 s cubed: cube_rtt_scale; CUBE is 2**40 / RATE."""
CUBE: Final = (1 << 40) // RATE
SECOND_MS: Final = 1000
AGAIN_MS: Final = 31
UNKNOWN_PACE: Final = 20
LEAST_PACE: Final = 2


def cube_root(number: int) -> int:
    """The whole number at or below it."""
    root = int(number ** (1 / 3))
    while root**3 > number:
        root -= 1
    while (root + 1) ** 3 <= number:
        root += 1
    return root


@mypyc_attr(allow_interpreted_subclasses=True)
class Cubic(CongestionControl):
    """cwnd(t) = C (t - K)^3 + W_max since the last reduction, never slower than Reno."""

    name: ClassVar[str] = "cubic"

    def __init__(self, mss: int) -> None:
        super().__init__(mss)
        self._hystart = HyStart()
        self._forget()

    def _forget(self) -> None:
        self._pace = 0  # acknowledged segments for one of growth
        self._w_max = 0
        self._last_cwnd = 0
        self._last_ms = 0
        self._origin = 0
        self._k = 0
        self._least_rtt = 0
        self._epoch = -1
        self._acked = 0
        self._w_est = 0

    def on_rtt(self, rtt: int, una: int, nxt: int, now: int) -> None:
        if self._epoch >= 0 and now // NS_PER_MS - self._epoch < SECOND_MS:
            return  # right after a recovery
        if not self._least_rtt or rtt < self._least_rtt:
            self._least_rtt = rtt
        cwnd = self.cwnd // self.mss
        if self.in_slow_start() and self._hystart.ends(rtt, self._least_rtt, cwnd, self.mss, una, nxt, now):
            self.ssthresh = self.cwnd
            self.hystart = self._hystart.by

    def on_ack(self, acked: int, rtt: int, una: int, nxt: int, now: int) -> None:
        segments = self.slow_start(-(-acked // self.mss))
        if segments > 0:
            self._update(self.cwnd // self.mss, segments, now // NS_PER_MS)
            self.grow(self._pace, segments)

    def _update(self, cwnd: int, segments: int, now: int) -> None:
        """bictcp_update: the pace."""
        self._acked += segments
        if self._last_cwnd == cwnd and now - self._last_ms <= AGAIN_MS:
            return
        if self._epoch < 0 or now != self._last_ms:
            self._last_cwnd = cwnd
            self._last_ms = now
            if self._epoch < 0:
                self._begin_epoch(cwnd, segments, now)
            self._follow_curve(cwnd, now)
        per_segment = cwnd * FRIENDLY_SCALE >> 3
        if self._acked > per_segment:
            steps = (self._acked - 1) // per_segment
            self._acked -= steps * per_segment
            self._w_est += steps
        if self._w_est > cwnd:
            self._pace = min(self._pace, cwnd // (self._w_est - cwnd))
        self._pace = max(self._pace, LEAST_PACE)

    def _begin_epoch(self, cwnd: int, segments: int, now: int) -> None:
        self._epoch = now
        self._acked = segments
        self._w_est = cwnd
        self._k = cube_root(CUBE * (self._w_max - cwnd)) if self._w_max > cwnd else 0
        self._origin = max(self._w_max, cwnd)

    def _follow_curve(self, cwnd: int, now: int) -> None:
        since = ((now - self._epoch + self._least_rtt // NS_PER_MS) << 10) // SECOND_MS
        offset = abs(since - self._k)
        delta = RATE * offset**3 >> 40
        target = self._origin - delta if since < self._k else self._origin + delta
        self._pace = cwnd // (target - cwnd) if target > cwnd else 100 * cwnd
        if not self._w_max:
            self._pace = min(self._pace, UNKNOWN_PACE)

    def reduced(self, flight: int) -> int:
        cwnd = self.cwnd // self.mss
        self._epoch = -1
        if cwnd < self._w_max:  # fast convergence, 4.7
            self._w_max = cwnd * (BETA_SCALE + BETA) // (2 * BETA_SCALE)
        else:
            self._w_max = cwnd
        return cwnd * BETA // BETA_SCALE * self.mss

    def on_timeout(self) -> None:
        self._forget()
        self._hystart = HyStart()

    def on_restart(self, idle: int, now: int) -> None:
        if self._epoch >= 0:
            self._epoch = min(self._epoch + idle // NS_PER_MS, now // NS_PER_MS)
