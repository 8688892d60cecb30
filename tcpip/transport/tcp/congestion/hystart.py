"""HyStart: leave slow start when round trips grow, or ACKs of one window come for longer than half of one.

Source: "Taming the elephants: New TCP slow start" (Ha, Rhee, 2011), as net/ipv4/tcp_cubic.c:hystart_update has it.
"""

from __future__ import annotations

from typing import Final

from tcpip.clock import NS_PER_MS

LOW_WINDOW: Final = 16
MIN_SAMPLES: Final = 8
MIN_THRESH: Final = 4 * NS_PER_MS
MAX_THRESH: Final = 16 * NS_PER_MS
ACK_DELTA: Final = 2 * NS_PER_MS
GSO_MAX: Final = 65536
_INFINITE: Final = 1 << 62


class HyStart:
    """Slow start's rounds, the smallest round-trip time in one and how long its ACKs have come. Times ns."""

    __slots__ = ("found", "by", "_end", "_began", "_last_ack", "_least", "_samples")

    def __init__(self) -> None:
        self.found = False
        self.by: tuple[str, ...] = ()
        self._end = -1
        self._began = 0
        self._last_ack = 0
        self._least = _INFINITE
        self._samples = 0

    def ends(self, rtt: int, least_rtt: int, cwnd: int, mss: int, una: int, nxt: int, now: int) -> bool:
        """One ACK in slow start, with a window of `cwnd` segments of `mss`; True when slow start is over."""
        if self.found:
            return False
        if una > self._end:
            self._end = nxt
            self._began = self._last_ack = now
            self._least = _INFINITE
            self._samples = 0
        if cwnd < LOW_WINDOW:
            return False
        train = self._is_train(least_rtt, cwnd * mss, now)
        late = self._is_late(rtt, least_rtt)
        self.found = train or late
        self.by = (*(("Train",) if train else ()), *(("Delay",) if late else ()))
        return self.found

    def _is_train(self, least_rtt: int, window: int, now: int) -> bool:
        """ACKs one after the other; those of large packets come late by up to a millisecond (hystart_ack_delay)."""
        if now - self._last_ack > ACK_DELTA:
            return False
        self._last_ack = now
        late = min(NS_PER_MS, 2 * GSO_MAX * least_rtt // window)
        return now - self._began > (least_rtt + late) // 2

    def _is_late(self, rtt: int, least_rtt: int) -> bool:
        self._least = min(self._least, rtt)
        if self._samples < MIN_SAMPLES:
            self._samples += 1
            return False
        return self._least > least_rtt + min(max(least_rtt >> 3, MIN_THRESH), MAX_THRESH)
