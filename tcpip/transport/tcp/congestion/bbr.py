"""BBR, version 1: the window and the pace follow a model of the path, its bandwidth and its round trip without queues.

Implements: draft-cardwell-iccrg-bbr-congestion-control-00, which is what Linux's `bbr` is (net/ipv4/tcp_bbr.c).
Deviates: no long-term sampling, which looks for token-bucket policers; no extra window for aggregated ACKs.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import ClassVar, Final

from tcpip.clock import NS_PER_MS, NS_PER_S
from tcpip.transport.tcp.congestion.base import CongestionControl
from tcpip.transport.tcp.rate import NOTHING, RateSample

STARTUP: Final = 0
DRAIN: Final = 1
PROBE_BW: Final = 2
PROBE_RTT: Final = 3

_INFO: Final = struct.Struct("=5I")
HIGH_GAIN: Final = 2885
"""2/ln(2), in thousandths as all gains here: the least that doubles the rate each round."""
UNIT: Final = 1000
CWND_GAIN: Final = 2 * UNIT
CYCLE: Final = (1250, 750, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT)
PACING_MARGIN: Final = 990
BANDWIDTH_ROUNDS: Final = 10
MIN_RTT_WINDOW: Final = 10 * NS_PER_S
PROBE_RTT_LASTS: Final = 200 * NS_PER_MS
FULL_GROWTH: Final = 1250
FULL_ROUNDS: Final = 3
LEAST_SEGMENTS: Final = 4
QUANTUM_SEGMENTS: Final = 6
UNKNOWN_RTT: Final = NS_PER_MS


class Bbr(CongestionControl):
    """STARTUP until the rate no longer grows, DRAIN what queued, then PROBE_BW; every ten seconds PROBE_RTT."""

    name: ClassVar[str] = "bbr"
    models: ClassVar[bool] = True

    def __init__(self, mss: int) -> None:
        super().__init__(mss)
        self.mode = STARTUP
        self.pacing_gain = HIGH_GAIN
        self.cwnd_gain = HIGH_GAIN
        self.min_rtt = 0
        self._min_rtt_at = 0
        self._first_rtt = UNKNOWN_RTT
        self._bandwidths: deque[tuple[int, int]] = deque()  # (round, bytes/s), falling: the first is the maximum
        self._round = 0
        self._round_start = False
        self._round_ends = 0
        self._full_bandwidth = 0
        self._full_count = 0
        self.full = False
        self._phase = 0
        self._phase_at = 0
        self._probe_rtt_until = 0
        self._probe_rtt_round = False
        self._recovering = False
        self._conserving = False

    # What the sender tells.

    def on_established(self, srtt: int) -> None:
        """The handshake's round trip gives the first pace (bbr_init_pacing_rate_from_rtt)."""
        self._first_rtt = srtt or UNKNOWN_RTT
        self._set_pace()

    def on_ack(self, acked: int, rtt: int, una: int, nxt: int, now: int) -> None:
        """All is in `on_sample`."""

    def reduced(self, flight: int) -> int:
        return self.ssthresh

    def on_congestion(self, flight: int, now: int) -> None:
        """A loss is no signal; the window is remembered for the time after the recovery."""
        kept = self.cwnd if not self._recovering and self.mode != PROBE_RTT else max(self.cwnd, self.prior_cwnd)
        self.prior_cwnd = kept
        self._full_bandwidth = 0

    def undo(self) -> None:
        self._full_bandwidth = 0
        self._full_count = 0
        self.cwnd = max(self.cwnd, self.prior_cwnd)

    def info(self) -> bytes:
        """struct tcp_bbr_info: bytes/s in two halves, microseconds, gains in 256ths."""
        rate = self.bandwidth()
        gains = (self.pacing_gain * 256 // UNIT, self.cwnd_gain * 256 // UNIT)
        return _INFO.pack(
            rate & 0xFFFFFFFF, rate >> 32 & 0xFFFFFFFF, min(self.min_rtt // 1000, 0xFFFFFFFF) or 0xFFFFFFFF, *gains
        )

    def on_idle(self, idle: int, rto: int) -> None:
        """The model holds."""

    def bandwidth(self) -> int:
        """The largest rate of the last ten rounds, bytes/s; 0 when unknown."""
        return self._bandwidths[0][1] if self._bandwidths else 0

    def on_sample(self, sample: RateSample, recovering: bool, now: int) -> None:
        self._count_rounds(sample)
        self._take_bandwidth(sample)
        self._advance_cycle(sample, now)
        self._check_full(sample)
        self._check_drain(sample, now)
        self._take_min_rtt(sample, now)
        self._set_pace()
        self._set_window(sample, recovering)

    # The model.

    def _count_rounds(self, sample: RateSample) -> None:
        self._round_start = False
        if sample.prior_delivered != NOTHING and sample.prior_delivered >= self._round_ends:
            self._round_ends = sample.delivered
            self._round += 1
            self._round_start = True
            self._conserving = False

    def _take_bandwidth(self, sample: RateSample) -> None:
        known = self._bandwidths
        while known and known[0][0] <= self._round - BANDWIDTH_ROUNDS and len(known) > 1:
            known.popleft()
        if not sample.rate or (sample.app_limited and sample.rate < self.bandwidth()):
            return
        if known and known[0][0] <= self._round - BANDWIDTH_ROUNDS:
            known.clear()
        while known and known[-1][1] <= sample.rate:
            known.pop()
        known.append((self._round, sample.rate))

    def _take_min_rtt(self, sample: RateSample, now: int) -> None:
        """4.3.4: the smallest of ten seconds; when it is old, drain the queue to measure it again."""
        expired = self.min_rtt > 0 and now > self._min_rtt_at + MIN_RTT_WINDOW
        if sample.rtt > 0 and (self.min_rtt == 0 or sample.rtt <= self.min_rtt or expired):
            self.min_rtt = sample.rtt
            self._min_rtt_at = now
        if expired and self.mode != PROBE_RTT:
            self.mode = PROBE_RTT
            self.pacing_gain = self.cwnd_gain = UNIT
            self.prior_cwnd = self.cwnd if not self._recovering else max(self.cwnd, self.prior_cwnd)
            self._probe_rtt_until = 0
        if self.mode == PROBE_RTT:
            self._probe_rtt(sample, now)

    def _probe_rtt(self, sample: RateSample, now: int) -> None:
        if not self._probe_rtt_until:
            if sample.in_flight <= LEAST_SEGMENTS * self.mss:
                self._probe_rtt_until = now + PROBE_RTT_LASTS
                self._probe_rtt_round = False
                self._round_ends = sample.delivered
            return
        self._probe_rtt_round = self._probe_rtt_round or self._round_start
        if self._probe_rtt_round and now >= self._probe_rtt_until:
            self._min_rtt_at = now
            self.cwnd = max(self.cwnd, self.prior_cwnd)
            if self.full:
                self._probe_bandwidth(now)
            else:
                self.mode = STARTUP
                self.pacing_gain = self.cwnd_gain = HIGH_GAIN

    # The states.

    def _check_full(self, sample: RateSample) -> None:
        """4.3.2.2: three rounds without a quarter more."""
        if self.full or not self._round_start or sample.app_limited:
            return
        if self.bandwidth() * UNIT >= self._full_bandwidth * FULL_GROWTH:
            self._full_bandwidth = self.bandwidth()
            self._full_count = 0
            return
        self._full_count += 1
        self.full = self._full_count >= FULL_ROUNDS

    def _check_drain(self, sample: RateSample, now: int) -> None:
        if self.mode == STARTUP and self.full:
            self.mode = DRAIN
            self.pacing_gain = UNIT * UNIT // HIGH_GAIN
            self.cwnd_gain = HIGH_GAIN
        if self.mode == DRAIN and sample.in_flight <= self.product(UNIT):
            self._probe_bandwidth(now)

    def _probe_bandwidth(self, now: int) -> None:
        self.mode = PROBE_BW
        self.cwnd_gain = CWND_GAIN
        self._phase = 2
        self._phase_at = now
        self.pacing_gain = CYCLE[self._phase]

    def _advance_cycle(self, sample: RateSample, now: int) -> None:
        """4.3.4.3: push for a round, or until it hurts; drain for a round, or until it is drained."""
        if self.mode != PROBE_BW:
            return
        over = now - self._phase_at > self.min_rtt
        if self.pacing_gain > UNIT:
            over = over and (sample.lost > 0 or sample.in_flight >= self.product(self.pacing_gain))
        elif self.pacing_gain < UNIT:
            over = over or sample.in_flight <= self.product(UNIT)
        if over:
            self._phase = (self._phase + 1) % len(CYCLE)
            self._phase_at = now
            self.pacing_gain = CYCLE[self._phase]

    # What follows from them.

    def product(self, gain: int) -> int:
        """`gain` times the bandwidth-delay product, bytes; the initial window while the path is unknown."""
        if not self.min_rtt or not self.bandwidth():
            return self.cwnd
        return self.bandwidth() * self.min_rtt // NS_PER_S * gain // UNIT

    def _set_pace(self) -> None:
        bandwidth = self.bandwidth() or self.cwnd * NS_PER_S // (self.min_rtt or self._first_rtt)
        rate = bandwidth * self.pacing_gain // UNIT * PACING_MARGIN // UNIT
        if self.full or rate > self.pacing_rate:
            self.pacing_rate = max(rate, 1)

    def _set_window(self, sample: RateSample, recovering: bool) -> None:
        mss = self.mss
        if sample.lost:
            self.cwnd = max(self.cwnd - sample.lost, mss)
        if recovering and not self._recovering:
            self._conserving = True
            self._round_ends = sample.delivered
            self.cwnd = sample.in_flight + max(sample.acked, mss)
        elif self._recovering and not recovering:
            self.cwnd = max(self.cwnd, self.prior_cwnd)
            self._conserving = False
        self._recovering = recovering
        if self._conserving:
            self.cwnd = max(self.cwnd, sample.in_flight + sample.acked)
        else:
            target = self.product(self.cwnd_gain) + QUANTUM_SEGMENTS * mss
            if self.full:
                self.cwnd = min(self.cwnd + sample.acked, target)
            elif self.cwnd < target or not self.bandwidth():
                self.cwnd += sample.acked
        self.cwnd = max(self.cwnd, LEAST_SEGMENTS * mss)
        if self.mode == PROBE_RTT:
            self.cwnd = min(self.cwnd, LEAST_SEGMENTS * mss)
