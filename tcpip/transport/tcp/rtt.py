"""Round-trip time and retransmission timeout.

Times are ns. The variance is kept as Linux keeps it: never below RTO_MIN within one flight, so that an ACK that is
delayed once does not look like a loss.
Implements: RFC 6298 2, 3, 5; RFC 7323 4 (timestamps give one sample per ACK; gains are not rescaled).
"""

from __future__ import annotations

from typing import Final

from tcpip.clock import NS_PER_S
from tcpip.transport.tcp.config import RTO_INITIAL_NS, RTO_MAX_NS, RTO_MIN_NS

MIN_RTT_WINDOW_NS: Final = 300 * NS_PER_S


def retries_last(boundary: int, first: int = RTO_MIN_NS, most: int = RTO_MAX_NS) -> int:
    """How long `boundary` doublings of a time-out of `first` ns last (net/ipv4/tcp_timer.c:tcp_model_timeout)."""
    thresh = max((most // first).bit_length() - 1, 0)
    if boundary <= thresh:
        return ((2 << boundary) - 1) * first
    return ((2 << thresh) - 1) * first + (boundary - thresh) * most


class RttEstimator:
    """SRTT, RTTVAR, RTO with back-off, and the windowed minimum that RACK wants. `min_rtt` is 0 until measured.

    `least` and `most` bound the variance's part, and the whole (tcp_rto_min_us, tcp_rto_max_ms)."""

    __slots__ = ("srtt", "rttvar", "rto", "backoff", "min_rtt", "_min_at", "samples", "latest", "least", "most")

    def __init__(self, least: int = RTO_MIN_NS, most: int = RTO_MAX_NS) -> None:
        self.least = least
        self.most = most
        self.srtt = 0
        self.rttvar = 0
        self.rto = RTO_INITIAL_NS
        self.backoff = 0
        self.min_rtt = 0
        self._min_at = 0
        self.samples = 0
        self.latest = 0

    def sample(self, rtt: int, now: int, shortest: int = 0) -> None:
        """One measurement of a segment that was not retransmitted, or was identified by its timestamp. `shortest`: of the last
        segment that the same ACK has told of, which waited for no others; -1: it says nothing of the minimum."""
        rtt = max(rtt, 1)
        self.latest = rtt
        shortest = shortest or rtt
        if shortest > 0:
            if self.min_rtt == 0 or shortest <= self.min_rtt or now - self._min_at > MIN_RTT_WINDOW_NS:
                self.min_rtt = shortest
                self._min_at = now
        if self.samples == 0:  # (2.2)
            self.srtt = rtt
            self.rttvar = rtt // 2
        else:  # (2.3)
            error = rtt - self.srtt
            self.rttvar += (abs(error) - self.rttvar) // 4
            self.srtt += error // 8
        self.samples += 1
        self.backoff = 0
        self.rto = self.base_rto()

    def base_rto(self) -> int:
        """The timeout without back-off: (2.3) with the lower bound on the variance term, not on the sum."""
        if self.samples == 0:
            return RTO_INITIAL_NS
        return min(self.srtt + max(4 * self.rttvar, self.least), self.most)

    def assume(self, rtt: int) -> None:
        """What is known of the way, when it is more than the handshake took (tcp_init_metrics)."""
        if rtt > self.srtt:
            self.rto = min(rtt + max(2 * rtt, self.least), self.most)

    def back_off(self) -> None:
        """(5.5): double the timeout."""
        self.backoff += 1
        self.rto = min(self.rto * 2, self.most)

    def revert_back_off(self) -> None:
        """One doubling less."""
        self.backoff -= 1
        self.rto = min(self.base_rto() << self.backoff, self.most)

    def reset_backoff(self) -> None:
        """New data was acknowledged though nothing could be measured."""
        self.backoff = 0
        self.rto = self.base_rto()
