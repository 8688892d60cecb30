"""How fast the path delivers: one sample for each ACK, for congestion controls that want it.

Implements: draft-cheng-iccrg-delivery-rate-estimation 3 (in bytes). As net/ipv4/tcp_rate.c.
"""

from __future__ import annotations

from typing import Final

from tcpip.clock import NS_PER_S
from tcpip.transport.tcp.sack import SentSegment

SentState = tuple[int, int, int, bool]
"""What a segment remembers of when it was sent: delivered, when that was, when the flight began, application-limited."""

NOTHING: Final = -1


class RateSample:
    """One ACK. `rate` bytes/s, 0 when there is no sample; `prior_delivered` NOTHING when nothing new was delivered; `acked`
    and `lost` bytes; `rtt` ns or 0; `in_flight` after it."""

    __slots__ = ("rate", "prior_delivered", "delivered", "app_limited", "acked", "lost", "rtt", "in_flight")

    def __init__(self) -> None:
        self.rate = 0
        self.prior_delivered = NOTHING
        self.delivered = 0
        self.app_limited = False
        self.acked = 0
        self.lost = 0
        self.rtt = 0
        self.in_flight = 0


class RateSampler:
    """A connection's delivery so far. `delivered` bytes; times ns."""

    __slots__ = ("delivered", "delivered_at", "first_sent", "app_limited", "best", "best_limited")

    def __init__(self) -> None:
        self.best = 0  # the last rate that the path allowed, or the best that the application did (tcp_rate_gen)
        self.best_limited = True
        self.delivered = 0
        self.delivered_at = 0
        self.first_sent = 0
        self.app_limited = 0  # until so much is delivered, samples show the application's pace

    def sending(self, flight: int, now: int) -> SentState:
        """A segment is about to leave, with `flight` bytes before it."""
        if flight <= 0:
            self.first_sent = self.delivered_at = now
        return self.delivered, self.delivered_at, self.first_sent, self.app_limited > 0

    def nothing_to_send(self, flight: int) -> None:
        """The application has no more text, and the window is not full."""
        self.app_limited = max(self.delivered + flight, 1)

    def acked(self, records: list[SentSegment], fresh: int, min_rtt: int, now: int) -> RateSample:
        """What an ACK has delivered: `records`, `fresh` bytes of them for the first time."""
        sample = RateSample()
        sample.acked = fresh
        if fresh:
            self.delivered += fresh
            self.delivered_at = now
        sample.delivered = self.delivered
        if self.app_limited and self.delivered > self.app_limited:
            self.app_limited = 0
        newest = None
        for record in records:
            if record.rate is not None and (newest is None or record.rate[:1] + (record.sent,) >= newest[:2]):
                newest = (record.rate[0], record.sent, record.rate)
        if newest is None:
            return sample
        sample.prior_delivered, sent, (_, prior_at, first_sent, sample.app_limited) = newest
        self.first_sent = sent
        interval = max(sent - first_sent, now - prior_at)
        if interval >= min_rtt and interval > 0:
            sample.rate = (self.delivered - sample.prior_delivered) * NS_PER_S // interval
            if not sample.app_limited or sample.rate >= self.best:
                self.best, self.best_limited = sample.rate, sample.app_limited
        return sample
