"""HyStart++: slow start becomes conservative when round trips grow, and goes on when they shrink again; and CUBIC with it.

Implements: RFC 9406 4.2, 4.3.
Deviates: no limit L on what one ACK adds: an acknowledgement of a super-packet stands for many.
"""

from __future__ import annotations

from typing import ClassVar, Final

from tcpip.clock import NS_PER_MS
from tcpip.native import mypyc_attr
from tcpip.transport.tcp.congestion.cubic import Cubic

MIN_RTT_THRESH: Final = 4 * NS_PER_MS
MAX_RTT_THRESH: Final = 16 * NS_PER_MS
MIN_RTT_DIVISOR: Final = 8
N_RTT_SAMPLE: Final = 8
CSS_GROWTH_DIVISOR: Final = 4
CSS_ROUNDS: Final = 5
_INFINITE: Final = 1 << 62


class HyStartPlus:
    """Rounds of slow start. `conservative`: in CSS. Times ns."""

    __slots__ = ("conservative", "_end", "_last", "_current", "_samples", "_baseline", "_rounds")

    def __init__(self) -> None:
        self.conservative = False
        self._end = -1
        self._last = _INFINITE
        self._current = _INFINITE
        self._samples = 0
        self._baseline = _INFINITE
        self._rounds = 0

    def over(self, rtt: int, una: int, nxt: int) -> bool:
        """One round trip was measured; True when slow start is over."""
        if una > self._end:
            self._end = nxt
            self._last, self._current, self._samples = self._current, _INFINITE, 0
            if self.conservative:
                self._rounds += 1
                if self._rounds >= CSS_ROUNDS:
                    return True
        self._current = min(self._current, rtt)
        self._samples += 1
        if self._samples < N_RTT_SAMPLE:
            return False
        if self.conservative:
            if self._current < self._baseline:
                self.conservative, self._baseline = False, _INFINITE
        elif self._last != _INFINITE:
            thresh = max(MIN_RTT_THRESH, min(self._last // MIN_RTT_DIVISOR, MAX_RTT_THRESH))
            if self._current >= self._last + thresh:
                self.conservative, self._baseline, self._rounds = True, self._current, 0
        return False


@mypyc_attr(allow_interpreted_subclasses=True)
class CubicPlus(Cubic):
    """CUBIC whose slow start ends by RFC 9406, where Linux's ends by HyStart of 2011."""

    name: ClassVar[str] = "cubic++"

    def __init__(self, mss: int) -> None:
        super().__init__(mss)
        self._plus = HyStartPlus()
        self._quarters = 0

    def on_rtt(self, rtt: int, una: int, nxt: int, now: int) -> None:
        if not self._least_rtt or rtt < self._least_rtt:
            self._least_rtt = rtt
        if self.in_slow_start() and self._plus.over(rtt, una, nxt):
            self.ssthresh = self.cwnd

    def slow_start(self, segments: int) -> int:
        """As many as were acknowledged; in CSS a quarter of that."""
        if not self._plus.conservative or not self.in_slow_start():
            return super().slow_start(segments)
        self._quarters += segments
        grown, self._quarters = divmod(self._quarters, CSS_GROWTH_DIVISOR)
        return super().slow_start(grown) if grown else 0

    def on_timeout(self) -> None:
        super().on_timeout()
        self._plus = HyStartPlus()
