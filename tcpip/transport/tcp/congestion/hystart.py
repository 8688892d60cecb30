"""HyStart++: leave slow start when round trips grow, before packets are lost.

Implements: RFC 9406 4.2, 4.3 (without pacing: L is left to the sender's ACK clock).
"""

from __future__ import annotations

from typing import Final

from tcpip.clock import NS_PER_MS

MIN_RTT_THRESH: Final = 4 * NS_PER_MS
MAX_RTT_THRESH: Final = 16 * NS_PER_MS
MIN_RTT_DIVISOR: Final = 8
N_RTT_SAMPLE: Final = 8
CSS_GROWTH_DIVISOR: Final = 4
CSS_ROUNDS: Final = 5
_INFINITE: Final = 1 << 62


class HyStart:
    """Slow start's rounds and their smallest round-trip times. `css` while in conservative slow start."""

    __slots__ = ("css", "_end", "_last_min", "_current_min", "_samples", "_baseline", "_css_rounds")

    def __init__(self) -> None:
        self.css = False
        self._end = -1
        self._last_min = _INFINITE
        self._current_min = _INFINITE
        self._samples = 0
        self._baseline = _INFINITE
        self._css_rounds = 0

    def on_ack(self, rtt: int, una: int, nxt: int) -> bool:
        """One ACK in slow start; True when slow start is over."""
        if una > self._end:
            finished = self._next_round(nxt)
            if finished:
                return True
        if rtt > 0:
            self._current_min = min(self._current_min, rtt)
            self._samples += 1
            self._judge()
        return False

    def _next_round(self, nxt: int) -> bool:
        self._end = nxt
        self._last_min = self._current_min
        self._current_min = _INFINITE
        self._samples = 0
        if self.css:
            self._css_rounds += 1
            return self._css_rounds >= CSS_ROUNDS
        return False

    def _judge(self) -> None:
        if self._samples < N_RTT_SAMPLE or self._last_min == _INFINITE:
            return
        if not self.css:
            thresh = max(MIN_RTT_THRESH, min(self._last_min // MIN_RTT_DIVISOR, MAX_RTT_THRESH))
            if self._current_min >= self._last_min + thresh:
                self.css = True
                self._baseline = self._current_min
                self._css_rounds = 0
        elif self._current_min < self._baseline:
            self.css = False
            self._baseline = _INFINITE
