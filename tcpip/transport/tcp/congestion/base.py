"""What a congestion control is to the sender: it owns cwnd and ssthresh, and is told what happens.

Windows are bytes. During fast recovery the sender moves cwnd by itself (PRR); the algorithm chooses ssthresh.
Implements: RFC 5681 3.1 (initial window by RFC 6928), RFC 9293 3.8.2.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final

from tcpip.native import mypyc_attr
from tcpip.transport.tcp.config import INITIAL_WINDOW_SEGMENTS

if TYPE_CHECKING:
    from tcpip.transport.tcp.rate import RateSample

INFINITE_SSTHRESH: Final = 1 << 60
MIN_SEGMENTS: Final = 2


@mypyc_attr(allow_interpreted_subclasses=True)
class CongestionControl:
    """One connection's congestion window. `name` is what TCP_CONGESTION shows."""

    name: ClassVar[str] = ""
    models: ClassVar[bool] = False
    """It is told of every ACK by `on_sample`, and moves cwnd itself, in recovery too."""

    def __init__(self, mss: int) -> None:
        self.mss = mss
        self.cwnd = INITIAL_WINDOW_SEGMENTS * mss
        self.ssthresh = INFINITE_SSTHRESH
        self.credit = 0  # segments acknowledged towards the next of growth
        self.prior_cwnd = 0
        self.prior_ssthresh = 0
        self.pacing_rate = 0  # bytes/s; 0: what the windows allow leaves at once
        self.hystart: tuple[
            str, ...
        ] = ()  # by what slow start has just ended, "Train" or "Delay", for the sender to count

    def on_established(self, srtt: int) -> None:
        """The connection is established, or this is its congestion control from now on; `srtt` ns, 0 where it is not known."""

    def set_mss(self, mss: int) -> None:
        """The segment size changed (handshake, path MTU): the window keeps its number of segments."""
        if mss != self.mss:
            self.cwnd = max(self.cwnd // self.mss, 1) * mss
            self.mss = mss

    def in_slow_start(self) -> bool:
        """cwnd is below ssthresh."""
        return self.cwnd < self.ssthresh

    def slow_start(self, segments: int) -> int:
        """Grow by as many as were acknowledged, up to ssthresh; what is left for congestion avoidance (tcp_slow_start)."""
        if not self.in_slow_start():
            return segments
        cwnd = self.cwnd // self.mss
        grown = min(cwnd + segments, -(-self.ssthresh // self.mss))
        self.cwnd = grown * self.mss
        return segments - (grown - cwnd)

    def grow(self, pace: int, segments: int) -> None:
        """By one segment for every `pace` that were acknowledged (tcp_cong_avoid_ai)."""
        cwnd = self.cwnd // self.mss
        if self.credit >= pace:
            self.credit = 0
            cwnd += 1
        self.credit += segments
        cwnd += self.credit // pace
        self.credit %= pace
        self.cwnd = cwnd * self.mss

    @abstractmethod
    def on_ack(self, acked: int, rtt: int, una: int, nxt: int, now: int) -> None:
        """`acked` new bytes outside of recovery while cwnd was the limit; `rtt` ns or 0; `una`, `nxt` as RFC 9293 has them."""

    def on_rtt(self, rtt: int, una: int, nxt: int, now: int) -> None:
        """An ACK has measured a round trip, ns, whether or not cwnd is the limit; before `on_ack`."""

    def on_timeout(self) -> None:
        """Everything outstanding was taken for lost; after `on_congestion`."""

    def on_restart(self, idle: int, now: int) -> None:
        """Text is about to leave after `idle` ns in which nothing was outstanding."""

    def on_sample(self, sample: RateSample, recovering: bool, now: int) -> None:
        """Every ACK, for those with `models`; `recovering`: lost text is being sent again."""

    @abstractmethod
    def reduced(self, flight: int) -> int:
        """The ssthresh that a congestion event with `flight` bytes outstanding asks for."""

    def on_congestion(self, flight: int, now: int) -> None:
        """A loss (or an ECN mark): remember the old values for `undo`, set ssthresh. cwnd is the sender's until
        recovery ends."""
        self.prior_cwnd = max(self.cwnd, self.prior_cwnd)
        self.prior_ssthresh = self.ssthresh
        self.credit = 0
        self.ssthresh = max(self.reduced(flight), MIN_SEGMENTS * self.mss)
        self.on_reduced(now)

    def on_reduced(self, now: int) -> None:
        """After ssthresh went down."""

    def info(self) -> bytes:
        """TCP_CC_INFO: a union tcp_cc_info, empty where there is nothing to tell."""
        return b""

    def undo(self) -> None:
        """The congestion event was none (RFC 3708, RFC 4015, RFC 5682)."""
        self.cwnd = max(self.cwnd, self.prior_cwnd)
        self.ssthresh = self.prior_ssthresh
        self.prior_cwnd = 0

    def on_idle(self, idle: int, rto: int) -> None:
        """Nothing was sent for `idle` ns: the window decays (RFC 5681 4.1, RFC 2861)."""
        restart = min(INITIAL_WINDOW_SEGMENTS * self.mss, self.cwnd)
        self.ssthresh = max(self.ssthresh, self.cwnd * 3 // 4)
        cwnd = self.cwnd
        while idle >= rto and cwnd > restart:
            cwnd //= 2
            idle -= rto
        self.cwnd = max(cwnd, restart)
        self.on_reduced(0)
